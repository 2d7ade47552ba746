package ws

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
)

// minDeflateBytes is the least that MinBytes can ask for. Control frames are
// shorter, and are never compressed.
const minDeflateBytes = 128

// Deflate is compression (permessage-deflate, RFC 7692), for the connections
// that share it and whose other end offers it. Every message is compressed for
// itself, at the fastest level, and once for all of its receivers.
type Deflate struct {
	// MinBytes is the shortest payload that is compressed; at least 128.
	// Default 512.
	MinBytes int

	// Coders is how many messages may be compressed at a time, and how many
	// decompressed; further ones wait. A compressor keeps about 1.2 MB, a
	// decompressor 45 kB, and no connection any. Default GOMAXPROCS.
	Coders int

	once      sync.Once
	deflaters chan *flate.Writer
	inflaters chan *inflater
}

func (d *Deflate) start() {
	n := orDefault(d.Coders, runtime.GOMAXPROCS(0))
	d.deflaters = make(chan *flate.Writer, n)
	d.inflaters = make(chan *inflater, n)
	for range n {
		d.deflaters <- nil // made when needed
		d.inflaters <- nil
	}
}

func (d *Deflate) minBytes() int { return max(orDefault(d.MinBytes, 512), minDeflateBytes) }

// wireFor is the frame as it leaves where d was negotiated.
func (e *encoded) wireFor(d *Deflate) []byte {
	if d == nil || len(e.wire) < minDeflateBytes {
		return e.wire
	}
	payload := payloadOf(e.wire)
	if len(payload) < d.minBytes() {
		return e.wire
	}
	e.once.Do(func() { e.zip = d.deflate(Op(e.wire[0]&0x0f), payload) })
	if e.zip != nil {
		return e.zip
	}
	return e.wire
}

// syncTail is what a flush ends with, and what RFC 7692 leaves out.
const syncTail = "\x00\x00\xff\xff"

// deflate is a compressed frame, or nil if that is no shorter.
func (d *Deflate) deflate(op Op, payload []byte) []byte {
	d.once.Do(d.start)
	w := <-d.deflaters
	defer func() { d.deflaters <- w }()
	buf := bytes.NewBuffer(make([]byte, HeaderRoom, HeaderRoom+len(payload)/2))
	if w == nil {
		w, _ = flate.NewWriter(buf, flate.BestSpeed) // fails for unknown levels only
	} else {
		w.Reset(buf)
	}
	_, _ = w.Write(payload) // a buffer takes everything
	_ = w.Flush()
	out := bytes.TrimSuffix(buf.Bytes(), []byte(syncTail))
	w.Reset(io.Discard)
	if len(out)-HeaderRoom >= len(payload) {
		return nil
	}
	wire := wireOf(op, bytes.Clone(out))
	wire[0] |= bitRSV1
	return wire
}

// inflater decompresses one message at a time.
type inflater struct {
	src bytes.Reader
	in  io.ReadCloser
}

// inflate decompresses a message of at most limit bytes.
func (d *Deflate) inflate(msg []byte, limit int) ([]byte, *CloseError) {
	d.once.Do(d.start)
	f := <-d.inflaters
	defer func() { d.inflaters <- f }()
	if f == nil {
		f = &inflater{}
		f.in = flate.NewReader(&f.src)
	}
	// The tail that the sender left out, and an empty last block.
	f.src.Reset(append(msg[:len(msg):len(msg)], syncTail+"\x01\x00\x00\xff\xff"...))
	defer f.src.Reset(nil)
	out := make([]byte, 0, min(limit, 4*len(msg)+64))
	for {
		f.restart()
		var end *CloseError
		if out, end = f.read(out, limit); end != nil {
			return nil, end
		}
		if f.src.Len() == 0 {
			return out, nil
		}
		// The sender has ended its stream itself; another follows.
	}
}

func (f *inflater) restart() { _ = f.in.(flate.Resetter).Reset(&f.src, nil) }

// read reads up to the end of a stream.
func (f *inflater) read(out []byte, limit int) ([]byte, *CloseError) {
	for {
		if len(out) == cap(out) {
			out = grow(out, 1, limit+1-len(out))
		}
		n, err := f.in.Read(out[len(out):min(cap(out), limit+1)])
		out = out[:len(out)+n]
		switch {
		case len(out) > limit:
			return nil, violation(TooBig, "the message is too long")
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, violation(InvalidPayload, "a message is compressed wrongly")
		}
	}
}
