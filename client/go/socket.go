package client

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// Socket is a connection that comes back. Its methods may be called by any goroutine.
type Socket struct {
	url    *url.URL
	o      Options
	ctx    context.Context // of attempts to connect
	cancel context.CancelFunc
	detach func() bool // from the context of Dial
	own    *Pool
	done   chan struct{}

	mu       sync.Mutex // never held while callbacks run
	state    State
	states   listeners[func(State, error)]
	link     *link // while it is open
	alarm    alarm // the next heartbeat, or the next attempt
	lastRef  uint64
	beat     uint64 // the heartbeat that is not answered; 0: none
	failures int
	openedAt time.Time
	spread   time.Duration // what the server advised for a lost connection
	longest  int           // bytes of a message that the server takes, as it said on this connection; 0: it has not
	begun    uint64        // channels that began to join
	channels map[string]*Channel
	leaves   map[uint64]chan struct{}
	queue    queue
	running  int // goroutines and connections
}

// Dial connects to a socket, as in "ws://host/socket" (http:// will do, too), or by UDP, as
// in "udp://host:5006", and keeps connected until Close or until ctx ends. It waits for
// the first attempt, at most [Options].Timeout; that the server cannot be reached is no
// error: the socket goes on trying. An error is what will not change by itself: an address
// that is none, options that do not go with it, or a server that refuses (HTTP 400, 401,
// 403, 404 and the like; by UDP, a wrong key), unless [Options].Wait says to go on.
func Dial(ctx context.Context, address string, o Options) (*Socket, error) {
	u, err := parse(address)
	if err != nil {
		return nil, err
	}
	if err := o.check(u); err != nil {
		return nil, err
	}
	s := &Socket{
		url:      u,
		o:        o.orDefaults(u.Scheme),
		done:     make(chan struct{}),
		state:    Opening,
		channels: make(map[string]*Channel),
		leaves:   make(map[uint64]chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.useCarrier(); err != nil {
		s.cancel()
		return nil, err
	}
	s.mu.Lock()
	s.detach = context.AfterFunc(ctx, s.Close)
	s.running++ // this goroutine
	s.mu.Unlock()
	err = s.connect()
	s.ended()
	switch {
	case ctx.Err() != nil:
		err = fault.Canceled.Wrap(context.Cause(ctx), "dialing was canceled")
	case err == nil || o.Wait || !final(err):
		return s, nil
	}
	s.Close()
	<-s.done
	return nil, err
}

func (s *Socket) useCarrier() error {
	switch {
	case s.o.dial != nil:
	case s.url.Scheme == schemeUDP:
		s.useUDP()
	default:
		return s.usePool()
	}
	return nil
}

// parse makes the address of the websocket from that of the socket; one of UDP stays.
func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fault.Invalid.Errorf("the address of the socket cannot be parsed; it should be like ws://host/socket")
	}
	switch u.Scheme {
	case "http", "https":
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	case "ws", "wss", schemeUDP:
	default:
		return nil, fault.Invalid.Errorf("the address of the socket should begin with ws://, wss:// or udp://")
	}
	switch {
	case u.Host == "":
		return nil, fault.Invalid.Errorf("the address of the socket has no host")
	case u.Scheme != schemeUDP:
		return u.JoinPath("websocket"), nil
	case u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "":
		return nil, fault.Invalid.Errorf("an address of UDP is a host and a port alone, like udp://host:5006")
	}
	return u, nil
}

// final reports whether trying again would not help.
func final(err error) bool {
	switch fault.Of(err) {
	case fault.Invalid, fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Conflict:
		return true
	}
	return false
}

// Channel is a topic of this socket, not joined yet. Params are sent with each join, as a
// JSON object; if they are a func() any, it is called for each. A channel that joins takes
// the topic over from an earlier one.
func (s *Socket) Channel(topic string, params any) *Channel {
	c := &Channel{s: s, topic: topic, params: params, asks: make(map[uint64]*push), events: make(map[string]*listeners[func(raw)])}
	c.queue.drained = c.drained
	return c
}

// State is where the socket stands.
func (s *Socket) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// OnState has fn told of every change, one at a time, with the reason if there is one.
func (s *Socket) OnState(fn func(State, error)) (stop func()) { return s.states.add(s, fn) }

// Close ends the socket and all its channels for good. It does not wait; see [Socket.Done].
func (s *Socket) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == Closed {
		return
	}
	reason := fault.Canceled.Errorf("the socket was closed")
	l := s.link
	s.link = nil
	s.alarm.clear()
	for _, c := range s.channels {
		c.close(reason)
	}
	for ref, left := range s.leaves {
		delete(s.leaves, ref)
		close(left)
	}
	s.enter(Closed, nil)
	if l != nil {
		l.carrier.close(ws.Normal, "")
	}
	s.detach()
	s.cancel()
	s.spawn(func() {}) // so that the last one ends
}

// Done is closed when a closed socket is gone: its connection, its goroutines, and the
// callbacks that were waiting. So a callback must not wait for it.
func (s *Socket) Done() <-chan struct{} { return s.done }

// spawn runs fn in a goroutine that Done waits for. The lock is held.
func (s *Socket) spawn(fn func()) {
	s.running++
	go func() {
		defer s.ended()
		fn()
	}()
}

// ended is called when a goroutine or a connection has ended.
func (s *Socket) ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running--; s.running > 0 || s.state != Closed {
		return
	}
	if s.own == nil {
		close(s.done)
		return
	}
	go func() { // the last one may be a goroutine of the pool
		s.own.Close()
		close(s.done)
	}()
}

func (s *Socket) enter(state State, err error) {
	s.state = state
	if tell := s.states.tell(func(fn func(State, error)) { fn(state, err) }); tell != nil {
		s.enqueue(&s.queue, 0, tell)
	}
}
