package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Beyond -max-units new units get 429, which is counted; those that are known are served,
// also after a restart.
func TestMaxUnits(t *testing.T) {
	db := file(t)
	w := start(t, db, "-max-units=3")
	check := func(refusals int64) {
		t.Helper()
		for i := range 3 {
			w.send(fmt.Sprint("u", i), time.Now(), 1)
		}
		before := w.count("fleet.units.refused")
		for i := range refusals {
			a := w.do("GET", fmt.Sprintf("/osmand?id=new%d&lat=1&lon=2", i), "")
			if a.status != http.StatusTooManyRequests || !strings.Contains(a.body, "most") {
				t.Errorf("the fourth unit: %d %s", a.status, a.body)
			}
		}
		c := w.socket()
		defer c.hangUp()
		c.join("unit:new", none{}, nil)
		if r := c.push("unit:new", "position", map[string]any{"lat": 1, "lon": 2}); r.Status != "error" || !strings.Contains(r.reason(), "most") {
			t.Errorf("the fourth unit by socket: %s %s", r.Status, r.Response)
		}
		if n := w.count("fleet.units.refused") - before; n != refusals+1 {
			t.Errorf("%d refusals are counted, want %d", n, refusals+1)
		}
		for i := range 3 {
			w.send(fmt.Sprint("u", i), time.Now().Add(time.Second), 2)
		}
		var all Views
		if w.get("/api/units", &all); len(all.Units) != 3 {
			t.Errorf("there are %d units", len(all.Units))
		}
	}
	check(5)
	w.stop()
	w = start(t, db, "-max-units=3")
	if status := w.osmand("id=new", "lat=1", "lon=2"); status != http.StatusTooManyRequests {
		t.Errorf("after a restart, before the known ones are awake: %d", status)
	}
	check(5)
	w.stop()

	// With a lower limit the known ones are still known.
	w = start(t, db, "-max-units=2")
	check(1)
	w.stop()

	// With a higher one there is room for one more.
	w = start(t, db, "-max-units=4")
	w.send("u3", time.Now(), 1)
	if status := w.osmand("id=u4", "lat=1", "lon=2"); status != http.StatusTooManyRequests {
		t.Errorf("the fifth of four units: %d", status)
	}
}

// Whoever is refused by the rules takes no room.
func TestRefusedTakesNoRoom(t *testing.T) {
	w := start(t, "-max-units=1")
	for range 3 {
		if status := w.osmand("id=bad", "lat=91", "lon=2"); status != http.StatusBadRequest {
			t.Errorf("lat 91: %d", status)
		}
	}
	c := w.socket()
	defer c.hangUp()
	c.join("unit:watched", none{}, nil)
	c.join("agency:empty", none{}, nil)
	w.do("GET", "/api/units/asked", "")
	w.send("good", time.Now(), 1)
}

// Many at once do not slip through.
func TestMaxUnitsAtOnce(t *testing.T) {
	const most, tries = 10, 60
	w := start(t, fmt.Sprint("-max-units=", most))
	taken := make([]int, tries)
	together(tries, func(i int) { taken[i] = w.osmand(fmt.Sprint("id=u", i), "lat=1", "lon=2") })
	count := map[int]int{}
	for _, status := range taken {
		count[status]++
	}
	if count[200] != most || count[429] != tries-most {
		t.Errorf("the answers are %v, want %d times 200 and %d times 429", count, most, tries-most)
	}
	if n := w.count("fleet.units.refused"); n != tries-most {
		t.Errorf("%d refusals are counted", n)
	}
}

func TestTopicsOfOneClient(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	for i := range 100 {
		c.join(fmt.Sprint("unit:u", i), none{}, nil)
	}
	if r := c.push("unit:u100", "phx_join", none{}); r.Status != "error" {
		t.Errorf("the 101st topic: %s", r.Status)
	}
}

// A device may send a thousand positions at once, and a hundred a second from then on. What
// is beyond is refused, and nothing else.
func TestReportLimits(t *testing.T) {
	bubble(t, func(w *world) {
		c := w.socket()
		defer c.hangUp()
		c.join("unit:a", none{}, nil)
		some := func(n int) (taken int) {
			var refs []string
			for range n {
				refs = append(refs, c.tell("unit:a", "position", none{}))
			}
			for _, ref := range refs {
				var r reply
				c.wait("a reply", func(f frame) bool { return f.ref != nil && *f.ref == ref }).into(t, &r)
				switch r.reason() {
				case "a position needs lat and lon":
					taken++
				case "too many messages":
				default:
					t.Errorf("%s %s", r.Status, r.Response)
				}
			}
			return taken
		}
		burst := func(n int) (taken int) {
			for ; n > 0; n -= 250 { // more replies at once than 1,024 would close the connection
				taken += some(min(n, 250))
			}
			return taken
		}
		for i, want := range []int{reports.Burst, int(reports.PerSecond), int(reports.PerSecond)} {
			if n := burst(want + 50); n != want {
				t.Errorf("of burst %d, %d were taken, want %d", i+1, n, want)
			}
			time.Sleep(time.Second)
		}
		for spare, want := range map[int]string{0: "a position needs", 1: "longer than 1024 bytes"} {
			padded := map[string]string{"pad": strings.Repeat("x", reports.Bytes-len(`{"pad":""}`)+spare)}
			if r := c.push("unit:a", "position", padded); !strings.Contains(r.reason(), want) {
				t.Errorf("with %d bytes too many: %s %s", spare, r.Status, r.Response)
			}
		}
	})
}
