package job

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// Enqueue inserts a job, in the transaction of ctx on the runner's repo if there is one, and
// in one of its own otherwise. It begins when that has committed. ctx must have the node of
// a [Runner] that lists the job.
//
// It fails with fault.Invalid where the input or an option makes no sense, with [ErrDown]
// where there is no runner, and as data.Repo.Write does.
func (j *Job[In]) Enqueue(ctx context.Context, in In, opts ...InsertOption) (Ref, error) {
	return Name[In](j.def.name).Enqueue(ctx, in, opts...)
}

// EnqueueAll inserts many jobs, all or none, in a fraction of the time. The refs are in the
// order of the inputs.
func (j *Job[In]) EnqueueAll(ctx context.Context, ins []In, opts ...InsertOption) ([]Ref, error) {
	return Name[In](j.def.name).EnqueueAll(ctx, ins, opts...)
}

// New is a job that is yet to be inserted, by data.Tx.Emit, or by a [Schedule].
func (j *Job[In]) New(in In, opts ...InsertOption) Draft {
	return Name[In](j.def.name).New(in, opts...)
}

// Enqueue is [Job.Enqueue].
func (n Name[In]) Enqueue(ctx context.Context, in In, opts ...InsertOption) (Ref, error) {
	return n.New(in, opts...).insert(ctx)
}

// EnqueueAll is [Job.EnqueueAll].
func (n Name[In]) EnqueueAll(ctx context.Context, ins []In, opts ...InsertOption) ([]Ref, error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]any, len(ins))
	for i, in := range ins {
		all[i] = in
	}
	return e.enqueue(ctx, string(n), all, opts)
}

// New is [Job.New].
func (n Name[In]) New(in In, opts ...InsertOption) Draft {
	return Draft{name: string(n), in: in, opts: opts}
}

// Draft is a job that is yet to be inserted. It may be inserted many times.
type Draft struct {
	name string
	in   any
	opts []InsertOption
}

// Name is the job's name.
func (d Draft) Name() string { return d.name }

// Enlist inserts the job in a transaction. tx must be of the runner's repo.
func (d Draft) Enlist(ctx context.Context, tx data.Tx) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	if tx.Repo() != e.Repo {
		return fault.Invalid.Errorf("job: %q belongs into the Repo of the Runner, and the transaction is of another", d.name)
	}
	_, err = e.insertIn(ctx, tx, d)
	return err
}

func (d Draft) insert(ctx context.Context) (Ref, error) {
	e, err := running(ctx)
	if err != nil {
		return Ref{}, err
	}
	refs, err := e.enqueue(ctx, d.name, []any{d.in}, d.opts)
	if err != nil {
		return Ref{}, err
	}
	return refs[0], nil
}

// insertIn inserts a draft in a transaction: what Draft.Enlist and schedules do.
func (e *engine) insertIn(ctx context.Context, tx data.Tx, d Draft, more ...InsertOption) (Ref, error) {
	b, err := e.prepare(ctx, d.name, []any{d.in}, append(d.opts[:len(d.opts):len(d.opts)], more...))
	if err != nil {
		return Ref{}, err
	}
	refs, err := e.store(ctx, tx, b)
	if err != nil {
		return Ref{}, err
	}
	return refs[0], nil
}

func (e *engine) enqueue(ctx context.Context, name string, ins []any, opts []InsertOption) (refs []Ref, err error) {
	b, err := e.prepare(ctx, name, ins, opts)
	if err != nil || len(ins) == 0 {
		return nil, err
	}
	write := e.write
	if b.single() {
		write = e.Repo.WriteOne
	}
	err = write(ctx, func(ctx context.Context, tx data.Tx) error {
		refs, err = e.store(ctx, tx, b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return refs, nil
}

// batch is jobs of one name that are to be inserted.
type batch struct {
	rows  []row
	after []Ref
	now   time.Time
}

// single reports whether one statement surely inserts them.
func (b batch) single() bool {
	return len(b.rows) == 1 && b.rows[0].unique == 0 && len(b.after) == 0
}

// prepare makes the rows of jobs, outside of any transaction.
func (e *engine) prepare(ctx context.Context, name string, ins []any, opts []InsertOption) (batch, error) {
	d := e.defs[name]
	if d == nil {
		return batch{}, fault.Invalid.Errorf("job: the Runner does not know %q: list it in its Jobs", name)
	}
	now := e.now()
	i := insertion{settings: d.settings, ctx: ctx}
	for _, o := range opts {
		o.insert(&i)
	}
	if err := i.check(name); err != nil {
		return batch{}, err
	}
	like := row{name: name, queue: i.queue, priority: i.priority, version: d.version, attempts: i.attempts, label: i.label, schedule: i.schedule, runAt: now}
	switch {
	case i.in > 0:
		like.runAt = now.Add(i.in)
	case i.at.After(now):
		like.runAt = i.at
	}
	if like.runAt.After(now) {
		like.state = Scheduled
	}
	if len(i.after) > 0 {
		like.state, like.waits = Waiting, len(i.after)
	}
	b := batch{rows: make([]row, len(ins)), after: i.after, now: now}
	for n, in := range ins {
		r := like
		if err := d.fill(&r, in, i, now); err != nil {
			return batch{}, err
		}
		b.rows[n] = r
	}
	return b, nil
}

// fill sets what depends on the input.
func (d *definition) fill(r *row, in any, i insertion, now time.Time) error {
	args, err := d.encode(in)
	if err != nil {
		return err
	}
	if len(args) > mostArgs {
		return fault.Invalid.Errorf("job: the arguments of %q have %d bytes as JSON, more than %d: store them, and give the job their key", d.name, len(args), mostArgs)
	}
	if i.unique != nil {
		r.uniqueKey, r.unique = i.unique.key(d.name, args, now), i.unique.states()
	}
	if i.limit != nil {
		r.limitKey = i.limit.key(d.name, in)
	}
	r.args = string(args)
	if d.keys != nil {
		r.args, err = seal(d.keys, d.name, args)
	}
	return err
}

// mostArgs is how long arguments may be, in bytes of JSON.
const mostArgs = 1 << 20

func (i insertion) check(name string) error {
	switch {
	case len(i.label) > mostName || strings.ContainsFunc(i.label, isControl):
		return fault.Invalid.Errorf("job %q: a Label has up to %d bytes and no control characters", name, mostName)
	case i.in < 0:
		return fault.Invalid.Errorf("job %q: In is not negative", name)
	case !i.at.IsZero() && (i.at.Year() > 9999 || i.at.Year() < 0):
		return fault.Invalid.Errorf("job %q: At is a time between the years 0 and 9999", name)
	}
	return i.settings.check(name)
}

// store inserts a batch and wakes whoever may begin its jobs when it has committed.
func (e *engine) store(ctx context.Context, tx data.Tx, b batch) ([]Ref, error) {
	refs, err := insert(ctx, tx, b.rows, b.now)
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	if len(b.after) > 0 {
		if err := e.linkNeeds(ctx, tx, refs, b.after); err != nil {
			return nil, err
		}
	}
	if len(b.rows) > 0 && b.rows[0].state == Available {
		e.wakeAfter(tx, b.rows[0].queue)
	}
	return refs, nil
}
