package ws

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"

	"github.com/bennu-go/bennu/fault"
)

const (
	smallWindow = 128  // holds a heartbeat and most events
	largeWindow = 4096 // lent while a client sends more than that
)

var windows = sync.Pool{New: func() any { return new([largeWindow]byte) }}

// inbox is the reading half of a connection.
type inbox struct {
	unread []byte // received and not yet looked at
	head   [8]byte
	small  [smallWindow]byte
	large  *[largeWindow]byte // nil unless the client is sending much
	full   bool               // the last read filled its window: there is more
	state  state
}

// state is what may still be read.
type state byte

const (
	intact state = iota // the next byte starts a message
	broken              // bytes, but no more frames
	over                // nothing
)

// ReadMessage waits for the next message, which is then the caller's. Text is
// valid UTF-8. Every error is a [*CloseError] and final.
func (c *Conn) ReadMessage() (Op, []byte, error) {
	if err := c.ended(); err != nil {
		return 0, nil, err // without waiting for the writer to bury it
	}
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	for {
		if c.in.state != intact {
			return 0, nil, c.ended()
		}
		op, msg, err := c.next()
		if err != nil {
			return 0, nil, c.fail(endOf(err, c.limits))
		}
		if c.ended() == nil {
			return op, msg, nil
		}
		// Closed meanwhile: go on for the sake of the client's close frame.
	}
}

// next reads frames up to the end of a message, and answers those that come in
// between. After an error there is no next message.
func (c *Conn) next() (op Op, msg []byte, err error) {
	defer func() {
		if err != nil {
			c.in.state = after(err)
		}
	}()
	for {
		h, err := c.header()
		if err != nil {
			return 0, nil, err
		}
		if h.op.control() {
			if err := c.control(h); err != nil {
				return 0, nil, err
			}
			continue
		}
		switch {
		case h.op == opContinuation && op == 0:
			return 0, nil, violation(ProtocolError, "a continuation of nothing")
		case h.op != opContinuation && op != 0:
			return 0, nil, violation(ProtocolError, "a message inside a fragmented message")
		case h.length > uint64(c.limits.MaxMessageBytes-len(msg)):
			return 0, nil, violation(TooBig, "the message is too long")
		case op == 0:
			op = h.op
		}
		if msg, err = c.payload(msg, h); err != nil {
			return 0, nil, err
		}
		if !h.fin {
			continue
		}
		if op == OpText && !utf8.Valid(msg) {
			return 0, nil, violation(InvalidPayload, "a text message is not UTF-8")
		}
		return op, msg, nil
	}
}

// header reads the head of a frame.
func (c *Conn) header() (header, error) {
	b := c.in.head[:]
	if err := c.read(b[:2]); err != nil {
		return header{}, err
	}
	h, extra, err := parseHeader(b[0], b[1])
	if err != nil {
		return header{}, err
	}
	if extra > 0 {
		if err := c.read(b[:extra]); err != nil {
			return header{}, err
		}
		if extra == 2 {
			h.length = uint64(binary.BigEndian.Uint16(b))
		} else {
			h.length = binary.BigEndian.Uint64(b)
		}
	}
	if h.length >= 1<<63 {
		return header{}, violation(ProtocolError, "a length has its highest bit set")
	}
	if err := c.read(b[:4]); err != nil {
		return header{}, err
	}
	copy(h.mask[:], b)
	return h, nil
}

// control reads and answers a control frame. The client's close is an error.
func (c *Conn) control(h header) error {
	payload, err := c.payload(nil, h)
	if err != nil {
		return err
	}
	switch h.op {
	case opClose:
		return closedBy(payload)
	case opPing:
		// Should this evict the client, or find it closed, the next read says so.
		_ = c.Send(encode(opPong, payload))
	}
	return nil
}

// payload appends a frame's payload, unmasked, to msg. The length is within the
// limits, but only claimed: memory at most doubles with what has arrived.
func (c *Conn) payload(msg []byte, h header) ([]byte, error) {
	left := int(h.length)
	for pos := 0; left > 0; {
		start, step := len(msg), min(left, max(len(msg), largeWindow))
		msg = slices.Grow(msg, step)[:start+step]
		if err := c.read(msg[start:]); err != nil {
			return nil, err
		}
		gobwas.Cipher(msg[start:], h.mask, pos)
		pos += step
		left -= step
	}
	return msg, nil
}

// read fills p.
func (c *Conn) read(p []byte) error {
	for len(p) > 0 {
		if len(c.in.unread) > 0 {
			n := copy(p, c.in.unread)
			p, c.in.unread = p[n:], c.in.unread[n:]
			continue
		}
		if len(p) >= largeWindow { // a window would only be a detour
			n, err := c.receive(p)
			if err != nil {
				return err
			}
			p, c.in.full = p[n:], false
			continue
		}
		window := c.in.window()
		n, err := c.receive(window)
		if err != nil {
			return err
		}
		c.in.unread, c.in.full = window[:n], n == len(window)
	}
	return nil
}

// receive reads once. The client's silence is limited, or, when the connection
// is closing, its time.
func (c *Conn) receive(p []byte) (int, error) {
	if err := c.armRead(); err != nil {
		return 0, err
	}
	n, err := c.nc.Read(p)
	switch {
	case n > 0:
		return n, nil // an error will come again
	case err == nil:
		return 0, io.ErrNoProgress
	}
	return 0, err
}

func (c *Conn) armRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nc.SetReadDeadline(c.deadline(c.limits.IdleTimeout))
}

// window is what the next read may fill: the small one, unless the last read
// showed that there is more.
func (in *inbox) window() []byte {
	if !in.full {
		in.release()
		return in.small[:]
	}
	if in.large == nil {
		in.large = windows.Get().(*[largeWindow]byte)
	}
	return in.large[:]
}

// release gives the large window back.
func (in *inbox) release() {
	in.unread = nil
	if in.large != nil {
		windows.Put(in.large)
		in.large = nil
	}
}

// after is what may be read after that error.
func after(err error) state {
	var end *CloseError
	switch {
	case errors.As(err, &end) && !end.Remote:
		return broken
	case errors.Is(err, os.ErrDeadlineExceeded):
		return broken
	}
	return over
}

// endOf is the end that an error of reading is for the connection.
func endOf(err error, limits Limits) *CloseError {
	var end *CloseError
	switch {
	case errors.As(err, &end):
		return end
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &CloseError{
			Code:   ProtocolError,
			Reason: "idle timeout",
			err:    fault.Timeout.Errorf("the client was silent for %v", limits.IdleTimeout),
		}
	}
	return lost(err)
}
