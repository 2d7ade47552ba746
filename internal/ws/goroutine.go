package ws

import (
	"fmt"
	"io"
	"runtime/debug"
)

// The way of connections that cannot be polled: TLS, wrapped ones, and all of
// them on systems other than Linux. One goroutine reads, and one writes while
// something is pending.

const (
	smallWindow = 256      // of a reader's own; holds a heartbeat and most events
	largeWindow = 16 << 10 // lent while a peer sends more than that

	// recordBytes is the most of one write: what TLS makes one record of. That a write
	// has come back is all that is known of what the other end takes.
	recordBytes = 16 << 10
)

// readAll is the reading goroutine: one long turn.
func (c *Conn) readAll() {
	w := &worker{p: c.poller, now: c.poller.now()}
	c.receiveEarly(w)
	w.endRound()
	err := c.readUntilEnd(w)
	c.in = nil
	c.mu.Lock()
	c.turning = false
	c.unreadable(err)
	c.finish(w)
}

func (c *Conn) readUntilEnd(w *worker) (err error) {
	defer rescue(&err)
	small := make([]byte, smallWindow)
	window := small
	for {
		n, err := c.nc.Read(window)
		if n > 0 {
			w.now = c.poller.now()
			part := c.in != nil
			w.whole = false
			c.receive(w, window[:n])
			c.in = c.in.orNil()
			if c.alive(w, part) {
				c.mu.Lock()
				c.heard = w.now
				c.mu.Unlock()
			}
			w.endRound()
			c.settleNow()
		}
		switch {
		case err != nil:
			return err
		case n == 0:
			return io.ErrNoProgress
		case n < len(window):
			window = small
		case len(window) == smallWindow:
			window = make([]byte, largeWindow)
		}
	}
}

// settleNow takes the next step of the end, if there is one.
func (c *Conn) settleNow() {
	if c.end.Load() == nil {
		return
	}
	c.mu.Lock()
	next := c.settle()
	c.mu.Unlock()
	c.do(next)
}

// writeAll is the writing goroutine. It writes what is pending, and leaves.
func (c *Conn) writeAll() {
	b := c.poller.batches.Get().(*batch)
	defer c.poller.batches.Put(b)
	for c.nextBatch(b) {
		n, err := c.writeBatch(b)
		b.clear()
		c.mu.Lock()
		c.out.since = 0
		c.out.wrote(n, c.deflate)
		if err != nil {
			c.out.drop()
			c.fail(unwritable(err))
			c.cut = true
		}
		c.mu.Unlock()
	}
}

// nextBatch fills the next write. If there is none, the goroutine is not a
// writer any more.
func (c *Conn) nextBatch(b *batch) bool {
	c.mu.Lock()
	if !c.gone && !c.cut && c.out.load(b, c.deflate, recordBytes) {
		c.out.since = c.poller.now()
		c.watch()
		c.mu.Unlock()
		return true
	}
	c.out.writing = false
	next := c.settle()
	c.mu.Unlock()
	c.do(next)
	return false
}

func (c *Conn) writeBatch(b *batch) (n int, err error) {
	defer rescue(&err)
	return b.writeTo(c.nc)
}

// rescue turns a panic of a net.Conn into an error: one bad connection must not
// end the program.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}
