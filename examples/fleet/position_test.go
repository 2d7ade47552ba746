package main

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// good is a fix that nothing is wrong with, but for what change makes of it.
func good(change func(f *Fix)) Fix {
	f := Fix{Unit: "a", Position: Position{At: noon, Lat: 40.7, Lon: -74}}
	if change != nil {
		change(&f)
	}
	return f
}

func TestCheckRefusesWhatCannotBe(t *testing.T) {
	above := func(v float64) float64 { return math.Nextafter(v, math.Inf(1)) }
	below := func(v float64) float64 { return math.Nextafter(v, math.Inf(-1)) }
	lat := func(v float64) func(*Fix) { return func(f *Fix) { f.Lat = v } }
	lon := func(v float64) func(*Fix) { return func(f *Fix) { f.Lon = v } }
	speed := func(v float64) func(*Fix) { return func(f *Fix) { f.Speed = &v } }
	heading := func(v float64) func(*Fix) { return func(f *Fix) { f.Heading = &v } }
	altitude := func(v float64) func(*Fix) { return func(f *Fix) { f.Altitude = &v } }
	at := func(v time.Time) func(*Fix) { return func(f *Fix) { f.At = v } }
	const day, ms = 24 * time.Hour, time.Millisecond

	for what, c := range map[string]struct {
		change func(*Fix)
		ok     bool
	}{
		"as it is": {nil, true},

		"lat at 90": {lat(90), true}, "lat at -90": {lat(-90), true},
		"lat above 90": {lat(above(90)), false}, "lat below -90": {lat(below(-90)), false},
		"lat NaN": {lat(math.NaN()), false}, "lat +Inf": {lat(math.Inf(1)), false}, "lat -Inf": {lat(math.Inf(-1)), false},

		"lon at 180": {lon(180), true}, "lon at -180": {lon(-180), true},
		"lon above 180": {lon(above(180)), false}, "lon below -180": {lon(below(-180)), false},
		"lon NaN": {lon(math.NaN()), false}, "lon +Inf": {lon(math.Inf(1)), false}, "lon -Inf": {lon(math.Inf(-1)), false},

		"speed 0": {speed(0), true}, "speed at the most": {speed(maxSpeed), true}, "speed above": {speed(above(maxSpeed)), false},
		"speed unknown": {speed(-1), true}, "speed NaN": {speed(math.NaN()), false},
		"speed +Inf": {speed(math.Inf(1)), false}, "speed -Inf": {speed(math.Inf(-1)), false},

		"heading 0": {heading(0), true}, "heading at 360": {heading(360), true}, "heading above": {heading(above(360)), false},
		"heading unknown": {heading(-1), true}, "heading NaN": {heading(math.NaN()), false},

		"altitude at the least": {altitude(-1000), true}, "altitude below": {altitude(below(-1000)), false},
		"altitude at the most": {altitude(1e5), true}, "altitude above": {altitude(above(1e5)), false},
		"altitude NaN": {altitude(math.NaN()), false},

		"years ago": {at(noon.AddDate(-30, 0, 0)), true}, "1970": {at(time.Unix(0, 0)), true},
		"before 1970": {at(time.Unix(0, 0).Add(-ms)), false}, "year 1": {at(time.Time{}), false},
		"almost a day ahead": {at(noon.Add(day - ms)), true}, "a day ahead": {at(noon.Add(day)), true},
		"more than a day ahead": {at(noon.Add(day + ms)), false},
		"far ahead":             {at(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)), false},
	} {
		f := good(c.change)
		switch err := f.Check(noon); {
		case c.ok && err != nil:
			t.Errorf("%s: %v", what, err)
		case !c.ok && !errors.Is(err, fault.Invalid):
			t.Errorf("%s: got %v, want a fault.Invalid", what, err)
		}
	}
}

func TestCheckIDs(t *testing.T) {
	for id, ok := range map[string]bool{
		"":                      false,
		"a":                     true,
		strings.Repeat("x", 64): true,
		strings.Repeat("x", 65): false,
		"Az09-_.":               true,
		"..":                    true,
		"a b":                   false,
		"a/b":                   false,
		"a\n":                   false,
		"\na":                   false,
		"a\x00":                 false,
		"ä":                     false,
		"a%2fb":                 false,
	} {
		f := good(func(f *Fix) { f.Unit = id })
		if err := f.Check(noon); (err == nil) != ok {
			t.Errorf("unit %q: %v", id, err)
		}
		if id == "" {
			continue // an agency may be left out
		}
		f = good(func(f *Fix) { f.Agency = id })
		if err := f.Check(noon); (err == nil) != ok {
			t.Errorf("agency %q: %v", id, err)
		}
	}
}

func TestCheckBringsIntoForm(t *testing.T) {
	minus := -0.1
	f := good(func(f *Fix) {
		f.At = time.Date(2026, 1, 31, 13, 0, 0, 1_999_999, time.FixedZone("", 3600))
		f.Speed, f.Heading = &minus, &minus
	})
	if err := f.Check(noon); err != nil {
		t.Fatal(err)
	}
	if want := noon.Add(time.Millisecond); f.At != want {
		t.Errorf("at is %v, want %v", f.At, want)
	}
	if f.Speed != nil || f.Heading != nil {
		t.Errorf("speed %v and heading %v, want both unknown", f.Speed, f.Heading)
	}
}
