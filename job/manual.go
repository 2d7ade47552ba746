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
	c.Work, c.Keep, c.Run, c.Args = e.workByHand, e.keepByHand, e.runByHand, e.argsByHand
}

// workByHand does all duties and runs what is due, until there is nothing left.
func (e *engine) workByHand(ctx context.Context, most int, queues []string) (n int, err error) {
	for _, queue := range queues {
		if e.producers[queue] == nil {
			return 0, fault.Invalid.Errorf("job: the Runner does not work on the queue %q", queue)
		}
	}
	if len(queues) == 0 {
		queues = slices.Sorted(maps.Keys(e.producers))
	}
	for worked := true; worked; {
		for _, d := range slices.Concat(e.duties(), e.chores()) {
			if err := d.do(ctx); err != nil {
				return n, err
			}
		}
		worked = false
		for _, queue := range queues {
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

// keepByHand inserts what is due by schedules, and gives when one is due next.
func (e *engine) keepByHand(ctx context.Context) (next time.Time, err error) {
	k := &keeper{engine: e, broken: make(map[string]string)}
	if err := k.keep(ctx); err != nil {
		return next, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		at := int64(never)
		err := query(ctx, tx, statement("SELECT COALESCE(MIN(s.next_at), ", int64(never), ") FROM bennu_schedules s WHERE s.next_at > ", toMicros(e.now()), " AND ", isAtWork), func(r *sql.Rows) error {
			return r.Scan(&at)
		})
		if at < never {
			next = ofMicros(at)
		}
		return err
	})
	return next, err
}

func (e *engine) argsByHand(ctx context.Context, name string, options any) (all [][]byte, err error) {
	d := e.defs[name]
	if d == nil {
		return nil, fault.Invalid.Errorf("job: the Runner does not know %q: list it in its Jobs", name)
	}
	opts, _ := options.([]InsertOption)
	matching, err := matchOf(ctx, opts)
	if err != nil {
		return nil, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		all = nil
		return query(ctx, tx, statement("SELECT args, version FROM bennu_jobs WHERE state < 4 AND name = ", text(name), matching, " ORDER BY id"), func(r *sql.Rows) error {
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

// matchOf is the condition for jobs that were inserted with these options.
func matchOf(ctx context.Context, opts []InsertOption) (string, error) {
	const unsaid = mostPriority + 1
	i := insertion{ctx: ctx, settings: settings{priority: unsaid}}
	for _, o := range opts {
		o.insert(&i)
	}
	var parts []any
	add := func(p ...any) { parts = append(parts, p...) }
	if i.unique != nil || i.after != nil {
		return "", fault.Invalid.Errorf("job: whether a job was inserted with Unique or After cannot be asked; ask what becomes of it")
	}
	if i.queue != "" {
		add(" AND queue = ", text(i.queue))
	}
	if i.priority != unsaid {
		add(" AND priority = ", i.priority)
	}
	if i.attempts != 0 {
		add(" AND attempts = ", i.attempts)
	}
	if i.label != "" {
		add(" AND label = ", text(i.label))
	}
	if i.in != 0 {
		add(" AND run_at - created_at = ", i.in.Microseconds())
	}
	if !i.at.IsZero() {
		add(" AND run_at = ", toMicros(i.at))
	}
	return statement(parts...), nil
}
