package presence

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/bennu-go/bennu/telemetry"

	"pgregory.net/rapid"
)

// still is an engine that does not run.
func still() *engine {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	return newEngine(ctx, settings{Name: "still", Interval: time.Hour, Gossip: mute{}}, new(audience))
}

// mute is a Gossip that nobody hears.
type mute struct{}

func (mute) Self() string              { return "" }
func (mute) Send(string, []byte) error { return nil }
func (mute) Listen(func(string, []byte)) (stop func(), err error) {
	return func() {}, nil
}

// Whatever way parts take, a component contains what its clock says: nothing that was removed
// up to there, and all that was added up to there and is left.
func TestMergeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source, sink := still(), still()
		s := source.shards[3]
		s.closed, sink.shards[3].closed = true, true
		s.own.memory = rapid.SampledFrom([]int{2, 4, 8192}).Draw(t, "memory")
		c := &component{shard: sink.shards[3], up: true, dots: make(map[uint64]*presence)}
		var live []*presence
		removedAt := make(map[uint64]uint64) // by dot; 0: it is left
		var bag []part
		join := func(old *presence) *presence {
			s.closed = false
			defer func() { s.closed = true }()
			if s.topics["t"] == nil {
				s.topics["t"] = &topic{name: "t", keys: make(map[string]*presence), pacing: true}
			}
			p, err := s.join("t", fmt.Sprint("k", rapid.IntRange(0, 3).Draw(t, "key")), "{}", old)
			if err != nil {
				t.Fatal(err)
			}
			removedAt[p.clock] = 0
			return p
		}
		check := func() {
			for dot, at := range removedAt {
				_, held := c.dots[dot]
				switch {
				case dot > c.clock && held:
					t.Fatalf("%d is held, and the clock is %d", dot, c.clock)
				case dot <= c.clock && held && at != 0 && at <= c.clock:
					t.Fatalf("%d is held, which was removed at %d, and the clock is %d", dot, at, c.clock)
				case dot <= c.clock && !held && at == 0:
					t.Fatalf("%d is missing, and the clock is %d", dot, c.clock)
				}
			}
			shown := 0
			for _, tp := range sink.shards[3].topics {
				for _, first := range tp.keys {
					shown += len(ring(first))
				}
			}
			if want := len(c.dots); c.up && shown != want || !c.up && shown != 0 {
				t.Fatalf("%d of %d are shown, up %v", shown, want, c.up)
			}
		}
		tell := func(from uint64, most int) {
			parts, ok := s.own.since(from, most)
			if !ok {
				parts = s.own.whole(most)
			}
			bag = append(bag, parts...)
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) { live = append(live, join(nil)) },
			"update": func(t *rapid.T) {
				if len(live) == 0 {
					return
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				old := live[i]
				live[i] = join(old)
				removedAt[old.clock] = live[i].clock
			},
			"leave": func(t *rapid.T) {
				if len(live) == 0 {
					return
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				s.leave(live[i])
				removedAt[live[i].clock] = s.own.clock
				live = append(live[:i], live[i+1:]...)
			},
			"tell": func(t *rapid.T) {
				from := c.clock
				if rapid.Bool().Draw(t, "other") {
					from = rapid.Uint64Range(0, s.own.clock).Draw(t, "from")
				}
				tell(from, rapid.SampledFrom([]int{0, 40, 1 << 20}).Draw(t, "most"))
			},
			"whole": func(t *rapid.T) {
				bag = append(bag, s.own.whole(rapid.SampledFrom([]int{0, 40, 1 << 20}).Draw(t, "most"))...)
			},
			"hear": func(t *rapid.T) {
				if len(bag) == 0 {
					return
				}
				i := rapid.IntRange(0, len(bag)-1).Draw(t, "which")
				m := message{parts: bag[i : i+1]}
				m.parts[0].shard = shardIndex("t")
				got, err := decode(m.encode())
				if err != nil {
					t.Fatalf("%v in %+v", err, m)
				}
				c.merge(got.parts[0])
				if rapid.IntRange(0, 3).Draw(t, "again") > 0 {
					bag = append(bag[:i], bag[i+1:]...)
				}
			},
			"flip": func(t *rapid.T) { c.setUp(!c.up) },
			"":     func(*rapid.T) { check() },
		})
		bag = nil
		tell(c.clock, 40)
		for _, d := range bag {
			if c.merge(d) {
				t.Fatal("a gap")
			}
		}
		check()
		if c.clock != s.own.clock || len(c.dots) != len(live) {
			t.Fatalf("%d at %d, want %d at %d", len(c.dots), c.clock, len(live), s.own.clock)
		}
	})
}

// However changes, cuts, their telling, and clients that come are interleaved, a client that
// keeps to the rule of Source sees what was told, and in the end the truth.
func TestStateAndDiffsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := still()
		s := e.shardOf("t")
		fresh := func() {
			if s.topics["t"] == nil { // pacing: this test tells, and no timer does
				s.topics["t"] = &topic{name: "t", keys: make(map[string]*presence), pacing: true, version: e.audience.versions.Load()}
			}
		}
		fresh()
		peer := &component{shard: s, tag: 7, up: true, dots: make(map[uint64]*presence)}
		var live []*presence
		var untold []cut
		var clients []*watcher
		hear := func() {
			c := untold[0]
			untold = untold[1:]
			for _, w := range clients {
				w.hear(c)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"join": func(t *rapid.T) {
				p, err := s.join("t", fmt.Sprint("k", rapid.IntRange(0, 2).Draw(t, "key")), "{}", nil)
				if err != nil {
					t.Fatal(err)
				}
				live = append(live, p)
			},
			"update": func(t *rapid.T) {
				if len(live) > 0 {
					i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
					live[i], _ = s.join("t", "", "{}", live[i])
				}
			},
			"leave": func(t *rapid.T) {
				if len(live) > 0 {
					i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
					s.leave(live[i])
					live = append(live[:i], live[i+1:]...)
				}
			},
			"peer": func(t *rapid.T) {
				peer.merge(part{from: peer.clock, to: peer.clock + 1, adds: []add{{peer.clock + 1, 0, "t", "k0", "{}"}}})
			},
			"flip": func(t *rapid.T) { peer.setUp(!peer.up) },
			"cut": func(t *rapid.T) {
				if c := s.cut(s.topics["t"], rapid.SampledFrom([]int{0, 100, 1000}).Draw(t, "most")); !c.empty() {
					untold = append(untold, c)
				}
				if tp := s.topics["t"]; len(tp.dirty) == 0 && len(tp.keys) == 0 {
					delete(s.topics, "t")
					fresh()
				}
			},
			"hear": func(t *rapid.T) {
				if len(untold) > 0 {
					hear()
				}
			},
			"client": func(t *rapid.T) { clients = append(clients, &watcher{t: t, refs: make(map[string]bool)}) },
			"ask": func(t *rapid.T) {
				if len(clients) > 0 {
					w := clients[rapid.IntRange(0, len(clients)-1).Draw(t, "who")]
					w.ask(s.topics["t"])
				}
			},
			"answer": func(t *rapid.T) {
				if len(clients) > 0 {
					clients[rapid.IntRange(0, len(clients)-1).Draw(t, "who")].answer()
				}
			},
		})
		for len(s.topics["t"].dirty) > 0 {
			if c := s.cut(s.topics["t"], 0); !c.empty() {
				untold = append(untold, c)
			}
		}
		for len(untold) > 0 {
			hear()
		}
		want := make(map[string]bool)
		all, _ := s.present("t")
		for _, p := range all {
			want[p.ref()] = true
		}
		for _, w := range clients {
			w.ask(s.topics["t"])
			w.answer()
			if fmt.Sprint(w.refs) != fmt.Sprint(want) {
				t.Fatalf("a client sees %v, want %v", w.refs, want)
			}
		}
	})
}

// watcher is a client that keeps to the rule of Source.
type watcher struct {
	t       *rapid.T
	asked   bool
	synced  bool
	state   []*presence // that was given, and is on its way
	version uint64
	kept    []cut
	refs    map[string]bool
}

func (w *watcher) hear(c cut) {
	if !w.synced {
		w.kept = append(w.kept, c)
		return
	}
	w.fold(c)
}

// ask takes the state; it has it only when it gets the answer.
func (w *watcher) ask(t *topic) {
	if !w.asked {
		w.asked, w.version, w.state = true, t.version, t.told()
	}
}

func (w *watcher) answer() {
	if !w.asked || w.synced {
		return
	}
	w.synced = true
	for _, p := range w.state {
		w.refs[p.ref()] = true
	}
	for _, c := range w.kept {
		w.fold(c)
	}
}

func (w *watcher) fold(c cut) {
	if c.version <= w.version {
		return
	}
	w.version = c.version
	for _, p := range c.joins {
		if w.refs[p.ref()] {
			w.t.Fatalf("%s joins twice", p.ref())
		}
		w.refs[p.ref()] = true
	}
	for _, p := range c.leaves {
		if !w.refs[p.ref()] {
			w.t.Fatalf("%s leaves, and is not there", p.ref())
		}
		delete(w.refs, p.ref())
	}
}

// Time in which this node itself stood still is no silence of others.
func TestStandingStill(t *testing.T) {
	e := still()
	e.Period, e.Down, e.Permanent = time.Second, 30*time.Second, time.Hour
	id := replicaID{1, 1}
	r := e.peer(id, "there")
	before := time.Now().Add(-time.Minute)
	e.ticks, r.heard = before, before
	if e.tick(); !r.up {
		t.Error("it is down after this node stood still")
	}
	e.ticks, r.heard = time.Now().Add(-2*time.Second), before
	if e.tick(); r.up {
		t.Error("it is up after a minute of silence")
	}
}

// A node has one replica: the one that began last, or, when that is silent, whichever is heard.
func TestSuccession(t *testing.T) {
	e := still()
	first, second := replicaID{1, 1}, replicaID{2, 1}
	r := e.peer(second, "there")
	switch {
	case e.peer(first, "there") != nil:
		t.Error("a late message of the one before is heard")
	case e.peer(replicaID{1, 2}, "elsewhere") == nil:
		t.Error("another node is not heard")
	}
	e.setUp(r, false)
	switch {
	case e.peer(first, "there") == nil:
		t.Error("a node whose clock was set back is not heard")
	case e.peer(second, "there") != nil:
		t.Error("both are heard")
	case e.peer(e.id, "here") != nil:
		t.Error("it hears itself")
	}
}

// BenchmarkEncode10000 encodes a state of 10,000.
func BenchmarkEncode10000(b *testing.B) {
	c := still().shards[0].own
	all := make([]*presence, 10_000)
	for i := range all {
		all[i] = &presence{owner: c, key: fmt.Sprint("user-", i*7919%10_000), meta: `{"status":"here"}`, clock: uint64(i + 1)}
	}
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(appendEntries(nil, slices.Clone(all), nil))))
	}
}
