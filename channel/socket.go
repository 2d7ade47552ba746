package channel

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// Socket is where clients connect: a handler to be mounted, and a child of the tree. Its
// fields must not change once it has started.
type Socket struct {
	// Channels answer on topics; the first whose pattern matches does.
	Channels []Channel

	// Connect decides who may connect, by the params in the URL. nil: everybody. An
	// error refuses with its HTTP status.
	Connect func(ctx context.Context, params url.Values) error

	// Origins may connect besides pages of the request's own host:
	// "https://a.example", "//a.example", "//*.a.example". What is left out, scheme or
	// port, is not compared.
	Origins []string

	Limits Limits

	mu    sync.Mutex
	ctx   context.Context // of the node, while it runs
	conns map[process.Ref[conn]]struct{}
}

// Limits is how much one client may take. Zero fields mean the default.
type Limits struct {
	Topics          int           // joined at a time; 100
	MessageBytes    int           // of one message from the client, and of all that wait for one topic; 1 MiB
	PendingBytes    int           // waiting to be written to it; 1 MiB
	PendingMessages int           // the same; 1,024
	Idle            time.Duration // without a sign of life; 60 s
}

func (l Limits) orDefaults() Limits {
	for _, f := range []struct {
		v   *int
		def int
	}{{&l.Topics, 100}, {&l.MessageBytes, 1 << 20}, {&l.PendingBytes, 1 << 20}, {&l.PendingMessages, 1024}} {
		if *f.v <= 0 {
			*f.v = f.def
		}
	}
	return l
}

// closeTimeout is shorter than the time that a process has for its end.
const closeTimeout = 3 * time.Second

func (l Limits) ws() ws.Limits {
	l = l.orDefaults()
	return ws.Limits{
		CloseTimeout:     closeTimeout,
		MaxMessageBytes:  l.MessageBytes,
		MaxPendingBytes:  l.PendingBytes,
		MaxPendingFrames: l.PendingMessages,
		IdleTimeout:      l.Idle,
	}
}

// Start opens the socket to clients.
func (s *Socket) Start(ctx context.Context) error {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	for _, o := range s.Origins {
		if u, err := url.Parse(o); err != nil || u.Hostname() == "" {
			return fault.Invalid.Errorf("channel: the socket's origin %q must have a host, as in \"//a.example\"", o)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = n.Context(context.WithoutCancel(ctx))
	if s.conns == nil {
		s.conns = make(map[process.Ref[conn]]struct{})
	}
	return nil
}

// Serve waits until ctx ends, and then closes all connections with 1012, which makes
// clients come back, and waits until they are gone.
func (s *Socket) Serve(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	for _, c := range conns {
		_ = process.Exit(ctx, c, process.Shutdown)
	}
	for _, c := range conns {
		if _, err := process.Wait(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// ServeHTTP takes a client's connection over: GET <mount>/websocket.
func (s *Socket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Base(r.URL.Path) != "websocket" {
		http.NotFound(w, r)
		return
	}
	ctx := r.Context()
	if err := s.accept(w, r); err != nil {
		telemetry.Count(ctx, "channel.connects.refused", 1)
		telemetry.Log(ctx).Warn("a client may not connect to the socket", "reason", err)
	}
}

// accept upgrades the connection and starts its process. If it refuses, the client has
// been answered.
func (s *Socket) accept(w http.ResponseWriter, r *http.Request) error {
	refuse := func(status int, err error) error {
		http.Error(w, fault.Detail(err), status)
		return err
	}
	refuseSilently := func(status int, err error) error {
		w.WriteHeader(status)
		return err
	}
	if r.Method != http.MethodGet {
		return refuseSilently(http.StatusBadRequest, fault.Invalid.Errorf("a client connects by GET, not by %.20s", r.Method))
	}
	params := paramsOf(r)
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	if ctx == nil {
		return refuse(http.StatusServiceUnavailable, fault.Unavailable.Errorf("the socket is not running; list it in the supervision tree, before the endpoint"))
	}
	if err := s.checkOrigin(r); err != nil {
		return refuseSilently(http.StatusForbidden, err)
	}
	if !offers(r, protocol) {
		return refuseSilently(http.StatusForbidden, fault.Forbidden.Errorf("the client offers sub-protocols, and %q is none of them", protocol))
	}
	if v := params.Get("vsn"); !spoken.MatchString(v) {
		return refuse(http.StatusForbidden, fault.Forbidden.Errorf("this server speaks version 2 of the protocol; connect with vsn=2.0.0, not %.20q", v))
	}
	if s.Connect != nil {
		if err := s.Connect(r.Context(), params); err != nil {
			return refuse(web.StatusOf(err), err)
		}
	}
	c, err := ws.Upgrade(w, r, s.Limits.ws(), protocol)
	if err != nil {
		return err
	}
	params.Del("vsn")
	open := func(ctx context.Context) (*conn, error) { return openConn(ctx, s, c, params) }
	_, err = process.Spawn(ctx, open, process.Mailbox{Size: mostUnread}, process.ShutdownTime(2*process.DefaultShutdown))
	if err != nil {
		c.Close(ws.Restart, "the server restarts") // what else can it be
	}
	return err
}

// mostUnread is how many messages are read ahead of a connection's process, which never
// takes long.
const mostUnread = 16

// protocol is the websocket sub-protocol. A client that sends a token offers it as another.
const protocol = "phoenix"

// spoken is the versions of the protocol that are ~> 2.0.0.
var spoken = regexp.MustCompile(`^2\.0\.(0|[1-9][0-9]*(-[0-9A-Za-z.-]+)?)(\+[0-9A-Za-z.-]+)?$`)

// offers reports whether a client that offers sub-protocols offers this one.
func offers(r *http.Request, protocol string) bool {
	lines := r.Header.Values("Sec-Websocket-Protocol")
	for _, line := range lines {
		for offer := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(offer) == protocol {
				return true
			}
		}
	}
	return len(lines) == 0
}

var wildcard = regexp.MustCompile(`\{([^{}.$]+)(\.\.\.)?\}`)

// paramsOf is the params of the query, and over them those of the path.
func paramsOf(r *http.Request) url.Values {
	params := r.URL.Query()
	for _, m := range wildcard.FindAllStringSubmatch(r.Pattern, -1) {
		params.Set(m[1], r.PathValue(m[1]))
	}
	return params
}

// route gives the channel of a topic, and the key.
func (s *Socket) route(topic string) (Channel, string) {
	if topic == system {
		return nil, ""
	}
	for _, c := range s.Channels {
		if key, ok := c.match(topic); ok {
			return c, key
		}
	}
	return nil, ""
}

// remember keeps a connection until it ends.
func (s *Socket) remember(c process.Ref[conn]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return fault.Unavailable.Errorf("the socket is stopping")
	}
	s.conns[c] = struct{}{}
	return nil
}

func (s *Socket) forget(c process.Ref[conn]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
