package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/process"
)

// After a restart the units stand where they stood, with their agencies and tracks, and
// offline until they are heard.
func TestRestart(t *testing.T) { datatest.EachURL(t, testRestart) }

func testRestart(t *testing.T, url string) {
	db := "-db=" + url
	w := start(t, db)
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range 10 {
		for j := range 5 {
			status := w.osmand(fmt.Sprint("id=u", i), fmt.Sprint("agency=a", i%3), fmt.Sprint("lat=", j), "lon=7",
				"speed=4", "bearing=5", "altitude=6", fmt.Sprint("timestamp=", at.Add(time.Duration(j)*time.Second).UnixMilli()))
			if status != 200 {
				t.Fatal(status)
			}
		}
	}
	// An old one, for the track alone.
	w.send("u0", at.Add(-2*time.Hour), 80)
	read := func() string {
		var all []string
		for _, target := range []string{"/api/units", "/api/units/u0", "/api/units/u0/track", "/api/units/u9/track", "/api/agencies"} {
			a := w.do("GET", target, "")
			all = append(all, strings.ReplaceAll(a.body, `"offline"`, `"online"`))
		}
		return strings.Join(all, "\n")
	}
	before := read()
	for range 2 {
		w.stop()
		w = start(t, db)
		if v := w.unit("u0"); v.State != offline {
			t.Errorf("not heard yet, but %s", v.State)
		}
		if after := read(); after != before {
			t.Errorf("before %s\nafter %s", before, after)
		}
	}
	// It goes on where it was: an older fix than an hour before does not count.
	w.send("u0", at.Add(-time.Hour), 81)
	if v := w.unit("u0"); v.Lat != 4 || v.State != online {
		t.Errorf("it is %+v", v)
	}
	c := w.socket()
	defer c.hangUp()
	var city Views
	if c.join("agency:a0", none{}, &city); len(city.Units) != 4 {
		t.Errorf("the agency has %d units", len(city.Units))
	}
}

// Each part may crash by itself, and the program goes on.
func TestPartsComeBack(t *testing.T) {
	w := start(t, file(t))
	at := time.Now()
	w.send("a", at, 1)
	for i, part := range []process.Target{Writing, Dispatch, Units.Of("a")} {
		eventually(t, "it has done what it answered", func() bool { // or it would be abandoned
			info, err := process.InfoOf(w.ctx, part)
			return err == nil && info.Method == ""
		})
		if err := process.Exit(w.ctx, part, process.Kill); err != nil {
			t.Fatal(err)
		}
		w.send("a", at.Add(time.Duration(i+1)*time.Second), float64(i+2))
		if v := w.unit("a"); v.Lat != float64(i+2) || v.State != online {
			t.Errorf("after the crash of %s the unit is %+v", part, v)
		}
		w.send(fmt.Sprint("new", i), at, 1)
	}
	if n := len(w.track("a")); n != 4 {
		t.Errorf("the track has %d positions", n)
	}
	if a := w.do("GET", "/api/health", ""); a.status != 200 {
		t.Errorf("health: %s", a.body)
	}
}
