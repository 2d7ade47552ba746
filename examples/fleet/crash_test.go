package main

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Anyone can watch a unit come back: restarting for at least half a second, then where it
// was, and online.
func TestCrash(t *testing.T) {
	bubble(t, func(w *world) {
		watcher, sender := w.socket(), w.socket()
		defer watcher.hangUp()
		defer sender.hangUp()
		w.send("b", time.Now(), 5)
		sender.join("unit:a", none{}, nil)
		sender.push("unit:a", "position", map[string]any{"lat": 1, "lon": 7})
		time.Sleep(time.Second)
		watcher.join("agency:default", none{}, nil)

		sender.tell("unit:a", "crash", none{})
		began := time.Now()
		state := func(want string) time.Time {
			t.Helper()
			for {
				f := watcher.event("agency:default", "moved")
				var moved Views
				f.into(t, &moved)
				for _, v := range moved.Units {
					if v.Unit == "b" {
						t.Errorf("the neighbour was disturbed: %+v", v)
					}
					if v.Unit == "a" && v.State == want {
						if v.Lat != 1 || v.Lon != 7 {
							t.Errorf("%s, but not where it was: %+v", want, v)
						}
						return f.at
					}
				}
			}
		}
		down := state(restarting)
		if v := w.unit("a"); v.State != restarting || v.Lat != 1 {
			t.Errorf("while it restarts, the API says %+v", v)
		}
		back := state(online)
		if took := back.Sub(down); took < 400*time.Millisecond { // each is told of within a tick of 200 ms
			t.Errorf("it was seen restarting for only %v", took)
		}
		var list Restarts
		w.get("/api/units/a/restarts", &list)
		if len(list.Restarts) != 1 || list.Restarts[0].BackAt == nil {
			t.Fatalf("the restarts are %+v", list)
		}
		if r := list.Restarts[0]; r.BackAt.Sub(r.At) < 500*time.Millisecond || r.BackAt.Sub(r.At) > 700*time.Millisecond {
			t.Errorf("it was down for %v", r.BackAt.Sub(r.At))
		}
		// The sender is joined still, and has had no reply to its crash.
		if r := sender.push("unit:a", "position", map[string]any{"lat": 2, "lon": 7}); r.Status != "ok" {
			t.Errorf("after the crash: %s %s", r.Status, r.Response)
		}
		for _, f := range append(sender.held, sender.arrived("unit:a", "phx_error")...) {
			if f.topic == "unit:a" && f.event != "position" {
				t.Errorf("the sender was told %s %s", f.event, f.payload)
			}
		}
		if n := w.count("fleet.units.crashed"); n != 1 {
			t.Errorf("%d crashes are counted", n)
		}
		t.Logf("told after %v, back after %v", down.Sub(began), back.Sub(began))
	})
}

// A position that comes while the unit restarts is taken when it is back.
func TestPositionWhileRestarting(t *testing.T) {
	bubble(t, func(w *world) {
		w.send("a", time.Now(), 1)
		c := w.socket()
		defer c.hangUp()
		c.join("unit:a", none{}, nil)
		c.tell("unit:a", "crash", none{})
		time.Sleep(time.Millisecond)
		if v := w.unit("a"); v.State != restarting {
			t.Fatalf("it is %s", v.State)
		}
		began := time.Now()
		w.send("a", time.Now(), 2)
		if took := time.Since(began); took < 450*time.Millisecond || took > time.Second {
			t.Errorf("the position was taken after %v", took)
		}
		if v := w.unit("a"); v.State != online || v.Lat != 2 {
			t.Errorf("it is %+v", v)
		}
	})
}

// Units that nobody knows are not crashed, nor made by it.
func TestCrashOfNobody(t *testing.T) {
	bubble(t, func(w *world) {
		c := w.socket()
		defer c.hangUp()
		c.join("unit:ghost", none{}, nil)
		c.tell("unit:ghost", "crash", none{})
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.count("process.crashes"); n != 0 {
			t.Errorf("%d processes crashed", n)
		}
		if a := w.do("GET", "/api/units/ghost", ""); a.status != 404 {
			t.Errorf("the ghost is there: %d", a.status)
		}
	})
}

func TestCrashOnlyWithDemo(t *testing.T) {
	for _, args := range [][]string{{"-demo=false"}, {"-addr=0.0.0.0:0", "-open"}, {"-addr=0.0.0.0:0", "-key=K"}} {
		w := start(t, args...)
		c := w.socket("key=K")
		w.osmand("id=a", "lat=1", "lon=2", "key=K")
		c.join("unit:a", none{}, nil)
		if r := c.push("unit:a", "crash", none{}); r.Status != "error" || r.reason() != "unknown event" {
			t.Errorf("%v: crash is answered with %s %s", args, r.Status, r.Response)
		}
		c.hangUp()
		w.stop()
		if n := w.count("process.crashes"); n != 0 {
			t.Errorf("%v: %d crashes", args, n)
		}
	}
}

// storm crashes one unit fifty times a second, from three clients, while its neighbours go
// on, and gives how long each neighbour's position took.
func storm(w *world, neighbours, seconds int) (latencies []time.Duration) {
	w.send("victim", time.Now(), 9)
	watcher := w.socket()
	defer watcher.hangUp()
	watcher.join("agency:default", none{}, nil)
	var crashers []*client
	for range 3 {
		c := w.socket()
		defer c.hangUp()
		c.join("unit:victim", none{}, nil)
		crashers = append(crashers, c)
	}
	start := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range seconds * 50 {
		<-tick.C
		crashers[i%3].tell("unit:victim", "crash", none{})
		began := time.Now()
		w.send(fmt.Sprint("u", i%neighbours), time.Now(), 1)
		latencies = append(latencies, time.Since(began))
	}
	if n := w.count("fleet.units.crashed"); n < 2 {
		w.Errorf("the unit crashed %d times only", n)
	}
	moved := watcher.arrived("agency:default", "moved")
	took := time.Since(start)
	if n, most := len(moved), int(took/movedEvery)+1; n < most/3 || n > most {
		w.Errorf("moved came %d times in %v", n, took)
	}
	for _, f := range moved {
		var views Views
		f.into(w, &views)
		for _, v := range views.Units {
			if v.Unit != "victim" && v.State != online {
				w.Errorf("a neighbour is %s", v.State)
			}
		}
	}
	for _, c := range crashers {
		if gone := append(c.arrived("unit:victim", "phx_error"), c.arrived("unit:victim", "phx_close")...); len(gone) > 0 {
			w.Errorf("a sender has lost its channel: %s", gone[0].payload)
		}
	}
	if a := w.do("GET", "/api/health", ""); a.status != 200 {
		w.Errorf("health: %s", a.body)
	}
	return latencies
}

// In time that passes only when everybody waits, the neighbours wait for their commits alone.
func TestFiftyCrashesASecond(t *testing.T) {
	bubble(t, func(w *world) {
		if most := slices.Max(storm(w, 10, 20)); most > 50*time.Millisecond {
			t.Errorf("a neighbour waited %v", most)
		}
		time.Sleep(30 * time.Second)
		if v := w.unit("victim"); v.State != online || v.Lat != 9 {
			t.Errorf("after the storm the unit is %+v", v)
		}
		for i := range 10 {
			var list Restarts
			if w.get(fmt.Sprintf("/api/units/u%d/restarts", i), &list); len(list.Restarts) > 0 {
				t.Errorf("neighbour %d was restarted", i)
			}
		}
	})
}

// The same in true time, with a file.
func TestFiftyCrashesASecondForReal(t *testing.T) {
	w := start(t, file(t))
	latencies := storm(w, 10, 2)
	slices.Sort(latencies)
	median, most := latencies[len(latencies)/2], latencies[len(latencies)-1]
	t.Logf("a neighbour's position took %v in the median, %v at most", median, most)
	if median > 250*time.Millisecond {
		t.Errorf("a neighbour's position took %v in the median", median)
	}
}
