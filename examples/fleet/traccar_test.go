package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
)

func TestTraccarJSON(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	good := `{"location": {"timestamp": "2026-01-31T11:59:58.5Z", "coords": {"latitude": 40.5, "longitude": -74.25,
		"accuracy": 5, "speed": 3.5, "heading": -1, "altitude": 12}, "battery": {"level": 0.5}}, "device_id": "phone-9"}`
	f, err := readTraccar([]byte(good), nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if f.Unit != "phone-9" || f.Lat != 40.5 || f.Lon != -74.25 || *f.Speed != 3.5 || f.Heading != nil || *f.Altitude != 12 ||
		!f.At.Equal(now.Add(-1500*time.Millisecond)) {
		t.Errorf("got %+v", f)
	}
	for body, want := range map[string]string{
		``:   "not JSON",
		`[]`: "not a location",
		`{}`: "is missing",
		`{"device_id": "a b", "location": {"coords": {"latitude": 1, "longitude": 2}}}`:                    "the unit's id",
		`{"device_id": "a", "location": {"coords": {"latitude": 91, "longitude": 2}}}`:                     "lat must be",
		`{"device_id": "a", "location": {"coords": {"latitude": "1", "longitude": 2}}}`:                    "not a location",
		`{"device_id": "a", "location": {"timestamp": "soon", "coords": {"latitude": 1, "longitude": 2}}}`: "timestamp must be",
	} {
		if _, err := readTraccar([]byte(body), nil, now); fault.Of(err) != fault.Invalid || !strings.Contains(fault.Detail(err), want) {
			t.Errorf("%s gives %v, want %q", body, err, want)
		}
	}
	bubble(t, func(w *world) {
		answer, err := w.http.Post(w.url+"/osmand", "application/json; charset=utf-8", strings.NewReader(strings.Replace(good, "2026-01-31T11:59:58.5Z", "2000-01-01T00:00:00Z", 1)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || w.unit("phone-9").Lon != -74.25 {
			t.Errorf("status %d, unit %+v", answer.StatusCode, w.unit("phone-9"))
		}
	})
}

// A method that an address does not take is said to be just that.
func TestMethods(t *testing.T) {
	bubble(t, func(w *world) {
		for request, want := range map[string]int{
			"PUT /osmand": 405, "POST /api/units": 405, "DELETE /": 405, "GET /nothing": 404, "GET /a/b": 404, "GET /fleet.js": 200,
		} {
			method, path, _ := strings.Cut(request, " ")
			r, err := http.NewRequest(method, w.url+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := w.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s is %d, want %d", request, answer.StatusCode, want)
			}
		}
	})
}
