package udp

import (
	"net/netip"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Session is one client of a server, or a client's own end of it. Its methods are for
// all goroutines.
type Session struct {
	e      *endpoint
	id     sessionID
	in     key // of what the peer signs
	out    key // of what we sign
	client bool
	idle   time.Duration
	linger time.Duration
	token  [tokenBytes]byte // of a reset; clients only
	limits sessionLimits

	handler Handler

	// of the endpoint
	admitted bool          // under its lock
	dirty    bool          // in its list of sessions to be looked after; under its lock
	at       time.Duration // when the keeper looks after it next; the keeper's own
	place    int           // in the keeper's heap, from 1; the keeper's own

	mu         sync.Mutex
	addr       netip.AddrPort
	seq        uint64 // of the next datagram that leaves
	window     window
	tx         outbox
	rx         inbox
	heard      time.Duration // the last datagram
	pinged     time.Duration // the last ping
	probe      *probe        // a datagram that is about an address, to be sent
	end        *CloseError
	until      time.Duration // with end: when it is given up
	bye        time.Duration // with closing: when the close is said next
	state      state
	farewell   bool // with closed: the close is to be said once
	told       bool // the handler knows of the end
	delivering bool // the reader is calling the handler
}

// state is how far a session is on its way out.
type state uint8

const (
	isOpen  state = iota
	closing       // ended here: what is pending leaves, then the close, until the peer answers it
	closed        // ended: one last datagram may leave, and that is all
)

// sessionLimits are those of Config, as they hold for one session.
type sessionLimits struct {
	messageBytes, pendingBytes, pendingMessages int
}

// probe is a datagram of its own, with one frame about an address.
type probe struct {
	to    netip.AddrPort
	kind  byte
	value [cookieBytes]byte
}

// Addr is where the peer is now. It changes when the peer's network does.
func (s *Session) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Done is closed when the session's socket is closed and nothing of it runs anymore:
// soon after the end of a session that was dialled; a server's at the end of Serve.
func (s *Session) Done() <-chan struct{} { return s.e.done }

// Send queues a message, which must not be changed afterwards, and may be sent on any
// number of sessions. It never waits. That it was taken says nothing about its arrival.
//
// The error is the session's [CloseError] if it has ended; of kind Invalid if the
// message is too big, which harms nothing else; and of kind Exhausted if too much is
// pending: then the session is ended, its peer being too slow.
func (s *Session) Send(msg []byte) error {
	if len(msg) > s.limits.messageBytes {
		return fault.Invalid.Errorf("a message of %d bytes was to be sent; at most %d are taken", len(msg), s.limits.messageBytes)
	}
	s.mu.Lock()
	if s.end == nil && !s.tx.push(msg, s.limits) {
		s.finish(slow())
	}
	end := s.end
	s.mu.Unlock()
	s.e.touch(s)
	if end != nil {
		return end
	}
	return nil
}

// Close ends the session: what is pending leaves within CloseTimeout, then the reason,
// cut at 120 bytes. It starts this and does not wait. From then on Send refuses, and
// messages are discarded. Only the first end of a session counts.
func (s *Session) Close(reason string) {
	s.mu.Lock()
	s.finish(closedHere(reason))
	s.mu.Unlock()
	s.e.touch(s)
}

// finish makes end the end of the session. The lock is held.
func (s *Session) finish(end *CloseError) {
	if s.end != nil {
		return
	}
	now := s.e.now()
	s.end = end
	s.until = now + s.linger
	s.state = closing
	s.rx.drop(s.e)
	switch fault.Of(end) {
	case fault.Unavailable:
		if end.Remote { // a reset: nobody is there to be told
			s.state = closed
		}
	case fault.Canceled, fault.Timeout:
		s.state = closed
	default: // a peer that is at fault gets no more than the reason
		s.tx.drop()
	}
	if s.state == closed {
		s.tx.drop()
	}
}
