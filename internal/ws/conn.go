package ws

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// Conn is a websocket connection. ReadMessage is for one goroutine at a time;
// everything else is for all.
type Conn struct {
	nc       net.Conn
	limits   Limits
	protocol string

	turn chan struct{} // held by whoever reads: ReadMessage, or the writer that closes
	in   inbox         // of whoever has the turn
	done chan struct{}

	mu     sync.Mutex // never held over a read or a write
	out    outbox
	end    *CloseError // why it ended; set once
	until  time.Time   // with end: by when it has to be over
	linger bool        // with end: the peer is given time to close, too
}

// New makes a connection of one whose handshake is done. Received are bytes that
// somebody has read from it already; they are read again, and first.
func New(nc net.Conn, received []byte, limits Limits) *Conn {
	c := &Conn{
		nc:     nc,
		limits: limits.orDefaults(),
		turn:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	c.in.unread = received
	c.out.reset()
	return c
}

// Protocol is the sub-protocol that [Upgrade] chose, or "".
func (c *Conn) Protocol() string { return c.protocol }

// RemoteAddr is the address of the other end, which may be a proxy.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Close ends the connection: what is pending is written, then a close frame,
// then the client has the rest of CloseTimeout to close as well. It starts this
// and does not wait; [Conn.Done] does. From then on Send refuses, and messages
// are discarded. Only the first end of a connection counts: a Close after it is
// nothing.
//
// A reason longer than 123 bytes is cut. A code that may not be sent, such as
// NoStatus, becomes InternalError.
func (c *Conn) Close(code Code, reason string) {
	if !code.sendable() {
		code = InternalError
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		return
	}
	c.shut(&CloseError{
		Code:   code,
		Reason: fitReason(reason),
		err:    fault.Unavailable.Errorf("the server closed the connection"),
	}, c.limits.CloseTimeout)
	c.linger = true
}

// Done is closed when the connection is gone: its descriptor is closed, its
// writer has left, and so has ReadMessage.
func (c *Conn) Done() <-chan struct{} { return c.done }

// ended is why the connection ended, or nil.
func (c *Conn) ended() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		return nil
	}
	return c.end
}

// fail ends the connection over what went wrong, dropping what is pending, and
// returns why it ended, which may be an earlier reason.
func (c *Conn) fail(end *CloseError) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.out.queue = nil
		c.shut(end, c.limits.CloseTimeout)
		c.linger = !end.Remote && end.Code != Abnormal
	}
	return c.end
}

// shut makes end the end of the connection, and has the writer see to it within
// the given time. The lock is held.
func (c *Conn) shut(end *CloseError, within time.Duration) {
	c.end = end
	c.until = time.Now().Add(within)
	_ = c.hurry() // what is under way
	switch {
	case end.Remote && end.Code != Abnormal:
		c.out.push(closeFrame(end.Code, ""))
	case end.Code != Abnormal:
		c.out.push(closeFrame(end.Code, end.Reason))
	}
	c.startWriter()
}

func (c *Conn) hurry() (err error) {
	defer rescue(&err)
	return c.nc.SetDeadline(c.until)
}

// deadline is by when something that starts now and may take that long has to
// be over. The lock is held.
func (c *Conn) deadline(d time.Duration) time.Time {
	if c.end != nil {
		return c.until
	}
	return time.Now().Add(d)
}

// violation is the end of a client that broke the protocol or a limit.
func violation(code Code, what string) *CloseError {
	return &CloseError{Code: code, Reason: what, err: fault.Invalid.Errorf("%s", what)}
}

// closedBy is the end that a client's close frame asks for.
func closedBy(payload []byte) *CloseError {
	end := &CloseError{Code: NoStatus, Remote: true, err: fault.Canceled.Errorf("the client closed the connection")}
	switch {
	case len(payload) == 0:
		return end
	case len(payload) == 1:
		return violation(ProtocolError, "a close frame has half a code")
	}
	end.Code = Code(payload[0])<<8 | Code(payload[1])
	end.Reason = string(payload[2:])
	if !end.Code.sendable() {
		return violation(ProtocolError, "a close frame has a code that may not be sent")
	}
	if !utf8.ValidString(end.Reason) {
		return violation(InvalidPayload, "a close frame's reason is not UTF-8")
	}
	return end
}

// lost is the end of a connection that gave this error: its other end is gone,
// or, for all we know, the network is.
func lost(err error) *CloseError {
	for _, gone := range []error{io.EOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, gone) {
			return &CloseError{Code: Abnormal, Remote: true, err: fault.Canceled.Wrap(err, "the client went away")}
		}
	}
	return &CloseError{Code: Abnormal, err: fault.Unavailable.Wrap(err, "the connection failed")}
}
