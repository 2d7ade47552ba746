package ws

import (
	"net"
	"slices"
)

// batch is what goes into one write.
type batch struct {
	frames [maxBatchFrames][]byte
	n      int  // frames
	size   int  // bytes
	last   bool // the descriptor is closed right after it
	vector vector
	joined []byte // room for all of them; nil while that was never needed
}

// clear lets go of the frames.
func (b *batch) clear() { clear(b.frames[:b.n]) }

// writeTo writes all with one call, and may wait.
func (b *batch) writeTo(nc net.Conn) (int, error) {
	if b.n == 1 {
		return nc.Write(b.frames[0])
	}
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		vector := net.Buffers(b.frames[:b.n])
		n, err := vector.WriteTo(nc)
		return int(n), err
	}
	// No writev here, and over TLS each write would be a record of its own.
	b.joined = slices.Grow(b.joined[:0], b.size)
	for _, wire := range b.frames[:b.n] {
		b.joined = append(b.joined, wire...)
	}
	return nc.Write(b.joined)
}
