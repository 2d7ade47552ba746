package udp

import (
	"encoding/binary"
)

// The first byte of a datagram: the version in its high half, the kind in its low one.
const (
	version = 1 << 4

	helloKind   = version | 1
	cookieKind  = version | 2
	openKind    = version | 3
	welcomeKind = version | 4
	refusalKind = version | 5
	dataKind    = version | 6
	resetKind   = version | 7
)

type (
	nonce     [16]byte
	sessionID [16]byte
)

const (
	nonceBytes  = len(nonce{})
	idBytes     = len(sessionID{})
	cookieBytes = 16
	tokenBytes  = 16

	helloBytes       = 1 + nonceBytes
	cookieReplyBytes = helloBytes + cookieBytes
	openBytes        = cookieReplyBytes + 1 + 2 + macBytes // without device and params
	welcomeBytes     = helloBytes + idBytes + nonceBytes + tokenBytes + 4 + 4 + macBytes
	refusalBytes     = helloBytes + 1 // without its text
	headerBytes      = 1 + idBytes + 8 + 8 + 8
	dataBytes        = headerBytes + macBytes // without frames
	resetBytes       = 1 + idBytes + tokenBytes
)

// start splits a datagram after its kind and the 16 bytes that follow in all of them.
func start(b []byte) (kind byte, sixteen [16]byte, rest []byte, ok bool) {
	if len(b) < helloBytes {
		return 0, sixteen, nil, false
	}
	return b[0], [16]byte(b[1:helloBytes]), b[helloBytes:], true
}

func appendStart(dst []byte, kind byte, sixteen [16]byte) []byte {
	return append(append(dst, kind), sixteen[:]...)
}

// opening is what an open says.
type opening struct {
	cookie         [cookieBytes]byte
	device, params []byte
}

func (o *opening) append(dst []byte) []byte {
	dst = append(dst, o.cookie[:]...)
	dst = append(dst, byte(len(o.device)))
	dst = append(dst, o.device...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(o.params)))
	return append(dst, o.params...)
}

// parseOpening reads what is between the nonce and the signature, views and all.
func parseOpening(b []byte) (o opening, ok bool) {
	if len(b) < openBytes-helloBytes {
		return o, false
	}
	b = b[:len(b)-macBytes]
	b = b[copy(o.cookie[:], b):]
	n := int(b[0])
	if b = b[1:]; len(b) < n+2 {
		return o, false
	}
	o.device, b = b[:n], b[n:]
	n = int(binary.BigEndian.Uint16(b))
	o.params = b[2:]
	return o, len(o.params) == n
}

// greeting is what a welcome says.
type greeting struct {
	id           sessionID
	nonce        nonce
	token        [tokenBytes]byte // masked
	idleMillis   uint32
	messageBytes uint32
}

func (g *greeting) append(dst []byte) []byte {
	dst = append(dst, g.id[:]...)
	dst = append(dst, g.nonce[:]...)
	dst = append(dst, g.token[:]...)
	dst = binary.BigEndian.AppendUint32(dst, g.idleMillis)
	return binary.BigEndian.AppendUint32(dst, g.messageBytes)
}

func parseGreeting(b []byte) (g greeting, ok bool) {
	if len(b) != welcomeBytes-helloBytes {
		return g, false
	}
	b = b[copy(g.id[:], b):]
	b = b[copy(g.nonce[:], b):]
	b = b[copy(g.token[:], b):]
	g.idleMillis = binary.BigEndian.Uint32(b)
	g.messageBytes = binary.BigEndian.Uint32(b[4:])
	return g, true
}

// header is what every datagram of a session says.
type header struct {
	seq  uint64 // of the datagram, from 1
	ack  uint64 // all segments before this one have arrived
	bits uint64 // bit i: so has segment ack+1+i
}

func (h header) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, h.seq)
	dst = binary.BigEndian.AppendUint64(dst, h.ack)
	return binary.BigEndian.AppendUint64(dst, h.bits)
}

// parseHeader reads what follows the session's id, and gives the frames.
func parseHeader(b []byte) (h header, frames []byte, ok bool) {
	if len(b) < dataBytes-helloBytes {
		return h, nil, false
	}
	h.seq = binary.BigEndian.Uint64(b)
	h.ack = binary.BigEndian.Uint64(b[8:])
	h.bits = binary.BigEndian.Uint64(b[16:])
	return h, b[24 : len(b)-macBytes], true
}
