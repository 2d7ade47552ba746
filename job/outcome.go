package job

import (
	"fmt"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// What a job's function can return besides nil (it is completed), fault.Invalid (it is
// discarded) and any other error (it is tried again).

// Snooze, returned as the function's error, makes the job begin again after so long. The
// attempt does not count.
func Snooze(d time.Duration) error { return snooze(max(d, 0)) }

type snooze time.Duration

func (s snooze) Error() string {
	return fmt.Sprintf("the job is to begin again in %v", time.Duration(s))
}

// Cancel, returned as the function's error, ends the job as cancelled: it is not needed any
// more. The reason is kept with it.
func Cancel(reason string) error { return &ending{Cancelled, reason} }

// Discard, returned as the function's error, ends the job as discarded: to try again would
// be of no use. The reason is kept with it.
func Discard(reason string) error { return &ending{Discarded, reason} }

type ending struct {
	state  State
	reason string
}

func (e *ending) Error() string { return e.state.String() + ": " + e.reason }

// ErrLost is what a Write of a job's function gets when the attempt is over: the job was
// given to another node, because this one did not give a sign of life in time, or it was
// cancelled, committed or timed out. Nothing of the Write is kept.
var ErrLost = fault.Conflict.Errorf("job: this attempt is over, and may not write any more")

// errTimeout is why the context of an attempt ends that took longer than its Timeout.
var errTimeout = fault.Timeout.Errorf("job: the attempt took longer than its Timeout")
