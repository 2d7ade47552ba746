package ws

import (
	"errors"
	"runtime"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// One write is bounded, so that one connection does not hold up the others.
const (
	maxBatchFrames = 128
	maxBatchBytes  = 64 << 10
)

const (
	// frameCost is about what a frame takes besides its bytes while it waits.
	frameCost = 64

	// burst is how many times MaxPendingBytes may wait for a client that reads.
	burst = 4

	// turnTime and maxTurns are how long, and how often, who sends to a full outbox
	// gives way to who writes it: a write that takes longer waits for the client.
	turnTime = 10 * time.Millisecond
	maxTurns = 10_000

	// evictionTimeout is what an evicted client has for taking the close frame, and
	// for closing.
	evictionTimeout = time.Second
)

// outbox is the writing half of a connection, guarded by its lock.
type outbox struct {
	queue   []*encoded
	first   [2]*encoded   // the queue's first room, so that small bursts allocate none
	bytes   int           // pending, with those being written
	sent    int           // of the first frame
	since   time.Duration // since when the other end has taken nothing of a write, or 0
	loaded  uint8         // frames in the write under way: at most maxBatchFrames
	writing bool          // somebody is in a write
	again   bool          // there may be room since the last write began
	blocked bool          // the last write found no room; the link will say when there is
}

func (o *outbox) pending() bool { return len(o.queue) > 0 }

// reset makes an empty outbox hold on to nothing but its first room.
func (o *outbox) reset() {
	o.first = [2]*encoded{}
	o.queue = o.first[:0]
}

// release lets go of all, perhaps in the middle of a write.
func (o *outbox) release() {
	o.queue = nil
	o.first = [2]*encoded{}
	o.sent, o.loaded = 0, 0
}

func (o *outbox) push(f *encoded, size int) {
	o.queue = append(o.queue, f)
	o.bytes += size
}

// drop forgets everything of which nothing has been written.
func (o *outbox) drop() {
	keep := int(o.loaded)
	if keep == 0 && o.sent > 0 {
		keep = 1
	}
	clear(o.queue[keep:])
	o.queue = o.queue[:keep]
}

// load fills the next write, with that many bytes at most. A longer frame is cut.
func (o *outbox) load(b *batch, d *Deflate, most int) bool {
	b.n, b.size = 0, 0
	for b.n < len(o.queue) && b.n < maxBatchFrames {
		wire := o.queue[b.n].wireFor(d)
		if b.n == 0 {
			wire = wire[o.sent:]
			wire = wire[:min(len(wire), most)]
		} else if b.size+len(wire) > most {
			break
		}
		b.frames[b.n] = wire
		b.size += len(wire)
		b.n++
	}
	o.loaded = uint8(b.n)
	return b.n > 0
}

// wrote takes out what a write has taken.
func (o *outbox) wrote(n int, d *Deflate) {
	o.loaded = 0
	o.bytes -= n
	o.sent += n
	done := 0
	for done < len(o.queue) {
		size := len(o.queue[done].wireFor(d))
		if o.sent < size {
			break
		}
		o.sent -= size
		done++
	}
	clear(o.queue[:done])
	if o.queue = o.queue[done:]; len(o.queue) == 0 {
		o.bytes, o.sent = 0, 0 // it may have been released meanwhile
		o.reset()
	}
}

// Send puts a frame into the outbox and returns at once; it is written soon,
// with all that is pending then. Its errors:
//
//   - Exhausted: the client reads too slowly. It is evicted: what is pending is
//     dropped, and it has a second for taking the close frame, with 1013.
//   - Invalid: the frame is the zero Frame, or longer than MaxPendingBytes. The
//     connection stays.
//   - otherwise the connection has ended, and it is the [*CloseError] that
//     [Handler].Closed gets.
func (c *Conn) Send(f Frame) error {
	if f.Len() == 0 {
		return fault.Invalid.Errorf("the zero frame cannot be sent")
	}
	e, size := c.outgoing(f)
	limit := c.limits.pendingBytes()
	if size > limit {
		return fault.Invalid.Errorf("a frame of %d bytes does not fit into an outbox of %d; raise MaxPendingBytes", size, limit)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exceeds(1, size) && !c.makeRoom(size) {
		return c.evict()
	}
	if end := c.end.Load(); end != nil {
		return end
	}
	patient := c.out.since != 0 && !c.exceeds(0, 0)
	c.out.push(e, size)
	if patient && c.exceeds(0, 0) {
		c.watch()
	}
	c.wake()
	return nil
}

// makeRoom is for a frame beyond the limits. It reports whether the client reads.
func (c *Conn) makeRoom(size int) bool {
	for turns := 0; turns < maxTurns && c.end.Load() == nil && c.exceeds(1, size) && c.relieve(size); turns++ {
	}
	for c.full(size) || c.exceeds(1, size) && c.stands() {
		if !c.retry() {
			return false
		}
	}
	return true
}

// exceeds reports whether more is pending than a client may leave there, with so
// many frames and bytes more. The lock is held, as it is for all of these.
func (c *Conn) exceeds(frames, bytes int) bool {
	return len(c.out.queue)+frames > c.limits.pendingFrames() || bytes > c.limits.pendingBytes()-c.out.bytes
}

// full reports whether there is no room for a frame of that size, were it a client
// that reads.
func (c *Conn) full(size int) bool {
	cost := c.out.bytes + frameCost*len(c.out.queue)
	return c.exceeds(1, size) && size+frameCost > burst*c.limits.pendingBytes()-cost
}

// stands reports whether the client has taken nothing for longer than it may.
func (c *Conn) stands() bool {
	return c.out.since != 0 && c.poller.now() >= c.out.since+c.patience()
}

// patience is how long the client may take nothing.
func (c *Conn) patience() time.Duration {
	d := c.limits.write()
	if c.exceeds(0, 0) {
		d /= 2
	}
	return d
}

// watch has the wheel look at a write that may come to stand.
func (c *Conn) watch() {
	if c.out.since != 0 && c.end.Load() == nil {
		d := c.patience()
		c.poller.wheel.arm(c, c.out.since+d, d)
	}
}

// relieve has some of what is pending written, if the client takes it, and reports
// whether that may have helped: who sends much at once is not to have it evicted for
// what nobody has come to write. The lock is let go of meanwhile.
func (c *Conn) relieve(size int) bool {
	switch {
	case c.link != nil && !c.out.writing && !c.out.stuck():
		b := c.poller.batches.Get().(*batch)
		defer c.poller.batches.Put(b)
		c.write(b)
		c.enqueueEnd()
	case c.full(size) && c.hasTurn():
		c.mu.Unlock()
		runtime.Gosched()
		c.mu.Lock()
	default:
		return false
	}
	return true
}

// retry writes to a socket that was full, which says that there is room again only when
// a third of it is. It reports whether the client has taken something.
func (c *Conn) retry() bool {
	if c.link == nil || c.out.writing || c.end.Load() != nil {
		return false
	}
	b := c.poller.batches.Get().(*batch)
	defer c.poller.batches.Put(b)
	before := c.out.since
	c.out.again = true
	c.write(b)
	c.enqueueEnd()
	return c.out.since != before
}

// hasTurn reports whether somebody else is writing, or about to, and does not wait
// for the client.
func (c *Conn) hasTurn() bool {
	o := &c.out
	return o.writing && (c.link != nil || o.since == 0 || c.poller.now() < o.since+turnTime)
}

// outgoing is a frame as it leaves on this connection, and its size.
func (c *Conn) outgoing(f Frame) (e *encoded, size int) {
	e = f.encoded
	wire := e.wireFor(c.deflate)
	if c.client {
		e = &encoded{wire: masked(wire)}
		e.once.Do(func() {}) // it is compressed already, if at all
		wire = e.wire
	}
	return e, len(wire)
}

// evict ends the connection of a slow client, unless it has ended. The lock is held.
func (c *Conn) evict() error {
	if end := c.end.Load(); end != nil {
		return end
	}
	end := &CloseError{
		Code:   TryAgainLater,
		Reason: "reading too slowly",
		err: fault.Exhausted.Errorf("the client reads too slowly: %d frames of %d bytes are pending",
			len(c.out.queue), c.out.bytes),
	}
	// The close frame is next, behind what is in the middle of being written. A
	// client that closes in time has read it; otherwise what the client still sends
	// could turn our end into a reset that takes the frame back.
	c.out.drop()
	c.linger = true
	c.shut(end, evictionTimeout)
	return end
}

// Flush writes what is pending now, up to 128 frames or 64 KiB, without waiting;
// the rest leaves as with [Conn.Send]. If somebody else is writing already, he
// takes it along.
func (c *Conn) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || !c.out.pending() {
		return
	}
	b := c.poller.batches.Get().(*batch)
	defer c.poller.batches.Put(b)
	c.write(b)
	c.enqueueEnd()
}

// enqueueEnd leaves the end of the connection to a worker.
func (c *Conn) enqueueEnd() {
	if c.end.Load() != nil {
		c.enqueue()
	}
}

// write writes once, and sees to the rest. The lock is held, and let go of
// meanwhile.
func (c *Conn) write(b *batch) {
	for !c.out.writing && !c.out.stuck() && !c.gone && !c.cut && c.out.load(b, c.deflate, maxBatchBytes) {
		c.out.writing, c.out.again = true, false
		b.last = b.n == len(c.out.queue) && c.hangsUp()
		c.mu.Unlock()
		n, err := c.link.write(b)
		b.clear()
		c.mu.Lock()
		c.out.writing = false
		c.out.wrote(n, c.deflate)
		if n > 0 {
			c.out.since, c.out.blocked = 0, false
		}
		switch {
		case errors.Is(err, ErrWouldBlock):
			c.block()
		case err != nil:
			c.fail(unwritable(err))
			c.cut = true
			c.wake()
			return
		case n == b.size:
			c.wake()
			return
		}
	}
}

// block waits for room, unless there is some meanwhile. The lock is held.
func (c *Conn) block() {
	c.out.blocked = true
	if c.out.since == 0 {
		c.out.since = c.poller.now()
	}
	c.watch()
}

// stuck reports whether a write would be in vain.
func (o *outbox) stuck() bool { return o.blocked && !o.again }

// wake has somebody write what is pending, or see to the end. The lock is held.
func (c *Conn) wake() {
	switch {
	case c.poller == nil:
	case c.cut:
		c.enqueue()
	case c.link == nil && c.out.writing:
	case c.link == nil && c.out.pending():
		c.out.writing = true
		c.poller.start(c.writeAll)
	case c.link != nil && (c.turning || c.out.writing || c.out.stuck()):
		// Whoever is at it goes on.
	case c.out.pending() || c.end.Load() != nil:
		c.enqueue()
	}
}

// enqueue puts the connection into the poller's line. The lock is held.
func (c *Conn) enqueue() {
	if !c.queued && !c.buried {
		c.queued = true
		c.poller.enqueue(c)
	}
}
