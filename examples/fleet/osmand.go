package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

const metresPerKnot = 1852.0 / 3600

// osmand is the door for the OsmAnd protocol, which the Traccar Client phone app speaks: as
// parameters, and from its version 9 on as JSON. It answers 200 once the position is
// committed. The form has been parsed.
func osmand(w http.ResponseWriter, r *http.Request) {
	read := readOsmand
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" && r.Form.Get("lat") == "" {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			telemetry.Count(r.Context(), "fleet.osmand.refused", 1)
			web.Problem(w, r, fault.Invalid.Wrap(err, "the body cannot be read"))
			return
		}
		read = func(form url.Values, now time.Time) (Fix, error) { return readTraccar(body, form, now) }
	}
	f, err := read(r.Form, time.Now())
	if err == nil {
		err = accept(r.Context(), "osmand", f)
	} else {
		telemetry.Count(r.Context(), "fleet.osmand.refused", 1)
	}
	if err != nil {
		web.Problem(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// accept gives a checked fix to its unit, and waits until it is committed.
func accept(ctx context.Context, door string, f Fix) error {
	err := process.Do(ctx, Units.Of(f.Unit), (*Unit).Fix, f)
	if err != nil {
		telemetry.Count(ctx, "fleet."+door+".failed", 1)
		return err
	}
	telemetry.Count(ctx, "fleet."+door+".accepted", 1)
	return nil
}

// readOsmand reads the parameters of the OsmAnd protocol.
func readOsmand(form url.Values, now time.Time) (Fix, error) {
	f := Fix{Unit: form.Get("id"), Agency: form.Get("agency")}
	if f.Unit == "" {
		f.Unit = form.Get("deviceid")
	}
	var err error
	number := func(name string, required bool) *float64 {
		text := form.Get(name)
		if err != nil || text == "" && !required {
			return nil
		}
		if text == "" {
			err = fault.Invalid.Errorf("%s is missing", name)
			return nil
		}
		v, bad := strconv.ParseFloat(text, 64)
		if bad != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			err = fault.Invalid.Errorf("%s must be a number, got %.40q", name, text)
			return nil
		}
		return &v
	}
	lat, lon := number("lat", true), number("lon", true)
	f.Speed, f.Heading, f.Altitude = number("speed", false), number("bearing", false), number("altitude", false)
	if err != nil {
		return f, err
	}
	f.Lat, f.Lon = *lat, *lon
	if f.Speed != nil {
		*f.Speed *= metresPerKnot
	}
	if f.At, err = readTime(form.Get("timestamp"), now); err != nil {
		return f, err
	}
	return f, f.Check(now)
}

// readTraccar reads what Traccar Client sends as JSON. Its speed is in m/s.
func readTraccar(body []byte, form url.Values, now time.Time) (Fix, error) {
	var report struct {
		Device   string `json:"device_id"`
		Location struct {
			Timestamp string `json:"timestamp"`
			Coords    struct {
				Lat      *float64 `json:"latitude"`
				Lon      *float64 `json:"longitude"`
				Speed    *float64 `json:"speed"`
				Heading  *float64 `json:"heading"`
				Altitude *float64 `json:"altitude"`
			} `json:"coords"`
		} `json:"location"`
	}
	if err := json.Unmarshal(body, &report); err != nil {
		return Fix{}, fault.Invalid.Wrap(err, "the body is not a location of Traccar Client, or not JSON")
	}
	c := report.Location.Coords
	if c.Lat == nil || c.Lon == nil {
		return Fix{}, fault.Invalid.Errorf("location.coords.latitude or .longitude is missing")
	}
	f := Fix{Unit: cmp.Or(report.Device, form.Get("id")), Agency: form.Get("agency"), Altitude: c.Altitude}
	at, err := readTime(report.Location.Timestamp, now)
	if err != nil {
		return f, err
	}
	f.Position = Position{at, *c.Lat, *c.Lon, c.Speed, c.Heading}
	return f, f.Check(now)
}

// layouts are the forms of ISO 8601 that are met. Without a zone it is UTC.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05",
}

// readTime reads Unix seconds or milliseconds, or ISO 8601. No time means now.
func readTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now, nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		if math.Abs(v) < 1e11 { // before the year 5138 in seconds, after 1973 in milliseconds
			v *= 1000
		}
		if !within(v, 0, 1e15) {
			return time.Time{}, fault.Invalid.Errorf("timestamp must be a time since 1970, got %.40q", text)
		}
		return time.UnixMilli(int64(math.Round(v))), nil
	}
	// In a query, the plus of a zone that was not escaped arrives as a space.
	if i := len(text) - len(" 02:00"); i > len("2006-01-02") && text[i] == ' ' && strings.Contains(text, "T") {
		text = text[:i] + "+" + text[i+1:]
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.Invalid.Errorf("timestamp must be Unix seconds or milliseconds, or ISO 8601 such as 2026-01-31T12:00:00Z, got %.40q", text)
}
