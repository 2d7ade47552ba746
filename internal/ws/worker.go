package ws

import (
	"errors"
	"io"
	"time"
)

// bufferSize is what is read from a connection before it is another's turn.
const bufferSize = 64 << 10

// worker is what a goroutine carries from one connection to the next.
type worker struct {
	p   *Poller
	buf []byte
	out *batch
	now time.Duration // when the round began

	whole bool // a message has come to its end
	begun bool // Hooks.Begin was called
	batch any  // and gave this
}

func (p *Poller) newWorker(buf []byte) *worker {
	return &worker{p: p, buf: buf, out: new(batch)}
}

// begin is called before each message.
func (w *worker) begin() {
	if !w.begun && w.p.hooks.Begin != nil {
		w.batch = w.p.hooks.Begin()
	}
	w.begun = true
}

func (w *worker) endRound() {
	if w.begun && w.p.hooks.End != nil {
		w.p.hooks.End(w.batch)
	}
	w.begun, w.batch = false, nil
}

// serve does what a connection of the line needs.
func (c *Conn) serve(w *worker) {
	c.mu.Lock()
	c.queued = false
	if c.readable && c.link != nil && !c.turning && !c.gone {
		c.readable = false
		c.turning = true
		c.mu.Unlock()
		c.turn(w, true)
		return
	}
	c.finish(w)
}

// ready serves a connection whose link says that it is readable or writable, and
// reports whether there is more to read.
func (c *Conn) ready(w *worker, readable, writable, ending bool) (more bool) {
	c.mu.Lock()
	if writable {
		c.out.again = true
	}
	if c.turning || c.gone || !readable && c.in == nil {
		c.finish(w)
		return false
	}
	c.turning = true
	c.mu.Unlock()
	return c.turn(w, ending)
}

// turn reads what is there, up to a buffer of it, and has the handler hear of
// it. A link that is ending, or says nothing about it, is read until it has
// nothing: a short read is no sign then.
func (c *Conn) turn(w *worker, ending bool) (more bool) {
	part := c.in != nil
	w.whole = false
	heard := c.receiveEarly(w)
	left := len(w.buf)
	var err error
	for left > 0 {
		var n int
		if n, err = c.link.read(w); n > 0 {
			heard = true
			c.receive(w, w.buf[:n])
			left -= n
		}
		if err != nil || n < len(w.buf) && !ending {
			break
		}
	}
	c.in = c.in.orNil()
	c.mu.Lock()
	c.turning = false
	if heard && c.alive(w, part) {
		c.heard = w.now
	}
	more = left <= 0 && err == nil
	if err != nil && !errors.Is(err, ErrWouldBlock) {
		c.unreadable(err)
	}
	if c.readable || more && c.pollable() {
		c.readable = true
		c.enqueue()
	}
	c.finish(w)
	return more
}

// alive reports whether what was read is a sign of life: whoever sends a message bit by bit
// has IdleTimeout for all of it, as it holds our memory meanwhile. Part is whether there was
// a part of one before.
func (c *Conn) alive(w *worker, part bool) bool { return c.in == nil || !part || w.whole }

func (c *Conn) pollable() bool {
	_, ok := c.link.(memory)
	return ok
}

// receiveEarly handles the bytes that came before the connection was served.
func (c *Conn) receiveEarly(w *worker) bool {
	if c.in == nil || c.in.received == nil {
		return false
	}
	early := c.in.received
	c.in = nil
	c.receive(w, early)
	return true
}

// unreadable ends the connection over an error of reading, its end included. The
// lock is held.
func (c *Conn) unreadable(err error) {
	c.peerDone = true
	c.cut = c.cut || !errors.Is(err, io.EOF)
	c.fail(lost(err))
}

// finish writes what is pending, and sees to the end. The lock is held, and let
// go of.
func (c *Conn) finish(w *worker) {
	if c.link != nil && c.out.pending() {
		c.write(w.out)
	}
	next := c.settle()
	bury := c.hung && !c.turning && !c.buried
	c.mu.Unlock()
	c.do(next)
	if bury {
		c.bury()
	}
}

// memory is the link of a [Pollable].
type memory struct{ nc Pollable }

func (m memory) read(w *worker) (int, error) { return m.nc.TryRead(w.buf) }

func (m memory) write(b *batch) (n int, err error) {
	for _, wire := range b.frames[:b.n] {
		for len(wire) > 0 {
			k, err := m.nc.TryWrite(wire)
			n += k
			if wire = wire[k:]; err != nil {
				return n, err
			}
			if k == 0 {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}
