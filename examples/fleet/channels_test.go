package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gobwas "github.com/gobwas/ws"
)

func TestDevice(t *testing.T) {
	w := start(t)
	device := w.socket()
	defer device.hangUp()
	device.join("unit:a", map[string]any{"agency": "city"}, nil)
	now := time.Now().UTC().Truncate(time.Millisecond)

	full := map[string]any{"lat": 1.5, "lon": -2, "speed_mps": 3, "heading_deg": 4, "at": now}
	if r := device.push("unit:a", "position", full); r.Status != "ok" || string(r.Response) != "{}" {
		t.Fatalf("a good position: %s %s", r.Status, r.Response)
	}
	var fields map[string]any
	w.get("/api/units/a", &fields)
	want := map[string]any{
		"unit": "a", "state": online, "lat": 1.5, "lon": -2.0, "speed_mps": 3.0, "heading_deg": 4.0,
		"at": now.Format(time.RFC3339Nano),
	}
	if fmt.Sprint(fields) != fmt.Sprint(want) {
		t.Errorf("the unit is %v\nwant %v", fields, want)
	}

	for payload, reason := range map[string]string{
		`{"lat":91,"lon":2}`:                   "lat must be between",
		`{"lat":1,"lon":-181}`:                 "lon must be between",
		`{"lat":1}`:                            "needs lat and lon",
		`{}`:                                   "needs lat and lon",
		`null`:                                 "needs lat and lon",
		`{"lat":null,"lon":2}`:                 "needs lat and lon",
		`{"lat":"1","lon":2}`:                  "lat must be a number",
		`{"lat":1e999,"lon":2}`:                "lat must be a number",
		`[1,2]`:                                "",
		`"x"`:                                  "",
		`{"lat":1,"lon":2,"speed_mps":1000.5}`: "speed must be at most",
		`{"lat":1,"lon":2,"heading_deg":361}`:  "heading must be at most",
		`{"lat":1,"lon":2,"at":"soon"}`:        "",
		`{"lat":1,"lon":2,"at":1769860800}`:    "",
		`{"lat":1,"lon":2,"at":"9999-01-01T00:00:00Z"}`:   "more than a day ahead",
		`{"lat":1,"lon":2,"at":"1969-01-01T00:00:00Z"}`:   "before 1970",
		`{"lat":1,"lon":2,"at":"0001-01-01T00:00:00Z"}`:   "before 1970",
		`{"lat":1,"lon":2,"at":"2026-02-30T00:00:00Z"}`:   "",
		`{"lat":1,"lon":2,"at":"+12026-02-03T00:00:00Z"}`: "",
	} {
		r := device.push("unit:a", "position", json.RawMessage(payload))
		if r.Status != "error" || r.reason() == "" || !strings.Contains(r.reason(), reason) {
			t.Errorf("%s: %s %s, want an error with %q", payload, r.Status, r.Response, reason)
		}
	}
	// Unknown speed and heading, and no time.
	if r := device.push("unit:a", "position", json.RawMessage(`{"lat":1,"lon":2,"speed_mps":-1,"heading_deg":null}`)); r.Status != "ok" {
		t.Errorf("unknown speed: %s %s", r.Status, r.Response)
	}
	if v := w.unit("a"); v.Speed != nil || v.Heading != nil || time.Since(v.At) > time.Minute {
		t.Errorf("the unit is %+v", v)
	}
	if n := len(w.track("a")); n != 2 {
		t.Errorf("the track has %d positions, want the 2 that were taken", n)
	}
	if r := device.push("unit:a", "fly", none{}); r.Status != "error" || r.reason() != "unknown event" {
		t.Errorf("an unknown event: %s %s", r.Status, r.Response)
	}
	if r := device.push("unit:b", "position", full); r.Status != "error" || r.reason() != "unmatched topic" {
		t.Errorf("a topic that was not joined: %s %s", r.Status, r.Response)
	}
}

func TestJoinRefusals(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	long := strings.Repeat("x", 65)
	for topic, params := range map[string]string{
		"unit:": "{}", "unit:a b": "{}", "unit:a/b": "{}", "unit:" + long: "{}", "agency:": "{}", "agency:" + long: "{}",
		"agency:*": "{}", "unit:a": `{"agency":"a b"}`, "unit:b": `{"agency":7}`, "unit:c": `[]`,
		"room:1": "{}", "": "{}", "phoenix": "{}", "unit": "{}",
	} {
		if r := c.push(topic, "phx_join", json.RawMessage(params)); r.Status != "error" || r.reason() == "" {
			t.Errorf("%q %s: %s %s", topic, params, r.Status, r.Response)
		}
	}
	c.join("unit:"+long[1:], none{}, nil)
	c.join("agency:"+long[1:], none{}, nil)
}

func TestSocketDoor(t *testing.T) {
	w := start(t, "-key=K")
	refused := func(err error, want int) {
		t.Helper()
		var status gobwas.StatusError
		if !errors.As(err, &status) || int(status) != want {
			t.Errorf("got %v, want %d", err, want)
		}
	}
	_, err := w.connect()
	refused(err, http.StatusUnauthorized)
	_, err = w.connect("key=k")
	refused(err, http.StatusUnauthorized)
	c, err := w.connect("key=K")
	if err != nil {
		t.Fatal(err)
	}
	c.join("agency:default", none{}, nil)
	c.hangUp()

	upgrade := []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Origin: http://evil.example",
	}
	if a := w.do("GET", "/socket/websocket?vsn=2.0.0&key=K", "", upgrade...); a.status != http.StatusForbidden {
		t.Errorf("another host's page: %d", a.status)
	}
}

// Whoever joins unit:<id> sees every fix, from all doors, and none of other units.
func TestUnitBroadcast(t *testing.T) {
	w := start(t)
	watcher := w.socket()
	defer watcher.hangUp()
	watcher.join("unit:a", none{}, nil)
	at := time.Now().Truncate(time.Second)
	const n = 20
	for i := range n {
		w.send("a", at.Add(time.Duration(i)*time.Millisecond), float64(i))
		w.send("b", at.Add(time.Duration(i)*time.Millisecond), 80)
	}
	w.send("a", at, 0)                   // again: nothing new
	w.send("a", at.Add(-2*time.Hour), n) // old, yet a fix
	for i := range n + 1 {
		var p Position
		watcher.event("unit:a", "position").into(t, &p)
		if p.Lat != float64(i) {
			t.Fatalf("fix %d is %+v", i, p)
		}
	}
}

func TestAgencyJoin(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	var raw json.RawMessage
	c.join("agency:city", none{}, &raw)
	if string(raw) != `{"units":[],"geofences":[],"alerts":[]}` {
		t.Errorf("an empty agency is %s", raw)
	}
	w.osmand("id=b", "lat=1", "lon=2", "agency=city", "timestamp=1769860800", "speed=0")
	w.osmand("id=a", "lat=1", "lon=2", "agency=city", "timestamp=1769860801")
	w.osmand("id=c", "lat=1", "lon=2")
	other := w.socket()
	defer other.hangUp()
	other.join("agency:city", none{}, &raw)
	want := `{"units":[` +
		`{"unit":"a","state":"online","at":"2026-01-31T12:00:01Z","lat":1,"lon":2,"speed_mps":null,"heading_deg":null},` +
		`{"unit":"b","state":"online","at":"2026-01-31T12:00:00Z","lat":1,"lon":2,"speed_mps":0,"heading_deg":null}],"geofences":[],"alerts":[]}`
	if string(raw) != want {
		t.Errorf("the join reply is\n%s, want\n%s", raw, want)
	}
	var all Views
	other.join("agency:default", none{}, &all)
	if len(all.Units) != 1 || all.Units[0].Unit != "c" {
		t.Errorf("agency default has %v, want c", all)
	}
	got := map[string]bool{}
	for len(got) < 2 {
		var moved Views
		c.event("agency:city", "moved").into(t, &moved)
		for _, v := range moved.Units {
			got[v.Unit] = true
		}
	}
	if got["c"] {
		t.Error("another agency's unit moved here")
	}
}

// However much moves, moved comes five times a second at most; and nothing is left out:
// the last one tells where every unit is.
func TestMovedRate(t *testing.T) {
	bubble(t, func(w *world) {
		c := w.socket()
		defer c.hangUp()
		c.join("agency:default", none{}, nil)
		const units = 20
		began := time.Now()
		for tick := range 400 {
			w.send(fmt.Sprint("u", tick%units), time.Now(), float64(tick%90))
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		events := c.arrived("agency:default", "moved")
		took := events[len(events)-1].at.Sub(began)
		if n, most := len(events), int(took/movedEvery); n > most || n < most-2 {
			t.Errorf("moved came %d times in %v", n, took)
		}
		latest := map[string]float64{}
		for i, e := range events {
			if i > 0 && e.at.Sub(events[i-1].at) < movedEvery {
				t.Errorf("moved came %v after the one before", e.at.Sub(events[i-1].at))
			}
			var moved Views
			e.into(t, &moved)
			ids := map[string]bool{}
			for _, v := range moved.Units {
				latest[v.Unit] = v.Lat
				ids[v.Unit] = true
			}
			if len(ids) != len(moved.Units) || len(ids) == 0 {
				t.Errorf("moved has %d entries for %d units", len(moved.Units), len(ids))
			}
		}
		for id, lat := range latest {
			if at := w.unit(id).Lat; at != lat {
				t.Errorf("%s is at %v, moved told %v", id, at, lat)
			}
		}
		if len(latest) != units {
			t.Errorf("%d units moved, want %d", len(latest), units)
		}
		// Who stands still is not told of.
		time.Sleep(time.Minute)
		if extra := c.arrived("agency:default", "moved"); len(extra) > 0 {
			t.Errorf("nothing moved, and moved came %d times", len(extra))
		}
	})
}

// A dispatcher who leaves hears nothing more; the others do.
func TestLeave(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	c.join("unit:a", none{}, nil)
	c.join("unit:b", none{}, nil)
	if r := c.push("unit:a", "phx_leave", none{}); r.Status != "ok" {
		t.Errorf("leave: %s %s", r.Status, r.Response)
	}
	w.send("a", time.Now(), 1)
	w.send("b", time.Now(), math.Pi)
	c.event("unit:b", "position")
	if heard := c.arrived("unit:a", "position"); len(heard) > 0 {
		t.Errorf("heard %d fixes after leaving", len(heard))
	}
	c.event("unit:a", "phx_close")
}
