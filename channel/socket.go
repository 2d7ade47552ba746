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
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Socket is where clients connect: a handler to be mounted, and a child of the tree. Its
// fields must not change once it has started.
type Socket struct {
	// Channels answer on topics; the first whose pattern matches does.
	Channels []Channel

	// Connect decides who may connect, and who it is: it may set the peer's ID and keep
	// values in it (see [Key]). nil: everybody. ctx is the request's. An error refuses with
	// its HTTP status.
	Connect func(ctx context.Context, p *Peer) error

	// Origins may connect besides pages of the request's own host:
	// "https://a.example", "//a.example", "//*.a.example". What is left out, scheme or
	// port, is not compared. "*" is everybody.
	Origins []string

	Limits    Limits
	LongPoll  *LongPoll // where websockets do not come through; nil: not served
	Compress  bool      // websocket messages of clients that can: permessage-deflate
	Protocols []string  // websocket sub-protocols besides "phoenix"
	Drain     Drain

	// ReconnectRate is how many clients a second may come back after they were all lost at
	// once; they are advised to spread accordingly. Default 1,000.
	ReconnectRate int

	limits  Limits    // with defaults
	wire    ws.Limits // the same, for websockets
	deflate *ws.Deflate
	hub     *hub
	ctx     context.Context // of the node
	poller  *ws.Poller
	polls   atomic.Pointer[polls]

	mu       sync.Mutex
	open     bool
	sessions map[*Session]struct{}
	entering int           // clients that are about to have one
	empty    chan struct{} // closed when the last is gone, after open is false
}

// Drain is how a socket that stops sends its clients away: some at a time, each with its
// own advice when to come back.
type Drain struct {
	Batch  int           // clients at a time; default 200
	Every  time.Duration // between two batches; default 50 ms
	Within time.Duration // all of them; batches grow if need be; default 2 s
}

func (d Drain) orDefaults() Drain {
	fallBack(&d.Batch, 200)
	fallBack(&d.Every, 50*time.Millisecond)
	fallBack(&d.Within, 2*time.Second)
	return d
}

// Start opens the socket to clients.
func (s *Socket) Start(ctx context.Context) error {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	for _, o := range s.Origins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Hostname() == "") {
			return fault.Invalid.Errorf("channel: the socket's origin %q must have a host, as in \"//a.example\"", o)
		}
	}
	if err := s.Limits.check(); err != nil {
		return err
	}
	if err := checkPatterns(s.Channels); err != nil {
		return err
	}
	polls, err := s.LongPoll.start(s)
	if err != nil {
		return err
	}
	s.polls.Store(polls)
	s.limits = s.Limits.orDefaults()
	s.wire = s.limits.ws()
	if s.Compress {
		s.deflate = new(ws.Deflate)
	}
	s.ctx = process.Outside(n.Context(context.WithoutCancel(ctx)))
	if s.hub, err = hubOf(s.ctx); err != nil {
		return err
	}
	s.poller, err = ws.NewPoller(ws.Hooks{
		Begin: func() any { return s.hub.begin(s.ctx) },
		End:   func(b any) { b.(batch).end() },
	})
	if err != nil {
		return err
	}
	for i, c := range s.Channels {
		if source := c.options().presence; source != nil {
			if err := s.hub.attach(s.ctx, source); err != nil {
				s.detach(s.Channels[:i])
				s.poller.Close()
				return err
			}
		}
	}
	s.hub.open(s.Channels)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open, s.sessions, s.empty = true, make(map[*Session]struct{}), make(chan struct{})
	return nil
}

// checkPatterns refuses channels of which one can never match.
func checkPatterns(channels []Channel) error {
	for i, c := range channels {
		if c == nil {
			return fault.Invalid.Errorf("channel: a channel of the socket is nil; make it with Topic")
		}
		for _, before := range channels[:i] {
			prefix, star := strings.CutSuffix(before.pattern(), "*")
			if before.pattern() == c.pattern() || star && strings.HasPrefix(c.pattern(), prefix) {
				return fault.Invalid.Errorf("channel: the pattern %q never matches, because %q comes before it; the first that matches counts", c.pattern(), before.pattern())
			}
		}
	}
	return nil
}

func (s *Socket) detach(channels []Channel) {
	for _, c := range channels {
		if source := c.options().presence; source != nil {
			s.hub.detach(source)
		}
	}
}

// Serve waits until ctx ends, and then sends all clients away, to come back: with 1012,
// and in batches. It waits until they are gone.
func (s *Socket) Serve(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-sweep.C:
			s.hub.sweep()
		}
	}
	s.mu.Lock()
	s.open = false
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.checkEmpty()
	s.mu.Unlock()
	s.drain(sessions)
	<-s.empty
	s.hub.close(s.Channels)
	s.detach(s.Channels)
	s.poller.Close()
	return nil
}

// drain closes the sessions.
func (s *Socket) drain(sessions []*Session) {
	d := s.Drain.orDefaults()
	rounds := max(1, int(d.Within/d.Every))
	size := max(d.Batch, (len(sessions)+rounds-1)/rounds)
	for i, session := range sessions {
		if i > 0 && i%size == 0 {
			time.Sleep(d.Every)
		}
		session.link.Close(ws.Restart, "the server restarts; "+s.advice(i))
	}
}

// ServeHTTP takes a client's connection over: GET <mount>/websocket, and, if it is served,
// long-polling at <mount>/longpoll.
func (s *Socket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch at := path.Base(r.URL.Path); {
	case at == "websocket":
		s.serveWebsocket(w, r)
	case at == "longpoll" && s.LongPoll != nil:
		s.serveLongPoll(w, r)
	case at == "longpoll":
		http.Error(w, "long-polling is not served; set Socket.LongPoll", http.StatusNotFound)
	default:
		http.Error(w, "clients connect to …/websocket", http.StatusNotFound)
	}
}

// running reports whether clients can connect.
func (s *Socket) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

var errNotRunning = fault.Unavailable.Errorf("the socket is not running; list it in the supervision tree, before the endpoint")

// admit decides about a client that wants to connect, and what it speaks.
func (s *Socket) admit(ctx context.Context, p *Peer) (wire.Version, error) {
	v, ok := wire.Negotiate(p.Params.Get("vsn"))
	if !ok {
		return v, fault.Forbidden.Errorf("this server speaks versions 1 and 2 of the protocol; connect with vsn=2.0.0, not %.20q", p.Params.Get("vsn"))
	}
	p.Params.Del("vsn")
	if s.Connect != nil {
		if err := s.Connect(ctx, p); err != nil {
			return v, err
		}
	}
	p.Token, p.Header = "", nil
	if len(p.Params) == 0 {
		p.Params = nil // most have none, and stay long
	}
	return v, nil
}

// Accept makes a session of a client that has connected, for the transport that carries
// it. It asks Connect.
func (s *Socket) Accept(ctx context.Context, p *Peer, link Link) (*Session, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.entered()
	v, err := s.admit(ctx, p)
	if err != nil {
		telemetry.Count(ctx, "channel.connects.refused", 1)
		return nil, err
	}
	return s.session(p, v, link)
}

// session makes the session of a client that was admitted.
func (s *Socket) session(p *Peer, v wire.Version, link Link) (*Session, error) {
	session := &Session{socket: s, hub: s.hub, peer: p, version: v, link: link}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil, errNotRunning
	}
	s.sessions[session] = struct{}{}
	s.hub.enlist(session)
	return session, nil
}

// forget is told of a session that is over, with all its processes.
func (s *Socket) forget(session *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.sessions[session]; !there {
		return
	}
	delete(s.sessions, session)
	s.hub.delist(session)
	s.checkEmpty()
}

// enter notes a client that wants to connect, for which Serve waits. It fails where the
// socket does not run.
func (s *Socket) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return errNotRunning
	}
	s.entering++
	return nil
}

// entered is told when it has connected, or not.
func (s *Socket) entered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entering--
	s.checkEmpty()
}

// checkEmpty lets Serve end when nobody is left. The socket is locked.
func (s *Socket) checkEmpty() {
	if !s.open && len(s.sessions) == 0 && s.entering == 0 {
		close(s.empty)
	}
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

// open notes the channels of a socket that runs.
func (h *hub) open(channels []Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.channels = append(h.channels, channels...)
}

func (h *hub) close(channels []Channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.channels = slices.DeleteFunc(slices.Clone(h.channels), func(c Channel) bool { return slices.Contains(channels, c) })
}
