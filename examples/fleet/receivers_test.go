package main

import (
	"bytes"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	rmcForm = regexp.MustCompile(`^\$..RMC,(\d{6}\.?\d*),A,(\d+)(\d\d\.?\d*),([NS]),(\d+)(\d\d\.?\d*),([EW]),[^,]*,[^,]*,(\d{6}),.*\*..$`)
	ggaForm = regexp.MustCompile(`^\$..GGA,(\d{6}\.?\d*),(\d+)(\d\d\.?\d*),([NS]),(\d+)(\d\d\.?\d*),([EW]),[1-9],.*\*..$`)
)

// readPlainly reads a log as simply as can be, to know where it ends: the good lines, and
// the position of each time, which is the first of that time.
func readPlainly(t *testing.T, log []byte) (lines []string, places map[time.Time][2]float64, end time.Time) {
	t.Helper()
	places = make(map[time.Time][2]float64)
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	date := ""
	for _, line := range strings.Split(string(log), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		m := rmcForm.FindStringSubmatch(line)
		if m != nil {
			date = m[8]
		} else if m = ggaForm.FindStringSubmatch(line); m != nil && date == "" {
			// It has no date, but where its clock is near that of now.
			clock, _ := time.Parse("150405", m[1][:6])
			now := time.Now().UTC()
			away := now.Sub(now.Truncate(24 * time.Hour).Add(clock.Sub(clock.Truncate(24 * time.Hour)))).Abs()
			if min(away, 24*time.Hour-away) > 15*time.Minute {
				lines = append(lines, line)
			}
			continue
		}
		lines = append(lines, line)
		if m == nil || line != nmea(line[1:len(line)-3]) {
			continue
		}
		at, err := time.Parse("020106 150405.999", date+" "+m[1])
		if err != nil {
			t.Fatal(err)
		}
		end = at.Truncate(time.Millisecond)
		if _, twice := places[end]; twice {
			continue
		}
		lat, lon := number(m[2])+number(m[3])/60, number(m[5])+number(m[6])/60
		if m[4] == "S" {
			lat = -lat
		}
		if m[7] == "W" {
			lon = -lon
		}
		places[end] = [2]float64{lat, lon}
	}
	return lines, places, end
}

// What is dropped of the receivers' logs. Some begin with a GGA, which has no date.
var logDirt = map[string]map[dirt]int64{
	"bt451.log":            {badForm: 11},
	"bundg_zeus_9.log":     {badForm: 9, undated: 1},
	"garmin48.log":         {badForm: 13, badChecksum: 1},
	"haicom-305N.log":      {badForm: 9, undated: 1},
	"iTrek.log":            {badForm: 11},
	"meinberg-gps164.log":  {badForm: 11},
	"nmea-fuzzy-cases.log": {badForm: 7, undated: 1},
	"quectel-eg25-g.log":   {badForm: 7, undated: 1},
	"sl869.log":            {badForm: 9, badChecksum: 1},
	"tcp-torture.log":      {badForm: 10, badField: 1},
	"telit-he910.log":      {badForm: 9, undated: 1},
	"ublox-8.log":          {badForm: 10, badChecksum: 1, undated: 1},
}

// Each receiver's log ends where it ends, in datagrams of many lines and of one.
func TestReceiverLogs(t *testing.T) {
	t.Parallel()
	for lines, datagram := range map[string]int{"many lines a datagram": 15, "one line a datagram": 1} {
		t.Run(lines, func(t *testing.T) {
			t.Parallel() // they wait for commits
			logs := receiverLogs(t)
			w := start(t, "-udp=127.0.0.1:0")
			before, want := int64(0), make(map[dirt]int64)
			ends := make(map[string]time.Time)
			places := make(map[string]map[time.Time][2]float64)
			chunks := make(map[string][][]string)
			for name, log := range logs {
				var lines []string
				lines, places[name], ends[name] = readPlainly(t, log)
				chunks[name] = slices.Collect(slices.Chunk(lines, datagram))
				for why, n := range logDirt[name] {
					want[why] += n
				}
				want[undated] -= int64(undatedButNear(log, lines))
			}
			// All at once, but none faster than its unit can commit.
			r := w.receiver()
			for round := 0; len(chunks) > 0; round++ {
				for _, name := range slices.Sorted(maps.Keys(chunks)) {
					if round >= len(chunks[name]) {
						delete(chunks, name)
						continue
					}
					lines := chunks[name][round]
					r.send(name + " " + strings.Join(lines, "\r\n") + "\r\n")
					before += int64(len(lines))
				}
				if round%100 == 99 {
					w.heard(before, slices.Collect(maps.Keys(chunks))...)
				}
			}
			w.heard(before, slices.Collect(maps.Keys(logs))...)
			if want[undated] == 0 {
				delete(want, undated)
			}
			if got := w.dirt(); !maps.Equal(got, want) {
				t.Errorf("dropped: %v, want %v", got, want)
			}
			for name := range logs {
				v, track := w.unit(name), w.track(name)
				end := places[name][ends[name]]
				if !v.At.Equal(ends[name]) || math.Abs(v.Lat-end[0]) > 1e-9 || math.Abs(v.Lon-end[1]) > 1e-9 {
					t.Errorf("%s ends at %v %v %v, want %v %v", name, v.At, v.Lat, v.Lon, ends[name], end)
				}
				if len(track) != len(places[name]) {
					t.Errorf("the track of %s has %d positions, want %d", name, len(track), len(places[name]))
				}
				for _, p := range track {
					if want, ok := places[name][p.At]; !ok || math.Abs(p.Lat-want[0]) > 1e-9 || math.Abs(p.Lon-want[1]) > 1e-9 {
						t.Errorf("%s was at %v %v at %v, want %v", name, p.Lat, p.Lon, p.At, want)
						break
					}
				}
			}
			if n := w.count("process.crashes") + w.count("fleet.udp.failed") + w.count("fleet.udp.errors"); n > 0 {
				t.Errorf("something has failed: %v", w.counters.Snapshot())
			}
		})
	}
}

// undatedButNear is how many GGAs were taken out of a log because now is near their clock.
func undatedButNear(log []byte, lines []string) int {
	return len(strings.FieldsFunc(string(log), func(r rune) bool { return r == '\n' || r == '\r' })) - len(lines)
}

// The same logs of receivers that have no fix lead nowhere, and are not dirty for it.
func TestLogsWithoutFix(t *testing.T) {
	w := start(t, "-udp=127.0.0.1:0")
	r := w.receiver()
	sent, fixes := int64(0), 0
	for name, log := range receiverLogs(t) {
		for _, line := range bytes.Fields(log) {
			text := string(line)
			if rmcForm.MatchString(text) {
				text = strings.Replace(text, ",A,", ",V,", 1)
			} else if m := ggaForm.FindStringSubmatchIndex(text); m != nil {
				text = text[:m[15]] + ",0" + text[m[15]+2:]
			} else {
				continue
			}
			fixes++
			sent++
			r.send(name + " " + nmea(text[1:len(text)-3]) + "\r\n")
			if sent%200 == 0 {
				w.heard(sent)
			}
		}
	}
	w.heard(sent)
	var all Views
	if w.get("/api/units", &all); len(all.Units) > 0 || len(w.dirt()) > 0 || w.count("fleet.udp.ignored") != sent || fixes < 1000 {
		t.Errorf("of %d sentences without a fix came %v; dropped %v, ignored %d", fixes, all, w.dirt(), w.count("fleet.udp.ignored"))
	}
	for _, p := range w.node.Processes() {
		if strings.HasPrefix(p.Name, "unit") && strings.Contains(p.Name, ".log") {
			t.Errorf("%s was started", p.Name)
		}
	}
}
