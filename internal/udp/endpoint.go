package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// endpoint is a socket and the sessions on it. Two goroutines run it, whatever the
// number of sessions: the reader takes datagrams and calls Handler.Message; the keeper
// sends them, sees to what is due, and calls Handler.Closed.
type endpoint struct {
	options
	socket  Socket
	born    time.Time
	bakery  *baker
	table   table
	held    atomic.Int64
	strange func(p *packet, n int, from netip.AddrPort) // a datagram of no session; the reader's

	ready [][]byte // the reader's

	mu     sync.Mutex // never held with a session's
	list   []*Session // to be looked after
	wake   chan struct{}
	broken chan struct{} // closed when the reader left
	err    error         // then, why
	done   chan struct{}
}

type options struct {
	hooks   Hooks
	count   func(string)
	maxHeld int64
}

func newEndpoint(socket Socket, o options) *endpoint {
	if o.count == nil {
		o.count = func(string) {}
	}
	return &endpoint{
		options: o,
		socket:  socket,
		born:    time.Now(),
		bakery:  newBaker(),
		table:   table{all: make(map[sessionID]*Session)},
		wake:    make(chan struct{}, 1),
		broken:  make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// now is the time since the endpoint was made, and never 0.
func (e *endpoint) now() time.Duration { return time.Since(e.born) + 1 }

// hold asks for room to keep received bytes.
func (e *endpoint) hold(n int) bool {
	if e.held.Add(int64(n)) > e.maxHeld {
		e.held.Add(int64(-n))
		return false
	}
	return true
}

func (e *endpoint) letGo(n int) { e.held.Add(int64(-n)) }

// touch has the keeper look after a session soon.
func (e *endpoint) touch(s *Session) {
	e.mu.Lock()
	fresh := s.admitted && !s.dirty
	if fresh {
		s.dirty = true
		e.list = append(e.list, s)
	}
	e.mu.Unlock()
	if fresh {
		e.nudge()
	}
}

func (e *endpoint) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// add begins with a session.
func (e *endpoint) add(s *Session) {
	s.mu.Lock()
	s.heard = e.now()
	s.mu.Unlock()
	e.table.add(s)
	e.mu.Lock()
	s.admitted = true
	e.mu.Unlock()
	e.touch(s)
}

// write sends a datagram. One that the system does not take is lost, as many are.
func (e *endpoint) write(b []byte, to netip.AddrPort) {
	if _, err := e.socket.WriteToUDPAddrPort(b, to); err != nil {
		e.count(CountWriteFailed)
	}
}

// manyFailures is after how many failed reads in a row the reader slows down. Some
// systems report here that a datagram sent earlier did not arrive, or that one was too
// long: no reason to give up.
const manyFailures = 100

// read takes datagrams until the socket is closed.
func (e *endpoint) read() {
	defer close(e.broken)
	p := new(packet)
	for failures := 0; ; {
		n, from, err := e.socket.ReadFromUDPAddrPort(p.bytes())
		if err == nil {
			failures = 0
			e.receive(p, n, plain(from))
			continue
		}
		if e.err = err; errors.Is(err, net.ErrClosed) {
			return
		}
		e.count(CountReadFailed)
		if failures++; failures > manyFailures {
			time.Sleep(time.Millisecond)
		}
	}
}

func (e *endpoint) receive(p *packet, n int, from netip.AddrPort) {
	kind, id, rest, ok := start(p.bytes()[:n])
	switch {
	case !ok || n > MaxDatagramBytes:
		e.count(CountGarbage)
		return
	case kind&0xf0 != version:
		e.count(CountVersion)
		return
	case kind != dataKind:
		e.strange(p, n, from)
		return
	}
	h, frames, ok := parseHeader(rest)
	if !ok {
		e.count(CountGarbage)
		return
	}
	s := e.table.get(id)
	switch {
	case s == nil:
		e.strange(p, n, from)
	case !p.sealed(&s.in, n):
		e.count(CountForged)
	default:
		e.deliver(s, s.receive(h, frames, from, e.ready[:0]))
	}
}

// deliver calls the handler with messages, and gives the reader's list back.
func (e *endpoint) deliver(s *Session, ready [][]byte) {
	if len(ready) > 0 {
		var batch any
		if e.hooks.Begin != nil {
			batch = e.hooks.Begin()
		}
		for _, payload := range ready {
			if !s.open() {
				break
			}
			s.handler.Message(batch, payload)
		}
		if e.hooks.End != nil {
			e.hooks.End(batch)
		}
		s.delivered()
	}
	clear(ready)
	e.ready = ready[:0]
	e.touch(s)
}

// table is the sessions by id.
type table struct {
	mu  sync.RWMutex
	all map[sessionID]*Session
}

func (t *table) get(id sessionID) *Session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.all[id]
}

func (t *table) add(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all[s.id] = s
}

func (t *table) remove(s *Session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, s.id)
}

func (t *table) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.all)
}

func (t *table) each() []*Session {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]*Session, 0, len(t.all))
	for _, s := range t.all {
		all = append(all, s)
	}
	return all
}

func unusable(err error) *CloseError {
	return &CloseError{err: fault.Unavailable.Wrap(err, "the socket failed")}
}
