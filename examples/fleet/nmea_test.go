package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nmea makes a sentence of what is between the $ and the checksum.
func nmea(body string) string {
	var sum byte
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X", body, sum)
}

// receiverLogs are the logs of real receivers, by name.
func receiverLogs(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("traces/nmea/*.log")
	if err != nil || len(paths) < 12 {
		t.Fatal("the receivers' logs are not there", paths, err)
	}
	logs := make(map[string][]byte)
	for _, path := range paths {
		if logs[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return logs
}

func (s sentence) String() string {
	text := [...]string{"other", "nofix", "rmc", "gga"}[s.kind]
	if s.kind == rmc || s.kind == gga {
		text += fmt.Sprintf(" %v %.6f %.6f", s.clock, s.lat, s.lon)
	}
	if s.kind == rmc {
		text += s.date.Format(" " + time.DateOnly)
	}
	for _, more := range []struct {
		name  string
		value *float64
	}{{"altitude", s.altitude}, {"heading", s.heading}, {"speed", s.speed}} {
		if more.value != nil {
			text += fmt.Sprintf(" %s=%.3f", more.name, *more.value)
		}
	}
	return text
}

func TestParseSentence(t *testing.T) {
	const (
		spot = "5250.5000,N,00518.2500,E"
		tail = "5.3,233.1,200818,1.4,E,A"
		here = "52.841667 5.304167"
	)
	rmcAt := func(clock, place, rest string) string { return nmea("GPRMC," + clock + ",A," + place + "," + rest) }
	ggaAt := func(clock, place, rest string) string { return nmea("GPGGA," + clock + "," + place + "," + rest) }
	full := rmcAt("095003", spot, tail)
	long := func(n int) string { return nmea("GPTXT," + strings.Repeat("x", n-len("$GPTXT,*00"))) }
	wrong := full[:len(full)-2] + "00"
	for line, want := range map[string]string{
		// Whole sentences.
		full:                                  "rmc 9h50m3s " + here + " 2018-08-20 heading=233.100 speed=2.727",
		rmcAt("095003.250", spot, ",,200818"): "rmc 9h50m3.25s " + here + " 2018-08-20",
		rmcAt("095003.", spot, ",,200818"):    "rmc 9h50m3s " + here + " 2018-08-20",
		rmcAt("095003.1234567891234", spot, ",,200818"):          "rmc 9h50m3.123456789s " + here + " 2018-08-20",
		ggaAt("095003", spot, "1,12,0.60,-4,M,46.8,M,,"):         "gga 9h50m3s " + here + " altitude=-4.000",
		ggaAt("095003", spot, "2,12,0.60,,M,46.8,M,,"):           "gga 9h50m3s " + here,
		strings.ToLower(full[len(full)-2:]) + "x":                "form",
		full[:len(full)-2] + strings.ToLower(full[len(full)-2:]): "rmc 9h50m3s " + here + " 2018-08-20 heading=233.100 speed=2.727",

		// Talkers and other sentences.
		nmea("GNRMC,095003,A," + spot + ",,,200818"):      "rmc 9h50m3s " + here + " 2018-08-20",
		nmea("GLRMC,095003,A," + spot + ",,,200818"):      "rmc 9h50m3s " + here + " 2018-08-20",
		nmea("ZZGGA,095003," + spot + ",1,,,"):            "gga 9h50m3s " + here,
		nmea("PRMC,095003,A," + spot + ",,,200818"):       "other",
		nmea("GPXRMC,095003,A," + spot):                   "other",
		nmea("GPRMCX,095003,A," + spot):                   "other",
		nmea("gprmc,095003,A," + spot + ",,,200818"):      "other",
		nmea("PGRME,15.0,M,45.0,M,25.0,M"):                "other",
		nmea("GPGSV,3,1,11"):                              "other",
		nmea(""):                                          "form", // too short to be one
		nmea("GP"):                                        "other",
		nmea(strings.Repeat(",", 40)):                     "other",
		"!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D": "other",
		"!" + full[1:]:                                    "other", // an encapsulated one is never ours

		// Not a sentence.
		"":                              "form",
		"$":                             "form",
		"$*00":                          "form",
		"GPRMC,095003":                  "form",
		"# a comment":                   "form",
		" " + full:                      "form",
		"$GPRMC,09\x005003,A*00":        "form",
		"$GPRMC,\xb5b\x01\x07*00":       "form",
		"$GPRMC,095003,A,52\t*00":       "form",
		"$GPTXT,naïve*00":               "form",
		"\xb5b\x01\x07\x5c\x00\x00\x00": "form",
		long(256):                       "other",
		long(257):                       "form",

		// Checksums.
		wrong:                    "checksum",
		full[:len(full)-3]:       "checksum",
		full[:len(full)-1]:       "checksum",
		full[:len(full)-2]:       "checksum",
		full + "0":               "checksum",
		full + " ":               "checksum",
		"$GPGGA,1*2*31":          "checksum",
		"$GPGGA,095003*+5":       "checksum",
		"$GPGGA,095003*0x":       "checksum",
		"$GPGGA,095003*\xff\xff": "checksum",

		// No fix.
		nmea("GPRMC,095003,V," + spot + "," + tail): "nofix",
		nmea("GPRMC,,V,,,,,,,,,,N"):                 "nofix",
		nmea("GPRMC,095003,," + spot + "," + tail):  "nofix",
		nmea("GPRMC,095003,a," + spot + "," + tail): "nofix",
		ggaAt("095003", spot, "0,00,,,M,,M,,"):      "nofix",
		ggaAt("095003", spot, ",00,,,M,,M,,"):       "nofix",
		nmea("GPGGA,,,,,,0,,,,,,,,"):                "nofix",

		// Qualities and field counts.
		ggaAt("095003", spot, "A,12,0.6,1,M"):               "field",
		ggaAt("095003", spot, "-1,12,0.6,1,M"):              "field",
		ggaAt("095003", spot, "10,12,0.6,1,M"):              "field",
		ggaAt("095003", spot, "00,12,0.6,1,M"):              "field",
		ggaAt("095003", spot, "1,12,0.6"):                   "field",
		ggaAt("095003", spot, "1,12,0.6,"):                  "gga 9h50m3s " + here,
		rmcAt("095003", spot, ","):                          "field",
		rmcAt("095003", spot, ",,200818"):                   "rmc 9h50m3s " + here + " 2018-08-20",
		rmcAt("095003", spot, ",,"):                         "field",
		nmea("GPRMC"):                                       "field",
		nmea("GPGGA,"):                                      "field",
		rmcAt("095003", spot, tail+strings.Repeat(",", 40)): "rmc 9h50m3s " + here + " 2018-08-20 heading=233.100 speed=2.727",

		// Clocks.
		rmcAt("235959.999", spot, ",,311299"): "rmc 23h59m59.999s " + here + " 1999-12-31",
		rmcAt("235959", spot, ",,311216"):     "rmc 23h59m59s " + here + " 2016-12-31",
		rmcAt("235960", spot, ",,311216"):     "rmc 24h0m0s " + here + " 2016-12-31", // the leap second
		rmcAt("235961", spot, ",,311216"):     "field",
		rmcAt("240000", spot, ",,311216"):     "field",
		rmcAt("236000", spot, ",,311216"):     "field",
		rmcAt("09500", spot, ",,311216"):      "field",
		rmcAt("", spot, ",,311216"):           "field",
		rmcAt("0950030", spot, ",,311216"):    "field",
		rmcAt("095003.1.1", spot, ",,311216"): "field",
		rmcAt("+95003", spot, ",,311216"):     "field",

		// Dates.
		rmcAt("000000", spot, ",,290220"):  "rmc 0s " + here + " 2020-02-29",
		rmcAt("000000", spot, ",,290221"):  "field",
		rmcAt("000000", spot, ",,310421"):  "field",
		rmcAt("000000", spot, ",,000121"):  "field",
		rmcAt("000000", spot, ",,010021"):  "field",
		rmcAt("000000", spot, ",,011321"):  "field",
		rmcAt("000000", spot, ",,010180"):  "rmc 0s " + here + " 1980-01-01",
		rmcAt("000000", spot, ",,311279"):  "rmc 0s " + here + " 2079-12-31",
		rmcAt("000000", spot, ",,1121"):    "field",
		rmcAt("000000", spot, ",,0101201"): "field",
		rmcAt("000000", spot, ",,0a0120"):  "field",

		// Places.
		ggaAt("000000", "5250.5,S,00518.25,W", "1,,,"):                   "gga 0s -52.841667 -5.304167",
		ggaAt("000000", "9000.0,N,18000.0,W", "1,,,"):                    "gga 0s 90.000000 -180.000000",
		ggaAt("000000", "9000.0001,N,00000.0,W", "1,,,"):                 "field",
		ggaAt("000000", "0000.0,N,18000.0001,W", "1,,,"):                 "field",
		ggaAt("000000", "0059.9999,N,00059.9999,E", "1,,,"):              "gga 0s 0.999998 0.999998",
		ggaAt("000000", "0060.0,N,00018.0,E", "1,,,"):                    "field",
		ggaAt("000000", "0059.99999999999999999999,N,00018.0,E", "1,,,"): "field", // 60 once it is read
		ggaAt("000000", "5250,N,00518,E", "1,,,"):                        "gga 0s 52.833333 5.300000",
		ggaAt("000000", "5250.,N,00518.,E", "1,,,"):                      "gga 0s 52.833333 5.300000",
		ggaAt("000000", "250.5,N,518.25,E", "1,,,"):                      "gga 0s 2.841667 5.304167",
		ggaAt("000000", "50.5,N,518.25,E", "1,,,"):                       "field",
		ggaAt("000000", "005250.5,N,00518.25,E", "1,,,"):                 "field",
		ggaAt("000000", "-5250.5,N,00518.25,E", "1,,,"):                  "field",
		ggaAt("000000", "5250.5e1,N,00518.25,E", "1,,,"):                 "field",
		ggaAt("000000", "52x0.5,N,00518.25,E", "1,,,"):                   "field",
		ggaAt("000000", "5250.5.5,N,00518.25,E", "1,,,"):                 "field",
		ggaAt("000000", ",N,00518.25,E", "1,,,"):                         "field",
		ggaAt("000000", "5250.5,,00518.25,E", "1,,,"):                    "field",
		ggaAt("000000", "5250.5,n,00518.25,E", "1,,,"):                   "field",
		ggaAt("000000", "5250.5,E,00518.25,N", "1,,,"):                   "field",
		ggaAt("000000", "5250.5,NN,00518.25,E", "1,,,"):                  "field",

		// Speeds, headings, altitudes.
		rmcAt("000000", spot, "-1,-2,010120"):  "rmc 0s " + here + " 2020-01-01 heading=-2.000 speed=-0.514",
		rmcAt("000000", spot, "NaN,,010120"):   "field",
		rmcAt("000000", spot, ",Inf,010120"):   "field",
		rmcAt("000000", spot, "1e999,,010120"): "field",
		rmcAt("000000", spot, "fast,,010120"):  "field",
		rmcAt("000000", spot, "1.2.3,,010120"): "field",
		ggaAt("000000", spot, "1,,,nan"):       "field",
		ggaAt("000000", spot, "1,,,-infinity"): "field",
		ggaAt("000000", spot, "1,,,high"):      "field",
	} {
		s, err := parseSentence([]byte(line))
		got := s.String()
		if err != nil {
			got = string(err.(dirt))
			if s != (sentence{}) && s.kind == noFix {
				t.Errorf("%q: dirt has a value: %v", line, s)
			}
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", line, got, want)
		}
	}
	for quality := '1'; quality <= '9'; quality++ {
		if s, err := parseSentence([]byte(ggaAt("000000", spot, string(quality)+",,,"))); err != nil || s.kind != gga {
			t.Errorf("quality %c: %v %v", quality, s, err)
		}
	}
}

func TestWhen(t *testing.T) {
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		v, err := time.Parse("2006-01-02 15:04:05.999", text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ clock, last, now, want string }{
		// The latest RMC's date, whatever it is now.
		{"095003", "2018-08-20 09:50:02", "2026-01-31 12:00:00", "2018-08-20 09:50:03"},
		{"095001", "2018-08-20 09:50:02", "2026-01-31 12:00:00", "2018-08-20 09:50:01"},
		{"215002", "2018-08-20 09:50:02", "2026-01-31 12:00:00", "2018-08-20 21:50:02"},
		{"000000.5", "2018-08-20 23:59:59", "2026-01-31 12:00:00", "2018-08-21 00:00:00.5"},
		{"235959.5", "2018-08-21 00:00:00", "2026-01-31 12:00:00", "2018-08-20 23:59:59.5"},
		{"000001", "2019-12-31 23:59:59", "2026-01-31 12:00:00", "2020-01-01 00:00:01"},
		{"235960", "2016-12-31 23:59:59", "2026-01-31 12:00:00", "2017-01-01 00:00:00"},
		// Before the first RMC.
		{"120000", "", "2026-01-31 12:00:00", "2026-01-31 12:00:00"},
		{"121000", "", "2026-01-31 12:00:00", "2026-01-31 12:10:00"},
		{"121000.001", "", "2026-01-31 12:00:00", ""},
		{"115000", "", "2026-01-31 12:00:00", "2026-01-31 11:50:00"},
		{"114959.999", "", "2026-01-31 12:00:00", ""},
		{"000000", "", "2026-01-31 12:00:00", ""},
		{"000459", "", "2026-01-31 23:55:00", "2026-02-01 00:04:59"},
		{"000500.001", "", "2026-01-31 23:55:00", ""},
		{"235500", "", "2026-02-01 00:05:00", "2026-01-31 23:55:00"},
		{"235459.999", "", "2026-02-01 00:05:00", ""},
	} {
		s, err := parseSentence([]byte(nmea("GPGGA," + c.clock + ",5250.5,N,00518.25,E,1,,,")))
		if err != nil {
			t.Fatal(err)
		}
		// The zone of the clock is nobody's business.
		now := at(c.now).In(time.FixedZone("", -9*60*60))
		got, ok := s.when(at(c.last), now)
		if ok != (c.want != "") || !got.Equal(at(c.want)) {
			t.Errorf("%+v: got %v %v", c, got, ok)
		}
	}
}

// What the parser accepts is finite and on the globe, and one line has one meaning.
func FuzzNMEA(f *testing.F) {
	for _, log := range receiverLogs(f) {
		for i, line := range bytes.Split(log, []byte("\n")) {
			if i%100 < 2 {
				f.Add(bytes.TrimRight(line, "\r"))
			}
		}
	}
	for _, body := range []string{
		"GPRMC,235960,A,9000.0,N,18000.0,E,NaN,0x1p9,311216", "GPGGA,000000,0059.99999999999999999999,N,518,E,9,,,1e308",
		"GPRMC,000000,A,000,S,000,W,1_0,+5,290200", "PMTK", ",,,,,", "GPGGA,1*2",
	} {
		f.Add([]byte(nmea(body)))
	}
	finite := func(v *float64) bool { return v == nil || !math.IsNaN(*v) && !math.IsInf(*v, 0) }
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		s, err := parseSentence(line)
		// The fuzzer seldom finds the checksum of what it has made.
		if err == badChecksum && len(line) > 0 {
			body, _, _ := bytes.Cut(line[1:], []byte("*"))
			s, err = parseSentence([]byte(nmea(string(body))))
		}
		if !bytes.Equal(before, line) {
			t.Error("the line was changed")
		}
		if err != nil {
			if d, ok := err.(dirt); !ok || d != badForm && d != badChecksum && d != badField {
				t.Errorf("unknown dirt: %v", err)
			}
			return
		}
		if s.kind != rmc && s.kind != gga {
			return
		}
		if !within(s.lat, -90, 90) || !within(s.lon, -180, 180) || !finite(s.speed) || !finite(s.heading) || !finite(s.altitude) {
			t.Errorf("it says %v", s)
		}
		if s.clock < 0 || s.clock > 24*time.Hour+time.Second {
			t.Errorf("the clock is %v", s.clock)
		}
		for _, last := range []time.Time{{}, noon} {
			at, ok := s.when(last, noon)
			switch away := at.Sub(noon).Abs(); {
			case s.kind == rmc && (!ok || at.Year() < 1980 || at.Year() > 2080):
				t.Errorf("it is of %v", at)
			case s.kind == gga && ok && last.IsZero() && away > 10*time.Minute:
				t.Errorf("without a date, it is of %v", at)
			case s.kind == gga && !last.IsZero() && (!ok || away > 12*time.Hour):
				t.Errorf("with a date, it is of %v", at)
			}
		}
	})
}
