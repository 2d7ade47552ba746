package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Who goes into a geofence or out of it is told of: once, also to those who come later.
func TestGeofences(t *testing.T) { datatest.EachURL(t, testGeofences) }

func testGeofences(t *testing.T, url string) {
	db := "-db=" + url
	w := start(t, db)
	c := w.socket()
	c.join("agency:city", none{}, nil)
	at := time.Now().Add(-time.Minute).UTC().Truncate(time.Millisecond)
	drive := func(unit, agency string, lats ...float64) {
		t.Helper()
		for _, lat := range lats {
			at = at.Add(time.Second)
			status := w.osmand("id="+unit, "agency="+agency, fmt.Sprint("lat=", lat), "lon=7", fmt.Sprint("timestamp=", at.UnixMilli()))
			if status != 200 {
				t.Fatal(status)
			}
		}
	}
	sees := func(c *client, unit string, entered bool, when time.Time) {
		t.Helper()
		var a Alert
		c.event("agency:city", "alert").into(t, &a)
		if want := (Alert{Agency: "city", At: when, Unit: unit, Geofence: "Depot", Entered: entered}); a != want {
			t.Errorf("it is told %+v, want %+v", a, want)
		}
	}
	do := func(c *client, event string, payload any) {
		t.Helper()
		if r := c.push("agency:city", event, payload); r.Status != "ok" {
			t.Fatalf("%s: %s %s", event, r.Status, r.Response)
		}
		c.event("agency:city", "geofences")
	}

	do(c, "fence", Geofence{Agency: "elsewhere", Name: "Depot", Lat: 5, Lon: 7, Radius: 1000})
	do(c, "fence", Geofence{Name: "Depot", Lat: 1, Lon: 7, Radius: 1000}) // is moved
	drive("a", "city", 0, 1)
	sees(c, "a", true, at)
	drive("a", "city", 1.001, 1)
	drive("b", "village", 0, 1, 0)
	for range 2 { // the second time it is known
		w.osmand("id=a", "agency=city", "lat=1", "lon=7", fmt.Sprint("timestamp=", at.Add(-3*time.Second).UnixMilli()))
	}
	drive("a", "city", 1.1)
	sees(c, "a", false, at)
	left := at
	drive("new", "city", 1)
	sees(c, "new", true, at)
	c.hangUp()
	w.stop()

	w = start(t, db)
	c = w.socket()
	defer c.hangUp()
	var scene Scene
	c.join("agency:city", none{}, &scene)
	if g := scene.Geofences.Geofences; len(g) != 1 || g[0].Lat != 1 || g[0].Name != "Depot" || g[0].Agency != "city" {
		t.Errorf("the geofences are %v", g)
	}
	if a := scene.Alerts; len(a) != 3 || a[1].Unit != "a" || a[1].Entered || !a[1].At.Equal(left) || a[2].Unit != "new" {
		t.Errorf("the alerts are %v", a)
	}
	drive("a", "city", 1)
	sees(c, "a", true, at)
	do(c, "unfence", GeofenceRef{Name: "Depot"})
	do(c, "unfence", GeofenceRef{Name: "Depot"}) // it is gone
	drive("a", "city", 0)
	c.join("agency:city", none{}, &scene)
	if len(scene.Geofences.Geofences) != 0 || len(scene.Alerts) != 4 {
		t.Errorf("in the end there are %v", scene)
	}
}

func TestGeofenceRefusals(t *testing.T) {
	w := start(t)
	c := w.socket()
	defer c.hangUp()
	c.join("agency:city", none{}, nil)
	for _, g := range []map[string]any{
		{}, {"name": "", "lat": 1, "lon": 2, "radius_m": 10}, {"name": "a\nb", "lat": 1, "lon": 2, "radius_m": 10},
		{"name": "x", "lat": 91, "lon": 2, "radius_m": 10}, {"name": "x", "lat": 1, "lon": 181, "radius_m": 10},
		{"name": "x", "lat": 1, "lon": 2, "radius_m": 0.9}, {"name": "x", "lat": 1, "lon": 2, "radius_m": 1_000_001},
	} {
		if r := c.push("agency:city", "fence", g); r.Status != "error" || r.reason() == "" {
			t.Errorf("%v: %s %s", g, r.Status, r.Response)
		}
	}
	fence := func(i int) error {
		return process.Do(w.ctx, Writing, (*Writer).Fence, Geofence{Agency: "city", Name: fmt.Sprint(i), Radius: 1})
	}
	for i := range maxGeofences {
		if err := fence(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := fence(0); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if err := fence(maxGeofences); fault.Of(err) != fault.Exhausted {
		t.Errorf("one too many: %v", err)
	}
}

// A geofence has what is as far from its centre as its radius, also over the date line.
func TestGeofenceHas(t *testing.T) {
	for _, c := range []struct {
		lat, lon, metres float64
		at               Position
		has              bool
	}{
		{0, 0, 111_200, Position{Lat: 1}, true},
		{0, 0, 111_100, Position{Lat: 1}, false},
		{60, 0, 55_700, Position{Lat: 60, Lon: 1}, true},
		{60, 0, 55_500, Position{Lat: 60, Lon: 1}, false},
		{0, 179.9, 22_300, Position{Lon: -179.9}, true},
		{0, 179.9, 22_200, Position{Lon: -179.9}, false},
	} {
		if got := (Geofence{Lat: c.lat, Lon: c.lon, Radius: c.metres}).has(&c.at); got != c.has {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if (Geofence{Radius: maxRadius}).has(nil) {
		t.Error("it has a unit that is nowhere")
	}
}
