package cron

import (
	"math/bits"
	"time"
)

// Spec is a cron expression in a zone. Make it with [Parse]. It is a value, safe for use by
// many goroutines.
type Spec struct {
	text           string
	zone           *time.Location
	second, minute set
	fixed          set // hours that name a time of day
	floating       set // hours that go by real time
	day, month     set
	weekday        set
}

// set is the values of a field, one bit each.
type set uint64

// star is the bit of a field that has a * without a step.
const star set = 1 << 63

func (s set) has(v int) bool { return s>>v&1 == 1 }

// from gives the first value that is at least v, or one of 64 and more.
func (s set) from(v int) int { return v + bits.TrailingZeros64(uint64(s&^star>>v)) }

const (
	day     = 24 * 60 * 60
	dawn    = -62135596800 // year 1, in seconds since 1970
	forever = 253402300800 // year 10000
	memory  = 2 * day      // no zone's clock was ever put back by more
)

// String is the expression and the zone, as in "30 3 * * * Europe/Paris".
func (s Spec) String() string { return s.text + " " + s.zone.String() }

// Zone is the zone whose clock the expression speaks of.
func (s Spec) Zone() *time.Location { return s.zone }

// Next gives the first time after the given one at which the schedule is due, in the zone
// of the Spec. It is zero if that is after the year 9999.
//
// It looks at the clock on the wall as it goes through the stretches of time between two
// jumps. The mark is the latest that the clock has shown so far: a time of day is due when the
// mark goes past it, which it does once.
func (s Spec) Next(after time.Time) time.Time {
	if after.Unix() >= forever {
		return time.Time{}
	}
	now := max(after.Unix()+1, dawn)
	mark := s.mark(now)
	for now < forever {
		offset, end := s.stretch(now)
		clock, last := now+offset, end+offset
		if _, lost := s.find(s.fixed, mark, clock); lost {
			return s.at(now)
		}
		due, ok := s.find(s.floating, clock, last)
		if f, once := s.find(s.fixed, max(clock, mark), last); once && (!ok || f < due) {
			due, ok = f, true
		}
		if ok {
			return s.at(due - offset)
		}
		mark, now = max(mark, last), end
	}
	return time.Time{}
}

func (s Spec) at(unix int64) time.Time { return time.Unix(unix, 0).In(s.zone) }

// stretch gives the clock's offset from UTC at a time, and until when it certainly stays.
func (s Spec) stretch(now int64) (offset, end int64) {
	t := s.at(now)
	_, seconds := t.Zone()
	_, bound := t.ZoneBounds()
	switch end = bound.Unix(); {
	case bound.IsZero():
		end = forever
	case end <= now: // package time takes each year for 365 days, and this is the 366th
		end = now - now%day + day
	}
	return int64(seconds), min(end, forever)
}

// mark gives the latest that the clock has shown before now, and a second.
func (s Spec) mark(now int64) int64 {
	latest := int64(dawn - memory)
	for t := now - memory; t < now; {
		offset, end := s.stretch(t)
		end = min(end, now)
		latest, t = max(latest, end+offset), end
	}
	return latest
}

// find gives the first match from a time of the clock until before another. The hours are
// those of the set.
func (s Spec) find(hours set, from, until int64) (clock int64, ok bool) {
	for hours != 0 && from < until {
		today := time.Unix(from, 0).UTC().Truncate(day * time.Second)
		midnight := today.Unix()
		if !s.month.has(int(today.Month())) {
			from = today.AddDate(0, 1, 1-today.Day()).Unix()
			continue
		}
		if s.onDay(today) {
			if second, ok := s.inDay(hours, int(from-midnight)); ok {
				return midnight + int64(second), midnight+int64(second) < until
			}
		}
		from = midnight + day
	}
	return 0, false
}

func (s Spec) onDay(date time.Time) bool {
	byDay, byWeekday := s.day.has(date.Day()), s.weekday.has(int(date.Weekday()))
	if (s.day|s.weekday)&star != 0 {
		return byDay && byWeekday
	}
	return byDay || byWeekday
}

// inDay gives the first match among the seconds of a day, from one of them on.
func (s Spec) inDay(hours set, from int) (second int, ok bool) {
	for h := hours.from(from / 3600); h < 24; h = hours.from(h + 1) {
		inHour := max(from-h*3600, 0)
		for m := s.minute.from(inHour / 60); m < 60; m = s.minute.from(m + 1) {
			if sec := s.second.from(max(inHour-m*60, 0)); sec < 60 {
				return h*3600 + m*60 + sec, true
			}
		}
	}
	return 0, false
}
