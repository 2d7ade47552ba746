package memnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pair is a connection: both of its ends, under one lock.
type pair struct {
	mu      sync.Mutex // not held over a wait, or a call of what Notify was given
	network *Listener
	number  uint64
	ends    [2]Conn
}

// Conn is one end of a connection. All of its methods are for all goroutines.
type Conn struct {
	pair     *pair
	unread   *buffer       // what the other end wrote; nil: nothing
	changed  chan struct{} // closed when something changes; nil: nobody waits
	notify   func()
	readBy   time.Duration // deadlines, as Listener.elapsed counts; 0: none
	writeBy  time.Duration
	accepted bool
	closed   bool
	ended    bool // it will write nothing more
	waits    bool // it was refused a write, and hears when there is room
}

// Read waits until there is something to read.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		c.pair.mu.Lock()
		by := c.readBy
		n, tell, err := c.take(p, by)
		if err != syscall.EAGAIN {
			return n, c.unlock(tell, err)
		}
		c.wait(by)
	}
}

// TryRead is Read without waiting: if there is nothing to read, it fails with
// [syscall.EAGAIN]. It knows no deadline.
func (c *Conn) TryRead(p []byte) (int, error) {
	c.pair.mu.Lock()
	n, tell, err := c.take(p, 0)
	return n, c.unlock(tell, err)
}

// Write waits until there was room for all of p.
func (c *Conn) Write(p []byte) (int, error) {
	written := 0
	for {
		c.pair.mu.Lock()
		by := c.writeBy
		n, tell, err := c.give(p[written:], by)
		written += n
		switch {
		case err != syscall.EAGAIN:
			return written, c.unlock(tell, err)
		case n > 0:
			_ = c.unlock(tell, nil)
		default:
			c.wait(by)
		}
	}
}

// TryWrite is Write without waiting: if there is room for the first n bytes only,
// which may be none, it fails with [syscall.EAGAIN]. It knows no deadline.
func (c *Conn) TryWrite(p []byte) (n int, err error) {
	c.pair.mu.Lock()
	n, tell, err := c.give(p, 0)
	return n, c.unlock(tell, err)
}

// Notify has f called whenever a TryRead or TryWrite that failed with [syscall.EAGAIN]
// may succeed or fail for another reason, by the goroutine that made it so: f must not
// block. It is called too often rather than too rarely, but not for what was there
// before Notify: try once after it. A nil f ends it, though a call may be under way.
func (c *Conn) Notify(f func()) {
	c.pair.mu.Lock()
	c.notify = f
	c.pair.mu.Unlock()
}

// Close ends the connection. What it has not read is lost; what it wrote is not.
func (c *Conn) Close() error {
	c.pair.mu.Lock()
	if c.closed {
		return c.unlock(nil, net.ErrClosed)
	}
	c.closed, c.ended, c.notify = true, true, nil
	if c.unread != nil {
		c.pair.network.pool.put(c.unread)
		c.unread = nil
	}
	c.change()
	return c.unlock(c.peer().change(), nil)
}

// CloseWrite has the other end read to the end. This end goes on reading.
func (c *Conn) CloseWrite() error {
	c.pair.mu.Lock()
	if c.closed {
		return c.unlock(nil, net.ErrClosed)
	}
	c.ended = true
	c.change()
	return c.unlock(c.peer().change(), nil)
}

// LocalAddr is the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.addr(c.accepted) }

// RemoteAddr is the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.addr(!c.accepted) }

func (c *Conn) addr(ofListener bool) net.Addr {
	if ofListener {
		return c.pair.network.Addr()
	}
	return addr(c.pair.number, 1)
}

// SetDeadline sets both deadlines.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy, &c.writeBy) }

// SetReadDeadline is for Read, one that waits included. The zero time is none.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, &c.readBy) }

// SetWriteDeadline is for Write, one that waits included. The zero time is none.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, &c.writeBy) }

func (c *Conn) setDeadlines(t time.Time, deadlines ...*time.Duration) error {
	by := time.Duration(0)
	if !t.IsZero() {
		by = c.pair.network.elapsed(t)
	}
	c.pair.mu.Lock()
	if c.closed {
		return c.unlock(nil, net.ErrClosed)
	}
	for _, d := range deadlines {
		*d = by
	}
	c.wake()
	return c.unlock(nil, nil)
}

func (c *Conn) peer() *Conn {
	if c.accepted {
		return &c.pair.ends[0]
	}
	return &c.pair.ends[1]
}

// take reads what there is. The lock is held; tell is to be called without it.
func (c *Conn) take(p []byte, by time.Duration) (n int, tell func(), err error) {
	peer := c.peer()
	switch {
	case c.closed:
		return 0, nil, net.ErrClosed
	case c.isLate(by):
		return 0, nil, os.ErrDeadlineExceeded
	case len(p) == 0:
		return 0, nil, nil
	case c.unread == nil && peer.ended:
		return 0, nil, io.EOF
	case c.unread == nil:
		return 0, nil, syscall.EAGAIN
	}
	c.unread, n = c.pair.network.pool.drain(c.unread, p)
	if peer.waits && c.unread.len() <= capacity/2 {
		peer.waits = false
		tell = peer.change()
	}
	return n, tell, nil
}

// give writes as much as there is room for. The lock is held; tell is to be called
// without it.
func (c *Conn) give(p []byte, by time.Duration) (n int, tell func(), err error) {
	peer := c.peer()
	switch {
	case c.closed:
		return 0, nil, net.ErrClosed
	case c.isLate(by):
		return 0, nil, os.ErrDeadlineExceeded
	case peer.closed || c.ended:
		return 0, nil, io.ErrClosedPipe
	}
	silent := peer.unread == nil
	peer.unread, n = c.pair.network.pool.fill(peer.unread, p)
	if silent && n > 0 {
		tell = peer.change()
	}
	if n < len(p) {
		c.waits = true
		return n, tell, syscall.EAGAIN
	}
	return n, tell, nil
}

func (c *Conn) isLate(by time.Duration) bool {
	return by != 0 && c.pair.network.elapsed(time.Now()) >= by
}

// change wakes whoever waits at this end, and gives whom else to tell.
func (c *Conn) change() (tell func()) {
	c.wake()
	return c.notify
}

func (c *Conn) wake() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// wait gives the lock away and returns when something has changed, or the deadline
// is over.
func (c *Conn) wait(by time.Duration) {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	changed := c.changed
	c.pair.mu.Unlock()
	if by == 0 {
		<-changed
		return
	}
	timer := time.NewTimer(by - c.pair.network.elapsed(time.Now()))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	}
}

func (c *Conn) unlock(tell func(), err error) error {
	c.pair.mu.Unlock()
	if tell != nil {
		tell()
	}
	return err
}
