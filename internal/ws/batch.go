package ws

import (
	"bytes"
	"net"
)

// batch is what goes into one write.
type batch struct {
	frames [maxBatchFrames][]byte
	n      int   // frames
	size   int   // bytes
	last   bool  // the descriptor is closed right after it
	err    error // of preparing the write
	vector vector
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
	return nc.Write(bytes.Join(b.frames[:b.n], nil))
}
