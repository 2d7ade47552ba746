package ws

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Conn is a websocket connection. All of its methods are for any goroutine.
type Conn struct {
	nc       net.Conn
	limits   *Limits
	deflate  *Deflate // nil: not negotiated
	protocol string

	poller  *Poller // these three are set by Serve
	handler Handler
	link    link // nil: goroutines read and write

	in   *inbox                     // of whose turn it is; nil while there is nothing to keep
	end  atomic.Pointer[CloseError] // why it ended; set once, under the lock
	mu   sync.Mutex                 // never held over a read, a write or a handler
	out  outbox
	line *Conn // the next in the poller's line

	timed timed         // of the wheel
	heard time.Duration // when the last byte came, on the poller's clock
	until time.Duration // with end: by when it has to be over

	pings  pings // of whose turn it is
	state  state // the same
	client bool  // we are the client

	// Guarded by the lock.
	turning  bool // somebody reads, or handles what was read
	readable bool // there is something to read, for the next turn
	queued   bool // it is in the poller's line
	linger   bool // with end: the peer is given time to close, too
	deaf     bool // nothing that the peer says counts any more
	half     bool // we have said that nothing more comes
	peerDone bool // the peer has closed
	cut      bool // there is no time left for anything
	gone     bool // somebody closes the descriptor
	hung     bool // it is closed
	buried   bool // the handler has heard of it
}

// link moves bytes without waiting; ErrWouldBlock says that it would have to.
type link interface {
	read(w *worker) (int, error)
	write(b *batch) (int, error)
}

// New makes a server's connection of one whose handshake is done. Received are
// bytes that somebody has read from it already; they are read again, and first.
// They are the connection's from here on.
func New(nc net.Conn, received []byte, limits *Limits) *Conn {
	c := &Conn{nc: nc, limits: limits}
	if len(received) > 0 {
		c.in = &inbox{received: received}
	}
	c.out.reset()
	return c
}

// Client is [New] for the client's end: frames that leave are masked, and those
// that arrive must not be.
func Client(nc net.Conn, received []byte, limits *Limits) *Conn {
	c := New(nc, received, limits)
	c.client = true
	return c
}

// Protocol is the sub-protocol that was chosen, or "".
func (c *Conn) Protocol() string { return c.protocol }

// RemoteAddr is the address of the other end, which may be a proxy.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Serve has the handler hear of the connection from here on. It is called once,
// and returns at once.
func (c *Conn) Serve(p *Poller, h Handler) {
	if !p.adopt() {
		c.Close(GoingAway, "")
		go h.Closed(c.end.Load())
		return
	}
	c.mu.Lock()
	if c.gone { // closed before
		c.mu.Unlock()
		p.start(func() {
			defer p.conns.Done()
			conclude(h, c.end.Load())
		})
		return
	}
	c.poller, c.handler, c.heard = p, h, p.now()
	p.wheel.arm(c, c.heard+c.limits.idle(), c.limits.idle())
	if c.link = p.linkOf(c); c.link == nil {
		c.turning = true
		p.start(c.readAll)
	}
	c.wake()
	c.mu.Unlock()
	if nc, ok := c.nc.(Pollable); ok {
		nc.Notify(c.notice)
		c.notice()
	}
}

// notice is called when there may be something to read, or room to write.
func (c *Conn) notice() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readable = true
	c.out.again = true
	if !c.turning {
		c.enqueue()
	}
}

// Close ends the connection: what is pending is written, then a close frame,
// then the other end has the rest of CloseTimeout to close as well. It starts
// this and does not wait; [Handler].Closed tells. From then on Send refuses, and
// messages are discarded. Only the first end of a connection counts: a Close
// after it is nothing. A connection that nobody serves is closed at once.
//
// A reason longer than 123 bytes is cut. A code that may not be sent, such as
// NoStatus, becomes InternalError.
func (c *Conn) Close(code Code, reason string) {
	if !code.sendable() {
		code = InternalError
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end.Load() != nil {
		return
	}
	c.linger = true
	c.shut(&CloseError{
		Code:   code,
		Reason: fitReason(reason),
		err:    fault.Unavailable.Errorf("the server closed the connection"),
	}, c.limits.close())
}

// fail ends the connection over what went wrong, dropping what is pending. The
// lock is held.
func (c *Conn) fail(end *CloseError) {
	if c.end.Load() != nil {
		return
	}
	c.out.drop()
	c.linger = !end.Remote
	c.cut = end.Code == Abnormal
	c.shut(end, c.limits.close())
}

// shut makes end the end of the connection, and has somebody see to it within
// the given time. The lock is held.
func (c *Conn) shut(end *CloseError, within time.Duration) {
	c.end.Store(end)
	if end.Code != Abnormal {
		reason := end.Reason
		if end.Remote {
			reason = ""
		}
		c.out.push(c.outgoing(closeFrame(end.Code, reason)))
	}
	if c.poller == nil {
		c.gone = true
		go c.abandon()
		return
	}
	c.until = c.poller.now() + within
	c.poller.wheel.arm(c, c.until, within)
	c.wake()
}

// step is what comes next in the end of a connection.
type step byte

const (
	wait step = iota
	sayOver
	hangUp
)

// settle says what comes next, and that it is the caller's to do. The lock is
// held.
func (c *Conn) settle() step {
	written := !c.out.pending() && !c.out.writing
	switch {
	case c.end.Load() == nil || c.gone:
		return wait
	case c.link != nil && (c.turning || c.out.writing):
		return wait // who is at the descriptor settles after it
	case c.cut || written && c.hangsUp():
		c.gone = true
		return hangUp
	case written && c.deaf && !c.half:
		// There are no frames to be made out any more, so the peer's close would
		// be missed: say that nothing more comes, and wait for its end.
		c.half = true
		return sayOver
	}
	return wait
}

// hangsUp reports whether what is pending is all that is still to be done. The lock is held.
func (c *Conn) hangsUp() bool { return c.end.Load() != nil && (!c.linger || c.peerDone) }

// do takes that step. Without a link it may take long.
func (c *Conn) do(s step) {
	switch {
	case s == wait:
	case c.link == nil:
		c.poller.start(func() { c.take(s) })
	default:
		c.take(s)
	}
}

func (c *Conn) take(s step) {
	if s == sayOver {
		c.closeWrite()
		return
	}
	c.poller.wheel.remove(c)
	if d, ok := c.link.(interface{ detach() }); ok {
		d.detach()
	}
	_ = c.hangUp()
	c.mu.Lock()
	c.hung = true
	c.mu.Unlock()
	c.bury()
}

func (c *Conn) closeWrite() {
	var err error
	defer rescue(&err)
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (c *Conn) hangUp() (err error) {
	defer rescue(&err)
	secure, ok := c.nc.(*tls.Conn)
	if !ok {
		return c.nc.Close()
	}
	// TLS says goodbye, and waits for room for that: not where there is no time left.
	c.mu.Lock()
	left := c.until - c.poller.now()
	if c.cut {
		left = 0
	}
	c.mu.Unlock()
	if left <= 0 {
		return secure.NetConn().Close()
	}
	cut := time.AfterFunc(left, func() { _ = secure.NetConn().Close() })
	defer cut.Stop()
	return secure.Close()
}

// bury tells the handler, if the connection is closed and nobody reads.
func (c *Conn) bury() {
	c.mu.Lock()
	if !c.hung || c.turning || c.buried {
		c.mu.Unlock()
		return
	}
	c.buried = true
	c.in = nil
	c.out.release()
	c.mu.Unlock()
	defer c.poller.conns.Done()
	conclude(c.handler, c.end.Load())
}

// conclude is the last call of a handler.
func conclude(h Handler, end *CloseError) {
	defer func() { _ = recover() }()
	h.Closed(end)
}

// abandon is the end of a connection that nobody serves.
func (c *Conn) abandon() {
	var err error
	defer rescue(&err)
	defer c.nc.Close()
	_ = c.nc.SetDeadline(time.Now().Add(evictionTimeout))
	for {
		b := &batch{}
		c.mu.Lock()
		c.out.load(b, c.deflate, maxBatchBytes)
		c.mu.Unlock()
		if b.n == 0 {
			return
		}
		n, err := b.writeTo(c.nc)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.out.wrote(n, c.deflate)
		c.mu.Unlock()
	}
}

// expire looks at the time-outs of the connection.
func (c *Conn) expire(now time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	idle, patience := c.limits.idle(), c.patience()
	due, about := c.heard+idle, idle
	if stands := c.out.since + patience; c.out.since != 0 && stands < due {
		due, about = stands, patience
	}
	switch {
	case c.gone:
		return
	case c.poller.isClosed():
		c.fail(&CloseError{Code: Abnormal, err: fault.Unavailable.Errorf("the server stopped")})
		c.cut = true
		c.wake()
	case c.end.Load() != nil && now < c.until:
		c.poller.wheel.arm(c, c.until, c.until-now)
	case c.end.Load() != nil:
		c.cut = true
		c.wake()
	case now < due:
		c.poller.wheel.arm(c, due, about)
	case c.stands() && c.retry():
		c.poller.wheel.arm(c, now+patience, patience)
	case c.stands() && c.exceeds(0, 0):
		_ = c.evict()
	case c.stands():
		c.fail(stuck())
	default:
		c.fail(silent(idle))
	}
}
