package supervisor

import (
	"slices"
	"time"

	"github.com/bennu-go/bennu/process"
)

// kid is a child of a running tree.
type kid struct {
	Child       // as the tree treats it
	entry Child // as it was given
	state kidState
	slot  *process.Slot  // with its mail; nil: there is none
	owed  int            // Downs to come of lives that the supervisor has ended itself
	clock *process.Timer // of its pending restart, or of its Lifetime
	old   bool           // its Lifetime is over
	row   row

	restarts int
	history  []time.Time // of the latest
}

type kidState uint8

const (
	ended      kidState = iota // it has no process
	started                    // it has, and its Down is still to come
	restarting                 // it will have one again
)

// remembered is how many restarts a history holds.
const remembered = 5

// count counts a restart.
func (k *kid) count(now time.Time) {
	k.restarts++
	if len(k.history) == remembered {
		k.history = slices.Delete(k.history, 0, 1)
	}
	k.history = append(k.history, now)
}

func (k *kid) stopClock() {
	if k.clock != nil {
		k.clock.Stop()
		k.clock = nil
	}
}

// stop ends the process, if there is one, within its shutdown time.
func (k *kid) stop() {
	k.stopClock()
	if k.state == started {
		within := k.spec().shutdown(k.entry)
		k.slot.Stop(ending(within), within)
		k.owed++
	}
}

// exit is stop without waiting.
func (k *kid) exit() {
	if k.state == started {
		k.slot.Exit(ending(k.spec().shutdown(k.entry)))
	}
}

// ending is the reason for whom the supervisor ends.
func ending(within time.Duration) process.Reason {
	if within == 0 {
		return process.Kill
	}
	return process.Shutdown
}
