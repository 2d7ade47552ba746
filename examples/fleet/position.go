package main

import (
	"math"
	"regexp"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Position is where a unit was, when, and how it moved.
type Position struct {
	At      time.Time `json:"at"` // UTC, to the millisecond
	Lat     float64   `json:"lat"`
	Lon     float64   `json:"lon"`
	Speed   *float64  `json:"speed_mps"`   // nil: unknown
	Heading *float64  `json:"heading_deg"` // nil: unknown
}

// Fix is a position as a door takes it in.
type Fix struct {
	Unit     string
	Agency   string // "": as before
	Altitude *float64
	Replayed bool // its track keeps the last hour only
	Position
}

const (
	maxAhead = 24 * time.Hour
	maxSpeed = 1000.0 // m/s
)

var idForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func checkID(what, id string) error {
	if !idForm.MatchString(id) {
		return fault.Invalid.Errorf("%s must be 1 to 64 letters, digits, '-', '_' or '.'", what)
	}
	return nil
}

// Check refuses what cannot be, and brings the time to UTC and milliseconds. Speeds and
// headings below zero mean unknown, as receivers have it.
func (f *Fix) Check(now time.Time) error {
	if err := checkID("the unit's id", f.Unit); err != nil {
		return err
	}
	if f.Agency != "" {
		if err := checkID("agency", f.Agency); err != nil {
			return err
		}
	}
	f.At = f.At.UTC().Truncate(time.Millisecond)
	switch {
	case !within(f.Lat, -90, 90):
		return fault.Invalid.Errorf("lat must be between -90 and 90, got %v", f.Lat)
	case !within(f.Lon, -180, 180):
		return fault.Invalid.Errorf("lon must be between -180 and 180, got %v", f.Lon)
	case f.At.Before(time.Unix(0, 0)):
		return fault.Invalid.Errorf("the time must not be before 1970, got %v", f.At.Format(time.RFC3339))
	case f.At.After(now.Add(maxAhead)):
		return fault.Invalid.Errorf("the time must not be more than a day ahead, got %v", f.At.Format(time.RFC3339))
	}
	if err := checkOptional("speed", &f.Speed, maxSpeed, "m/s"); err != nil {
		return err
	}
	if err := checkOptional("heading", &f.Heading, 360, "degrees"); err != nil {
		return err
	}
	if f.Altitude != nil && !within(*f.Altitude, -1000, 100_000) {
		return fault.Invalid.Errorf("altitude must be between -1000 and 100000 m, got %v", *f.Altitude)
	}
	return nil
}

func checkOptional(what string, v **float64, most float64, unit string) error {
	switch {
	case *v == nil:
	case math.IsNaN(**v) || math.IsInf(**v, 0) || **v > most:
		return fault.Invalid.Errorf("%s must be at most %v %s, got %v", what, most, unit, **v)
	case **v < 0:
		*v = nil
	}
	return nil
}

// within is false for NaN.
func within(v, least, most float64) bool { return v >= least && v <= most }
