package ws

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"unicode/utf8"

	gobwas "github.com/gobwas/ws"
)

// Op is what a frame carries.
type Op byte

// The kinds of messages.
const (
	OpText   Op = 1
	OpBinary Op = 2

	opContinuation Op = 0
	opClose        Op = 8
	opPing         Op = 9
	opPong         Op = 10
)

func (o Op) control() bool { return o >= opClose }

func (o Op) known() bool { return o <= OpBinary || o >= opClose && o <= opPong }

// Bits of a frame's first two bytes.
const (
	bitFin  = 0x80
	bitRSV1 = 0x40
	bitMask = 0x80
)

// maxControlBytes is the longest payload of a close, a ping or a pong.
const maxControlBytes = 125

// Frame is a message, encoded and ready for any number of connections. It never
// changes, and is as cheap to copy as a pointer. The zero Frame is nothing and
// cannot be sent.
type Frame struct{ *encoded }

// encoded is a frame as a server writes it, and, once somebody asked for it, the
// same compressed.
type encoded struct {
	wire []byte
	once sync.Once
	zip  []byte // nil when compressing gains nothing
}

// Text prepares a text message. It copies the payload, and trusts it to be
// UTF-8.
func Text(payload []byte) Frame { return frameOf(OpText, payload) }

// Binary prepares a binary message. It copies the payload.
func Binary(payload []byte) Frame { return frameOf(OpBinary, payload) }

// HeaderRoom is how many bytes [NewFrame] needs in front of a payload.
const HeaderRoom = 10

// NewFrame prepares a message whose payload is buf behind its first HeaderRoom
// bytes, without copying it. The buffer is the frame's from here on.
func NewFrame(op Op, buf []byte) Frame { return Frame{&encoded{wire: wireOf(op, buf)}} }

// Len is the frame's size on the wire, in bytes, uncompressed.
func (f Frame) Len() int {
	if f.encoded == nil {
		return 0
	}
	return len(f.wire)
}

// Op is what the frame carries.
func (f Frame) Op() Op { return Op(f.wire[0] & 0x0f) }

// Payload is the message itself, for other ways to a client than a websocket. It must not
// be changed.
func (f Frame) Payload() []byte { return payloadOf(f.wire) }

func frameOf(op Op, payload []byte) Frame {
	buf := make([]byte, HeaderRoom+len(payload))
	copy(buf[HeaderRoom:], payload)
	return NewFrame(op, buf)
}

// wireOf writes a server's header right in front of the payload that begins at
// HeaderRoom.
func wireOf(op Op, buf []byte) []byte {
	var head [HeaderRoom]byte
	h := appendHeader(head[:0], bitFin|byte(op), 0, len(buf)-HeaderRoom)
	start := HeaderRoom - len(h)
	copy(buf[start:], h)
	return buf[start:]
}

func appendHeader(dst []byte, first, mask byte, n int) []byte {
	switch {
	case n <= 125:
		return append(dst, first, mask|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(n))
}

// payloadOf is what is behind the header of a server's frame.
func payloadOf(wire []byte) []byte {
	switch wire[1] {
	case 126:
		return wire[4:]
	case 127:
		return wire[10:]
	}
	return wire[2:]
}

// masked is a server's frame as a client sends it.
func masked(wire []byte) []byte {
	payload := payloadOf(wire)
	out := appendHeader(make([]byte, 0, len(wire)+4), wire[0], bitMask, len(payload))
	var mask [4]byte
	binary.NativeEndian.PutUint32(mask[:], rand.Uint32())
	out = append(out, mask[:]...)
	start := len(out)
	out = append(out, payload...)
	gobwas.Cipher(out[start:], mask, 0)
	return out
}

// closeFrame is a close with a code and as much of the reason as fits; with
// NoStatus it is empty.
func closeFrame(code Code, reason string) Frame {
	if code == NoStatus {
		return frameOf(opClose, nil)
	}
	buf := make([]byte, HeaderRoom, HeaderRoom+2+len(reason))
	return NewFrame(opClose, append(binary.BigEndian.AppendUint16(buf, uint16(code)), reason...))
}

// fitReason shortens a close reason to whole runes in 123 bytes.
func fitReason(reason string) string {
	const room = maxControlBytes - 2
	if len(reason) <= room {
		return reason
	}
	end := room
	for !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end]
}

// header is the head of a frame of the other end.
type header struct {
	fin    bool
	zip    bool
	op     Op
	length int
	mask   [4]byte
}

// parseHeader reads a header from the front of b, and says how long it is: 0 if
// more bytes are needed. What the first two bytes have wrong is found with them.
func (c *Conn) parseHeader(b []byte) (h header, size int, end *CloseError) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h = header{fin: b[0]&bitFin != 0, zip: b[0]&bitRSV1 != 0, op: Op(b[0] & 0x0f)}
	short := b[1] & 0x7f
	switch {
	case b[0]&0x30 != 0, h.zip && c.deflate == nil:
		end = violation(ProtocolError, "a reserved bit is set")
	case !h.op.known():
		end = violation(ProtocolError, "unknown opcode")
	case h.zip && (h.op.control() || h.op == opContinuation):
		end = violation(ProtocolError, "only the first frame of a message says that it is compressed")
	case !c.client && b[1]&bitMask == 0:
		end = violation(ProtocolError, "a client must mask its frames")
	case c.client && b[1]&bitMask != 0:
		end = violation(ProtocolError, "a server must not mask its frames")
	case h.op.control() && !h.fin:
		end = violation(ProtocolError, "a control frame is fragmented")
	case h.op.control() && short > maxControlBytes:
		end = violation(ProtocolError, "a control frame is longer than 125 bytes")
	}
	if end != nil {
		return h, 0, end
	}
	return c.parseLength(h, b, short)
}

func (c *Conn) parseLength(h header, b []byte, short byte) (header, int, *CloseError) {
	size, length := 2, uint64(short)
	switch short {
	case 126:
		if size = 4; len(b) >= size {
			length = uint64(binary.BigEndian.Uint16(b[2:]))
		}
	case 127:
		if size = 10; len(b) >= size {
			length = binary.BigEndian.Uint64(b[2:])
		}
	}
	if length >= 1<<63 {
		return h, 0, violation(ProtocolError, "a length has its highest bit set")
	}
	if !c.client {
		if size += 4; len(b) >= size {
			copy(h.mask[:], b[size-4:])
		}
	}
	if len(b) < size {
		return h, 0, nil
	}
	h.length = int(min(length, math.MaxInt)) // what is cut here is over every limit
	return h, size, nil
}
