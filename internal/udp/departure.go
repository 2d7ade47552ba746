package udp

import (
	"net/netip"
	"time"
)

// due sees to what the time has come for, and gives what to count, with how often.
func (s *Session) due(now time.Duration) (name string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == isOpen && now >= s.silence() {
		s.finish(silent())
	}
	if s.state == closing && now >= s.until {
		s.tx.drop()
		s.state, s.farewell = closed, true
	}
	return CountResent, s.tx.expired(now)
}

// write makes the next datagram to leave, and gives its length before it is sealed, or
// 0, if there is none, and where it goes.
func (s *Session) write(p *packet, now time.Duration) (n int, to netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := p.empty()[:headerBytes]
	b := head
	to = s.addr
	switch {
	case s.farewell:
		s.farewell = false
		b = appendClose(b, s.end.spoken())
	case s.state == closed:
		return 0, to
	case s.probe != nil:
		to = s.probe.to
		b = append(append(b, s.probe.kind), s.probe.value[:]...)
		s.probe = nil
	default:
		b = s.tx.fill(b, MaxDatagramBytes-macBytes, now)
		s.tx.arm(now, s.patience())
		b = s.append(b, now)
		if len(b) == headerBytes && (s.rx.ack == 0 || now < s.rx.ack) {
			return 0, to
		}
	}
	if to == s.addr {
		s.rx.paid()
	}
	s.seq++
	header{s.seq, s.rx.next, s.rx.bits}.append(appendStart(head[:0], dataKind, s.id))
	return len(b), to
}

// append adds what is not a segment.
func (s *Session) append(b []byte, now time.Duration) []byte {
	room := MaxDatagramBytes - macBytes - len(b)
	switch {
	case s.state == closing && s.tx.empty() && now >= s.bye && room >= 2+MaxReasonBytes:
		b = appendClose(b, s.end.Reason)
		s.bye = now + s.tx.rtt.timeout(s.patience())
		s.tx.rtt.tries++
	case s.state == isOpen && now >= s.ping() && room > 0:
		b = append(b, pingFrame)
		s.pinged = now
	}
	return b
}

// ping is when a client has to say that it is there.
func (s *Session) ping() time.Duration {
	if !s.client {
		return never
	}
	return max(s.heard+s.idle/3, s.pinged+s.idle/24)
}

// next is when the session has to be looked after, or 0, if it is over.
func (s *Session) next() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == closed && !s.farewell {
		return 0
	}
	at := never
	if s.state == isOpen {
		at = min(s.silence(), s.ping())
	}
	if s.tx.rto > 0 {
		at = min(at, s.tx.rto)
	}
	if s.rx.ack > 0 {
		at = min(at, s.rx.ack)
	}
	if s.state == closing {
		at = min(at, s.until)
		if s.tx.empty() {
			at = min(at, s.bye)
		}
	}
	return max(at, 1)
}

// silence is when the peer has said nothing for too long, or taken too long over a
// message.
func (s *Session) silence() time.Duration {
	at := s.heard + s.idle
	if s.rx.parts {
		at = min(at, s.rx.since+s.idle)
	}
	return at
}

// ended gives the end of the session once, when the handler may hear of it.
func (s *Session) ended() *CloseError {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil || s.told || s.delivering {
		return nil
	}
	s.told = true
	return s.end
}
