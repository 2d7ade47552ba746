package ws

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"

	"github.com/bennu-go/bennu/fault"
)

// startWriter sees to it that there is a writer. The lock is held.
func (c *Conn) startWriter() {
	if !c.out.running {
		c.out.running = true
		go c.write()
	}
}

// write is the writer goroutine. It writes what is pending, and leaves; a
// connection that has ended, it closes.
func (c *Conn) write() {
	ended, err := c.flush()
	switch {
	case err != nil:
		_ = c.fail(unwritable(err))
		c.bury(false)
	case ended:
		c.mu.Lock()
		linger := c.linger
		c.mu.Unlock()
		c.bury(linger)
	}
}

// flush writes until nothing is pending. Unless the connection has ended, there
// is then no writer any more, and perhaps another one already.
func (c *Conn) flush() (ended bool, err error) {
	defer rescue(&err)
	for {
		batch, size, ended, err := c.startWrite()
		if err != nil || len(batch) == 0 {
			return ended, err
		}
		n := len(batch)
		if err := c.writeAll(batch); err != nil {
			return false, err
		}
		c.endWrite(n, size)
	}
}

func (c *Conn) startWrite() (batch net.Buffers, size int, ended bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if batch, size = c.out.take(); len(batch) > 0 {
		c.out.writing = true
		return batch, size, false, c.nc.SetWriteDeadline(c.deadline(c.limits.WriteTimeout))
	}
	if c.end == nil {
		c.out.running = false
		c.out.reset()
	}
	return nil, 0, c.end != nil, nil
}

func (c *Conn) endWrite(frames, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.writing = false
	c.out.frames -= frames
	c.out.bytes -= size
}

// writeAll writes a batch with one call, and lets go of its frames.
func (c *Conn) writeAll(batch net.Buffers) error {
	if len(batch) == 1 {
		wire := batch[0]
		batch[0] = nil
		_, err := c.nc.Write(wire)
		return err
	}
	switch c.nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		vector := batch // so that only this way puts it on the heap
		_, err := vector.WriteTo(c.nc)
		return err
	}
	// No writev here, and over TLS each write would be a record of its own.
	joined := bytes.Join(batch, nil)
	clear(batch)
	_, err := c.nc.Write(joined)
	return err
}

// bury is the writer's last act: it gives the peer its time, closes, and waits
// for the reader to leave.
func (c *Conn) bury(linger bool) {
	if linger {
		_ = c.drain()
	}
	_ = c.hangUp()
	c.turn <- struct{}{}
	c.in.release()
	<-c.turn
	close(c.done)
}

// drain reads until the peer closes or its time is over. Closing with bytes
// unread would reset the connection, and the peer might never see our close
// frame.
func (c *Conn) drain() (err error) {
	defer rescue(&err)
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	for c.in.state == intact {
		_, _, _ = c.next()
	}
	if c.in.state == over {
		return nil
	}
	// There are no frames to be made out any more, so the peer's close would be
	// missed: say that nothing more comes, and wait for its end.
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	for {
		if _, err := c.receive(c.in.small[:]); err != nil {
			return err
		}
	}
}

func (c *Conn) hangUp() (err error) {
	defer rescue(&err)
	return c.nc.Close()
}

// unwritable is the end that an error of writing is for the connection.
func unwritable(err error) *CloseError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &CloseError{Code: Abnormal, err: fault.Timeout.Wrap(err, "the client stopped reading")}
	}
	return lost(err)
}

// rescue turns a panic of a net.Conn into an error: one bad connection must not
// end the program.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}
