package datatest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Outbox is an outbox in which nothing happens by itself: what transactions have emitted
// stays, for the test to look at, until [Outbox.Carry]. It is for one goroutine at a time.
type Outbox struct {
	t      testing.TB
	ctx    context.Context
	outbox *data.Outbox
}

// StartOutbox starts a repo's outbox. Its effects happen on the node of ctx, as that of a
// jobtest.Kit, or on one of its own. A failure ends the test.
//
//	outbox := datatest.StartOutbox(t, t.Context(), &data.Outbox{Repo: repo, Carriers: carriers})
func StartOutbox(t testing.TB, ctx context.Context, o *data.Outbox) *Outbox {
	t.Helper()
	ctx = context.WithoutCancel(ctx)
	if _, err := process.NodeOf(ctx); err != nil {
		ctx = telemetry.WithLogger(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
		node := process.NewNode(ctx)
		t.Cleanup(node.Close)
		ctx = node.Context(ctx)
	}
	if err := o.Start(ctx); err != nil {
		t.Fatalf("datatest: %v", err)
	}
	return &Outbox{t, ctx, o}
}

// mostCarry is how long Carry takes at most.
const mostCarry = 10 * time.Second

// Carry has happen what was emitted, and what that emits, and tells how much it was. The test
// fails where an effect can never happen, and ends where one has failed for 10 s: the log
// says why.
func (o *Outbox) Carry() int {
	o.t.Helper()
	before := o.rows()
	serving, stop := context.WithCancel(o.ctx)
	served := make(chan error, 1)
	carried := telemetry.CountersOf(o.ctx).Counter("data.effects.carried")
	from := carried.Value()
	go func() { served <- o.outbox.Serve(serving) }()
	within, cancel := context.WithTimeout(o.ctx, mostCarry)
	err := o.outbox.Settle(within)
	cancel()
	stop()
	if err = errors.Join(err, <-served); err != nil {
		o.t.Fatalf("datatest: of %d effects that were emitted some have not happened: %v", len(before), err)
	}
	if err := o.outbox.Start(o.ctx); err != nil {
		o.t.Fatalf("datatest: %v", err)
	}
	for _, r := range before {
		if why := o.refused(r); why != "" {
			o.t.Errorf("datatest: the effect of %s with %s can never happen: %s", r.carrier, r.body, why)
		}
	}
	return int(carried.Value() - from)
}

// AssertEmitted fails the test unless each of these was emitted, and has not happened yet.
// They are compared as JSON.
//
//	outbox.AssertEmitted(SendMail.Effect(mail), data.Publish(Alerts, alert))
//
// Jobs are emitted to their runner: see jobtest.AssertEnqueued.
func (o *Outbox) AssertEmitted(effects ...data.Effect) {
	o.t.Helper()
	all := o.rows()
	for _, e := range effects {
		want := o.rowOf(e)
		i := slices.IndexFunc(all, want.same)
		if i < 0 {
			o.t.Errorf("datatest: there is no effect of %s with %s; there are %d: %s", want.carrier, want.body, len(all), all)
			continue
		}
		all = slices.Delete(all, i, i+1) // another one of the same is another effect
	}
}

// RefuteEmitted fails the test if one of these was emitted, and has not happened yet; without
// any, if anything was.
func (o *Outbox) RefuteEmitted(effects ...data.Effect) {
	o.t.Helper()
	all := o.rows()
	if len(effects) == 0 && len(all) > 0 {
		o.t.Errorf("datatest: there are %d effects: %s", len(all), all)
	}
	for _, e := range effects {
		if not := o.rowOf(e); slices.ContainsFunc(all, not.same) {
			o.t.Errorf("datatest: there is an effect of %s with %s", not.carrier, not.body)
		}
	}
}

// Emitted gives, in order, the values of effects that were emitted and have not happened yet.
//
//	mails := datatest.Emitted(outbox, SendMail.Effect)
func Emitted[T any](o *Outbox, effect func(T) data.Effect) []T {
	o.t.Helper()
	var none T
	of := o.rowOf(effect(none)).carrier
	var values []T
	for _, r := range o.rows() {
		if r.carrier != of {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(r.body), &v); err != nil {
			o.t.Fatalf("datatest: the effect of %s with %s cannot be read: %v", r.carrier, r.body, err)
		}
		values = append(values, v)
	}
	return values
}

// emitted is an effect as the outbox keeps it.
type emitted struct {
	owner, seq    int64
	carrier, body string
}

func (r emitted) String() string { return r.carrier + " " + r.body }

func (r emitted) same(other emitted) bool {
	return r.carrier == other.carrier && reflect.DeepEqual(plain(r.body), plain(other.body))
}

func plain(body string) (v any) {
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return body
	}
	return v
}

// rows are the effects that are to happen, the oldest first.
func (o *Outbox) rows() (all []emitted) {
	o.t.Helper()
	err := o.outbox.Repo.Read(o.ctx, func(ctx context.Context, tx data.Tx) (err error) {
		all, err = rowsIn(ctx, tx)
		return err
	})
	if err != nil {
		o.t.Fatalf("datatest: %v", err)
	}
	return all
}

func rowsIn(ctx context.Context, tx data.Tx) (all []emitted, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT owner, seq, carrier, body FROM bennu_outbox WHERE error IS NULL ORDER BY emitted_at, owner, seq")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r emitted
		if err := rows.Scan(&r.owner, &r.seq, &r.carrier, &r.body); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// refused is why an effect can never happen, or "".
func (o *Outbox) refused(r emitted) (why string) {
	o.t.Helper()
	err := o.outbox.Repo.Read(o.ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COALESCE(MAX(error), '') FROM bennu_outbox WHERE owner = ? AND seq = ?", r.owner, r.seq).Scan(ctx, &why)
	})
	if err != nil {
		o.t.Fatalf("datatest: %v", err)
	}
	return why
}

// rowOf is what an effect would be in the outbox: it is emitted, and that rolled back.
func (o *Outbox) rowOf(e data.Effect) (row emitted) {
	o.t.Helper()
	undo := errors.New("undo")
	err := o.outbox.Repo.Write(o.ctx, func(ctx context.Context, tx data.Tx) error {
		before, err := rowsIn(ctx, tx)
		if err != nil {
			return err
		}
		if err := tx.Emit(ctx, e); err != nil {
			return err
		}
		after, err := rowsIn(ctx, tx)
		if err != nil {
			return err
		}
		after = slices.DeleteFunc(after, func(r emitted) bool { return slices.Contains(before, r) })
		if len(after) != 1 {
			return fault.Invalid.Errorf("%T is no effect of the outbox: a job is looked for with jobtest.AssertEnqueued", e)
		}
		row = after[0]
		return undo
	})
	if !errors.Is(err, undo) {
		o.t.Fatalf("datatest: %v", err)
	}
	return row
}
