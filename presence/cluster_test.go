package presence_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

func newCluster(t testing.TB, net *network, n int) (sites []*site) {
	for i := range n {
		sites = append(sites, newSite(t, &presence.Tracker[who]{Gossip: port{net, fmt.Sprint("n", i)}}))
	}
	return sites
}

// expect compares what all sites and their clients see.
func expect(t *testing.T, sites []*site, topic string, want refs) {
	t.Helper()
	for i, s := range sites {
		if got := s.list(topic); !got.equal(want) {
			t.Errorf("site %d lists %v on %q, want %v", i, got, topic, want)
		}
	}
}

func TestANodeThatStopsLeavesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sites := newCluster(t, newNetwork(1), 3)
		for i, s := range sites {
			s.join("room", fmt.Sprint("user", i), "here")
		}
		f := sites[0].follow("room")
		settle()
		all := sites[0].list("room")
		expect(t, sites, "room", all)
		if got := f.sees(); !got.equal(all) || len(all) != 3 {
			t.Error(got)
		}
		sites[2].stop()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		delete(all, "user2")
		expect(t, sites[:2], "room", all)
		settle()
		if got := f.sees(); !got.equal(all) {
			t.Error(got)
		}
	})
}

func TestASilentNodeIsHiddenThenForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork(1)
		sites := newCluster(t, net, 2)
		sites[0].join("room", "amy", "here")
		sites[1].join("room", "bob", "here")
		f := sites[0].follow("room")
		settle()
		both := sites[0].list("room")
		expect(t, sites, "room", both)

		net.part([]string{"n1"}, []string{"n0"}, false)
		time.Sleep(28 * time.Second)
		expect(t, sites, "room", both)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		expect(t, sites[:1], "room", refs{"amy": both["amy"]})
		if got := f.sees(); !got.equal(refs{"amy": both["amy"]}) {
			t.Error(got)
		}
		expect(t, sites[1:], "room", both)
		if n := sites[0].counters.Counter("presence.nodes.down").Value(); n != 1 {
			t.Errorf("%d nodes down", n)
		}
		net.heal()
		time.Sleep(3 * time.Second)
		expect(t, sites, "room", both)
		if got := f.sees(); !got.equal(both) {
			t.Error(got)
		}

		for range 2 { // beyond Permanent it comes back, too
			net.part([]string{"n1"}, []string{"n0"}, false)
			time.Sleep(25 * time.Minute)
			expect(t, sites[:1], "room", refs{"amy": both["amy"]})
			net.heal()
			time.Sleep(5 * time.Second)
			expect(t, sites, "room", both)
			if got := f.sees(); !got.equal(both) {
				t.Error(got)
			}
		}
	})
}

// A node that comes back under its name has lost what it had, whether it could say so or not.
func TestANodeThatComesBackReplacesItself(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork(1)
		sites := newCluster(t, net, 2)
		sites[0].join("room", "amy", "here")
		sites[1].join("room", "bob", "here")
		settle()
		net.part([]string{"n1"}, []string{"n0"}, true)
		sites[1].stop() // nobody hears of it
		time.Sleep(time.Second)
		if got := sorted(sites[0].list("room")); len(got) != 2 {
			t.Error(got)
		}
		net.heal()
		sites[1].start()
		settle()
		expect(t, sites, "room", refs{"amy": sites[0].list("room")["amy"]})
	})
}

// Who misses a good-bye learns of it from others.
func TestAGoodByeIsPassedOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork(1)
		sites := newCluster(t, net, 3)
		sites[2].join("room", "bob", "here")
		settle()
		net.part([]string{"n2"}, []string{"n0"}, true)
		sites[2].stop()
		time.Sleep(2 * time.Second)
		expect(t, sites[:2], "room", refs{})
	})
}

// Who joins late gets all there is, in pieces, also when more has been removed than is remembered.
func TestALateNode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		net := newNetwork(1)
		sites := newCluster(t, net, 1)
		var users []process.Ref[tab]
		for i := range 3000 {
			users = append(users, sites[0].join("room", fmt.Sprint("user", i), fmt.Sprintf("%0200d", i)))
		}
		churn := func() {
			for range 9000 {
				sites[0].end(sites[0].join("room", "fleeting", ""), process.Shutdown)
			}
		}
		churn()
		net.worse(0.1, 0.1, 300*time.Millisecond)
		sites = append(sites, newSite(t, &presence.Tracker[who]{Gossip: port{net, "late"}}))
		time.Sleep(20 * time.Second)
		all := sites[0].list("room")
		if len(all) != 3000 {
			t.Errorf("%d are present", len(all))
		}
		expect(t, sites, "room", all)

		net.part([]string{"n0"}, []string{"late"}, true)
		for _, user := range users[:1000] {
			sites[0].end(user, process.Shutdown)
		}
		churn()
		net.heal()
		time.Sleep(20 * time.Second)
		all = sites[0].list("room")
		if len(all) != 2000 {
			t.Errorf("%d are present", len(all))
		}
		expect(t, sites, "room", all)
	})
}

// A network that loses, doubles, delays, reorders and parts, and sites that stop and start:
// in the end all see the same, and so does each client, whenever it came.
func TestConvergence(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T) { converge(t, uint64(seed)) })
		})
	}
}

func converge(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	net := newNetwork(seed)
	sites := newCluster(t, net, 3+random.IntN(3))
	var names []string
	for i := range sites {
		names = append(names, fmt.Sprint("n", i))
	}
	topics := []string{"room:1", "room:2"}
	type present struct {
		site *site
		tab  process.Ref[tab]
		at   at
	}
	var tabs []present
	type watching struct {
		*follower
		site  *site
		topic string
	}
	var clients []watching
	for _, s := range sites {
		for _, topic := range topics {
			clients = append(clients, watching{s.follow(topic), s, topic})
		}
	}
	drop := func(keep func(present) bool) {
		tabs = slices.DeleteFunc(tabs, func(p present) bool { return !keep(p) })
	}
	for range 150 {
		s := sites[random.IntN(len(sites))]
		switch n := random.IntN(100); {
		case n < 35:
			a := at{topics[random.IntN(2)], fmt.Sprint("user", random.IntN(6)), "here"}
			tabs = append(tabs, present{s, s.join(a.topic, a.key, a.status), a})
		case n < 50 && len(tabs) > 0:
			p := tabs[random.IntN(len(tabs))]
			for range 1 + random.IntN(3) {
				p.at.status = fmt.Sprint("status", random.IntN(100))
				if _, err := process.Call(p.site.ctx, p.tab, (*tab).Update, p.at); err != nil {
					t.Error(err)
				}
			}
		case n < 60 && len(tabs) > 0:
			i := random.IntN(len(tabs))
			p := tabs[i]
			if err := process.Do(p.site.ctx, p.tab, (*tab).Untrack, p.at); err != nil {
				t.Error(err)
			}
			p.site.end(p.tab, process.Shutdown)
			tabs = slices.Delete(tabs, i, i+1)
		case n < 70 && len(tabs) > 0:
			i := random.IntN(len(tabs))
			tabs[i].site.end(tabs[i].tab, process.Kill)
			tabs = slices.Delete(tabs, i, i+1)
		case n < 73:
			at := random.IntN(len(names))
			net.part(names[:at], names[at:], random.IntN(2) == 0)
		case n < 77:
			net.heal()
		case n < 80:
			net.worse(random.Float64()*0.5, random.Float64()*0.5, time.Duration(random.IntN(3000))*time.Millisecond)
		case n < 82:
			s.stop()
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
			s.start()
			drop(func(p present) bool { return p.site != s })
		case n < 85:
			topic := topics[random.IntN(2)]
			clients = append(clients, watching{s.follow(topic), s, topic})
		case n < 87:
			time.Sleep(time.Duration(random.IntN(60)) * time.Second)
		default:
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		}
		if random.IntN(2) == 0 {
			synctest.Wait()
		}
	}
	net.heal()
	net.worse(0.2, 0.2, time.Second)
	time.Sleep(2 * time.Minute)
	net.worse(0, 0, 0)
	time.Sleep(10 * time.Second)
	synctest.Wait()
	for _, topic := range topics {
		want := make(refs)
		for _, p := range tabs {
			if p.at.topic == topic {
				want[p.at.key] = append(want[p.at.key], "")
			}
		}
		got := sites[0].list(topic)
		for key := range got {
			if len(got[key]) != len(want[key]) {
				t.Errorf("%q on %q: %v, want %d", key, topic, got[key], len(want[key]))
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d keys on %q, want %d", len(got), topic, len(want))
		}
		expect(t, sites, topic, got)
	}
	for i, c := range clients {
		if got, want := c.sees(), c.site.list(c.topic); !got.equal(want) {
			t.Errorf("client %d sees %v, want %v", i, got, want)
		}
	}
}
