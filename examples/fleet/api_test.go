package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestUnitsAPI(t *testing.T) {
	w := start(t)
	if a := w.do("GET", "/api/units", ""); a.body != `{"units":[]}`+"\n" && a.body != `{"units":[]}` {
		t.Errorf("no units are %q", a.body)
	}
	w.osmand("id=b", "lat=1", "lon=2", "timestamp=1769860800500", "speed=10", "bearing=90")
	w.osmand("id=a", "lat=3", "lon=4", "timestamp=1769860800", "agency=city")
	const a, b = `{"unit":"a","state":"online","at":"2026-01-31T12:00:00Z","lat":3,"lon":4,"speed_mps":null,"heading_deg":null}`,
		`{"unit":"b","state":"online","at":"2026-01-31T12:00:00.5Z","lat":1,"lon":2,"speed_mps":5.144444444444445,"heading_deg":90}`
	for target, want := range map[string]string{
		"/api/units":    `{"units":[` + a + `,` + b + `]}`,
		"/api/units/a":  a,
		"/api/units/b":  b,
		"/api/agencies": `{"agencies":[{"agency":"city","units":1},{"agency":"default","units":1}]}`,
	} {
		got := w.do("GET", target, "")
		if strings.TrimSpace(got.body) != want || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s:\n got %s\nwant %s", target, got.body, want)
		}
	}
}

// Who reads about a unit that nobody knows gets a problem, and starts nothing.
func TestUnknownUnit(t *testing.T) {
	w := start(t)
	for _, target := range []string{"/api/units/ghost", "/api/units/ghost/track", "/api/units/ghost/restarts", "/api/units/%01", "/api/units/a%2Fb"} {
		a := w.do("GET", target, "")
		var problem struct {
			Status        int
			Title, Detail string
		}
		if err := json.Unmarshal([]byte(a.body), &problem); err != nil || a.status != 404 || problem.Status != 404 || problem.Detail == "" {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
		if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s is %s", target, kind)
		}
	}
	for _, p := range w.node.Processes() {
		if strings.HasPrefix(p.Name, "unit:") || strings.Contains(p.Name, "ghost") {
			t.Errorf("reading has started %s", p.Name)
		}
	}
	var all Views
	if w.get("/api/units", &all); len(all.Units) > 0 {
		t.Errorf("reading has made units: %v", all)
	}
}

// drive has a unit store n positions, a second apart, all at once.
func (w *world) drive(id string, began time.Time, n int) {
	w.Helper()
	var entries []Entry
	for i := range n {
		at := began.Add(time.Duration(i) * time.Second)
		entries = append(entries, Entry{Fix{Unit: id, Agency: defaultAgency, Position: Position{At: at, Lat: 1, Lon: float64(i) / 100}}, true, nil})
	}
	for chunk := range slices.Chunk(entries, 500) {
		if _, err := process.Call(w.ctx, Writing, (*Writer).Store, chunk); err != nil {
			w.Error(err)
		}
	}
	w.send(id, began.Add(time.Duration(n)*time.Second), 1) // and the board knows it
}

func TestTrackPages(t *testing.T) {
	w := start(t)
	for _, n := range []int{1, 999, 1000, 1001, 2000, 2001} {
		id := fmt.Sprint("u", n)
		w.drive(id, noon, n-1)
		var sizes []int
		var seen []Position
		next := "/api/units/" + id + "/track"
		for pages := 0; next != "" && pages < 5; pages++ {
			a := w.do("GET", next, "")
			var page Track
			if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
				t.Fatalf("%s: %d %s", next, a.status, a.body)
			}
			sizes = append(sizes, len(page.Positions))
			seen = append(seen, page.Positions...)
			if next = ""; page.Next != nil {
				next = *page.Next
			} else if !strings.Contains(a.body, `"next":null`) {
				t.Errorf("the last page must have next null")
			}
		}
		var want []int
		for left := n; left > 0; left -= 1000 {
			want = append(want, min(left, 1000))
		}
		if !slices.Equal(sizes, want) {
			t.Errorf("%d positions come in pages of %v, want %v", n, sizes, want)
		}
		for i, p := range seen {
			if want := noon.Add(time.Duration(i) * time.Second); !p.At.Equal(want) {
				t.Fatalf("of %d, position %d is of %v, want %v", n, i, p.At, want)
			}
		}
	}
}

func TestTrackSpans(t *testing.T) {
	w := start(t)
	w.drive("a", noon, 2999) // positions 0 to 2999
	at := func(second float64) string {
		return url.QueryEscape(noon.Add(time.Duration(second * float64(time.Second))).Format(time.RFC3339Nano))
	}
	for span, want := range map[string][2]int{ // the first, and how many there are
		"":                                             {0, 3000},
		"from=" + at(2990):                             {2990, 10},
		"from=" + at(2990.0001):                        {2991, 9},
		"to=" + at(9):                                  {0, 10},
		"to=" + at(8.9999):                             {0, 9},
		"from=" + at(5) + "&to=" + at(5):               {5, 1},
		"from=" + at(5.5) + "&to=" + at(5.6):           {0, 0},
		"from=" + at(3000):                             {0, 0},
		"to=" + at(-1):                                 {0, 0},
		"from=" + at(1000) + "&to=" + at(1998):         {1000, 999},
		"from=" + at(1000) + "&to=" + at(1999):         {1000, 1000},
		"from=" + at(1000) + "&to=" + at(2000):         {1000, 1001},
		"from=0001-01-01T00:00:00Z":                    {0, 3000},
		"to=9999-12-31T23:59:59Z":                      {0, 3000},
		"from=2026-01-31T14:00:00%2B02:00&to=" + at(0): {0, 1},
	} {
		var got []Position
		for next := "/api/units/a/track?" + span; next != ""; {
			var page Track
			if status := w.get(next, &page); status != 200 {
				t.Fatalf("%s: %d", next, status)
			}
			got = append(got, page.Positions...)
			if next = ""; page.Next != nil {
				next = *page.Next
			}
		}
		if len(got) != want[1] {
			t.Errorf("%s: %d positions, want %d", span, len(got), want[1])
		} else if len(got) > 0 && !got[0].At.Equal(noon.Add(time.Duration(want[0])*time.Second)) {
			t.Errorf("%s begins at %v", span, got[0].At)
		}
	}
	for _, span := range []string{"from=yesterday", "to=1769860800", "from=" + at(1) + "&to=" + at(0), "from=" + at(0) + "&from=" + at(1)} {
		if a := w.do("GET", "/api/units/a/track?"+span, ""); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", span, a.status)
		}
	}
}

// Health is 503 while a permanent part is down, though the others serve.
func TestHealth(t *testing.T) {
	broken := errors.New("secret reason")
	repaired := make(chan struct{})
	part := supervisor.Func(func(ctx context.Context) error {
		select {
		case <-repaired:
			<-ctx.Done()
			return nil
		default:
			return broken
		}
	})
	backoff := supervisor.Backoff{First: 300 * time.Millisecond, Min: 300 * time.Millisecond, Max: 300 * time.Millisecond}
	w := startWith(t, []string{"-key=K"}, supervisor.Child{Name: "part", Run: part, Backoff: backoff})
	w.osmand("id=very-own", "lat=1", "lon=2", "key=K")
	var h Health
	eventually(t, "it is degraded", func() bool {
		status := w.get("/api/health", &h)
		if (status == 503) != (h.Status == "degraded") || (status == 200) != (h.Status == "ok") {
			t.Fatalf("%d %s", status, h.Status)
		}
		return status == 503
	})
	for _, secret := range []string{"very-own", "secret", "sqlite", "-key", `"K"`} {
		if a := w.do("GET", "/api/health", ""); strings.Contains(a.body, secret) {
			t.Errorf("health tells %s: %s", secret, a.body)
		}
	}
	if status := w.osmand("id=very-own", "lat=1", "lon=2", "key=K"); status != 200 {
		t.Errorf("the other parts do not serve: %d", status)
	}
	close(repaired)
	eventually(t, "it is well again", func() bool { return w.get("/api/health", &h) == 200 })
	if h.Tree.Name != name || len(h.Tree.Children) < 6 {
		t.Errorf("the tree is %+v", h.Tree)
	}
}

// A crash of one unit is no ill health of the program.
func TestHealthWithACrash(t *testing.T) {
	bubble(t, func(w *world) {
		w.send("a", time.Now(), 1)
		if err := process.Signal(w.ctx, Units.Of("a"), (*Unit).Crash); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if a := w.do("GET", "/api/health", ""); a.status != 200 || !strings.Contains(a.body, `"fleet.units.crashed":1`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
