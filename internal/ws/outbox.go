package ws

import (
	"net"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// One write is bounded, so that its deadline asks for little, and because a
// TCP connection keeps the vectors of its longest writev (16 bytes a frame).
const (
	maxBatchFrames = 128
	maxBatchBytes  = 64 << 10
)

// evictionTimeout is what is left for the close frame of an evicted client, if
// it was not in the middle of a write.
const evictionTimeout = time.Second

// outbox is the writing half of a connection, guarded by its lock.
type outbox struct {
	queue   [][]byte  // not yet taken by the writer
	first   [4][]byte // the queue's first room, so that small bursts allocate none
	frames  int       // pending, with those being written
	bytes   int       // the same
	running bool      // there is a writer goroutine
	writing bool      // and it is in a write
}

func (o *outbox) push(f Frame) {
	o.queue = append(o.queue, f.wire)
	o.frames++
	o.bytes += len(f.wire)
}

// reset makes an empty outbox hold on to nothing. No writer may be running.
func (o *outbox) reset() {
	clear(o.first[:])
	o.queue = o.first[:0]
}

// take removes what goes into the next write.
func (o *outbox) take() (batch net.Buffers, size int) {
	n := 0
	for n < len(o.queue) && n < maxBatchFrames {
		if n > 0 && size+len(o.queue[n]) > maxBatchBytes {
			break
		}
		size += len(o.queue[n])
		n++
	}
	batch, o.queue = o.queue[:n:n], o.queue[n:]
	return batch, size
}

// Send puts a frame into the outbox and returns at once. Its errors:
//
//   - Exhausted: the outbox is full, because the client reads too slowly. It is
//     evicted: what is pending is dropped and the connection closed, with 1013
//     if that can still be written.
//   - Invalid: the frame is the zero Frame, or longer than MaxPendingBytes. The
//     connection stays.
//   - otherwise the connection has ended, and it is the [*CloseError] that
//     ReadMessage returns.
func (c *Conn) Send(f Frame) error {
	switch limit := c.limits.MaxPendingBytes; {
	case f.Len() == 0:
		return fault.Invalid.Errorf("the zero frame cannot be sent")
	case f.Len() > limit:
		return fault.Invalid.Errorf("a frame of %d bytes does not fit into an outbox of %d; raise MaxPendingBytes", f.Len(), limit)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.end != nil:
		return c.end
	case c.out.frames >= c.limits.MaxPendingFrames, f.Len() > c.limits.MaxPendingBytes-c.out.bytes:
		return c.evict()
	}
	c.out.push(f)
	c.startWriter()
	return nil
}

// evict ends the connection of a slow client. The lock is held.
func (c *Conn) evict() error {
	frames, size := c.out.frames, c.out.bytes
	c.out.queue = nil
	c.shut(&CloseError{
		Code:   TryAgainLater,
		Reason: "reading too slowly",
		err:    fault.Exhausted.Errorf("the client reads too slowly: %d frames of %d bytes are pending", frames, size),
	}, evictionTimeout)
	if c.out.writing {
		// A write that is blocked ends now. A close frame cannot follow it, as
		// it would stand in the middle of another.
		_ = c.nc.SetWriteDeadline(time.Unix(1, 0))
	}
	return c.end
}
