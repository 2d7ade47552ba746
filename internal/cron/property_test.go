package cron_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/internal/cron"
)

// sample is an expression, and what it means, found without the parser.
type sample struct {
	expr            string
	minute          [60]bool
	fixed, floating [24]bool
	weekday         [7]bool
}

// elements draws one to three elements of a field of n values, and tells add of each.
func elements(t *rapid.T, name string, n int, add func(values []int)) string {
	var texts []string
	for i := range rapid.IntRange(1, 3).Draw(t, name+" elements") {
		var text string
		var values []int
		from := rapid.IntRange(0, n-1).Draw(t, fmt.Sprint(name, i))
		to := rapid.IntRange(from, n-1).Draw(t, fmt.Sprint(name, i, " to"))
		step := rapid.IntRange(1, n).Draw(t, fmt.Sprint(name, i, " step"))
		switch rapid.SampledFrom([]string{"one", "one", "range", "step", "all"}).Draw(t, fmt.Sprint(name, i, " kind")) {
		case "one":
			text, to, step = fmt.Sprint(from), from, 1
		case "range":
			text, step = fmt.Sprintf("%d-%d", from, to), 1
		case "step":
			text, from, to = fmt.Sprintf("*/%d", step), 0, n-1
		case "all":
			text, from, to, step = "*", 0, n-1, 1
		}
		for v := from; v <= to; v += step {
			values = append(values, v)
		}
		add(values)
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

func drawSample(t *rapid.T) sample {
	var s sample
	minute := elements(t, "minute", 60, func(values []int) {
		for _, v := range values {
			s.minute[v] = true
		}
	})
	hour := elements(t, "hour", 24, func(values []int) {
		for _, v := range values {
			s.fixed[v] = s.fixed[v] || len(values) == 1
			s.floating[v] = s.floating[v] || len(values) > 1
		}
	})
	for v := range s.fixed {
		s.fixed[v] = s.fixed[v] && !s.floating[v]
	}
	weekday := elements(t, "weekday", 7, func(values []int) {
		for _, v := range values {
			s.weekday[v] = true
		}
	})
	s.expr = minute + " " + hour + " * * " + weekday
	return s
}

// matches reports whether the clock shows a time of these hours.
func (s sample) matches(hours [24]bool, clock time.Time) bool {
	return s.minute[clock.Minute()] && hours[clock.Hour()] && s.weekday[clock.Weekday()] && clock.Second() == 0
}

// walk looks at the clock each minute, and gives the times at which the sample is due.
func (s sample) walk(from, until time.Time, zone *time.Location) (due []time.Time) {
	shown := make(map[time.Time]bool)
	reading := func(t time.Time) time.Time { // what the clock shows, as if it were UTC
		l := t.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
	}
	start := from.Add(-4 * time.Hour)
	before := reading(start.Add(-time.Minute))
	for t := start; t.Before(until); t = t.Add(time.Minute) {
		now := reading(t)
		hit := s.matches(s.floating, now)
		for lost := before.Add(time.Minute); !lost.After(now); lost = lost.Add(time.Minute) {
			hit = hit || !shown[lost] && s.matches(s.fixed, lost)
			shown[lost] = true
		}
		hit = hit || !shown[now] && s.matches(s.fixed, now)
		shown[now] = true
		if before = now; hit && t.After(from) {
			due = append(due, t)
		}
	}
	return due
}

// jumps are the times at which the clocks of a zone jump, and the last days of leap years.
func jumps(zone *time.Location) (all []time.Time) {
	offset := func(t time.Time) int { _, o := t.In(zone).Zone(); return o }
	for t := time.Date(1995, 1, 1, 0, 0, 0, 0, time.UTC); t.Year() < 2060; t = t.AddDate(0, 0, 1) {
		if t.Month() == time.December && t.Day() > 29 && t.Year()%4 == 0 {
			all = append(all, t)
		}
		if offset(t) == offset(t.AddDate(0, 0, 1)) {
			continue
		}
		at := t
		for offset(at) == offset(t) {
			at = at.Add(time.Minute)
		}
		all = append(all, at)
	}
	return all
}

// TestAsTheClockOnTheWall compares with somebody who looks at the clock each minute.
func TestAsTheClockOnTheWall(t *testing.T) {
	for _, name := range []string{newYork, paris, lordHowe, apia, casablanca, "America/Sao_Paulo", "Asia/Pyongyang", "Antarctica/Troll", "UTC"} {
		t.Run(name, func(t *testing.T) {
			zone := zone(t, name)
			times := append(jumps(zone), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
			rapid.Check(t, func(t *rapid.T) {
				s := drawSample(t)
				minutes := rapid.IntRange(-180, 90).Draw(t, "minutes")
				from := rapid.SampledFrom(times).Draw(t, "jump").Add(time.Duration(minutes) * time.Minute)
				until := from.Add(9 * time.Hour)
				spec, err := cron.Parse(s.expr, zone)
				if err != nil {
					t.Fatal(err)
				}
				var got []time.Time
				for now := spec.Next(from); now.Before(until); now = spec.Next(now) {
					if len(got) > 0 && !now.After(got[len(got)-1]) {
						t.Fatalf("%v after %v", now, got[len(got)-1])
					}
					got = append(got, now)
				}
				if want := s.walk(from, until, zone); !slices.EqualFunc(got, want, time.Time.Equal) {
					t.Fatalf("%v from %v:\ngot  %v\nwant %v", spec, from.In(zone), got, want)
				}
			})
		})
	}
}

// TestNextSeesEach: whoever asks at any time between two due times hears of the same one.
func TestNextSeesEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, _ := cron.Zone(rapid.SampledFrom([]string{newYork, lordHowe, apia, casablanca}).Draw(t, "zone"))
		spec, err := cron.Parse(drawSample(t).expr, zone)
		if err != nil {
			t.Fatal(err)
		}
		after := time.Unix(rapid.Int64Range(-5e9, 2e10).Draw(t, "after"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		next := spec.Next(after)
		if !next.After(after) {
			t.Fatalf("%v is not after %v", next, after)
		}
		between := after.Add(time.Duration(rapid.Float64Range(0, 0.999).Draw(t, "share") * float64(next.Sub(after))))
		if again := spec.Next(between); !again.Equal(next) {
			t.Fatalf("%v: after %v it is %v, after %v %v", spec, after, next, between, again)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, expr := range []string{"30 3 * * *", "*/5 1-9/2,20 ? JAN-MAR mon,FRI", "0 0 30 2 *", "@daily", "@every 1s", "TZ=UTC * * * * *", "5/20 * * * * *", "0 0 29 2 1"} {
		f.Add(expr, int64(1_790_000_000))
	}
	zone := zone(f, lordHowe)
	f.Fuzz(func(t *testing.T, expr string, after int64) {
		s, err := cron.Parse(expr, zone)
		if err != nil {
			return
		}
		text := strings.TrimSuffix(s.String(), " "+lordHowe)
		again, err := cron.Parse(text, zone)
		if err != nil {
			t.Fatalf("%q is taken, and %q is not: %v", expr, text, err)
		}
		now := time.Unix(after, 0)
		next := s.Next(now)
		if !next.IsZero() && !next.After(now) || !again.Next(now).Equal(next) {
			t.Errorf("%q: after %v it is %v and %v", expr, now, next, again.Next(now))
		}
		if year := now.Year(); year > 0 && year < 9990 && next.IsZero() {
			t.Errorf("%q is never due after %v", expr, now)
		}
	})
}
