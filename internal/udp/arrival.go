package udp

import (
	"net/netip"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// receive takes a datagram whose signature is right, and adds the messages that it
// completes to ready. If there are any, delivered has to follow.
func (s *Session) receive(h header, frames []byte, from netip.AddrPort, ready [][]byte) [][]byte {
	now := s.e.now()
	s.mu.Lock()
	drop := s.fresh(h, from, now)
	if drop == "" {
		drop, ready = s.take(frames, from, ready, now)
	}
	s.delivering = len(ready) > 0
	s.mu.Unlock()
	if drop != "" {
		s.e.count(drop)
	}
	return ready
}

// fresh takes what is said in the head of a datagram, and gives why it is dropped.
func (s *Session) fresh(h header, from netip.AddrPort, now time.Duration) (drop string) {
	switch {
	case s.client && from != s.addr:
		return CountStrayed
	case h.seq > s.window.newest && from != s.addr:
		s.probe = &probe{from, challengeFrame, s.e.bakery.cookie(from, challengeFrame, s.id, epochOf(now))}
	}
	switch {
	case !s.window.take(h.seq):
		return CountReplayed
	case !s.tx.acknowledge(h, now, s.patience()):
		return CountFrame
	}
	s.heard = now
	return ""
}

// take takes the frames of a datagram.
func (s *Session) take(frames []byte, from netip.AddrPort, ready [][]byte, now time.Duration) (string, [][]byte) {
	drop, asked, atOnce := "", false, false
	for len(frames) > 0 {
		f, rest, ok := nextFrame(frames)
		if !ok {
			drop = CountFrame
			break
		}
		frames = rest
		asked = asked || f.asks()
		switch f.kind {
		case partFrame, lastFrame:
			if s.end != nil {
				asked = false // what is not delivered is not acknowledged
				continue
			}
			var v verdict
			ready, v = s.rx.take(f, ready, s.e, s.limits.messageBytes)
			switch v {
			case astray:
				atOnce = true
			case noRoom:
				drop = CountHeld
			case tooBig:
				s.finish(violation("a message is too big"))
			}
		default:
			if s.control(f, from, now) {
				drop = CountMoved
			}
		}
	}
	if asked {
		s.rx.owe(now, atOnce)
	}
	return drop, ready
}

// control takes a frame that is not of a message, and reports whether it moved the
// session.
func (s *Session) control(f frame, from netip.AddrPort, now time.Duration) (moved bool) {
	switch f.kind {
	case closeFrame:
		s.closedByPeer(string(f.data))
	case challengeFrame:
		if s.client {
			s.probe = &probe{s.addr, answerFrame, [cookieBytes]byte(f.data)}
		}
	case answerFrame:
		if !s.client && from != s.addr && s.e.bakery.good(f.data, from, challengeFrame, s.id, now) {
			s.addr, s.probe = from, nil
			s.tx.moved()
			return true
		}
	}
	return false
}

// closedByPeer takes the peer's close, which is the answer to ours, if we said one.
func (s *Session) closedByPeer(reason string) {
	s.farewell = s.end == nil
	s.finish(closedThere(reason))
	s.state = closed
	s.tx.drop()
}

// reset takes the server's word that the session is not there anymore.
func (s *Session) reset() {
	s.mu.Lock()
	s.finish(unknownThere())
	s.state = closed
	s.tx.drop()
	s.mu.Unlock()
}

// open reports whether messages are still for the handler.
func (s *Session) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end == nil || s.end.Remote && fault.Of(s.end) == fault.Canceled
}

func (s *Session) delivered() {
	s.mu.Lock()
	s.delivering = false
	s.mu.Unlock()
}

// patience is the longest time-out before a segment is sent again: some tries have to
// be made before the session is idle.
func (s *Session) patience() time.Duration { return s.idle / 8 }
