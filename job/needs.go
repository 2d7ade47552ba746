package job

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// After makes a job wait until others have completed. If one of them is cancelled, discarded
// or deleted, the job is cancelled, and so are those that wait for it. So a batch is
//
//	parts, err := Part.EnqueueAll(ctx, all)
//	_, err = Report.Enqueue(ctx, r, job.After(parts...))
//
// A job that is not there any more, having been deleted, cannot be waited for: Enqueue
// fails with fault.NotFound.
func After(jobs ...Ref) InsertOption { return after(jobs) }

type after []Ref

func (a after) insert(i *insertion) { i.after = append(slices.Clip(i.after), a...) }

// linkNeeds is called in the transaction that inserts jobs which wait for others, and are
// Waiting for len(needs) of them. It notes what they need. If all is there already, they may
// begin; if something never will be, they are cancelled.
func (e *engine) linkNeeds(ctx context.Context, tx data.Tx, refs, needs []Ref) error {
	open, passed, failed, err := unmet(ctx, tx, needs)
	if err != nil {
		return err
	}
	e.wakeAfter(tx, passed...)
	var ids []int64
	for _, r := range refs {
		if !r.Duplicate {
			ids = append(ids, r.ID)
		}
	}
	if failed != 0 {
		_, err := cancelWaiting(ctx, tx, ids, needFailed(failed), e.now())
		return err
	}
	if err := noteNeeds(ctx, tx, ids, open); err != nil {
		return err
	}
	if len(open) == len(needs) {
		return nil
	}
	for some := range slices.Chunk(ids, mostRows) {
		queues, err := lessWaits(ctx, tx, some, len(needs)-len(open), e.now())
		if err != nil {
			return err
		}
		e.wakeAfter(tx, queues...)
	}
	return nil
}

// settleNeeds does what the ends of jobs mean for those that wait for them. Some of ends are
// no ends, or were lost to another node: what counts is the state that is stored.
func (e *engine) settleNeeds(ctx context.Context, tx data.Tx, ends []end) error {
	if some, err := anyNeeds(ctx, tx); err != nil || !some {
		return err // as with most programs
	}
	for some := range slices.Chunk(ends, mostRows) {
		well, badly, err := needed(ctx, tx, some)
		if err != nil {
			return err
		}
		if len(well)+len(badly) == 0 {
			continue
		}
		if err := lockJobs(ctx, tx, well, badly); err != nil {
			return err
		}
		queues, err := met(ctx, tx, well, e.now())
		if err != nil {
			return err
		}
		e.wakeAfter(tx, queues...)
		for _, id := range badly {
			if err := e.cancelFollowing(ctx, tx, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// needed gives which of the jobs that others wait for have completed, and which never will.
func needed(ctx context.Context, tx data.Tx, ends []end) (well, badly []int64, err error) {
	ids := make([]int64, len(ends))
	for i, e := range ends {
		ids[i] = e.id
	}
	err = query(ctx, tx, statement("SELECT id, state FROM bennu_jobs WHERE state >= 4 AND id IN ", ids,
		" AND id IN (SELECT needs FROM bennu_job_needs WHERE needs IN ", ids, ")"), func(r *sql.Rows) error {
		var id int64
		var state State
		err := r.Scan(&id, &state)
		if state == Completed {
			well = append(well, id)
		} else {
			badly = append(badly, id)
		}
		return err
	})
	return well, badly, err
}

func anyNeeds(ctx context.Context, tx data.Tx) (bool, error) {
	return exists(ctx, tx, "SELECT 1 FROM bennu_job_needs LIMIT 1")
}

// gone does what follows where a job, which is locked, will never complete.
func (e *engine) gone(ctx context.Context, tx data.Tx, id int64) error {
	if err := lockJobs(ctx, tx, nil, []int64{id}); err != nil {
		return err
	}
	return e.cancelFollowing(ctx, tx, id)
}

// cancelFollowing cancels what waits for a job, and is locked as it is.
func (e *engine) cancelFollowing(ctx context.Context, tx data.Tx, id int64) error {
	others, err := unmeetable(ctx, tx, id, e.now())
	tx.OnCommit(func() { e.reports.touch(append(others, id)...) })
	return err
}

// unmet gives which of the needed jobs have not completed, and one that never will, or 0.
// They cannot begin or end until the transaction does: passed are the queues of those that
// claims may pass over meanwhile.
func unmet(ctx context.Context, tx data.Tx, needs []Ref) (open []int64, passed []string, failed int64, err error) {
	ids := make([]int64, 0, len(needs))
	for _, n := range needs {
		ids = append(ids, n.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	lock := ""
	if isPostgres(tx) {
		lock = " FOR SHARE"
	}
	for some := range slices.Chunk(ids, mostRows) {
		there := 0
		err := query(ctx, tx, statement("SELECT id, state, queue FROM bennu_jobs WHERE id IN ", some, " ORDER BY id", lock), func(r *sql.Rows) error {
			var id int64
			var state State
			var queue string
			err := r.Scan(&id, &state, &queue)
			if lock != "" && state == Available && !slices.Contains(passed, queue) {
				passed = append(passed, queue)
			}
			switch there++; {
			case state == Cancelled || state == Discarded:
				failed = id
			case state != Completed:
				open = append(open, id)
			}
			return err
		})
		if err != nil {
			return nil, nil, 0, err
		}
		if there != len(some) {
			return nil, nil, 0, fault.NotFound.Errorf("job: one of the jobs to wait for is not there, or not any more")
		}
	}
	return open, passed, failed, nil
}

// noteNeeds writes down what new jobs wait for.
func noteNeeds(ctx context.Context, tx data.Tx, jobs, needs []int64) error {
	parts, n := []any(nil), 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := exec(ctx, tx, append([]any{"INSERT INTO bennu_job_needs (job, needs) VALUES "}, parts...)...)
		parts, n = parts[:0], 0
		return err
	}
	for _, job := range jobs {
		for _, need := range needs {
			parts = append(parts, comma(n), "(", job, ", ", need, ")")
			if n++; n == mostRows {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// met tells the jobs that waited for these, which have completed, and gives the queues in
// which one may begin now.
func met(ctx context.Context, tx data.Tx, completed []int64, now time.Time) (queues []string, err error) {
	waiting, err := takeNeeds(ctx, tx, completed)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	by := make(map[int][]int64) // how many needs of it were met
	for job, n := range waiting {
		by[n] = append(by[n], job)
	}
	for n, jobs := range by {
		some, err := lessWaits(ctx, tx, jobs, n, now)
		if err != nil {
			return nil, err
		}
		queues = append(queues, some...)
	}
	return queues, nil
}

// lessWaits takes n needs from jobs. Those that have none left begin, or wait for their time.
// It gives the queues in which there is something to begin.
func lessWaits(ctx context.Context, tx data.Tx, jobs []int64, n int, now time.Time) (queues []string, err error) {
	state := statement("CASE WHEN waits > ", n, " THEN 3 WHEN run_at > ", toMicros(now), " THEN 2 ELSE 0 END")
	err = query(ctx, tx, statement("UPDATE bennu_jobs SET waits = waits - ", n, ", state = ", state,
		", unique_key = CASE WHEN unique_states & CASE ", state, " WHEN 3 THEN 8 WHEN 2 THEN 4 ELSE 1 END <> 0 THEN unique_key END",
		" WHERE state = 3 AND id IN ", jobs, " RETURNING queue, state"), func(r *sql.Rows) error {
		var queue string
		var state State
		err := r.Scan(&queue, &state)
		if state == Available && !slices.Contains(queues, queue) {
			queues = append(queues, queue)
		}
		return err
	})
	return queues, err
}

// takeNeeds removes what jobs have waited for, and gives how many needs of each were in it.
func takeNeeds(ctx context.Context, tx data.Tx, ended []int64) (waiting map[int64]int, err error) {
	waiting = make(map[int64]int)
	for some := range slices.Chunk(ended, mostRows) {
		err := query(ctx, tx, statement("DELETE FROM bennu_job_needs WHERE needs IN ", some, " RETURNING job"), func(r *sql.Rows) error {
			var job int64
			err := r.Scan(&job)
			waiting[job]++
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return waiting, nil
}

// unmeetable cancels the jobs that waited for one that was cancelled, discarded or deleted,
// and those that waited for them. It gives which they are.
func unmeetable(ctx context.Context, tx data.Tx, id int64, now time.Time) (all []int64, err error) {
	for ended := []int64{id}; len(ended) > 0; {
		waiting, err := takeNeeds(ctx, tx, ended)
		if err != nil || len(waiting) == 0 {
			return all, err
		}
		jobs := make([]int64, 0, len(waiting))
		for job := range waiting {
			jobs = append(jobs, job)
		}
		slices.Sort(jobs)
		if ended, err = cancelWaiting(ctx, tx, jobs, needFailed(id), now); err != nil {
			return all, err
		}
		all = append(all, ended...)
	}
	return all, nil
}

func needFailed(id int64) string {
	return fmt.Sprintf("job %d, which it needed, was cancelled, discarded or deleted", id)
}

// cancelWaiting cancels jobs that have not begun, with whatever they wait for, and gives
// which of them it did.
func cancelWaiting(ctx context.Context, tx data.Tx, ids []int64, reason string, now time.Time) (done []int64, err error) {
	for some := range slices.Chunk(ids, mostRows) {
		err := query(ctx, tx, statement("UPDATE bennu_jobs SET state = 5, waits = 0, ended_at = ", toMicros(now), ", cancel = ", text(reason),
			", unique_key = CASE WHEN unique_states & 32 <> 0 THEN unique_key END WHERE state IN (0, 2, 3) AND id IN ", some, " RETURNING id"), func(r *sql.Rows) error {
			var id int64
			err := r.Scan(&id)
			done = append(done, id)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(done) == 0 {
		return nil, nil
	}
	if some, err := anyNeeds(ctx, tx); err != nil || !some {
		return done, err
	}
	for some := range slices.Chunk(done, mostRows) {
		if _, err := exec(ctx, tx, "DELETE FROM bennu_job_needs WHERE job IN ", some); err != nil {
			return nil, err
		}
	}
	return done, nil
}
