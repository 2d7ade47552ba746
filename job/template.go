package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// template is a job that a schedule inserts, as it is stored: the leader may be a program that
// does not know the job.
type template struct {
	Name     string        `json:"name"`
	Queue    string        `json:"queue"`
	Priority int           `json:"priority,omitempty"`
	Attempts int           `json:"attempts"`
	Version  int           `json:"version"`
	Args     string        `json:"args"` // JSON, or sealed
	Limit    string        `json:"limit,omitempty"`
	Label    string        `json:"label,omitempty"`
	In       time.Duration `json:"in,omitempty"`
	Unique   *uniqueness   `json:"unique,omitempty"`
}

// uniqueness is a Unique as it is stored.
type uniqueness struct {
	Any    bool          `json:"any,omitempty"`
	Key    string        `json:"key,omitempty"`
	Period time.Duration `json:"period,omitempty"`
	States []int         `json:"states,omitempty"`
}

// template makes the template of a draft, as JSON.
func (e *engine) template(ctx context.Context, d Draft) (string, error) {
	if d.name == "" {
		return "", fault.Invalid.Errorf("it needs a Job: TripReport.New(Trip{…})")
	}
	b, err := e.prepare(ctx, d.name, []any{d.in}, d.opts)
	if err != nil {
		return "", err
	}
	i := insertion{settings: e.defs[d.name].settings, ctx: ctx}
	for _, o := range d.opts {
		o.insert(&i)
	}
	if !i.at.IsZero() || len(i.after) > 0 {
		return "", fault.Invalid.Errorf("its Job has At or After; a schedule says itself when a job begins")
	}
	r := b.rows[0]
	t := template{
		Name: r.name, Queue: r.queue, Priority: r.priority, Attempts: r.attempts, Version: r.version,
		Args: r.args, Limit: r.limitKey, Label: r.label, In: i.in,
	}
	if u := i.unique; u != nil {
		t.Unique = &uniqueness{Any: u.Any, Key: u.Key, Period: u.Period}
		for _, s := range u.States {
			t.Unique.States = append(t.Unique.States, int(s))
		}
	}
	text, err := json.Marshal(t)
	return string(text), err
}

// row is the job for a due time.
func (t template) row(e *engine, schedule string, due, now time.Time) (row, error) {
	r := row{
		name: t.Name, queue: t.Queue, priority: t.Priority, attempts: t.Attempts, version: t.Version,
		args: t.Args, limitKey: t.Limit, label: t.Label, schedule: schedule, runAt: due.Add(t.In),
	}
	if r.runAt.After(now) {
		r.state = Scheduled
	}
	if t.Unique == nil {
		return r, nil
	}
	u := Unique{Any: t.Unique.Any, Key: t.Unique.Key, Period: t.Unique.Period}
	for _, s := range t.Unique.States {
		u.States = append(u.States, State(s))
	}
	args := []byte(t.Args)
	if isSealed(t.Args) && !u.Any && u.Key == "" {
		d := e.defs[t.Name]
		if d == nil || d.keys == nil {
			return r, fault.Internal.Errorf("job: the leader cannot read the encrypted arguments of %q, by which it is Unique: list it in the Jobs of each Runner, or give it a Key", t.Name)
		}
		var err error
		if args, err = unseal(d.keys, t.Name, t.Args); err != nil {
			return r, err
		}
	}
	r.uniqueKey, r.unique = u.key(t.Name, args, due), u.states()
	return r, nil
}
