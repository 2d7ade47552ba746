package memnet

import "sync"

// capacity is what a direction holds, in bytes.
const capacity = 64 << 10

// sizes are those of buffers. A frame to each of very many silent clients takes the
// smallest; the largest is the capacity.
var sizes = [...]int{256, 2 << 10, 16 << 10, capacity}

// buffer holds bytes that nobody has read yet, from is where they begin, and to
// where they end.
type buffer struct {
	bytes    []byte
	from, to int
}

func (b *buffer) len() int {
	if b == nil {
		return 0
	}
	return b.to - b.from
}

// pool keeps the buffers that are empty, by size.
type pool [len(sizes)]sync.Pool

// get gives a buffer for so many bytes.
func (p *pool) get(n int) *buffer {
	class := 0
	for sizes[class] < n {
		class++
	}
	if b, ok := p[class].Get().(*buffer); ok {
		return b
	}
	return &buffer{bytes: make([]byte, sizes[class])}
}

func (p *pool) put(b *buffer) {
	b.from, b.to = 0, 0
	for class, size := range sizes {
		if size == len(b.bytes) {
			p[class].Put(b)
		}
	}
}

// fill appends as much as there is room for, and gives the buffer that b has become.
func (p *pool) fill(b *buffer, data []byte) (*buffer, int) {
	data = data[:min(len(data), capacity-b.len())]
	if len(data) == 0 {
		return b, 0
	}
	b = p.room(b, len(data))
	n := copy(b.bytes[b.to:], data)
	b.to += n
	return b, n
}

// room makes room for n bytes at the end.
func (p *pool) room(b *buffer, n int) *buffer {
	switch need := b.len() + n; {
	case b == nil:
		return p.get(n)
	case len(b.bytes)-b.to >= n:
		return b
	case need <= len(b.bytes):
		b.to = copy(b.bytes, b.bytes[b.from:b.to])
		b.from = 0
		return b
	default:
		larger := p.get(need)
		larger.to = copy(larger.bytes, b.bytes[b.from:b.to])
		p.put(b)
		return larger
	}
}

// drain reads, and gives the buffer back when it is empty.
func (p *pool) drain(b *buffer, to []byte) (*buffer, int) {
	n := copy(to, b.bytes[b.from:b.to])
	if b.from += n; b.from == b.to {
		p.put(b)
		return nil, n
	}
	return b, n
}
