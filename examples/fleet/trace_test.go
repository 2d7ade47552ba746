package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
)

const gpxStart = `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>`
const gpxEnd = `</trkseg></trk></gpx>`

// point is a trackpoint so many seconds past noon.
func point(lat, lon any, second int) string {
	at := noon.Add(time.Duration(second) * time.Second).Format(time.RFC3339)
	return fmt.Sprintf(`<trkpt lat="%v" lon="%v"><ele>1</ele><time>%s</time></trkpt>`, lat, lon, at)
}

// wantSound checks what every reader promises of its trips.
func wantSound(t *testing.T, trips [][]waypoint) {
	t.Helper()
	if len(trips) == 0 {
		t.Error("neither trips nor an error")
	}
	for _, trip := range trips {
		if len(trip) < 2 || trip[0].at != 0 {
			t.Fatalf("a trip is %v", trip)
		}
		for i, w := range trip {
			f := Fix{Unit: "a", Position: Position{At: noon, Lat: w.lat, Lon: w.lon, Speed: &w.speed, Heading: &w.course}}
			if err := f.Check(noon); err != nil || f.Speed == nil || f.Heading == nil {
				t.Fatalf("%+v cannot be: %v", w, err)
			}
			if i > 0 && !(w.at > trip[i-1].at) || math.IsInf(w.at, 0) {
				t.Fatalf("%v comes after %v", w.at, trip[i-1].at)
			}
		}
	}
}

func TestLimerick(t *testing.T) {
	trips, err := readTrace(limerickBus)
	if err != nil || len(trips) != 1 {
		t.Fatalf("%d trips, %v", len(trips), err)
	}
	wantSound(t, trips)
	points := len(regexp.MustCompile(`<trkpt `).FindAll(limerickBus, -1))
	trip := trips[0]
	var metres, fastest float64
	for i, w := range trip[1:] {
		metres += w.speed * (w.at - trip[i].at)
		fastest = max(fastest, w.speed)
	}
	long := time.Duration(trip[len(trip)-1].at) * time.Second
	t.Logf("%d of %d points, %.1f km in %v, at most %.1f m/s", len(trip), points, metres/1000, long, fastest)
	if len(trip) < points*9/10 || metres < 5_000 || metres > 50_000 || fastest > 35 || long < 10*time.Minute || long > 3*time.Hour {
		t.Error("this is no bus")
	}
}

// Every receiver's log is a trip, but for those with a single fix.
func TestReceiverLogTrips(t *testing.T) {
	for name, log := range receiverLogs(t) {
		trips, err := readTrace(log)
		if single := name == "tcp-torture.log"; single != (err != nil) {
			t.Errorf("%s: %d trips, %v", name, len(trips), err)
		}
		if err == nil {
			wantSound(t, trips)
		}
	}
}

func TestReadTrace(t *testing.T) {
	two := point(1, 7, 0) + point(2, 7, 10)
	laughs := `<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">` + strings.Repeat(`<!ENTITY c "&b;&b;">`, 100) + `]><gpx><trk><name>&b;</name></trk></gpx>`
	const bom = "\xef\xbb\xbf"
	rmcs := rmcOf(noon, 1, "") + "\r\n" + rmcOf(noon.Add(time.Second), 2, "")
	for name, c := range map[string]struct {
		file string
		want string // the lengths of the trips, or what the error says
	}{
		"GPX":                      {gpxStart + two + gpxEnd, "[2]"},
		"GPX with a BOM":           {bom + gpxStart + two + gpxEnd, "[2]"},
		"GPX after blanks":         {"\n\t " + strings.TrimPrefix(gpxStart, `<?xml version="1.0" encoding="UTF-8"?>`) + two + gpxEnd, "[2]"},
		"GPX 1.0, no namespace":    {"<gpx><trk><trkseg>" + two + gpxEnd, "[2]"},
		"two segments":             {gpxStart + two + "</trkseg><trkseg>" + two + point(3, 3, 20) + gpxEnd, "[2 3]"},
		"two tracks":               {gpxStart + two + "</trkseg></trk><trk><trkseg>" + two + gpxEnd, "[2 2]"},
		"points without a time":    {gpxStart + two + `<trkpt lat="3" lon="7"/><trkpt lat="3" lon="7"><time>noon</time></trkpt>` + gpxEnd, "[2]"},
		"points without a place":   {gpxStart + strings.Replace(point(0, 7, -5), ` lat="0"`, "", 1) + two + strings.Replace(point(0, 7, 20), ` lon="7"`, "", 1) + gpxEnd, "[2]"},
		"times that decrease":      {gpxStart + two + point(3, 7, 5) + point(3, 7, 10) + point(3, 7, 11) + gpxEnd, "[3]"},
		"times that only decrease": {gpxStart + point(3, 7, 5) + point(3, 7, 4) + gpxEnd, "no two positions with increasing times"},
		"NaN, Inf, off the globe":  {gpxStart + point("NaN", 7, 1) + point(91, 7, 2) + point(1, "-180.1", 3) + point("Inf", 7, 4) + point("1e308", 7, 5) + two + gpxEnd, "[2]"},
		"all times the same":       {gpxStart + point(1, 7, 0) + point(2, 7, 0) + gpxEnd, "no two positions"},
		"no track":                 {gpxStart + gpxEnd, "no two positions"},
		"waypoints only":           {"<gpx>" + strings.ReplaceAll(two, "trkpt", "wpt") + "</gpx>", "no two positions"},
		"no number":                {gpxStart + point("north", 7, 0) + gpxEnd, "the GPX cannot be read"},
		"cut off":                  {gpxStart + two, "the GPX cannot be read"},
		"cut off in a tag":         {gpxStart + two[:30], "the GPX cannot be read"},
		"HTML":                     {"<!DOCTYPE html><html><body>404</body></html>", "the GPX cannot be read"},
		"a billion laughs":         {laughs, "the GPX cannot be read"},
		"an external entity":       {`<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx><trk><name>&x;</name></trk></gpx>`, "the GPX cannot be read"},
		"deep XML":                 {"<gpx>" + strings.Repeat("<trk>", 100_000), "the GPX cannot be read"},
		"Latin 1":                  {`<?xml version="1.0" encoding="ISO-8859-1"?><gpx/>`, "the GPX cannot be read"},
		"bad UTF-8":                {gpxStart + "<name>\xff</name>" + two + gpxEnd, "the GPX cannot be read"},

		"trips":                  {`[{"path":[[7,1],[7,2]],"timestamps":[0,10]}]`, "[2]"},
		"trips with a BOM":       {bom + ` [{"path":[[7,1],[7,2]],"timestamps":[0,10]},{}]`, "[2]"},
		"trips with altitudes":   {`[{"path":[[7,1,100],[7,2,100]],"timestamps":[0,10],"vendor":1}]`, "[2]"},
		"null":                   {`[null]`, "no two positions"},
		"no trips":               {`[]`, "no two positions"},
		"trips cut off":          {`[{"path":[[7,1],[7,2]],"timest`, "the trips cannot be read"},
		"trips with more behind": {`[{"path":[[7,1],[7,2]],"timestamps":[0,10]}] [`, "the trips cannot be read"},
		"fewer times":            {`[{"path":[[7,1],[7,2]],"timestamps":[0]}]`, "trip 0 has 2 points and 1 timestamps"},
		"a point of one number":  {`[{"path":[[7],[7,2]],"timestamps":[0,1]}]`, "point 0 of trip 0"},
		"texts":                  {`[{"path":[["7","1"]],"timestamps":[0]}]`, "the trips cannot be read"},
		"numbers of no size":     {`[{"path":[[7,1e999]],"timestamps":[0]}]`, "the trips cannot be read"},
		"trips off the globe":    {`[{"path":[[7,1],[700,1],[7,2]],"timestamps":[0,5,10]}]`, "[2]"},
		"times as far as can be": {`[{"path":[[7,1],[7,2],[7,3]],"timestamps":[-1.7e308,0,1.7e308]}]`, "no two positions"},
		"times hardly apart":     {`[{"path":[[7,1],[7,2]],"timestamps":[0,5e-324]}]`, "[2]"},
		"deep JSON":              {strings.Repeat("[", 1_000_000), "the trips cannot be read"},
		"GeoJSON":                {`{"type":"FeatureCollection"}`, "no two positions"},

		"NMEA":              {rmcs, "[2]"},
		"NMEA with a BOM":   {bom + rmcs, "[2]"},
		"NMEA, old Mac":     {strings.ReplaceAll(rmcs, "\r\n", "\r"), "[2]"},
		"NMEA in dirt":      {"\x00\xff\n" + rmcs + "\n$GPRMC,cut", "[2]"},
		"GGA before an RMC": {ggaOf(noon, "1") + "\n" + rmcs, "[2]"},
		"GGA alone":         {ggaOf(noon, "1") + "\n" + ggaOf(noon.Add(time.Second), "1"), "no two positions"},

		"nothing": {"", "no two positions"},
		"a BOM":   {bom, "no two positions"},
		"blanks":  {" \n ", "no two positions"},
		"binary":  {string(bytes.Repeat([]byte{0, 1, 0xfe, '\n'}, 10_000)), "no two positions"},
		"a ZIP":   {"PK\x03\x04\x14\x00", "no two positions"},
		"UTF-16":  {"\xff\xfe<\x00g\x00p\x00x\x00", "no two positions"},
	} {
		trips, err := readTrace([]byte(c.file))
		var got []int
		for _, trip := range trips {
			got = append(got, len(trip))
		}
		switch {
		case err == nil:
			wantSound(t, trips)
			if fmt.Sprint(got) != c.want {
				t.Errorf("%s: trips of %v, want %s", name, got, c.want)
			}
		case !strings.Contains(err.Error(), c.want) || !errors.Is(err, fault.Invalid) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// A file that cannot be replayed is refused at the start, with its name and why.
func TestReplayFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.gpx")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<40), f.Close()); err != nil { // it takes no room
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.gpx")
	if err := os.WriteFile(cut, []byte(gpxStart), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		huge: "is larger than 64 MiB", cut: "the GPX cannot be read", dir: "cannot be read",
		filepath.Join(dir, "none.gpx"): "there is no file", "NYC": "must be nyc, limerick, none, or a file", "": "there is no file",
		"a\x00b": "cannot be read",
	} {
		_, err := newReplay(path, 1)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "-replay") || !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestAgencyOf(t *testing.T) {
	for path, want := range map[string]string{
		"bus.gpx": "bus", "/a/b/Tour 12.gpx": "Tour-12", "Zürich.log": "Z-rich", "a.b.json": "a.b", ".gpx": "replay", "bus": "bus",
		"none.gpx": "replay", "traces/none": "replay", "\xff.gpx": "-", strings.Repeat("long", 20) + ".gpx": strings.Repeat("long", 14),
	} {
		got := agencyOf(path)
		if got != want {
			t.Errorf("%s is the agency %q, want %q", path, got, want)
		}
		if err := checkID("the unit", got+"-1234567"); err != nil { // there is no more room in a file
			t.Errorf("%s: %v", path, err)
		}
	}
}

// All kinds of files are driven by the path that the doors use, and by none of them in
// vain or in a hurry.
func TestReplayOfFiles(t *testing.T) {
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		replay, agency string
		least, most    int64 // positions in a minute
	}{
		{"limerick", "limerick", 100, 700},
		{write("none.gpx", gpxStart+point(1, 7, 0)+point(2, 7, 10)+gpxEnd), "replay", 50, 130},
		{"traces/nmea/telit-he910.log", "telit-he910", 100, 700},
		{write("far.json", `[{"path":[[7,1],[7,2]],"timestamps":[0,9e11]}]`), "far", 1, 2},
		{write("first-point-of-1970.gpx", gpxStart+strings.Replace(point(1, 7, 0), "2026", "1970", 1)+point(2, 7, 0)+point(2, 7, 10)+gpxEnd), "first-point-of-1970", 1, 130},
	} {
		bubble(t, func(w *world) {
			time.Sleep(time.Minute)
			synctest.Wait()
			v := w.unit(c.agency + "-001")
			if n := w.count("fleet.replay.accepted"); n < c.least || n > c.most || v.State != online || v.Speed == nil {
				t.Errorf("%s: %d positions in a minute, %+v", c.replay, n, v)
			}
			var all Agencies
			if w.get("/api/agencies", &all); len(all.Agencies) != 1 || all.Agencies[0].Agency != c.agency {
				t.Errorf("%s: the agencies are %v", c.replay, all)
			}
		}, "-replay="+c.replay, "-speed=10")
	}
}

func FuzzGPX(f *testing.F) {
	f.Add([]byte(point(1, 7, 0) + point(2, 7, 10)))
	f.Add([]byte(point("NaN", "-0", 0) + "</trkseg><trkseg>" + point(90, 180, -1) + point(-90, -180, 1)))
	f.Add([]byte(`<trkpt lat="1" lon="1e-400"><time>0001-01-01T00:00:00Z</time></trkpt><trkpt lat="0x1p3" lon=" 1 "><time>9999-12-31T23:59:59.999+23:59</time></trkpt>`))
	f.Add(limerickBus[2000:4000])
	f.Fuzz(func(t *testing.T, points []byte) {
		if trips, err := readTrace([]byte(gpxStart + string(points) + gpxEnd)); err == nil {
			wantSound(t, trips)
		}
	})
}

func FuzzTrace(f *testing.F) {
	for _, log := range receiverLogs(f) {
		f.Add(log[len(log)-min(len(log), 400):])
	}
	f.Add(limerickBus[:900])
	f.Add(nycTrips[:500])
	f.Add([]byte(`[{"path":[[7,1],[7,2,3]],"timestamps":[-1e308,1e308]},null]`))
	f.Fuzz(func(t *testing.T, file []byte) {
		if trips, err := readTrace(file); err == nil {
			wantSound(t, trips)
		}
	})
}
