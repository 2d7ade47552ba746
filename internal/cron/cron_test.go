package cron_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cron"
)

const (
	newYork    = "America/New_York"    // 2026: 8 March 2:00 to 3:00, 1 November 2:00 to 1:00
	paris      = "Europe/Paris"        // 2026: 29 March 2:00 to 3:00, 25 October 3:00 to 2:00
	lordHowe   = "Australia/Lord_Howe" // 2026: 4 October 2:00 to 2:30, 5 April 2:00 to 1:30
	apia       = "Pacific/Apia"        // had no 30 December 2011
	casablanca = "Africa/Casablanca"   // 2026: 15 February 3:00 to 2:00, 22 March 2:00 to 3:00
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := cron.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func parse(t testing.TB, expr, name string) cron.Spec {
	t.Helper()
	s, err := cron.Parse(expr, zone(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const layout = "2006-01-02 15:04:05 -0700"

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestNext goes on from a time, due by due.
func TestNext(t *testing.T) {
	for _, test := range []struct {
		name, expr, zone, after string
		want                    []string
	}{
		{"five fields", "30 3 * * *", "", "2026-01-31 03:29:59 +0000", []string{"2026-01-31 03:30:00 +0000", "2026-02-01 03:30:00 +0000"}},
		{"six fields", "5/20 59 23 31 12 *", "", "2026-01-01 00:00:00 +0000", []string{"2026-12-31 23:59:05 +0000", "2026-12-31 23:59:25 +0000", "2026-12-31 23:59:45 +0000", "2027-12-31 23:59:05 +0000"}},
		{"a weekday", "0 9 * * MON", "", "2026-11-21 13:00:00 +0000", []string{"2026-11-23 09:00:00 +0000", "2026-11-30 09:00:00 +0000"}},
		{"a day or a weekday", "0 0 1 * fri", "", "2026-11-21 13:00:00 +0000", []string{"2026-11-27 00:00:00 +0000", "2026-12-01 00:00:00 +0000", "2026-12-04 00:00:00 +0000"}},
		{"a leap day", "0 0 29 2 *", "", "2096-03-01 00:00:00 +0000", []string{"2104-02-29 00:00:00 +0000"}},
		{"30 February, if it is a Monday or not", "0 0 30 2 1", "", "2026-02-01 00:00:00 +0000", []string{"2026-02-02 00:00:00 +0000"}},
		{"a name", "@daily", paris, "2026-06-01 12:00:00 +0200", []string{"2026-06-02 00:00:00 +0200"}},
		{"@weekly", "@weekly", "", "2026-11-21 13:00:00 +0000", []string{"2026-11-22 00:00:00 +0000"}},
		{"@yearly", "@yearly", "", "2026-11-21 13:00:00 +0000", []string{"2027-01-01 00:00:00 +0000"}},
		{"before 1970", "0 0 1 1 *", "", "1905-06-01 00:00:00 +0000", []string{"1906-01-01 00:00:00 +0000"}},

		{"gap: a time that is lost", "30 2 * * *", newYork, "2026-03-07 12:00:00 -0500", []string{"2026-03-08 03:00:00 -0400", "2026-03-09 02:30:00 -0400"}},
		{"gap: its first second", "0 2 * * *", newYork, "2026-03-08 01:59:59 -0500", []string{"2026-03-08 03:00:00 -0400", "2026-03-09 02:00:00 -0400"}},
		{"gap: many that are lost are one", "*/10 2 * * *", newYork, "2026-03-08 00:00:00 -0500", []string{"2026-03-08 03:00:00 -0400", "2026-03-09 02:00:00 -0400"}},
		{"gap: lost and due are one", "0 2,3 * * *", newYork, "2026-03-08 00:00:00 -0500", []string{"2026-03-08 03:00:00 -0400", "2026-03-09 02:00:00 -0400"}},
		{"gap: real time", "*/30 * * * *", newYork, "2026-03-08 01:00:00 -0500", []string{"2026-03-08 01:30:00 -0500", "2026-03-08 03:00:00 -0400", "2026-03-08 03:30:00 -0400"}},
		{"gap: steps leave out", "15 */2 * * *", newYork, "2026-03-08 00:00:00 -0500", []string{"2026-03-08 00:15:00 -0500", "2026-03-08 04:15:00 -0400"}},
		{"gap: ranges leave out", "30 1-3 * * *", newYork, "2026-03-08 00:00:00 -0500", []string{"2026-03-08 01:30:00 -0500", "2026-03-08 03:30:00 -0400"}},
		{"gap of 30 minutes", "15 2 * * *", lordHowe, "2026-10-04 00:00:00 +1030", []string{"2026-10-04 02:30:00 +1100", "2026-10-05 02:15:00 +1100"}},
		{"gap of 30 minutes, after it", "45 2 * * *", lordHowe, "2026-10-04 00:00:00 +1030", []string{"2026-10-04 02:45:00 +1100"}},
		{"gap of a day", "0 3 * * *", apia, "2011-12-29 00:00:00 -1000", []string{"2011-12-29 03:00:00 -1000", "2011-12-31 00:00:00 +1400", "2011-12-31 03:00:00 +1400"}},
		{"gap of a day, real time", "0 */6 * * *", apia, "2011-12-29 13:00:00 -1000", []string{"2011-12-29 18:00:00 -1000", "2011-12-31 00:00:00 +1400", "2011-12-31 06:00:00 +1400"}},
		{"gap of a day, that day", "0 12 30 12 *", apia, "2011-01-01 00:00:00 -1000", []string{"2011-12-31 00:00:00 +1400", "2012-12-30 12:00:00 +1400"}},
		{"gap at midnight", "@daily", "Asia/Beirut", "2026-03-28 12:00:00 +0200", []string{"2026-03-29 01:00:00 +0300", "2026-03-30 00:00:00 +0300"}},

		{"twice: once", "30 1 * * *", newYork, "2026-11-01 00:00:00 -0400", []string{"2026-11-01 01:30:00 -0400", "2026-11-02 01:30:00 -0500"}},
		{"twice: asked between", "30 1 * * *", newYork, "2026-11-01 01:00:00 -0500", []string{"2026-11-02 01:30:00 -0500"}},
		{"twice: asked long after the jump", "50 1 * * *", newYork, "2026-11-01 01:45:00 -0500", []string{"2026-11-02 01:50:00 -0500"}},
		{"twice: each once", "0,30 1 * * *", newYork, "2026-11-01 01:10:00 -0400", []string{"2026-11-01 01:30:00 -0400", "2026-11-02 01:00:00 -0500"}},
		{"twice: a list", "30 1,2 * * *", newYork, "2026-11-01 00:00:00 -0400", []string{"2026-11-01 01:30:00 -0400", "2026-11-01 02:30:00 -0500"}},
		{"twice: real time", "30 * * * *", newYork, "2026-11-01 01:00:00 -0400", []string{"2026-11-01 01:30:00 -0400", "2026-11-01 01:30:00 -0500", "2026-11-01 02:30:00 -0500"}},
		{"twice: ranges", "0 1-2 * * *", newYork, "2026-11-01 00:00:00 -0400", []string{"2026-11-01 01:00:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 02:00:00 -0500"}},
		{"twice: a range of one is a time", "0 1-1 * * *", newYork, "2026-11-01 00:00:00 -0400", []string{"2026-11-01 01:00:00 -0400", "2026-11-02 01:00:00 -0500"}},
		{"twice: named both ways", "0 1,1-2 * * *", newYork, "2026-11-01 00:00:00 -0400", []string{"2026-11-01 01:00:00 -0400", "2026-11-01 01:00:00 -0500", "2026-11-01 02:00:00 -0500"}},
		{"twice: 30 minutes", "0,45 1 * * *", lordHowe, "2026-04-05 00:00:00 +1100", []string{"2026-04-05 01:00:00 +1100", "2026-04-05 01:45:00 +1100", "2026-04-06 01:00:00 +1030"}},
		{"twice: Ramadan", "0 2 * * *", casablanca, "2026-02-15 00:00:00 +0100", []string{"2026-02-15 02:00:00 +0100", "2026-02-16 02:00:00 +0000"}},
		{"twice: @hourly", "@hourly", casablanca, "2026-02-15 01:00:00 +0100", []string{"2026-02-15 02:00:00 +0100", "2026-02-15 02:00:00 +0000", "2026-02-15 03:00:00 +0000"}},
		{"by the rule of far years", "30 2 * * *", newYork, "2400-03-12 00:00:00 -0500", []string{"2400-03-12 03:00:00 -0400", "2400-03-13 02:30:00 -0400"}},
		{"the last day of a leap year", "0 0,12 * * *", newYork, "2400-12-30 13:00:00 -0500", []string{"2400-12-31 00:00:00 -0500", "2400-12-31 12:00:00 -0500", "2401-01-01 00:00:00 -0500"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := parse(t, test.expr, test.zone)
			now := at(t, test.after)
			for _, want := range test.want {
				now = s.Next(now)
				if got := now.Format(layout); got != want {
					t.Fatalf("%v: got %s, want %s", s, got, want)
				}
				if now.Location().String() != s.Zone().String() {
					t.Errorf("in %v, want %v", now.Location(), s.Zone())
				}
			}
		})
	}
}

func TestNextIsStrictlyAfter(t *testing.T) {
	s := parse(t, "0 * * * * *", "")
	due := at(t, "2026-01-01 00:01:00 +0000")
	for _, test := range []struct {
		after, want time.Time
	}{
		{due.Add(-time.Nanosecond), due},
		{due, due.Add(time.Minute)},
		{due.Add(time.Nanosecond), due.Add(time.Minute)},
	} {
		if got := s.Next(test.after); !got.Equal(test.want) {
			t.Errorf("after %v: %v, want %v", test.after, got, test.want)
		}
	}
}

func TestNextAtTheEndsOfTime(t *testing.T) {
	s := parse(t, "0 0 29 2 *", newYork)
	if got := s.Next(time.Time{}); got.Year() != 4 {
		t.Errorf("after the zero time: %v", got)
	}
	for _, after := range []time.Time{time.Date(9999, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MaxInt64, 0)} {
		if got := s.Next(after); !got.IsZero() {
			t.Errorf("after %v: %v", after, got)
		}
	}
	if got := s.Next(time.Unix(math.MinInt64, 0)); got.Year() > 4 {
		t.Errorf("after the beginning: %v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		expr, want string // a part of the text
	}{
		{"", "is empty; write minute hour"},
		{"  ", "is empty"},
		{"* * * *", "has 4 fields; write minute hour"},
		{"* * * * * * *", "has 7 fields"},
		{"60 * * * *", `the minute is "60"; write 0 to 59`},
		{"61 0 * * * *", `the second is "61"`},
		{"0 24 * * *", `the hour is "24"; write 0 to 23`},
		{"0 0 0 * *", `the day of the month is "0"; write 1 to 31`},
		{"0 0 * 13 *", `the month is "13"; write 1 to 12 or JAN to DEC`},
		{"0 0 * * 7", `the weekday is "7"; write 0 (Sunday) to 6`},
		{"0 0 * * MOON", `the weekday is "MOON"`},
		{"0 0 * MON *", `the month is "MON"`},
		{"*-5 * * * *", `the minute is "*-5"`},
		{"1,,2 * * * *", `the minute is "1,,2"`},
		{", * * * *", `the minute is ","`},
		{"5-1 * * * *", `the minute is "5-1"`},
		{"1-2-3 * * * *", `the minute is`},
		{"*/0 * * * *", `the minute is "*/0"`},
		{"*/90 * * * *", "a step goes up to 60; for longer intervals there is the schedule's Every"},
		{"0 */25 * * *", "a step goes up to 24"},
		{"+5 * * * *", `the minute is "+5"`},
		{"0 0 30 2 *", "no such day"},
		{"0 0 31 4,6,9,11 *", "no such day"},
		{"0 0 30-31 FEB ?", "no such day"},
		{"@every 1h", "the schedule's Every"},
		{"@reboot", "there are @hourly, @daily"},
		{"@daily x", "there are @hourly, @daily"},
		{"CRON_TZ=Europe/Paris 0 3 * * *", "the schedule's Zone"},
		{"TZ=UTC", "the schedule's Zone"},
		{strings.Repeat("1,", 127) + "1 * * * *", "at most 256 bytes"},
	} {
		_, err := cron.Parse(test.expr, nil)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.expr, err, test.want)
		}
	}
}

func TestParseTakesTheLimits(t *testing.T) {
	for _, expr := range []string{
		"59 59 23 31 12 6", "0 0 0 1 1 0", "*/60 */60 */24 */31 */12 */7", "0 0 29 2 *", "0 0 30 2,3 *", "? ? ? ? ?",
		"0 0 31 2 MON", "  0   0\t* * *  ", "@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually",
		strings.Repeat("1,", 123) + "1 * * * *",
	} {
		s, err := cron.Parse(expr, nil)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
		} else if s.Next(time.Now()).IsZero() {
			t.Errorf("%q is never due", expr)
		}
	}
}

func TestString(t *testing.T) {
	if got := parse(t, "  0 3  * * *", paris).String(); got != "0 3 * * * Europe/Paris" {
		t.Error(got)
	}
}

func TestZone(t *testing.T) {
	if z := zone(t, ""); z != time.UTC {
		t.Error(z)
	}
	for _, name := range []string{"Local", "Europe/Pari", "../etc/passwd", "CEST"} {
		if _, err := cron.Zone(name); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestEvery(t *testing.T) {
	start := at(t, "2026-03-08 00:00:00 -0500")
	i, err := cron.Every(90*time.Minute, start)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		after, want time.Time
	}{
		{start, start.Add(90 * time.Minute)},
		{start.Add(-time.Microsecond), start},
		{start.Add(-1000 * time.Hour), start},
		{start.Add(90*time.Minute - time.Microsecond), start.Add(90 * time.Minute)},
		{start.Add(90 * time.Minute), start.Add(180 * time.Minute)},
		{start.Add(1000 * 24 * time.Hour), start.Add(1000*24*time.Hour + 90*time.Minute)},
	} {
		if got := i.Next(test.after); !got.Equal(test.want) {
			t.Errorf("after %v: %v, want %v", test.after, got, test.want)
		}
	}
	if got := i.Next(start.AddDate(1000, 0, 0)).Sub(start.AddDate(1000, 0, 0)); got <= 0 || got > 90*time.Minute {
		t.Errorf("in a thousand years: %v later", got)
	}
	if i.String() != "every 1h30m0s" {
		t.Error(i)
	}
}

func TestEveryRefuses(t *testing.T) {
	for d, good := range map[time.Duration]bool{
		-time.Hour: false, 0: false, time.Second - 1: false, time.Second: true, math.MaxInt64: true,
	} {
		if _, err := cron.Every(d, time.Now()); errors.Is(err, fault.Invalid) == good {
			t.Errorf("%v: %v", d, err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s := parse(b, "30 3 * * MON-FRI", newYork)
	now := at(b, "2026-01-01 00:00:00 +0000")
	b.ReportAllocs()
	for b.Loop() {
		if now = s.Next(now); now.Year() > 2200 {
			now = at(b, "2026-01-01 00:00:00 +0000")
		}
	}
}
