package udp

import "time"

const ackDelay = 25 * time.Millisecond

// inbox puts the peer's segments in order, and messages together.
type inbox struct {
	next  uint64  // the segment that is waited for
	bits  uint64  // bit i: segment next+1+i is here
	early []early // those
	part  []byte  // of a message
	parts bool    // part has begun
	since time.Duration

	asked int           // datagrams to be acknowledged
	ack   time.Duration // when, at the latest; 0: nothing is
}

type early struct {
	number uint64
	last   bool
	data   []byte
}

// verdict is what became of a segment.
type verdict uint8

const (
	taken  verdict = iota
	astray         // it is here already, or too early by one at least
	noRoom         // there is none for it
	tooBig         // its message is
)

// take takes a segment, and adds the messages that it completes. They may be views of
// data.
func (in *inbox) take(f frame, ready [][]byte, e *endpoint, most int) ([][]byte, verdict) {
	last := f.kind == lastFrame
	switch {
	case f.number < in.next:
		return ready, astray
	case f.number > in.next+mostSegments:
		return ready, noRoom
	case f.number > in.next:
		return ready, in.hold(f, last, e)
	case !last && !e.hold(len(f.data)):
		return ready, noRoom
	}
	return in.join(ready, last, f.data, e, most)
}

// hold keeps a segment that is too early.
func (in *inbox) hold(f frame, last bool, e *endpoint) verdict {
	bit := uint64(1) << (f.number - in.next - 1)
	if in.bits&bit != 0 {
		return astray
	}
	if !e.hold(len(f.data)) {
		return noRoom
	}
	in.bits |= bit
	in.early = append(in.early, early{f.number, last, append([]byte(nil), f.data...)})
	return astray
}

// join goes on with the segment that was waited for, and with those that were early.
// What is in part, or early, is counted as held.
func (in *inbox) join(ready [][]byte, last bool, data []byte, e *endpoint, most int) ([][]byte, verdict) {
	for wasEarly := false; ; wasEarly = true {
		if len(in.part)+len(data) > most {
			if wasEarly || !last {
				e.letGo(len(data))
			}
			return ready, tooBig
		}
		switch {
		case last && !in.parts:
			ready = append(ready, data)
		case last:
			ready = append(ready, append(in.part, data...))
			e.letGo(len(in.part))
			in.part, in.parts = nil, false
		default:
			if !in.parts {
				in.since = e.now()
			}
			in.part, in.parts = append(in.part, data...), true
		}
		if last && wasEarly {
			e.letGo(len(data))
		}
		in.next++
		here := in.bits&1 != 0
		in.bits >>= 1
		if !here {
			return ready, taken
		}
		last, data = in.unearth()
	}
}

// unearth takes the next segment from the early ones.
func (in *inbox) unearth() (last bool, data []byte) {
	for i, g := range in.early {
		if g.number != in.next {
			continue
		}
		end := len(in.early) - 1
		in.early[i] = in.early[end]
		in.early[end] = early{}
		if in.early = in.early[:end]; end == 0 {
			in.early = nil
		}
		return g.last, g.data
	}
	panic("udp: a segment is marked and not there")
}

// drop forgets what is incomplete.
func (in *inbox) drop(e *endpoint) {
	e.letGo(len(in.part))
	for _, g := range in.early {
		e.letGo(len(g.data))
	}
	in.part, in.parts, in.early, in.bits = nil, false, nil, 0
}

// owe notes that a datagram is to be acknowledged: at once if it is the second, or if
// something is missing.
func (in *inbox) owe(now time.Duration, atOnce bool) {
	in.asked++
	switch {
	case atOnce || in.asked >= 2:
		in.ack = now
	case in.ack == 0:
		in.ack = now + ackDelay
	}
}

func (in *inbox) paid() { in.asked, in.ack = 0, 0 }
