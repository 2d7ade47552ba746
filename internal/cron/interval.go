package cron

import (
	"time"

	"github.com/bennu-go/bennu/fault"
)

const shortest = time.Second

// Interval is due again and again at the same distance, whatever the clocks on the walls do.
type Interval struct {
	start time.Time
	every time.Duration
}

// Every gives the interval that is due at start, start+d, start+2d, and so on, to the
// microsecond. Less than a second is refused with [fault.Invalid].
func Every(d time.Duration, start time.Time) (Interval, error) {
	if d < shortest {
		return Interval{}, fault.Invalid.Errorf("an interval of %v is too short for a schedule; it is at least %v (a process's timer can be shorter)", d, shortest)
	}
	return Interval{start.UTC().Truncate(time.Microsecond), d.Truncate(time.Microsecond)}, nil
}

// String is the interval, as in "every 1h30m0s".
func (i Interval) String() string { return "every " + i.every.String() }

// Next gives the first time after the given one at which the interval is due, in UTC.
func (i Interval) Next(after time.Time) time.Time {
	step := i.every.Microseconds()
	passed := after.UnixMicro() - i.start.UnixMicro()
	if passed < 0 {
		return i.start
	}
	return time.UnixMicro(i.start.UnixMicro() + (passed/step+1)*step).UTC()
}
