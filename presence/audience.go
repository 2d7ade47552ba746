package presence

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bennu-go/bennu/telemetry"
)

// audience is who hears of diffs. It outlives a restart of the tracker, and the versions of
// diffs go on.
type audience struct {
	versions atomic.Uint64 // the latest of any topic
	mu       sync.Mutex
	hearers  atomic.Pointer[[]*func(Diff)] // replaced as a whole
}

// State implements [Source].
func (t *Tracker[M]) State(ctx context.Context, topic string) (State, error) {
	e, err := t.running()
	if err != nil {
		return State{}, err
	}
	return e.shardOf(topic).state(ctx, topic)
}

// Hear implements [Source]. It goes on over restarts of the tracker, whose end makes all
// leave.
func (t *Tracker[M]) Hear(_ context.Context, fn func(Diff)) (stop func(), err error) {
	t.audience.change(func(all []*func(Diff)) []*func(Diff) { return append(all, &fn) })
	return func() {
		t.audience.change(func(all []*func(Diff)) (left []*func(Diff)) {
			for _, f := range all {
				if f != &fn {
					left = append(left, f)
				}
			}
			return left
		})
	}, nil
}

// change replaces the list of hearers. It gives a copy to change.
func (a *audience) change(to func([]*func(Diff)) []*func(Diff)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := to(slices.Clone(a.list()))
	a.hearers.Store(&all)
}

func (a *audience) list() []*func(Diff) {
	if all := a.hearers.Load(); all != nil {
		return *all
	}
	return nil
}

// tell encodes a cut and gives it to all who hear. It says how many bytes that were.
func (e *engine) tell(c cut) int {
	hearers := e.audience.list()
	if c.empty() || len(hearers) == 0 {
		return 0
	}
	all := append(append(make([]*presence, 0, len(c.joins)+len(c.leaves)), c.joins...), c.leaves...)
	fields, _ := e.fields(c.topic, all)
	d := Diff{c.topic, c.version, c.encode(fields)}
	for _, fn := range hearers {
		e.hears(*fn, d)
	}
	return len(d.Payload)
}

// hears calls fn. One that panics is not to end the program, nor the telling of others.
func (e *engine) hears(fn func(Diff), d Diff) {
	defer func() {
		if v := recover(); v != nil {
			telemetry.Count(e.ctx, "presence.hearers.panicked", 1)
			telemetry.Log(e.ctx).Error("a hearer of presences panicked", "tracker", e.Name, "topic", d.Topic, "panic", fmt.Sprint(v))
		}
	}()
	fn(d)
}
