package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
)

const vehicles = 996

func TestNYCTrips(t *testing.T) {
	var raw []struct{ Timestamps []float64 }
	if err := json.Unmarshal(nycTrips, &raw); err != nil {
		t.Fatal(err)
	}
	trips, err := readTrace(nycTrips)
	if err != nil {
		t.Fatal(err)
	}
	if len(trips) != vehicles || len(raw) != vehicles {
		t.Fatalf("%d trips of %d, want %d", len(trips), len(raw), vehicles)
	}
	skipped := 0
	for i, trip := range trips {
		skipped += len(raw[i].Timestamps) - len(trip)
		if trip[0].at != 0 {
			t.Errorf("trip %d begins at %v", i, trip[0].at)
		}
		for j, w := range trip {
			if j > 0 && w.at <= trip[j-1].at {
				t.Errorf("trip %d, waypoint %d: the time does not increase", i, j)
			}
			f := Fix{Unit: "a", Position: Position{At: noon, Lat: w.lat, Lon: w.lon, Speed: &w.speed, Heading: &w.course}}
			if err := f.Check(noon); err != nil || f.Speed == nil || f.Heading == nil {
				t.Errorf("trip %d, waypoint %d cannot be: %+v, %v", i, j, w, err)
			}
		}
	}
	if skipped != 21 {
		t.Errorf("%d waypoints are left out, want 21", skipped)
	}
}

func TestMovement(t *testing.T) {
	from := waypoint{at: 0, lat: 0, lon: 0}
	for _, c := range []struct {
		to            waypoint
		speed, course float64
	}{
		{waypoint{at: 10, lat: 0.01}, 111.2, 0},
		{waypoint{at: 10, lon: 0.01}, 111.2, 90},
		{waypoint{at: 20, lat: -0.01}, 55.6, 180},
		{waypoint{at: 10, lon: -0.01}, 111.2, 270},
		{waypoint{at: 10}, 0, 0},
		{waypoint{at: 0.001, lat: 1}, maxSpeed, 0},
	} {
		speed, course := movement(from, c.to)
		if !within(speed, c.speed-0.1, c.speed+0.1) || !within(course, c.course-0.1, c.course+0.1) {
			t.Errorf("to %+v: %v m/s, %v°", c.to, speed, course)
		}
	}
}

// A vehicle comes by all of its waypoints, lap after lap, each in its time.
func TestVehicleLaps(t *testing.T) {
	v := &Vehicle{trip: []waypoint{{at: 0}, {at: 10}, {at: 25}}, offset: 12, next: 1}
	var got []string
	for range 8 {
		got = append(got, fmt.Sprint(v.next, " until ", v.due()))
		v.advance()
	}
	want := "1 until 13; 2 until 14; 0 until 24; 1 until 39; 2 until 40; 0 until 50; 1 until 65; 2 until 66"
	if strings.Join(got, "; ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "; "), want)
	}
}

// All are on the road within the first second, send about 65 positions a second of the
// data's time, and begin at the same places every time.
func TestReplay(t *testing.T) {
	began := func(w *world) map[string][2]float64 {
		t.Helper()
		time.Sleep(time.Second)
		synctest.Wait()
		var all Views
		w.get("/api/units", &all)
		if len(all.Units) != vehicles {
			t.Errorf("after a second %d units are known", len(all.Units))
		}
		places := make(map[string][2]float64)
		for _, v := range all.Units {
			if v.State != online || v.Speed == nil || v.Heading == nil || time.Since(v.At) > time.Second+gather {
				t.Errorf("after a second: %+v", v)
			}
			places[v.Unit] = [2]float64{v.Lat, v.Lon}
		}
		return places
	}
	var first, second map[string][2]float64
	bubble(t, func(w *world) {
		first = began(w)
		before := w.count("fleet.replay.accepted")
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if rate := float64(w.count("fleet.replay.accepted")-before) / 15; rate < 60 || rate > 70 {
			t.Errorf("%v positions a second, want about 65", rate)
		}
		c := w.socket()
		defer c.hangUp()
		var views Views
		c.join("agency:nyc", none{}, &views)
		if len(views.Units) != vehicles {
			t.Errorf("the agency nyc has %d units", len(views.Units))
		}
		if n := w.count("fleet.replay.failed"); n > 0 {
			t.Errorf("%d positions were not taken", n)
		}
	}, "-replay=nyc", "-speed=1")
	bubble(t, func(w *world) { second = began(w) }, "-replay=nyc", "-speed=1")
	for unit, place := range first {
		if second[unit] != place {
			t.Errorf("%s began at %v, and then at %v", unit, place, second[unit])
		}
	}
}

func TestReplaySpeed(t *testing.T) {
	bubble(t, func(w *world) {
		time.Sleep(time.Second)
		synctest.Wait()
		before := w.count("fleet.replay.accepted")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if rate := float64(w.count("fleet.replay.accepted")-before) / 2; rate < 600 || rate > 700 {
			t.Errorf("%v positions a second at -speed 10, want about 650", rate)
		}
	}, "-replay=nyc", "-speed=10")
}

// bus is a replay of one vehicle with three waypoints in 20 s.
func bus(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bus.json")
	err := os.WriteFile(file, []byte(`[{"path":[[7,1],[7,2],[7,3]],"timestamps":[100,110,119]}]`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return "-replay=" + file
}

// At the end of its trip a vehicle begins anew.
func TestReplayLoops(t *testing.T) {
	trace := bus(t)
	bubble(t, func(w *world) {
		time.Sleep(65 * time.Second)
		synctest.Wait()
		var lats []string
		for _, p := range w.track("bus-001") {
			lats = append(lats, fmt.Sprint(p.Lat))
		}
		if got := strings.Join(lats, ""); !strings.HasPrefix(got, "123123123") || len(got) > 10 {
			t.Errorf("it came by %s", got)
		}
	}, trace, "-speed=1")
}

// A vehicle that crashes drives on.
func TestVehicleComesBack(t *testing.T) {
	trace := bus(t)
	bubble(t, func(w *world) {
		time.Sleep(5 * time.Second)
		if err := process.Exit(w.ctx, Vehicles.Of("0"), process.Kill); err != nil {
			t.Fatal(err)
		}
		before := w.count("fleet.replay.accepted")
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := w.count("fleet.replay.accepted") - before; n < 6 {
			t.Errorf("in the minute after its crash it sent %d positions", n)
		}
	}, trace, "-speed=1")
}

// The map is drawn from the traces, and there is none without.
func TestMap(t *testing.T) {
	for replay, want := range map[string]int{"nyc": vehicles, "none": 0} {
		w := start(t, "-replay="+replay, "-speed=0.01")
		var streets struct{ Lines [][]float64 }
		if status := w.get("/api/map", &streets); status != 200 || len(streets.Lines) != want {
			t.Errorf("the map of %s: %d, %d lines", replay, status, len(streets.Lines))
		}
		w.stop()
	}
}
