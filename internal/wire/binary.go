package wire

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/bennu-go/bennu/fault"
)

// The first byte of a binary frame. A client's push has a ref, a server's has none.
const (
	kindPush        = 0
	kindReply       = 1
	kindBroadcast   = 2
	kindBroadcastAt = 3
)

// DecodeBinary reads a binary frame of a client.
func DecodeBinary(frame []byte) (Message, error) {
	if len(frame) == 0 || frame[0] != kindPush {
		return Message{}, fault.Invalid.Errorf("a binary message begins with %d", kindPush)
	}
	parts, data, err := unpack(frame[1:], 4, 0)
	if err != nil {
		return Message{}, err
	}
	return Message{JoinRef: orNull(parts[0]), Ref: orNull(parts[1]), Topic: parts[2], Event: parts[3], Payload: data, Binary: true}, nil
}

// DecodeServerBinary reads a binary frame of a server.
func DecodeServerBinary(frame []byte) (r Received, err error) {
	if len(frame) == 0 {
		return r, errKind()
	}
	var parts [4][]byte
	r.Binary = true
	switch kind, rest := frame[0], frame[1:]; kind {
	case kindPush:
		parts, r.Payload, err = unpack(rest, 3, 0)
		r.JoinRef, r.Topic, r.Event = orNull(parts[0]), parts[1], parts[2]
	case kindReply:
		parts, r.Payload, err = unpack(rest, 4, 0)
		r.JoinRef, r.Ref, r.Topic, r.Status = orNull(parts[0]), orNull(parts[1]), parts[2], parts[3]
		r.Event = []byte(reply)
	case kindBroadcast:
		parts, r.Payload, err = unpack(rest, 2, 0)
		r.Topic, r.Event = parts[0], parts[1]
	case kindBroadcastAt:
		const offsetBytes = 8
		parts, r.Payload, err = unpack(rest, 2, offsetBytes)
		if r.Topic, r.Event = parts[0], parts[1]; err == nil {
			r.Meta = ReceivedMeta{Present: true, Offset: binary.BigEndian.Uint64(rest[2:]), HasOffset: true}
		}
	default:
		return r, errKind()
	}
	return r, err
}

// unpack takes a binary frame without its first byte apart: n sizes, some bytes that are
// skipped, n parts, and the data.
func unpack(frame []byte, n, skip int) (parts [4][]byte, data []byte, err error) {
	if len(frame) < n+skip {
		return parts, nil, errShort()
	}
	sizes, rest := frame[:n], frame[n+skip:]
	for i, size := range sizes {
		if len(rest) < int(size) {
			return parts, nil, errShort()
		}
		parts[i], rest = rest[:size:size], rest[size:]
		if !utf8.Valid(parts[i]) {
			return parts, nil, errUTF8()
		}
	}
	return parts, rest, nil
}

func orNull(ref []byte) []byte {
	if len(ref) == 0 {
		return nil
	}
	return ref
}

// AppendBinaryPush appends a server's message with bytes to one client. A part that is too
// long for a binary frame is an error, here and below.
func AppendBinaryPush(dst []byte, joinRef []byte, topic, event string, data []byte) ([]byte, error) {
	if tooLong(len(joinRef), len(topic), len(event)) {
		return dst, errLong()
	}
	dst = append(dst, kindPush, byte(len(joinRef)), byte(len(topic)), byte(len(event)))
	return append(append(append(append(dst, joinRef...), topic...), event...), data...), nil
}

// AppendBinaryReply appends a reply whose response is bytes.
func AppendBinaryReply(dst []byte, joinRef, ref []byte, topic, status string, data []byte) ([]byte, error) {
	return fourParts(dst, kindReply, joinRef, ref, topic, status, data)
}

// AppendBinaryBroadcast appends a broadcast of bytes.
func AppendBinaryBroadcast(dst []byte, topic, event string, data []byte) ([]byte, error) {
	if tooLong(len(topic), len(event)) {
		return dst, errLong()
	}
	dst = append(dst, kindBroadcast, byte(len(topic)), byte(len(event)))
	return append(append(append(dst, topic...), event...), data...), nil
}

// AppendBinaryBroadcastAt appends a broadcast of bytes that is kept, for clients that
// understand metas.
func AppendBinaryBroadcastAt(dst []byte, offset uint64, topic, event string, data []byte) ([]byte, error) {
	if tooLong(len(topic), len(event)) {
		return dst, errLong()
	}
	dst = append(dst, kindBroadcastAt, byte(len(topic)), byte(len(event)))
	dst = binary.BigEndian.AppendUint64(dst, offset)
	return append(append(append(dst, topic...), event...), data...), nil
}

// AppendClientBinary appends a client's message with bytes.
func AppendClientBinary(dst []byte, joinRef, ref []byte, topic, event string, data []byte) ([]byte, error) {
	return fourParts(dst, kindPush, joinRef, ref, topic, event, data)
}

func fourParts(dst []byte, kind byte, joinRef, ref []byte, topic, last string, data []byte) ([]byte, error) {
	if tooLong(len(joinRef), len(ref), len(topic), len(last)) {
		return dst, errLong()
	}
	dst = append(dst, kind, byte(len(joinRef)), byte(len(ref)), byte(len(topic)), byte(len(last)))
	return append(append(append(append(append(dst, joinRef...), ref...), topic...), last...), data...), nil
}

func tooLong(sizes ...int) bool {
	for _, n := range sizes {
		if n > longest {
			return true
		}
	}
	return false
}

func errKind() error { return fault.Invalid.Errorf("the binary message is of no kind that is known") }

func errShort() error {
	return fault.Invalid.Errorf("the binary message is shorter than its sizes say")
}
