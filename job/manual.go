package job

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job/internal/manual"
)

// What package jobtest does in place of the processes of a runner.

// manualLease lets a runner live that gives no signs of life.
const manualLease = 1000 * time.Hour

func (e *engine) obeyBy(c *manual.Control) {
	c.Work, c.Run, c.Args = e.workByHand, e.runByHand, e.argsByHand
}

// workByHand does all duties and runs what is due, until there is nothing left.
func (e *engine) workByHand(ctx context.Context, most int) (n int, err error) {
	for worked := true; worked; {
		for _, d := range slices.Concat(e.duties(), e.chores()) {
			if err := d.do(ctx); err != nil {
				return n, err
			}
		}
		worked = false
		for _, queue := range slices.Sorted(maps.Keys(e.producers)) {
			for more := true; more; {
				var jobs []claimed
				if jobs, more, err = e.producers[queue].claim(ctx, 1); err != nil {
					return n, err
				}
				more = more && len(jobs)+e.producers[queue].places() > 0 // it may be paused
				for _, c := range jobs {
					if n == most {
						return n, fault.Exhausted.Errorf("job: %d jobs have run, and there are still some that are due", most)
					}
					if _, err := e.oneByHand(ctx, c, e.producers[queue]); err != nil {
						return n, err
					}
					n++
					worked = true
				}
			}
		}
	}
	return n, nil
}

// oneByHand runs a claimed job to its end.
func (e *engine) oneByHand(ctx context.Context, c claimed, p *producer) (*attempt, error) {
	a := e.begin(c, p)
	for !e.emptyIn(10 * time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return a, fault.Timeout.Wrap(err, "job: %q still runs", c.name)
		}
	}
	e.completer.flush(ctx)
	return a, ctx.Err()
}

func (e *engine) runByHand(ctx context.Context, id int64) error {
	var jobs []claimed
	err := e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		jobs, err = claimQuery(ctx, tx, statement("UPDATE bennu_jobs", claimSet(e.member.owner(), e.now()),
			" WHERE state IN (0, 2, 3) AND id = ", id, claimReturning))
		return err
	})
	if err == nil && len(jobs) == 0 {
		err = fault.Conflict.Errorf("job: %d has ended already, or runs", id)
	}
	if err != nil {
		return err
	}
	p := e.producers[jobs[0].queue]
	if p == nil {
		p = newProducer(e, jobs[0].queue, 1)
	}
	a, err := e.oneByHand(ctx, jobs[0], p)
	if err != nil {
		return err
	}
	a.mu.Lock()
	returned, err, ref := a.returned, a.err, a.ref
	a.mu.Unlock()
	if !returned {
		err = crashOf(e.ctx, ref)
	}
	return err
}

func (e *engine) argsByHand(ctx context.Context, name string) (all [][]byte, err error) {
	d := e.defs[name]
	if d == nil {
		return nil, fault.Invalid.Errorf("job: the Runner does not know %q: list it in its Jobs", name)
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		all = nil
		return query(ctx, tx, statement("SELECT args, version FROM bennu_jobs WHERE state < 4 AND name = ", text(name), " ORDER BY id"), func(r *sql.Rows) error {
			a := attempt{def: d, claimed: claimed{name: name}}
			if err := r.Scan(&a.args, &a.version); err != nil {
				return err
			}
			args, err := a.arguments()
			all = append(all, args)
			return err
		})
	})
	return all, err
}
