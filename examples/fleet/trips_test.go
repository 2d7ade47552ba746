package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
)

// A report is asked for on the unit's topic, followed on its own, and fetched as a file.
func TestTripReport(t *testing.T) { datatest.EachURL(t, testTripReport) }

func testTripReport(t *testing.T, url string) {
	w := start(t, "-db="+url)
	const half = 12_000 // more than one page
	w.drive("a", noon, half)
	w.drive("a", noon.Add(half*time.Second+time.Hour), half)
	c := w.socket()
	defer c.hangUp()
	c.join("unit:a", none{}, nil)
	ask := func(from, to time.Time) (ref ReportRef) {
		t.Helper()
		r := c.push("unit:a", "trips", TripSpan{from, to})
		if err := json.Unmarshal(r.Response, &ref); err != nil || ref.ID == 0 {
			t.Fatalf("trips: %s %s", r.Status, r.Response)
		}
		return ref
	}
	await := func(ref ReportRef) []string {
		t.Helper()
		topic := fmt.Sprint("report:", ref.ID)
		c.join(topic, none{}, nil)
		for done := -1.0; ; {
			var r struct {
				ID    int64
				Done  float64
				State string
			}
			c.event(topic, "progress").into(t, &r)
			if r.Done < done || r.ID != ref.ID {
				t.Errorf("after %v it is %+v", done, r)
			}
			if done = r.Done; r.State != "available" && r.State != "running" {
				if r.State != "completed" || done != 1 {
					t.Fatalf("it ends as %+v", r)
				}
				break
			}
		}
		a := w.do("GET", fmt.Sprint("/api/reports/", ref.ID), "")
		if a.status != 200 || !strings.Contains(a.header.Get("Content-Disposition"), "trips-a.csv") {
			t.Errorf("the file: %d %v", a.status, a.header)
		}
		return strings.Split(strings.TrimSpace(a.body), "\n")
	}
	end := noon.Add(2*half*time.Second + time.Hour)
	lines := await(ask(noon, end))
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "2026-01-31T12:00:00Z,2026-01-31T15:19:59Z,200.0,") || !strings.HasPrefix(lines[2], "2026-01-31T16:20:00Z,") {
		t.Errorf("the report is %q", lines)
	}
	if lines := await(ask(noon.Add(time.Second), noon.Add(3*time.Second))); len(lines) != 2 || lines[1] !=
		"2026-01-31T12:00:01Z,2026-01-31T12:00:03Z,0.0,2.22,1.000000,0.010000,1.000000,0.030000" {
		t.Errorf("two seconds are %q", lines)
	}
	if lines := await(ask(end, end.Add(time.Hour))); len(lines) != 1 {
		t.Errorf("a time without positions is %q", lines)
	}
	if r := c.push("unit:a", "trips", TripSpan{noon, noon}); r.Status != "error" || !strings.Contains(r.reason(), "later") {
		t.Errorf("no time at all: %s %s", r.Status, r.Response)
	}
}

func TestNoReport(t *testing.T) {
	w := start(t)
	ref, err := Backup.Enqueue(w.ctx, none{})
	if err != nil {
		t.Fatal(err)
	}
	c := w.socket()
	defer c.hangUp()
	for _, id := range []string{"x", "", "99", fmt.Sprint(ref.ID)} { // the last is another job
		if r := c.push("report:"+id, "phx_join", none{}); r.Status != "error" {
			t.Errorf("report:%s: %s %s", id, r.Status, r.Response)
		}
		if a := w.do("GET", "/api/reports/"+id, ""); a.status != 404 {
			t.Errorf("the file of %q: %d", id, a.status)
		}
	}
}

// Trips end where the unit stays, where it was not heard of, and where it jumped.
func TestLogbook(t *testing.T) {
	at := noon
	var track []Position
	goes := func(times int, every time.Duration, metres float64) {
		for range times {
			at = at.Add(every)
			lat := 0.0
			if len(track) > 0 {
				lat = track[len(track)-1].Lat + metres/111_195
			}
			track = append(track, Position{At: at, Lat: lat})
		}
	}
	goes(1, 0, 0)
	goes(3, time.Minute, 0)       // stands
	goes(10, time.Minute, 1000)   // 10 km
	goes(100, 10*time.Second, 0)  // stays
	goes(5, 4*time.Minute, 500)   // 2.5 km
	goes(20, 10*time.Second, 0.5) // a red light
	goes(5, time.Second, 31)      // 0.155 km, and what it crept
	goes(1, 5*time.Minute, 100)   // not heard of
	goes(2, time.Second, 1000)
	goes(1, time.Second, 2001) // a jump
	goes(2, time.Second, 40)
	var want string
	for split := range track {
		var book Logbook
		for i, p := range track {
			if i == split { // here it was interrupted
				kept, _ := json.Marshal(book)
				book = Logbook{}
				if err := json.Unmarshal(kept, &book); err != nil {
					t.Fatal(err)
				}
			}
			book.take(p)
		}
		if split == 0 {
			want = book.csv()
		} else if got := book.csv(); got != want {
			t.Fatalf("interrupted at %d it is\n%s\nand not\n%s", split, got, want)
		}
	}
	var trips []string
	for _, line := range strings.Split(strings.TrimSpace(want), "\n")[1:] {
		f := strings.Split(line, ",")
		trips = append(trips, f[0][11:19]+" "+f[1][11:19]+" "+f[3])
	}
	if got, want := strings.Join(trips, ", "), "12:03:00 12:13:00 10.00, 12:29:40 12:53:05 2.66, 12:58:05 12:58:07 2.00, 12:58:08 12:58:10 0.08"; got != want {
		t.Errorf("the trips are\n%s, want\n%s", got, want)
	}
}
