package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
)

var (
	//go:embed traces/nyc-trips.json
	nycTrips []byte
	//go:embed traces/limerick-304.gpx
	limerickBus []byte
)

const maxTraceFile = 64 << 20

// waypoint is a place on a trip, and how a vehicle moves there.
type waypoint struct {
	at            float64 // seconds since the trip began
	lat, lon      float64
	speed, course float64
}

// traces gives the name of a replay, which is its agency's, and a function that reads its
// trips once. A file is read at once, so that its faults show at the start.
func traces(replay string) (name string, trips func() ([][]waypoint, error), err error) {
	switch replay {
	case "none":
		return replay, func() ([][]waypoint, error) { return nil, nil }, nil
	case "nyc":
		return replay, sync.OnceValues(func() ([][]waypoint, error) { return readTrace(nycTrips) }), nil
	case "limerick":
		return replay, sync.OnceValues(func() ([][]waypoint, error) { return readTrace(limerickBus) }), nil
	}
	file, err := os.Open(replay)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, fault.Invalid.Errorf("-replay must be nyc, limerick, none, or a file, and there is no file %q", replay)
	}
	if err != nil {
		return "", nil, fault.Invalid.Wrap(err, "-replay cannot be read")
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTraceFile+1))
	if err != nil {
		return "", nil, fault.Invalid.Wrap(err, "-replay cannot be read")
	}
	if len(content) > maxTraceFile {
		return "", nil, fault.Invalid.Errorf("-replay %s is larger than %d MiB", replay, maxTraceFile>>20)
	}
	read, err := readTrace(content)
	if err != nil {
		return "", nil, fmt.Errorf("-replay %s: %w", replay, err)
	}
	return agencyOf(replay), func() ([][]waypoint, error) { return read, nil }, nil
}

// agencyOf makes an agency's name of a file's.
func agencyOf(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	name := strings.Map(func(r rune) rune {
		if idForm.MatchString(string(r)) {
			return r
		}
		return '-'
	}, base)
	name = name[:min(len(name), 56)] // room for the number of a vehicle
	if name == "" || name == "none" {
		return "replay"
	}
	return name
}

// readTrace reads deck.gl's trips (JSON), GPX, or a log of NMEA sentences.
func readTrace(file []byte) (trips [][]waypoint, err error) {
	switch start := bytes.TrimSpace(bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))); {
	case bytes.HasPrefix(start, []byte("[")):
		trips, err = readTrips(start)
	case bytes.HasPrefix(start, []byte("<")):
		trips, err = readGPX(start)
	default:
		trips, err = readNMEA(start)
	}
	if err != nil {
		return nil, err
	}
	var driven [][]waypoint
	for _, trip := range trips {
		if trip = increasing(trip); len(trip) >= 2 {
			driven = append(driven, moving(trip))
		}
	}
	if len(driven) == 0 {
		return nil, fault.Invalid.Errorf("there is no trip in it: no two positions with increasing times")
	}
	return driven, nil
}

const maxAt = 1e12 // s; the years of GPX end at 9999

// increasing leaves out what cannot be, and waypoints whose time does not increase, and
// counts time from the first.
func increasing(trip []waypoint) []waypoint {
	kept := trip[:0]
	var began, last float64
	for _, w := range trip {
		switch {
		case !within(w.lat, -90, 90) || !within(w.lon, -180, 180) || !within(w.at, -maxAt, maxAt):
			continue
		case len(kept) == 0:
			began = w.at
		case w.at <= last:
			continue
		}
		last = w.at
		w.at -= began
		kept = append(kept, w)
	}
	return kept
}

// moving fills in speeds and courses: at each waypoint, those of the way to it.
func moving(trip []waypoint) []waypoint {
	for i := range trip {
		trip[i].speed, trip[i].course = movement(trip[max(i-1, 0)], trip[max(i, 1)])
	}
	return trip
}

const earthRadius = 6_371_000 // m

// movement is the speed in m/s and the course in degrees from one waypoint to the next.
func movement(a, b waypoint) (speed, course float64) {
	metres, course := way(a.lat, a.lon, b.lat, b.lon)
	return min(metres/(b.at-a.at), maxSpeed), course
}

// way is how far, and in which direction in degrees, one place is from another.
func way(lat, lon, toLat, toLon float64) (metres, course float64) {
	const rad = math.Pi / 180
	north := (toLat - lat) * rad
	east := math.Remainder(toLon-lon, 360) * rad * math.Cos((lat+toLat)/2*rad)
	course = math.Atan2(east, north) / rad
	if course < 0 {
		course += 360
	}
	return earthRadius * math.Hypot(north, east), course
}

// readTrips reads deck.gl's trips: a list of paths with their times.
func readTrips(file []byte) ([][]waypoint, error) {
	var all []struct {
		Path       [][]float64 `json:"path"` // longitude, latitude
		Timestamps []float64   `json:"timestamps"`
	}
	if err := json.Unmarshal(file, &all); err != nil {
		return nil, fault.Invalid.Wrap(err, "the trips cannot be read")
	}
	trips := make([][]waypoint, len(all))
	for i, t := range all {
		if len(t.Path) != len(t.Timestamps) {
			return nil, fault.Invalid.Errorf("trip %d has %d points and %d timestamps", i, len(t.Path), len(t.Timestamps))
		}
		for j, p := range t.Path {
			if len(p) < 2 {
				return nil, fault.Invalid.Errorf("point %d of trip %d is not [longitude, latitude]", j, i)
			}
			trips[i] = append(trips[i], waypoint{at: t.Timestamps[j], lat: p[1], lon: p[0]})
		}
	}
	return trips, nil
}

// readGPX reads the track segments of a GPX file. Points without a place or a time are
// left out.
func readGPX(file []byte) ([][]waypoint, error) {
	var gpx struct {
		XMLName  xml.Name `xml:"gpx"`
		Segments []struct {
			Points []struct {
				Lat  *float64 `xml:"lat,attr"`
				Lon  *float64 `xml:"lon,attr"`
				Time string   `xml:"time"`
			} `xml:"trkpt"`
		} `xml:"trk>trkseg"`
	}
	if err := xml.Unmarshal(file, &gpx); err != nil {
		return nil, fault.Invalid.Wrap(err, "the GPX cannot be read")
	}
	trips := make([][]waypoint, len(gpx.Segments))
	for i, s := range gpx.Segments {
		for _, p := range s.Points {
			at, err := time.Parse(time.RFC3339, strings.TrimSpace(p.Time))
			if err == nil && p.Lat != nil && p.Lon != nil {
				trips[i] = append(trips[i], waypoint{at: seconds(at), lat: *p.Lat, lon: *p.Lon})
			}
		}
	}
	return trips, nil
}

// readNMEA reads a receiver's log as one trip, as the UDP door would.
func readNMEA(file []byte) ([][]waypoint, error) {
	var trip []waypoint
	var last time.Time
	for line := range bytes.FieldsFuncSeq(file, func(r rune) bool { return r == '\r' || r == '\n' }) {
		s, err := parseSentence(bytes.TrimSpace(line))
		if err != nil || s.kind != rmc && s.kind != gga || s.kind == gga && last.IsZero() {
			continue
		}
		at, ok := s.when(last, last)
		if !ok {
			continue
		}
		if s.kind == rmc {
			last = at
		}
		trip = append(trip, waypoint{at: seconds(at), lat: s.lat, lon: s.lon})
	}
	return [][]waypoint{trip}, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
