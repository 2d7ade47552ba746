package data

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Outbox has effects happen that transactions of a repo emitted: those of [Publish] and
// [Carry]. List one for each repo in the supervision tree, after the repo and before what
// uses it:
//
//	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{data.Topic(Alerts), SendMail}}
//
// An effect is a row of the table bennu_outbox, written in the transaction. When that has
// committed, the outbox of the same program carries it out at once, from memory, and deletes
// the row. What a program leaves when it is killed another one on the same database takes
// over after 5 s, or itself when it is back; on an SQLite file of Linux, at once. So an effect happens at least once, and it
// happens once unless the program dies between the carrying out and the deleting, which are
// some 10 ms apart, or cannot reach its database for 4 s while it carries out. [EffectID] is
// for those who must know.
//
// Effects of one program happen in the order of the commits: those of all topics together, and
// those of each [Carry]. A function that is slow or fails holds up nobody else.
//
// An effect that can never happen, because its function returned an error of kind
// fault.Invalid or what was emitted cannot be read any more, is logged and skipped. Its
// row stays, with the error: set that to NULL and restart to have it tried again.
//
// Counters: data.effects.carried, data.effects.failed are attempts that went wrong,
// data.effects.refused are those that were skipped, data.effects.adopted were taken over.
type Outbox struct {
	Repo     *Repo     // required
	Carriers []Carrier // what may be emitted; all programs on a database should have the same

	live atomic.Pointer[dispatch] // nil when not running
}

const (
	outboxLease  = 5 * time.Second        // after which a program that gives no sign is dead
	outboxLinger = 10 * time.Millisecond  // between deletions
	outboxLast   = 3 * time.Second        // for what runs when the outbox stops
	carryTime    = time.Minute            // for one attempt
	firstRetry   = 100 * time.Millisecond // doubles each time
	lastRetry    = time.Minute

	outboxIdleBeat = time.Minute      // of a program that has nothing to do
	outboxGone     = 10 * time.Minute // the lease of one that is idle
	outboxOrphans  = time.Minute      // between looks for rows of owners that nobody knows
	outboxAvoid    = 30 * time.Second // before effects that could not be carried out here are looked at again
	outboxPage     = 1_000            // effects that are taken over at a time
	laneMemory     = 8 << 20          // bytes that wait in memory; what comes after is read when its turn comes
)

// Start brings the tables up to date, with [Repo.Migrate]. What is emitted from now on is carried out
// when Serve runs.
func (o *Outbox) Start(ctx context.Context) error {
	if o.Repo == nil {
		return fault.Invalid.Errorf("the outbox has no Repo")
	}
	if _, err := process.NodeOf(ctx); err != nil {
		return err
	}
	d := newDispatch(o.Repo)
	for _, c := range o.Carriers {
		if err := d.add(c); err != nil {
			return err
		}
	}
	if !o.Repo.outbox.CompareAndSwap(nil, d) {
		return fault.Conflict.Errorf("the repo has an outbox that runs already: one carries all effects")
	}
	if err := d.open(ctx); err != nil {
		o.Repo.outbox.CompareAndSwap(d, nil)
		return err
	}
	o.live.Store(d)
	return nil
}

// Serve carries out effects until the context ends. Those that run may end, for 3 s; those
// that have not begun are left to the next one.
func (o *Outbox) Serve(ctx context.Context) error {
	d := o.live.Swap(nil)
	if d == nil {
		return fault.Unavailable.Errorf("the outbox is not open: call Start before Serve")
	}
	defer o.Repo.outbox.CompareAndSwap(d, nil)
	return d.serve(ctx)
}

// Settle waits until all effects that this program knows of have happened, or were
// skipped: for tests.
func (o *Outbox) Settle(ctx context.Context) error {
	for {
		d := o.Repo.outbox.Load()
		if d == nil {
			return fault.Unavailable.Errorf("the outbox is not running")
		}
		left, changed := d.state()
		if left == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ended(ctx)
		}
	}
}

// Pending is how many effects this program knows of that have not happened yet.
func (o *Outbox) Pending() int {
	d := o.Repo.outbox.Load()
	if d == nil {
		return 0
	}
	left, _ := d.state()
	return left
}
