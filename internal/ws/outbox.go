package ws

import (
	"errors"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// One write is bounded, so that one connection does not hold up the others.
const (
	maxBatchFrames = 128
	maxBatchBytes  = 64 << 10
)

// evictionTimeout is what is left for the close frame of an evicted client, if
// it was not in the middle of a write.
const evictionTimeout = time.Second

// outbox is the writing half of a connection, guarded by its lock.
type outbox struct {
	queue   []*encoded
	first   [2]*encoded   // the queue's first room, so that small bursts allocate none
	bytes   int           // pending, with those being written
	sent    int           // of the first frame
	since   time.Duration // since when nothing could be written, or 0
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

func (o *outbox) release() {
	o.queue = nil
	o.first = [2]*encoded{}
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

// load fills the next write.
func (o *outbox) load(b *batch, d *Deflate) bool {
	b.n, b.size = 0, 0
	for b.n < len(o.queue) && b.n < maxBatchFrames {
		wire := o.queue[b.n].wireFor(d)
		if b.n == 0 {
			wire = wire[o.sent:]
		} else if b.size+len(wire) > maxBatchBytes {
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
		o.bytes = 0
		o.reset()
	}
}

// Send puts a frame into the outbox and returns at once; it is written soon,
// with all that is pending then. Its errors:
//
//   - Exhausted: the outbox is full, because the client reads too slowly. It is
//     evicted: what is pending is dropped and the connection closed, with 1013
//     if that can still be written.
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
	c.relieve(size)
	if end := c.end.Load(); end != nil {
		return end
	}
	if c.full(size) {
		return c.evict()
	}
	c.out.push(e, size)
	c.wake()
	return nil
}

// full reports whether there is no room for a frame of that size. The lock is held.
func (c *Conn) full(size int) bool {
	return len(c.out.queue) >= c.limits.pendingFrames() || size > c.limits.pendingBytes()-c.out.bytes
}

// relieve writes what a full outbox holds, if the client takes it: who sends much
// at once is not to have it evicted for what nobody has come to write. The lock is
// held, and let go of meanwhile.
func (c *Conn) relieve(size int) {
	if c.link == nil || !c.full(size) {
		return
	}
	b := c.poller.batches.Get().(*batch)
	defer c.poller.batches.Put(b)
	for c.end.Load() == nil && c.full(size) && !c.out.writing && !c.out.stuck() {
		c.write(b)
	}
	if c.end.Load() != nil {
		c.enqueue()
	}
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

// evict ends the connection of a slow client. The lock is held.
func (c *Conn) evict() error {
	end := &CloseError{
		Code:   TryAgainLater,
		Reason: "reading too slowly",
		err: fault.Exhausted.Errorf("the client reads too slowly: %d frames of %d bytes are pending",
			len(c.out.queue), c.out.bytes),
	}
	c.out.drop()
	// A close frame cannot follow a write that is blocked: it would stand in the
	// middle of another frame.
	c.cut = c.out.blocked
	if c.link == nil && c.out.writing {
		c.interrupt()
	}
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
	if c.end.Load() != nil {
		c.enqueue() // its end is not for this goroutine
	}
}

// write writes once, and sees to the rest. The lock is held, and let go of
// meanwhile.
func (c *Conn) write(b *batch) {
	for !c.out.writing && !c.out.stuck() && !c.gone && !c.cut && c.out.load(b, c.deflate) {
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
	if c.end.Load() == nil {
		c.poller.wheel.arm(c, c.out.since+c.limits.write(), c.limits.write())
	}
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
