package udp

import "encoding/binary"

// The kinds of frames.
const (
	partFrame      = 1 // a segment; more of its message follow
	lastFrame      = 2 // a segment that ends its message
	pingFrame      = 3
	closeFrame     = 4
	challengeFrame = 5
	answerFrame    = 6
)

const (
	segmentHead     = 1 + 8 + 2
	maxSegmentBytes = MaxDatagramBytes - dataBytes - segmentHead
)

// frame is one of a datagram's. The data is a view.
type frame struct {
	kind   byte
	number uint64 // of a segment
	data   []byte
}

// asks reports whether the frame is to be acknowledged.
func (f frame) asks() bool { return f.kind <= pingFrame }

// nextFrame splits off the first frame.
func nextFrame(b []byte) (f frame, rest []byte, ok bool) {
	f.kind, b = b[0], b[1:]
	n := 0
	switch f.kind {
	case partFrame, lastFrame:
		if len(b) < 10 {
			return f, nil, false
		}
		f.number = binary.BigEndian.Uint64(b)
		n, b = int(binary.BigEndian.Uint16(b[8:])), b[10:]
	case pingFrame:
	case closeFrame:
		if len(b) < 1 || b[0] > MaxReasonBytes {
			return f, nil, false
		}
		n, b = int(b[0]), b[1:]
	case challengeFrame, answerFrame:
		n = cookieBytes
	default:
		return f, nil, false
	}
	if len(b) < n {
		return f, nil, false
	}
	f.data = b[:n]
	return f, b[n:], true
}

func appendSegment(dst []byte, number uint64, last bool, data []byte) []byte {
	kind := byte(partFrame)
	if last {
		kind = lastFrame
	}
	dst = binary.BigEndian.AppendUint64(append(dst, kind), number)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)))
	return append(dst, data...)
}

func appendClose(dst []byte, reason string) []byte {
	dst = append(dst, closeFrame, byte(len(reason)))
	return append(dst, reason...)
}
