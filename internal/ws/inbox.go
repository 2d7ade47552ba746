package ws

import (
	"slices"
	"time"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// inbox is what a connection keeps between two reads: the front of a frame, the
// fragments of a message. Most of the time there is none.
type inbox struct {
	received []byte // with the handshake, and not yet looked at

	head  [14]byte // the front of a header
	heads int

	frame header // whose payload is arriving
	left  int    // bytes of it that have not arrived
	inner []byte // the payload of a control frame

	op  Op // of the message that is arriving; 0: none
	zip bool
	msg []byte
}

// orNil is the inbox, or nil if there is nothing in it.
func (in *inbox) orNil() *inbox {
	if in == nil || in.heads == 0 && in.left == 0 && in.op == 0 && in.received == nil {
		return nil
	}
	return in
}

// state is what may still be read.
type state byte

const (
	intact state = iota // frames
	broken              // bytes, but no more frames
	over                // nothing that counts
)

// receive takes the next bytes. They are changed.
func (c *Conn) receive(w *worker, data []byte) {
	for len(data) > 0 && c.state == intact {
		var end *CloseError
		if data, end = c.next(w, data); end != nil {
			c.stopReading(end)
		}
	}
}

// stopReading ends the connection, which may have ended already.
func (c *Conn) stopReading(end *CloseError) {
	c.state = broken
	if end.Remote {
		c.state = over
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaf = true
	c.peerDone = c.peerDone || end.Remote
	c.fail(end)
}

// next takes at most one frame from the data, and returns the rest.
func (c *Conn) next(w *worker, data []byte) ([]byte, *CloseError) {
	if c.in != nil && c.in.left > 0 {
		return c.goOn(w, data)
	}
	h, size, end := c.header(data)
	if end != nil || size < 0 {
		return nil, end
	}
	data = data[size:]
	if end := c.allow(h); end != nil {
		return nil, end
	}
	if h.length > len(data) {
		in := c.inbox()
		in.frame, in.left = h, h.length
		return c.goOn(w, data)
	}
	payload := data[:h.length]
	c.unmask(payload, h, 0)
	return data[h.length:], c.whole(w, h, payload)
}

func (c *Conn) inbox() *inbox {
	if c.in == nil {
		c.in = &inbox{}
	}
	return c.in
}

// header reads the next header. Size is how much of the data it took, and less
// than 0 if there is more to it.
func (c *Conn) header(data []byte) (h header, size int, end *CloseError) {
	if c.in == nil || c.in.heads == 0 {
		if h, size, end = c.parseHeader(data); size > 0 || end != nil {
			return h, size, end
		}
	}
	in := c.inbox()
	taken := copy(in.head[in.heads:], data)
	h, size, end = c.parseHeader(in.head[:in.heads+taken])
	if size == 0 {
		in.heads += taken
		return h, -1, end
	}
	size -= in.heads
	in.heads = 0
	return h, size, end
}

// allow says whether that frame may come now.
func (c *Conn) allow(h header) *CloseError {
	var begun Op
	have := 0
	if c.in != nil {
		begun, have = c.in.op, len(c.in.msg)
	}
	switch {
	case h.op.control():
	case h.op == opContinuation && begun == 0:
		return violation(ProtocolError, "a continuation of nothing")
	case h.op != opContinuation && begun != 0:
		return violation(ProtocolError, "a message inside a fragmented message")
	case h.length > c.limits.messageBytes()-have:
		return violation(TooBig, "the message is too long")
	}
	return nil
}

func (c *Conn) unmask(p []byte, h header, pos int) {
	if !c.client {
		gobwas.Cipher(p, h.mask, pos)
	}
}

// goOn takes more of a payload. Its length is within the limits, but only
// claimed: memory at most doubles with what has arrived.
func (c *Conn) goOn(w *worker, data []byte) ([]byte, *CloseError) {
	in := c.in
	n := min(in.left, len(data))
	c.unmask(data[:n], in.frame, in.frame.length-in.left)
	to := &in.msg
	if in.frame.op.control() {
		to = &in.inner
	} else if in.frame.op != opContinuation {
		in.op, in.zip = in.frame.op, in.frame.zip
	}
	*to = grow(*to, n, in.left)
	*to = append(*to, data[:n]...)
	if in.left -= n; in.left > 0 {
		return nil, nil
	}
	h, payload := in.frame, in.inner
	if h.op.control() {
		in.inner = nil
		return data[n:], c.control(h, payload)
	}
	return data[n:], c.fragment(w, h, nil)
}

// grow makes room for n more bytes, of which, all told, more are expected.
func grow(p []byte, n, expected int) []byte {
	if cap(p)-len(p) >= n {
		return p
	}
	return slices.Grow(p, min(expected, max(n, len(p))))
}

// whole takes a frame whose payload is there.
func (c *Conn) whole(w *worker, h header, payload []byte) *CloseError {
	switch {
	case h.op.control():
		return c.control(h, payload)
	case h.fin && h.op != opContinuation:
		return c.message(w, h.op, h.zip, payload)
	case h.op != opContinuation:
		in := c.inbox()
		in.op, in.zip = h.op, h.zip
	}
	return c.fragment(w, h, payload)
}

// fragment takes a part of the message, and, with its last, the message.
func (c *Conn) fragment(w *worker, h header, payload []byte) *CloseError {
	in := c.in
	in.msg = append(in.msg, payload...)
	if !h.fin {
		return nil
	}
	op, zip, msg := in.op, in.zip, in.msg
	in.op, in.zip, in.msg = 0, false, nil
	return c.message(w, op, zip, msg)
}

// message has the handler hear of a message, unless the connection has ended.
func (c *Conn) message(w *worker, op Op, zip bool, msg []byte) *CloseError {
	c.pings.count = 0
	if c.end.Load() != nil {
		return nil
	}
	if zip {
		out, end := c.deflate.inflate(msg, c.limits.messageBytes())
		if end != nil {
			return end
		}
		msg = out
	}
	if op == OpText && !utf8.Valid(msg) {
		return violation(InvalidPayload, "a text message is not UTF-8")
	}
	w.whole = true
	w.begin()
	return c.hand(w, op, msg)
}

// hand calls the handler. Its panic is an end like others.
func (c *Conn) hand(w *worker, op Op, msg []byte) (end *CloseError) {
	defer func() {
		if v := recover(); v != nil {
			c.mu.Lock()
			c.linger = true
			c.fail(crashed(v))
			c.mu.Unlock()
		}
	}()
	c.handler.Message(w.batch, op, msg)
	return nil
}

// control answers a control frame.
func (c *Conn) control(h header, payload []byte) *CloseError {
	if h.op == opClose {
		return closedBy(payload)
	}
	if !c.pings.allow(c.poller) {
		return violation(Policy, "too many pings")
	}
	if h.op == opPing {
		// Should this evict the client, or find it closed, there is no answer.
		_ = c.Send(frameOf(opPong, payload))
	}
	return nil
}

// maxPings is about how many pings and pongs a peer may send within a second,
// without a message in between.
const maxPings = 100

// pings counts them.
type pings struct {
	count  int32
	second int32
}

func (p *pings) allow(poller *Poller) bool {
	if p.count++; p.count <= maxPings {
		return true
	}
	now := int32(poller.now() / time.Second)
	if now == p.second {
		return false
	}
	p.count, p.second = 1, now
	return true
}
