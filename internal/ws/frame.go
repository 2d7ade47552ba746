package ws

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
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

// maxControlBytes is the longest payload of a close, a ping or a pong.
const maxControlBytes = 125

// Frame is a server's frame, encoded and ready for any number of connections.
// It never changes. The zero Frame is nothing and cannot be sent.
type Frame struct{ wire []byte }

// Text prepares a text message. It copies the payload, and trusts it to be
// UTF-8.
func Text(payload []byte) Frame { return encode(OpText, payload) }

// Binary prepares a binary message. It copies the payload.
func Binary(payload []byte) Frame { return encode(OpBinary, payload) }

// Len is the frame's size on the wire, in bytes.
func (f Frame) Len() int { return len(f.wire) }

func encode(op Op, payload []byte) Frame {
	const fin = 0x80
	n := len(payload)
	wire := make([]byte, 0, 10+n)
	switch wire = append(wire, fin|byte(op)); {
	case n <= 125:
		wire = append(wire, byte(n))
	case n <= math.MaxUint16:
		wire = binary.BigEndian.AppendUint16(append(wire, 126), uint16(n))
	default:
		wire = binary.BigEndian.AppendUint64(append(wire, 127), uint64(n))
	}
	return Frame{append(wire, payload...)}
}

// closeFrame is a close with a code and as much of the reason as fits; with
// NoStatus it is empty.
func closeFrame(code Code, reason string) Frame {
	if code == NoStatus {
		return encode(opClose, nil)
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	return encode(opClose, append(payload, reason...))
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

// header is the head of a client's frame.
type header struct {
	fin    bool
	op     Op
	length uint64
	mask   [4]byte
}

// parseHeader checks the two bytes that every frame starts with, and says how
// many bytes of length follow.
func parseHeader(b0, b1 byte) (h header, extra int, err error) {
	h = header{fin: b0&0x80 != 0, op: Op(b0 & 0x0f), length: uint64(b1 & 0x7f)}
	switch {
	case b0&0x70 != 0:
		err = violation(ProtocolError, "a reserved bit is set")
	case !h.op.known():
		err = violation(ProtocolError, "unknown opcode")
	case b1&0x80 == 0:
		err = violation(ProtocolError, "a client must mask its frames")
	case h.op.control() && !h.fin:
		err = violation(ProtocolError, "a control frame is fragmented")
	case h.op.control() && h.length > maxControlBytes:
		err = violation(ProtocolError, "a control frame is longer than 125 bytes")
	case h.length == 126:
		extra = 2
	case h.length == 127:
		extra = 8
	}
	return h, extra, err
}
