package job

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// keeper is the leader's duty to insert what is due. Two of them do no harm: each locks a
// schedule before it looks, and the table of runs takes a due time once.
type keeper struct {
	*engine
	broken map[string]string    // schedules that cannot be kept, and why: said once
	absent map[string]time.Time // since when this leader has seen no program that has it
	looked time.Time            // for absent ones, the last time
}

const (
	schedulePeriod = 250 * time.Millisecond
	absencePeriod  = time.Minute
	longestAbsence = time.Hour   // of a schedule that is in no program any more
	lateness       = time.Minute // beyond it, a run was missed
	mostMissed     = 1000        // that are made up for
)

// scheduleDuties are what the leader does for schedules.
func (e *engine) scheduleDuties() []duty {
	k := &keeper{engine: e, broken: make(map[string]string), absent: make(map[string]time.Time)}
	return []duty{
		{name: "schedules", every: schedulePeriod, do: k.keep},
		{name: "absent schedules", every: absencePeriod, do: k.removeAbsent},
	}
}

// scheduleChores are what each node does: it says again which schedules its program has when
// it has become another node.
func (e *engine) scheduleChores() []duty {
	if len(e.Schedules) == 0 {
		return nil
	}
	said := e.member.owner()
	return []duty{{name: "declare schedules", every: time.Second, do: func(ctx context.Context) error {
		owner := e.member.owner()
		if owner == said {
			return nil
		}
		err := e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			for _, s := range e.Schedules {
				if err := declareOn(ctx, tx, s.Name, owner); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			said = owner
		}
		return err
	}}}
}

// programSchedules checks the schedules of this program.
func (e *engine) programSchedules(ctx context.Context) ([]scheduleRow, error) {
	var rows []scheduleRow
	seen := make(map[string]bool)
	for _, s := range e.Schedules {
		r, err := e.scheduleRow(ctx, s)
		if err != nil {
			return nil, err
		}
		if seen[s.Name] {
			return nil, fault.Invalid.Errorf("job: two Schedules are named %q", s.Name)
		}
		seen[s.Name], r.code = true, true
		rows = append(rows, r)
	}
	// In one order on all nodes: they lock them as they begin together.
	slices.SortFunc(rows, func(a, b scheduleRow) int { return strings.Compare(a.name, b.name) })
	return rows, nil
}

// declare stores the schedules of this program.
func (e *engine) declare(ctx context.Context, rows []scheduleRow) error {
	if len(rows) == 0 {
		return nil
	}
	return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		for _, r := range rows {
			if err := saveSchedule(ctx, tx, r, e.now()); err != nil {
				return err
			}
			if err := declareOn(ctx, tx, r.name, e.member.owner()); err != nil {
				return err
			}
		}
		return nil
	})
}

// keep inserts what is due. A schedule that fails does not hold up the others.
func (k *keeper) keep(ctx context.Context) error {
	var due []string
	err := k.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		due, err = dueSchedules(ctx, tx, k.now())
		return err
	})
	for _, name := range due {
		if ctx.Err() != nil {
			break
		}
		err = errors.Join(err, k.run(ctx, name))
	}
	return err
}

// run inserts the jobs of one schedule that is due, and finds when it is next: both, or neither.
func (k *keeper) run(ctx context.Context, name string) error {
	var p plan
	inserted := 0
	err := k.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		p, inserted = plan{}, 0
		r, found, err := lockSchedule(ctx, tx, name)
		if err != nil || !found {
			return err
		}
		if atWork, err := isScheduleAtWork(ctx, tx, name); err != nil || !atWork {
			return err
		}
		now := k.now()
		if p, err = r.plan(now); err != nil {
			return k.givenUp(ctx, name, err)
		}
		if inserted, err = k.insertRuns(ctx, tx, r, p.dues, now); err != nil {
			return err
		}
		r.next, r.seen = microsOf(p.next), toMicros(now)
		return r.update(ctx, tx)
	})
	if err == nil {
		k.count("job.schedules.runs", int64(inserted))
		p.log(ctx, name)
	}
	return err
}

// givenUp says once that a schedule cannot be kept: it was stored by a program that knows
// more, perhaps.
func (k *keeper) givenUp(ctx context.Context, name string, why error) error {
	if k.broken[name] != why.Error() {
		k.broken[name] = why.Error()
		telemetry.Log(ctx).Error("job: a schedule makes no sense to this program; it is left alone", "schedule", name, "error", why)
	}
	return nil
}

// insertRuns inserts the jobs of due times that have none yet.
func (k *keeper) insertRuns(ctx context.Context, tx data.Tx, r scheduleRow, dues []time.Time, now time.Time) (int, error) {
	if len(dues) == 0 {
		return 0, nil
	}
	var t template
	if err := json.Unmarshal([]byte(r.job), &t); err != nil {
		return 0, fault.Internal.Wrap(err, "job: the job of the schedule %q cannot be read", r.name)
	}
	taken, err := takenIn(ctx, tx, r.name, dues[0], dues[len(dues)-1])
	if err != nil {
		return 0, err
	}
	open := dues[:0:0]
	available := false
	b := batch{now: now}
	for _, due := range dues {
		if taken[toMicros(due)] {
			continue
		}
		row, err := t.row(k.engine, r.name, due, now)
		if err != nil {
			return 0, err
		}
		available = available || row.state == Available
		open, b.rows = append(open, due), append(b.rows, row)
	}
	refs, err := k.store(ctx, tx, b)
	if err != nil {
		return 0, err
	}
	if available {
		k.wakeAfter(tx, t.Queue)
	}
	return len(open), noteRuns(ctx, tx, r.name, open, refs)
}

// removeAbsent removes schedules that no program has had for long.
func (k *keeper) removeAbsent(ctx context.Context) error {
	return k.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if _, err := exec(ctx, tx, "DELETE FROM bennu_schedule_nodes WHERE node NOT IN (SELECT id FROM bennu_job_nodes)"); err != nil {
			return err
		}
		all, err := absentSchedules(ctx, tx)
		if err != nil {
			return err
		}
		if time.Since(k.looked) > 2*absencePeriod {
			k.absent = nil // another has led since
		}
		still := make(map[string]time.Time)
		for _, name := range all {
			since, known := k.absent[name]
			if !known {
				since = time.Now() // monotonic: the clock may jump
			}
			if still[name] = since; time.Since(since) < longestAbsence {
				continue
			}
			if err := deleteSchedule(ctx, tx, name); err != nil {
				return err
			}
			telemetry.Log(ctx).Info("job: a schedule was removed, for no program has it any more", "schedule", name)
		}
		k.absent, k.looked = still, time.Now()
		return nil
	})
}

// plan is what a schedule does now.
type plan struct {
	dues   []time.Time // that get a job, in their order
	next   time.Time
	missed time.Time // the first time that was missed; zero: none was
	policy Missed
	capped bool // there were more than are made up for
}

// plan looks at the times from the stored one until now.
func (r scheduleRow) plan(now time.Time) (plan, error) {
	t, err := r.timing()
	if err != nil {
		return plan{}, err
	}
	p := plan{next: t.Next(now), policy: r.missed}
	from := time.UnixMicro(r.next).UTC()
	if r.seen > toMicros(now) && from.After(now) {
		return p, nil // the clock has gone back: what was run is known by the table of runs
	}
	border := now.Add(-lateness)
	recent := latest(t, later(from, border.Add(time.Microsecond)), now, mostMissed)
	if from.After(border) {
		p.dues = recent
		return p, nil
	}
	p.missed = from
	switch {
	case r.missed == Once && len(recent) == 0:
		p.dues = latest(t, from, border, 1)
	case r.missed == All:
		p.dues = latest(t, from, border, mostMissed)
		p.capped = len(p.dues) == mostMissed && p.dues[0].After(from)
	}
	p.dues = append(p.dues, recent...)
	return p, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p plan) log(ctx context.Context, name string) {
	switch {
	case p.missed.IsZero():
	case p.capped:
		telemetry.Log(ctx).Warn("job: a schedule missed more runs than are made up for; the oldest are left out",
			"schedule", name, "since", p.missed, "from", p.dues[0], "runs", len(p.dues))
	default:
		telemetry.Log(ctx).Info("job: a schedule missed runs", "schedule", name, "since", p.missed, "policy", p.policy.String(), "runs", len(p.dues))
	}
}

// latest gives the last n times from one time to another, both included. There is at
// least a second between two, so the second from which on there are n can be searched for:
// nobody walks through the millions of a year.
func latest(t timing, from, to time.Time, n int) []time.Time {
	after := from.Add(-time.Microsecond)
	most := int64(to.Sub(after)/time.Second) + 1
	low, high := int64(0), most // not more than n times follow on high, more on what is below low
	for low < high {
		mid := low + (high-low)/2
		if len(walk(t, after.Add(time.Duration(mid)*time.Second), to, n+1)) > n {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return walk(t, after.Add(time.Duration(low)*time.Second), to, n)
}

// walk gives up to n times after one until another.
func walk(t timing, after, to time.Time, n int) (all []time.Time) {
	for len(all) < n {
		after = t.Next(after)
		if after.IsZero() || after.After(to) {
			break
		}
		all = append(all, after)
	}
	return all
}
