package presence

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func sample() message {
	topic := "room:1"
	shard := shardIndex(topic)
	return message{
		id:     replicaID{1 << 60, 7},
		clocks: &[shards]uint64{0: 1, 15: mostClock},
		gone:   []replicaID{{1, 2}},
		asks:   []ask{{3, 9}},
		parts: []part{
			{shard: shard, from: 3, to: 9, removes: []uint64{3, 1}, adds: []add{
				{4, 0, topic, "bob", `{"a":1}`}, {9, 4, topic, "\x00", `{}`},
			}},
			{shard: shard, to: 9, index: 1, count: 2},
		},
	}
}

func TestWire(t *testing.T) {
	for _, want := range []message{{}, {bye: true, id: replicaID{1, 1}}, sample()} {
		got, err := decode(want.encode())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

func TestWireRefuses(t *testing.T) {
	m := sample()
	good := m.encode()
	for n := range good {
		if _, err := decode(good[:n]); err == nil {
			t.Errorf("%d bytes of %d are taken", n, len(good))
		}
	}
	if _, err := decode(append(good, 0)); err == nil {
		t.Error("a byte too many is taken")
	}
	topic, other := "room:1", "room:2"
	for other = "a"; shardIndex(other) == shardIndex(topic); other += "a" {
	}
	shard := shardIndex(topic)
	for name, d := range map[string]part{
		"a shard of another topic": {shard: shard, to: 1, adds: []add{{1, 0, other, "k", "{}"}}},
		"an add from before":       {shard: shard, from: 1, to: 2, adds: []add{{1, 0, topic, "k", "{}"}}},
		"an add from after":        {shard: shard, from: 1, to: 2, adds: []add{{3, 0, topic, "k", "{}"}}},
		"the same add twice":       {shard: shard, to: 2, adds: []add{{1, 0, topic, "k", "{}"}, {1, 0, topic, "k", "{}"}}},
		"no key":                   {shard: shard, to: 1, adds: []add{{1, 0, topic, "", "{}"}}},
		"a long key":               {shard: shard, to: 1, adds: []add{{1, 0, topic, strings.Repeat("k", 256), "{}"}}},
		"a long topic":             {shard: shard, to: 1, adds: []add{{1, 0, strings.Repeat("k", 256), "k", "{}"}}},
		"a key that is no text":    {shard: shard, to: 1, adds: []add{{1, 0, topic, "\xff", "{}"}}},
		"a meta that is no object": {shard: shard, to: 1, adds: []add{{1, 0, topic, "k", "[]"}}},
		"a meta that is no JSON":   {shard: shard, to: 1, adds: []add{{1, 0, topic, "k", "{a}"}}},
		"no meta":                  {shard: shard, to: 1, adds: []add{{1, 0, topic, "k", ""}}},
		"a piece beyond the last":  {shard: shard, to: 1, index: 2, count: 2},
		"a piece of nothing":       {shard: shard, to: 1, index: 1},
		"a piece with a beginning": {shard: shard, from: 1, to: 1, count: 1},
		"a clock beyond all":       {shard: shard, from: mostClock, to: mostClock + 1},
		"no such shard":            {shard: shards, to: 1},
	} {
		m := message{parts: []part{d}}
		if _, err := decode(m.encode()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// FuzzDecode: nothing that comes makes decode panic, or give what cannot be merged.
func FuzzDecode(f *testing.F) {
	m := sample()
	f.Add(m.encode())
	f.Add((&message{bye: true}).encode())
	f.Add([]byte{wireVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(m.encode())
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v and %+v, %v", m, again, err)
		}
		if len(b) > 0 && b[0] != wireVersion {
			t.Error("another version is taken")
		}
		e := still()
		for _, s := range e.shards {
			s.closed = true
		}
		for _, d := range m.parts {
			s := e.shards[d.shard]
			c := &component{shard: s, up: true, dots: make(map[uint64]*presence)}
			c.merge(d)
			c.merge(d)
			for name := range s.topics {
				all, _ := s.present(name)
				if payload := appendEntries(nil, all, nil); !bytes.HasPrefix(payload, []byte(`{"`)) {
					t.Errorf("%s", payload)
				}
			}
		}
	})
}
