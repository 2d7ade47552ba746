package job

import (
	"context"
	"time"
)

// StartIdle starts a runner that does nothing by itself, and gives what stops it.
func (r *Runner) StartIdle(ctx context.Context) (stop func(), err error) {
	if err := r.Start(ctx); err != nil {
		return nil, err
	}
	return func() {
		e := r.engine.Swap(nil)
		e.place.leave(e)
		e.stop()
	}, nil
}

// Keeper is the duties of a leader.
type Keeper struct{ k *keeper }

// Keeper gives the duties of a runner, should it lead.
func (r *Runner) Keeper() Keeper {
	e := r.engine.Load()
	return Keeper{&keeper{engine: e, broken: make(map[string]string), absent: make(map[string]time.Time)}}
}

func (k Keeper) Keep(ctx context.Context) error         { return k.k.keep(ctx) }
func (k Keeper) RemoveAbsent(ctx context.Context) error { return k.k.removeAbsent(ctx) }
func (k Keeper) Sweep(ctx context.Context) error        { return k.k.sweep(ctx) }
func (k Keeper) SweepRuns(ctx context.Context) error    { return k.k.sweepRuns(ctx) }

// Grow makes all absences longer.
func (k Keeper) Grow(d time.Duration) {
	for name := range k.k.absent {
		k.k.absent[name] = k.k.absent[name].Add(-d)
	}
}

// Forget makes it that this leader has not looked for so long.
func (k Keeper) Forget(d time.Duration) { k.k.looked = k.k.looked.Add(-d) }

// DeclareAs does the node's chore after it was taken for dead.
func (r *Runner) DeclareAs(ctx context.Context, id int64) error {
	e := r.engine.Load()
	d := e.scheduleChores()[0]
	e.member.mu.Lock()
	e.member.id = id
	e.member.mu.Unlock()
	return d.do(ctx)
}

// Timing is when a schedule is due.
type Timing = timing

// TimingOf is that of a schedule.
func TimingOf(s Schedule, start time.Time) (Timing, error) {
	return scheduleRow{cron: s.Cron, every: s.Every, zone: s.Zone, start: start}.timing()
}

var Latest = latest
