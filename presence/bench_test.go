package presence_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

const crowd = 10_000

// BenchmarkTrack is a process that comes and goes on a topic of its own.
func BenchmarkTrack(b *testing.B) {
	s := newSite(b, &presence.Tracker[who]{})
	ref := s.open()
	b.ReportAllocs()
	err := process.Do(s.ctx, ref, (*tab).Do, func(ctx context.Context) error {
		for b.Loop() {
			if _, err := s.users.Track(ctx, "room", "bob", who{"here"}); err != nil {
				return err
			}
			if err := s.users.Untrack(ctx, "room", "bob"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

// gather makes a crowd present on one topic, all told.
func gather(b *testing.B, s *site) {
	for i := range crowd {
		s.join("stadium", fmt.Sprint("user-", i), "here")
	}
	for told := 0; told < crowd; runtime.Gosched() {
		state, err := s.users.State(s.ctx, "stadium")
		if err != nil {
			b.Fatal(err)
		}
		var c client
		c.t = b
		c.sync(state)
		told = len(c.state)
	}
}

// BenchmarkState10000 is a state that somebody has asked for before.
func BenchmarkState10000(b *testing.B) {
	s := newSite(b, &presence.Tracker[who]{})
	gather(b, s)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.users.State(s.ctx, "stadium"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList10000 is the list in Go.
func BenchmarkList10000(b *testing.B) {
	s := newSite(b, &presence.Tracker[who]{})
	gather(b, s)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.users.List(s.ctx, "stadium"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCrowd is how long it takes until 10,000 that join on two nodes are seen by a client on
// each, how many bytes a client gets, and how many go between the nodes.
func BenchmarkCrowd(b *testing.B) {
	for b.Loop() {
		net := newNetwork(1)
		var sites []*site
		var followers []*follower
		for i := range 2 {
			s := newSite(b, &presence.Tracker[who]{Gossip: port{net, fmt.Sprint("n", i)}})
			sites, followers = append(sites, s), append(followers, s.follow("stadium"))
		}
		start := time.Now()
		for i := range crowd {
			sites[i%2].join("stadium", fmt.Sprint("user-", i), "here")
		}
		tick := time.NewTicker(10 * time.Millisecond)
		for followers[0].keys() < crowd || followers[1].keys() < crowd {
			<-tick.C
		}
		tick.Stop()
		b.ReportMetric(time.Since(start).Seconds(), "s/crowd")
		b.ReportMetric(float64(followers[0].size()), "bytes/client")
		_, bytes := net.traffic()
		b.ReportMetric(float64(bytes), "bytes/gossip")
		for _, s := range sites {
			s.stop()
		}
	}
}

// BenchmarkMemory is what one presence takes: on its own node with what its process keeps for
// it, and on another node.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		net := newNetwork(1)
		s := newSite(b, &presence.Tracker[who]{Gossip: port{net, "a"}})
		var tabs []process.Ref[tab]
		for range crowd {
			tabs = append(tabs, s.open())
		}
		before := heap()
		for i, ref := range tabs {
			if _, err := process.Call(s.ctx, ref, (*tab).Track, at{"stadium", fmt.Sprint("user-", i), "here"}); err != nil {
				b.Fatal(err)
			}
		}
		quiet(s)
		own := heap()
		b.ReportMetric(float64(own-before)/crowd, "B/own")
		other := newSite(b, &presence.Tracker[who]{Gossip: port{net, "b"}})
		tick := time.NewTicker(10 * time.Millisecond)
		for n := 0; n < crowd; n, _ = other.users.Count(other.ctx, "stadium") {
			<-tick.C
		}
		tick.Stop()
		quiet(other)
		b.ReportMetric(float64(heap()-own)/crowd, "B/other")
		runtime.KeepAlive(tabs)
		other.stop()
		s.stop()
	}
}

// quiet waits until all have been told.
func quiet(s *site) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for before := uint64(1); ; <-tick.C {
		state, err := s.users.State(s.ctx, "stadium")
		if err != nil || state.Version == before {
			return
		}
		before = state.Version
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
