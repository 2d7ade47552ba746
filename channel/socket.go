package channel

import (
	"context"
	"net/http"
	"net/url"
	"path"
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
	conns map[*conn]process.Ref[conn]
	empty chan struct{} // closed when the last connection is gone, while stopping
}

// Limits is how much one client may take. Zero fields mean the default.
type Limits struct {
	Topics          int           // joined at a time; 100
	MessageBytes    int           // of one message from the client; 1 MiB
	PendingBytes    int           // waiting to be written to it; 1 MiB
	PendingMessages int           // the same; 1,024
	Idle            time.Duration // without a sign of life; 60 s
}

func (l Limits) topics() int {
	if l.Topics == 0 {
		return 100
	}
	return l.Topics
}

func (l Limits) ws() ws.Limits {
	return ws.Limits{
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = n.Context(context.WithoutCancel(ctx))
	s.conns = make(map[*conn]process.Ref[conn])
	s.empty = nil
	return nil
}

// Serve waits until ctx ends, and then closes all connections with 1012, which makes
// clients come back, and waits until they are gone.
func (s *Socket) Serve(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	empty := make(chan struct{})
	if s.empty = empty; len(s.conns) == 0 {
		close(empty)
	}
	for c, ref := range s.conns {
		c.ws.Close(ws.Restart, "the server restarts")
		_ = process.Exit(ctx, ref, process.Shutdown)
	}
	s.mu.Unlock()
	<-empty
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
	params := r.URL.Query()
	refuse := func(status int, err error) error {
		http.Error(w, fault.Detail(err), status)
		return err
	}
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	if ctx == nil {
		return refuse(http.StatusServiceUnavailable, fault.Unavailable.Errorf("the socket is not running; list it in the supervision tree, before the endpoint"))
	}
	if err := s.checkOrigin(r); err != nil {
		return refuse(http.StatusForbidden, err)
	}
	if v := params.Get("vsn"); !strings.HasPrefix(v, "2.0.") {
		return refuse(http.StatusForbidden, fault.Forbidden.Errorf("this server speaks version 2 of the protocol; connect with vsn=2.0.0, not %q", v))
	}
	if s.Connect != nil {
		if err := s.Connect(r.Context(), params); err != nil {
			return refuse(web.StatusOf(err), err)
		}
	}
	c, err := ws.Upgrade(w, r, s.Limits.ws(), "phoenix")
	if err != nil {
		return err
	}
	params.Del("vsn")
	_, err = process.Spawn(ctx, func(ctx context.Context) (*conn, error) { return openConn(ctx, s, c, params) })
	if err != nil {
		c.Close(ws.TryAgainLater, fault.Detail(err))
	}
	return err
}

// route gives the channel of a topic, and the key.
func (s *Socket) route(topic string) (Channel, string) {
	for _, c := range s.Channels {
		if key, ok := c.match(topic); ok {
			return c, key
		}
	}
	return nil, ""
}

// remember keeps a connection until it ends.
func (s *Socket) remember(c *conn, ref process.Ref[conn]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return fault.Unavailable.Errorf("the socket is stopping")
	}
	s.conns[c] = ref
	return nil
}

func (s *Socket) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}
