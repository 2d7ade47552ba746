package presence

import (
	"encoding/binary"
	"encoding/json"

	"github.com/bennu-go/bennu/fault"
)

// wireVersion is the first byte of a message. Another one is another format.
const wireVersion = 1

// message is what trackers tell each other. All that is in it is optional.
//
//	message = version id flags clocks gone asks parts
//	id      = born:8 salt:4                            big endian
//	flags   = 1: it stops; 2: there are clocks
//	clocks  = clock × shards
//	gone    = count id…
//	asks    = count (shard clock)…
//	parts   = count (shard from to-from index count adds removes)…
//	adds    = count (clock-before prev topic key meta)…    prev: 0, or how far it is behind clock
//	removes = count (from-dot)…
//	topic   = 0: that of the add before; else 1+length bytes
//
// Numbers are varints of package binary, unsigned; texts have their length before them.
type message struct {
	id     replicaID
	bye    bool            // it stops: all its presences leave
	clocks *[shards]uint64 // how far each of its components is
	gone   []replicaID     // that have stopped, as it knows first-hand
	asks   []ask
	parts  []part
}

// ask asks for what comes after a clock.
type ask struct {
	shard int
	clock uint64
}

const (
	flagBye = 1 << iota
	flagClocks
)

const (
	mostClock  = 1<<44 - 1
	mostPieces = 1 << 16
	mostAsks   = shards
	mostGone   = 1 << 10
)

func appendID(dst []byte, id replicaID) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(dst, id.born), id.salt)
}

func (m *message) encode() []byte {
	size := 64 + 12*len(m.gone)
	for _, d := range m.parts {
		size += 32 + 4*len(d.removes)
		for i := range d.adds {
			size += d.adds[i].size()
		}
	}
	dst := append(make([]byte, 0, size), wireVersion)
	dst = appendID(dst, m.id)
	flags := byte(0)
	if m.bye {
		flags |= flagBye
	}
	if m.clocks != nil {
		flags |= flagClocks
	}
	dst = append(dst, flags)
	if m.clocks != nil {
		for _, c := range m.clocks {
			dst = binary.AppendUvarint(dst, c)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.gone)))
	for _, id := range m.gone {
		dst = appendID(dst, id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.asks)))
	for _, a := range m.asks {
		dst = binary.AppendUvarint(dst, uint64(a.shard))
		dst = binary.AppendUvarint(dst, a.clock)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.parts)))
	for i := range m.parts {
		dst = m.parts[i].append(dst)
	}
	return dst
}

func (d *part) append(dst []byte) []byte {
	for _, n := range []uint64{uint64(d.shard), d.from, d.to - d.from, uint64(d.index), uint64(d.count), uint64(len(d.adds))} {
		dst = binary.AppendUvarint(dst, n)
	}
	before := add{clock: d.from}
	for i, a := range d.adds {
		dst = binary.AppendUvarint(dst, a.clock-before.clock)
		if a.prev == 0 {
			dst = append(dst, 0)
		} else {
			dst = binary.AppendUvarint(dst, a.clock-a.prev)
		}
		if i > 0 && a.topic == before.topic {
			dst = append(dst, 0)
		} else {
			dst = append(binary.AppendUvarint(dst, uint64(len(a.topic))+1), a.topic...)
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(a.key))), a.key...)
		dst = append(binary.AppendUvarint(dst, uint64(len(a.meta))), a.meta...)
		before = a
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.removes)))
	for _, dot := range d.removes {
		dst = binary.AppendUvarint(dst, d.from-dot)
	}
	return dst
}

var errWire = fault.Invalid.Errorf("presence: a message of another tracker cannot be read")

// decode reads a message, and trusts nothing in it.
func decode(b []byte) (m message, err error) {
	r := reader{b: b}
	if r.byte() != wireVersion {
		return m, errWire
	}
	m.id = r.id()
	flags := r.byte()
	m.bye = flags&flagBye != 0
	if flags&^(flagBye|flagClocks) != 0 {
		return m, errWire
	}
	if flags&flagClocks != 0 {
		m.clocks = new([shards]uint64)
		for i := range m.clocks {
			m.clocks[i] = r.number(mostClock)
		}
	}
	for range r.number(mostGone) {
		m.gone = append(m.gone, r.id())
	}
	for range r.number(mostAsks) {
		m.asks = append(m.asks, ask{int(r.number(shards - 1)), r.number(mostClock)})
	}
	for range r.count() {
		m.parts = append(m.parts, r.part())
	}
	if r.bad || len(r.b) > 0 {
		return message{}, errWire
	}
	return m, nil
}

// reader reads a message from its front. After something that cannot be right it is bad, and
// gives nothing more.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.bad, r.b = true, nil }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

// number reads one that is at most most.
func (r *reader) number(most uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > most {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many follow, which is no more than there are bytes.
func (r *reader) count() uint64 { return r.number(uint64(len(r.b))) }

func (r *reader) id() (id replicaID) {
	if len(r.b) < 12 {
		r.fail()
		return id
	}
	id.born, id.salt = binary.BigEndian.Uint64(r.b), binary.BigEndian.Uint32(r.b[8:])
	r.b = r.b[12:]
	return id
}

func (r *reader) text(n uint64) string {
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) part() (d part) {
	d.shard = int(r.number(shards - 1))
	d.from = r.number(mostClock)
	d.to = d.from + r.number(mostClock-d.from)
	d.index, d.count = int(r.number(mostPieces)), int(r.number(mostPieces))
	if d.count > 0 && (d.index >= d.count || d.from != 0) || d.count == 0 && d.index != 0 {
		r.fail()
	}
	before := add{clock: d.from}
	for range r.count() {
		a := r.add(before, d.to)
		if r.bad {
			return part{}
		}
		if shardIndex(a.topic) != d.shard {
			r.fail()
		}
		d.adds = append(d.adds, a)
		before = a
	}
	for range r.count() {
		d.removes = append(d.removes, d.from-r.number(d.from))
	}
	return d
}

func (r *reader) add(before add, to uint64) (a add) {
	step := r.number(to - before.clock)
	a.clock = before.clock + step
	if back := r.number(a.clock); back > 0 {
		a.prev = a.clock - back
		if a.prev == 0 {
			r.fail()
		}
	}
	if n := r.number(mostName + 1); n == 0 {
		a.topic = before.topic
	} else {
		a.topic = r.text(n - 1)
	}
	a.key = r.text(r.number(mostName))
	a.meta = r.text(r.number(mostMeta))
	if step == 0 || checkSpot(a.topic, a.key) != nil || a.meta == "" || a.meta[0] != '{' || a.meta[len(a.meta)-1] != '}' || !json.Valid([]byte(a.meta)) {
		r.fail()
	}
	return a
}
