package presence_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

// 10,000 who join and leave one topic on two nodes: all are told in time, and no subscriber
// gets 1 MB within a second.
func TestACrowd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sites := newCluster(t, newNetwork(1), 2)
		settle()
		for i, s := range sites {
			var mu sync.Mutex
			var heard []sent
			stop, err := s.users.Hear(s.ctx, func(d presence.Diff) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, sent{time.Now(), len(d.Payload)})
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				stop()
				if most := mostInASecond(heard); most >= 1_000_000 {
					t.Errorf("a subscriber of site %d got %d bytes in a second", i, most)
				}
			})
		}
		followers := []*follower{sites[0].follow("stadium"), sites[1].follow("stadium")}
		status := strings.Repeat("x", 80)
		start := time.Now()
		var tabs []process.Ref[tab]
		for i := range crowd {
			tabs = append(tabs, sites[i%2].join("stadium", fmt.Sprint("user-", i), status))
		}
		complete := func(n int) {
			t.Helper()
			for i, f := range followers {
				for f.keys() != n {
					time.Sleep(50 * time.Millisecond)
					if time.Since(start) > 5*time.Second {
						t.Fatalf("site %d: a client sees %d of %d after %v", i, f.keys(), n, time.Since(start))
					}
				}
				t.Logf("site %d: %d after %v in %d diffs of %d bytes", i, n, time.Since(start), f.told(), f.bytes)
			}
		}
		complete(crowd)
		expect(t, sites, "stadium", followers[0].sees())
		time.Sleep(5 * time.Second)
		start = time.Now()
		for i, ref := range tabs {
			sites[i%2].end(ref, process.Shutdown)
		}
		complete(0)
	})
}

type sent struct {
	at    time.Time
	bytes int
}

func mostInASecond(all []sent) (most int) {
	for i, first := range all {
		sum := 0
		for _, s := range all[i:] {
			if s.at.Sub(first.at) < time.Second {
				sum += s.bytes
			}
		}
		most = max(most, sum)
	}
	return most
}

// In real time, from many goroutines: for the race detector.
func TestAllAtOnce(t *testing.T) {
	net := newNetwork(1)
	sites := newCluster(t, net, 2)
	var wg sync.WaitGroup
	var followers []*follower
	for _, s := range sites {
		f := s.follow("room")
		followers = append(followers, f)
		for g := range 4 {
			wg.Go(func() {
				for i := range 50 {
					ref := s.join("room", fmt.Sprint("k", i%7), fmt.Sprint(g))
					if _, err := process.Call(s.ctx, ref, (*tab).Update, at{"room", fmt.Sprint("k", i%7), "new"}); err != nil {
						t.Error(err)
					}
					if _, err := s.users.State(s.ctx, "room"); err != nil {
						t.Error(err)
					}
					s.list("room")
					if i%3 > 0 {
						s.end(ref, process.Shutdown)
					}
				}
			})
		}
	}
	wg.Wait()
	agree := func() bool {
		want := sites[0].list("room")
		return want.equal(sites[1].list("room")) && want.equal(followers[0].sees()) && want.equal(followers[1].sees())
	}
	tick, late := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !agree() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%v and %v", sites[0].list("room"), sites[1].list("room"))
		}
	}
}
