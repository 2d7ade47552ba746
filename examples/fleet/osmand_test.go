package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
)

func TestReadOsmand(t *testing.T) {
	number := func(v float64) *float64 { return &v }
	fix := func(change func(f *Fix)) Fix {
		return good(func(f *Fix) {
			f.Lat, f.Lon = 1, 2
			if change != nil {
				change(f)
			}
		})
	}
	at := func(s string) Fix {
		return fix(func(f *Fix) {
			var err error
			if f.At, err = time.Parse(time.RFC3339Nano, s); err != nil {
				t.Fatal(err)
			}
		})
	}
	for params, want := range map[string]Fix{
		"":                                          fix(nil),
		"speed=10":                                  fix(func(f *Fix) { f.Speed = number(10 * 1852.0 / 3600) }),
		"speed=0":                                   fix(func(f *Fix) { f.Speed = number(0) }),
		"speed=-1":                                  fix(nil),
		"speed=":                                    fix(nil),
		"bearing=359.5":                             fix(func(f *Fix) { f.Heading = number(359.5) }),
		"bearing=-1":                                fix(nil),
		"altitude=-3.5":                             fix(func(f *Fix) { f.Altitude = number(-3.5) }),
		"agency=city.ems":                           fix(func(f *Fix) { f.Agency = "city.ems" }),
		"accuracy=5&batt=80&hdop=1":                 fix(nil),
		"speed=1e1":                                 fix(func(f *Fix) { f.Speed = number(10 * 1852.0 / 3600) }),
		"timestamp=":                                fix(nil),
		"timestamp=1769860800":                      at("2026-01-31T12:00:00Z"),
		"timestamp=1769860800.25":                   at("2026-01-31T12:00:00.25Z"),
		"timestamp=1769860800123":                   at("2026-01-31T12:00:00.123Z"),
		"timestamp=0":                               at("1970-01-01T00:00:00Z"),
		"timestamp=86400":                           at("1970-01-02T00:00:00Z"),
		"timestamp=2026-01-31T12:00:00Z":            at("2026-01-31T12:00:00Z"),
		"timestamp=2026-01-31T12:00:00.123Z":        at("2026-01-31T12:00:00.123Z"),
		"timestamp=2026-01-31T14:00:00%2B02:00":     at("2026-01-31T12:00:00Z"),
		"timestamp=2026-01-31T14:00:00+02:00":       at("2026-01-31T12:00:00Z"), // the plus is a space
		"timestamp=2026-01-31T14:00:00.5+02:00":     at("2026-01-31T12:00:00.5Z"),
		"timestamp=2026-01-31T07:00:00-05:00":       at("2026-01-31T12:00:00Z"),
		"timestamp=2026-01-31T14:00:00%2B0200":      at("2026-01-31T12:00:00Z"),
		"timestamp=2026-01-31T12:00:00":             at("2026-01-31T12:00:00Z"),
		"timestamp=2026-01-31+12:00:00":             at("2026-01-31T12:00:00Z"),
		"timestamp=2026-02-01T12:00:00Z":            at("2026-02-01T12:00:00Z"),
		"timestamp=1991-01-31T12:00:00Z":            at("1991-01-31T12:00:00Z"),
		"lat=1&lat=5":                               fix(nil), // the first one counts
		"timestamp=1769860800&timestamp=1769860801": at("2026-01-31T12:00:00Z"),
	} {
		form, err := url.ParseQuery("id=a&lat=1&lon=2&" + params)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readOsmand(form, noon)
		if err != nil || asText(t, got) != asText(t, want) {
			t.Errorf("%s:\n got %s, %v\nwant %s", params, asText(t, got), err, asText(t, want))
		}
	}
}

func asText(t *testing.T, f Fix) string {
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadOsmandRefuses(t *testing.T) {
	for _, params := range []string{
		"", "id=a", "id=a&lat=1", "id=a&lon=1", "lat=1&lon=2", "id=&lat=1&lon=2", "id=a&lat=&lon=2",
		"id=a&lat=x&lon=2", "id=a&lat=1,5&lon=2", "id=a&lat=NaN&lon=2", "id=a&lat=nan&lon=2", "id=a&lat=1&lon=Inf",
		"id=a&lat=1&lon=-infinity", "id=a&lat=1e400&lon=2", "id=a&lat=91&lon=2", "id=a&lat=1&lon=-181",
		"id=a/b&lat=1&lon=2", "id=" + strings.Repeat("x", 65) + "&lat=1&lon=2", "id=a&lat=1&lon=2&agency=a+b",
		"id=a&lat=1&lon=2&speed=NaN", "id=a&lat=1&lon=2&speed=Inf", "id=a&lat=1&lon=2&speed=fast", "id=a&lat=1&lon=2&speed=2000",
		"id=a&lat=1&lon=2&bearing=NaN", "id=a&lat=1&lon=2&bearing=361", "id=a&lat=1&lon=2&altitude=NaN",
		"id=a&lat=1&lon=2&altitude=1e6", "id=a&lat=1&lon=2&timestamp=soon", "id=a&lat=1&lon=2&timestamp=-1",
		"id=a&lat=1&lon=2&timestamp=NaN", "id=a&lat=1&lon=2&timestamp=Inf", "id=a&lat=1&lon=2&timestamp=1e300",
		"id=a&lat=1&lon=2&timestamp=2026-13-01T00:00:00Z", "id=a&lat=1&lon=2&timestamp=2026-02-30T00:00:00Z",
		"id=a&lat=1&lon=2&timestamp=2026-02-01T12:00:00.001Z", "id=a&lat=1&lon=2&timestamp=1769947200001",
		"id=a&lat=1&lon=2&timestamp=1969-12-31T23:59:59Z", "id=a&lat=1&lon=2&timestamp=+",
	} {
		form, err := url.ParseQuery(params)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := readOsmand(form, noon); err == nil {
			t.Errorf("%q was taken: %+v", params, f)
		}
	}
}

func TestOsmandDoor(t *testing.T) {
	w := start(t)
	const form = "Content-Type: application/x-www-form-urlencoded"
	now := time.Now().UnixMilli()
	here := func(id string) string { return fmt.Sprintf("id=%s&lat=1&lon=2&timestamp=%d", id, now) }
	for _, c := range []struct {
		method, target, body string
		headers              []string
		want                 int
	}{
		{"GET", "/osmand?" + here("get"), "", nil, 200},
		{"POST", "/osmand?" + here("post"), "", nil, 200},
		{"POST", "/osmand?" + here("posted"), `{"not":"a form"}`, []string{"Content-Type: application/json"}, 200},
		{"POST", "/osmand", here("form"), []string{form}, 200},
		{"POST", "/osmand?id=both&lat=1", "lon=2&id=other", []string{form}, 200},
		{"PUT", "/osmand?" + here("put"), "", nil, 405},
		{"GET", "/osmand?" + here("cross"), "", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"POST", "/osmand?" + here("cross"), "", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"GET", "/osmand?" + here("typed"), "", []string{"Sec-Fetch-Site: none"}, 200},
		{"GET", "/osmand?" + here("own"), "", []string{"Sec-Fetch-Site: same-origin"}, 200},
		{"GET", "/osmand", "", nil, 400},
		{"GET", "/osmand?" + here("bad") + "&speed=%zz", "", nil, 400},
		{"POST", "/osmand?" + here("bad"), "speed=%zz", []string{form}, 400},
		{"POST", "/osmand?" + here("bad"), "speed=" + strings.Repeat("1", 64<<10), []string{form}, 413},
		{"GET", "/osmand?" + here(strings.Repeat("y", 64)), "", nil, 200},
		{"GET", "/osmand?" + here(strings.Repeat("y", 65)), "", nil, 400},
	} {
		a := w.do(c.method, c.target, c.body, c.headers...)
		if a.status != c.want {
			t.Errorf("%s %.80s %.40s %v: %d, want %d\n%s", c.method, c.target, c.body, c.headers, a.status, c.want, a.body)
		}
		var problem struct{ Detail string }
		if a.status == http.StatusBadRequest && (json.Unmarshal([]byte(a.body), &problem) != nil || problem.Detail == "") {
			t.Errorf("%.80s: no reason is given: %s", c.target, a.body)
		}
	}
	var all Views
	w.get("/api/units", &all)
	got := make([]string, 0, len(all.Units))
	for _, v := range all.Units {
		got = append(got, v.Unit)
	}
	want := "form get other own post posted typed " + strings.Repeat("y", 64)
	if strings.Join(got, " ") != want {
		t.Errorf("the units are %v, want %s", got, want)
	}
	if n := w.count("fleet.osmand.accepted"); n != int64(len(got)) {
		t.Errorf("fleet.osmand.accepted is %d, want %d", n, len(got))
	}
}

func TestOsmandKey(t *testing.T) {
	w := start(t, "-key=s3cret")
	for target, want := range map[string]int{
		"/osmand?id=a&lat=1&lon=2&key=s3cret": 200,
		"/osmand?id=a&lat=1&lon=2&key=S3cret": 403,
		"/osmand?id=a&lat=1&lon=2&key=":       403,
		"/osmand?id=a&lat=1&lon=2":            403,
		"/api/units?key=s3cret":               200,
		"/api/units":                          401,
		"/api/units/a":                        401,
		"/api/units/a/track":                  401,
		"/api/units/a/restarts":               401,
		"/api/agencies":                       401,
		"/api/map":                            401,
		"/api/health":                         200,
	} {
		if a := w.do("GET", target, ""); a.status != want {
			t.Errorf("%s: %d, want %d", target, a.status, want)
		}
	}
	a := w.do("POST", "/osmand", "id=b&lat=1&lon=2&key=s3cret", "Content-Type: application/x-www-form-urlencoded")
	if a.status != http.StatusOK {
		t.Errorf("the key in a form: %d", a.status)
	}
}

// The rules of time, through the door: what counts as the unit's position, and what is in
// its track.
func TestPresentPosition(t *testing.T) {
	w := start(t)
	at := time.Now().Truncate(time.Second).UTC()
	const hour, ms = time.Hour, time.Millisecond
	times := 0
	for i, c := range []struct {
		ahead   time.Duration
		present bool
	}{
		{0, true},
		{-hour - ms, false},
		{-hour, true}, // and now this is the present
		{-2 * hour, true},
		{-3*hour - ms, false},
		{-3 * hour, true},
		{-24 * 365 * 30 * hour, false},
		{0, true}, // again
		{23 * hour, true},
		{22*hour - ms, false},
	} {
		before := View{}
		if i > 0 {
			before = w.unit("a")
		}
		lat := float64(i)
		w.send("a", at.Add(c.ahead), lat)
		if times++; i == 7 {
			times-- // the same time again is kept once
		}
		after := w.unit("a")
		switch {
		case i == 7:
			// Nothing new was said.
		case c.present && (after.Lat != lat || !after.At.Equal(at.Add(c.ahead))):
			t.Errorf("%d: %v ahead does not count; the unit is at %v, %v", i, c.ahead, after.Lat, after.At)
		case !c.present && !after.At.Equal(before.At):
			t.Errorf("%d: %v ahead counts", i, c.ahead)
		}
		if n := len(w.track("a")); n != times {
			t.Errorf("%d: the track has %d positions, want %d", i, n, times)
		}
	}
}

// The same unit and time again changes nothing, not even where the unit stands after a
// restart.
func TestAgain(t *testing.T) { datatest.EachURL(t, testAgain) }

func testAgain(t *testing.T, url string) {
	db := "-db=" + url
	w := start(t, db)
	at := time.Now().Add(-time.Minute)
	w.send("a", at, 1)
	w.send("a", at.Add(time.Second), 2)
	w.send("a", at, 3)
	w.send("a", at, 1)
	check := func() {
		t.Helper()
		if v := w.unit("a"); v.Lat != 2 {
			t.Errorf("the unit is at %v, want 2", v.Lat)
		}
		track := w.track("a")
		if len(track) != 2 || track[0].Lat != 1 || track[1].Lat != 2 {
			t.Errorf("the track is %v", track)
		}
	}
	check()
	w.stop()
	w = start(t, db)
	check()
}

func FuzzOsmand(f *testing.F) {
	w := start(f, "-max-units=1000000000")
	door := w.endpoint().Handler
	f.Add("id=a&lat=1&lon=2&timestamp=1769860800&speed=3&bearing=4&altitude=5&agency=x", "", "")
	f.Add("id=a&lat=1&lon=2&timestamp=2026-01-31T14:00:00+02:00", "", "application/x-www-form-urlencoded")
	f.Add("", "deviceid=a&lat=-90&lon=180&timestamp=1769860800123", "application/x-www-form-urlencoded")
	f.Add("id=a&lat=%zz&lon=NaN&speed=-Inf&speed=1e400;x", "\x00\xff=%", "multipart/form-data; boundary=x")
	f.Add("id=a&lat=0x1p-2&lon=1_0&timestamp=-0", "--x\r\n", "multipart/form-data; boundary=x")
	f.Fuzz(func(t *testing.T, query, body, kind string) {
		request := func() *http.Request {
			r := httptest.NewRequest("POST", "/osmand", strings.NewReader(body)).WithContext(w.ctx)
			r.URL.RawQuery = query
			r.Header.Set("Content-Type", kind)
			return r
		}
		answer := httptest.NewRecorder()
		door.ServeHTTP(answer, request())
		switch {
		case answer.Code >= 500:
			t.Fatalf("%d: %s", answer.Code, answer.Body)
		case answer.Code != http.StatusOK:
			return
		}
		r := request()
		_ = r.ParseForm()
		fix, err := readOsmand(r.Form, time.Now())
		if err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		for what, v := range map[string]struct {
			given       *float64
			least, most float64
		}{
			"lat": {&fix.Lat, -90, 90}, "lon": {&fix.Lon, -180, 180}, "altitude": {fix.Altitude, -1000, 1e5},
			"speed": {fix.Speed, 0, maxSpeed}, "heading": {fix.Heading, 0, 360},
		} {
			if v.given != nil && (math.IsNaN(*v.given) || *v.given < v.least || *v.given > v.most) {
				t.Errorf("%s is %v", what, *v.given)
			}
		}
		if fix.At.Before(time.Unix(0, 0)) || fix.At.After(time.Now().Add(maxAhead)) {
			t.Errorf("the time is %v", fix.At)
		}
		w.TB = t
		if v := w.unit(fix.Unit); v.At.Location() != time.UTC {
			t.Errorf("the time is not in UTC: %v", v.At)
		}
	})
}
