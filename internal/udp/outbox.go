package udp

import "time"

// The congestion window, in bytes of segments that are on their way.
const (
	maxSegment    = maxSegmentBytes + segmentHead
	firstWindow   = 10 * maxSegment
	leastWindow   = 4 * maxSegment
	mostWindow    = 64 * maxSegment
	mostSegments  = 64 // on their way: what the bits of an acknowledgement cover, and no more
	lossThreshold = 3  // what left this many datagrams before one that arrived is lost
)

// outbox is what is to be sent: messages, and the segments of them that have left and
// are not yet acknowledged.
type outbox struct {
	queue [][]byte // the first of them is cut up to here:
	cut   int
	left  []segment // numbers una and up
	una   uint64
	next  uint64 // una + len(left)

	bytes, messages int // of queue and left

	flying    int    // bytes that have left, and are not acknowledged, nor lost
	lost      int    // segments to send again
	cwnd      int    // 0 is firstWindow
	threshold int    // above it cwnd grows slowly; 0 is none
	order     uint64 // of the datagrams that had segments
	arrived   uint64 // the newest of them that has arrived
	answered  uint64 // up to this one, losses have made the window smaller already

	rtt roundTrip
	rto time.Duration // when what is flying is taken for lost; 0: nothing is
}

type segment struct {
	data  []byte
	sent  time.Duration
	order uint64
	again bool // it was sent more than once
	last  bool // of its message
	acked bool
	lost  bool
}

func (g *segment) size() int { return len(g.data) + segmentHead }

// push queues a message, unless too much is pending.
func (o *outbox) push(msg []byte, l sessionLimits) bool {
	if o.bytes+len(msg) > l.pendingBytes || o.messages >= l.pendingMessages {
		return false
	}
	o.queue = append(o.queue, msg)
	o.bytes += len(msg)
	o.messages++
	return true
}

func (o *outbox) empty() bool { return o.messages == 0 }

// drop forgets what is pending.
func (o *outbox) drop() {
	o.queue, o.left, o.cut = nil, nil, 0
	o.una = o.next
	o.bytes, o.messages, o.flying, o.lost = 0, 0, 0, 0
	o.rto = 0
}

func (o *outbox) window() int {
	if o.cwnd == 0 {
		return firstWindow
	}
	return o.cwnd
}

// fill appends segments to a datagram that may get that long: those that were lost,
// then new ones.
func (o *outbox) fill(dst []byte, most int, now time.Duration) []byte {
	empty := len(dst)
	o.order++
	for i := 0; o.lost > 0 && i < len(o.left); i++ {
		g := &o.left[i]
		if !g.lost {
			continue
		}
		if !o.fits(g.size(), most-len(dst)) {
			break
		}
		g.lost, g.again = false, true
		o.lost--
		dst = o.launch(dst, o.una+uint64(i), g, now)
	}
	for o.lost == 0 && len(o.queue) > 0 && len(o.left) < mostSegments {
		data := o.queue[0][o.cut:]
		data = data[:min(len(data), maxSegmentBytes)]
		if !o.fits(len(data)+segmentHead, most-len(dst)) {
			break
		}
		o.cut += len(data)
		g := segment{data: data, last: o.cut == len(o.queue[0])}
		if g.last {
			o.shift()
		}
		o.left = append(o.left, g)
		dst = o.launch(dst, o.next, &o.left[len(o.left)-1], now)
		o.next++
	}
	if len(dst) == empty {
		o.order--
	}
	return dst
}

func (o *outbox) fits(size, room int) bool {
	return size <= room && o.flying+size <= o.window()
}

// shift takes the first message from the queue, which is wholly cut.
func (o *outbox) shift() {
	o.queue[0] = nil
	o.queue, o.cut = o.queue[1:], 0
	if len(o.queue) == 0 {
		o.queue = nil
	}
}

func (o *outbox) launch(dst []byte, number uint64, g *segment, now time.Duration) []byte {
	g.sent, g.order = now, o.order
	o.flying += g.size()
	return appendSegment(dst, number, g.last, g.data)
}

// arm starts the wait for an acknowledgement, if something flies and nobody waits.
func (o *outbox) arm(now, most time.Duration) {
	if o.rto == 0 && o.flying > 0 {
		o.rto = now + o.rtt.timeout(most)
	}
}

// acknowledge takes what the peer has. It reports false if that cannot be.
func (o *outbox) acknowledge(h header, now, most time.Duration) bool {
	if h.ack > o.next {
		return false
	}
	fresh := 0
	for i := range o.left {
		if g := &o.left[i]; !g.acked && h.has(o.una+uint64(i)) {
			fresh += g.size()
			o.landed(g, now)
		}
	}
	if fresh == 0 {
		return true
	}
	o.release()
	o.grow(fresh)
	o.missing()
	o.rtt.tries, o.rto = 0, 0
	o.arm(now, most)
	return true
}

// has reports whether the peer has a segment.
func (h header) has(number uint64) bool {
	if number <= h.ack {
		return number < h.ack
	}
	i := number - h.ack - 1
	return i < 64 && h.bits>>i&1 != 0
}

func (o *outbox) landed(g *segment, now time.Duration) {
	g.acked = true
	if g.lost {
		g.lost = false
		o.lost--
	} else {
		o.flying -= g.size()
	}
	took := now - g.sent
	if !g.again {
		o.rtt.sample(took)
	}
	if !g.again || took >= o.rtt.least { // otherwise an earlier one has landed
		o.arrived = max(o.arrived, g.order)
	}
}

// release forgets the first segments, up to one that has not landed.
func (o *outbox) release() {
	n := 0
	for n < len(o.left) && o.left[n].acked {
		o.bytes -= len(o.left[n].data)
		if o.left[n].last {
			o.messages--
		}
		n++
	}
	o.una += uint64(n)
	if n == len(o.left) && o.messages == 0 {
		o.left = nil // an idle session keeps nothing
		return
	}
	kept := copy(o.left, o.left[n:])
	clear(o.left[kept:])
	o.left = o.left[:kept]
}

func (o *outbox) grow(bytes int) {
	w := o.window()
	if o.threshold > 0 && w >= o.threshold {
		bytes = max(1, bytes*maxSegment/w)
	}
	o.cwnd = min(w+bytes, mostWindow)
}

// missing finds what was overtaken.
func (o *outbox) missing() {
	worst := uint64(0)
	for i := range o.left {
		if g := &o.left[i]; !g.acked && !g.lost && g.order+lossThreshold <= o.arrived {
			o.lose(g)
			worst = max(worst, g.order)
		}
	}
	if worst > o.answered {
		o.shrink(o.window() / 2)
	}
}

func (o *outbox) lose(g *segment) {
	g.lost = true
	o.lost++
	o.flying -= g.size()
}

func (o *outbox) shrink(threshold int) {
	o.threshold = max(threshold, leastWindow)
	o.cwnd = o.threshold
	o.answered = o.order
}

// expired takes everything that flies for lost, if it is time, and gives how much.
func (o *outbox) expired(now time.Duration) (n int) {
	if o.rto == 0 || now < o.rto {
		return 0
	}
	o.rtt.tries++
	n = o.loseAll()
	o.shrink(o.window() / 2)
	o.cwnd = leastWindow
	return n
}

func (o *outbox) loseAll() (n int) {
	o.rto = 0
	for i := range o.left {
		if g := &o.left[i]; !g.acked && !g.lost {
			o.lose(g)
			n++
		}
	}
	return n
}

// moved begins anew on a path that nothing is known of.
func (o *outbox) moved() {
	o.loseAll()
	o.rtt, o.cwnd, o.threshold = roundTrip{}, 0, 0
	o.arrived, o.answered = o.order, o.order
}
