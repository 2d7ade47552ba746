package job

import (
	"context"
	"database/sql"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// Retention is for how long jobs that have ended are kept, by how they ended. They are deleted
// some minutes later at most, 500 at a time, so that nobody waits. Of each schedule
// the latest 20 runs stay, however old they are.
type Retention struct {
	Completed time.Duration // default 24 h
	Cancelled time.Duration // default 24 h
	Discarded time.Duration // default 7 days
}

// Forever keeps jobs that have ended until somebody deletes them.
const Forever time.Duration = -1

const (
	defaultKept     = 24 * time.Hour
	defaultKeptBad  = 7 * 24 * time.Hour
	retentionPeriod = time.Minute
	mostDeleted     = 500 // in one transaction
	keptRuns        = 20  // of each schedule
	keptDues        = 24 * time.Hour
)

func (r Retention) check() error {
	for _, d := range []time.Duration{r.Completed, r.Cancelled, r.Discarded} {
		if d < 0 && d != Forever {
			return fault.Invalid.Errorf("job: a Retention is a time, 0 for the default, or Forever, not %v", d)
		}
	}
	return nil
}

// of is for how long jobs in a state are kept.
func (r Retention) of(s State) time.Duration {
	kept := map[State]time.Duration{Completed: r.Completed, Cancelled: r.Cancelled, Discarded: r.Discarded}[s]
	switch {
	case kept != 0:
		return kept
	case s == Discarded:
		return defaultKeptBad
	}
	return defaultKept
}

// retentionDuties are what the leader does to delete old jobs.
func (e *engine) retentionDuties() []duty {
	return []duty{
		{name: "retention", every: retentionPeriod, do: e.sweep},
		{name: "retention of runs", every: time.Hour, do: e.sweepRuns},
	}
}

// sweep deletes jobs that are too old, in small chunks.
func (e *engine) sweep(ctx context.Context) error {
	now, last := e.now(), int64(0)
	return e.inChunks(ctx, func(ctx context.Context) (n int, err error) {
		var ids []int64
		var deleted int64
		err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			ids, last, err = outlived(ctx, tx, e.Retention, now, last)
			return err
		})
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		err = e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			deleted, err = exec(ctx, tx, "DELETE FROM bennu_jobs WHERE state >= 4 AND id IN ", ids) // one may be tried again by now
			return err
		})
		if err == nil {
			e.count("job.deleted", deleted)
		}
		return len(ids), err
	})
}

// sweepRuns deletes due times whose jobs are gone.
func (e *engine) sweepRuns(ctx context.Context) error {
	before := e.now().Add(-keptDues)
	return e.inChunks(ctx, func(ctx context.Context) (n int, err error) {
		err = e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			deleted, err := deleteRuns(ctx, tx, before)
			n = int(deleted)
			return err
		})
		return n, err
	})
}

// inChunks repeats a deletion until it finds less than a chunk. It rests after each as long as
// that took: others write too.
func (e *engine) inChunks(ctx context.Context, remove func(context.Context) (int, error)) error {
	for {
		began := time.Now()
		n, err := remove(ctx)
		if err != nil || n < mostDeleted || !pause(ctx, time.Since(began), nil, nil) {
			return err
		}
	}
}

// outlived gives a chunk of jobs that are too old, those that ended first, from a time of ending
// on, and where to go on. The latest runs of a schedule are not among them.
func outlived(ctx context.Context, tx data.Tx, kept Retention, now time.Time, from int64) (ids []int64, last int64, err error) {
	before := func(s State) int64 {
		if d := kept.of(s); d != Forever {
			return toMicros(now.Add(-d))
		}
		return 0
	}
	completed, cancelled, discarded := before(Completed), before(Cancelled), before(Discarded)
	q := statement("SELECT j.id, j.ended_at FROM bennu_jobs j WHERE j.state >= 4 AND j.ended_at >= ", from,
		" AND j.ended_at < ", max(completed, cancelled, discarded),
		" AND j.ended_at < CASE j.state WHEN 4 THEN ", completed, " WHEN 5 THEN ", cancelled, " ELSE ", discarded, " END",
		" AND (j.schedule IS NULL OR NOT EXISTS (SELECT 1 FROM bennu_schedules s WHERE s.name = j.schedule) OR j.id < (",
		"SELECT r.job FROM bennu_schedule_runs r WHERE r.schedule = j.schedule ORDER BY r.due_at DESC LIMIT 1 OFFSET ", keptRuns-1,
		")) ORDER BY j.ended_at LIMIT ", mostDeleted)
	last = from
	err = query(ctx, tx, q, func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id, &last)
		ids = append(ids, id)
		return err
	})
	return ids, last, err
}

// deleteRuns deletes a chunk of old due times whose jobs are gone.
func deleteRuns(ctx context.Context, tx data.Tx, before time.Time) (int64, error) {
	const gone = "NOT EXISTS (SELECT 1 FROM bennu_jobs j WHERE j.id = r.job)"
	return exec(ctx, tx, "DELETE FROM bennu_schedule_runs WHERE (schedule, due_at) IN (SELECT r.schedule, r.due_at FROM bennu_schedule_runs r WHERE r.due_at < ",
		toMicros(before), " AND ", gone, " LIMIT ", mostDeleted, ")")
}
