package telemetry

import (
	"context"
	"sync"
	"sync/atomic"
)

// Counter counts what happened. It only grows.
type Counter struct{ n atomic.Int64 }

// Add counts n more.
func (c *Counter) Add(n int64) { c.n.Add(n) }

// Value is the count so far.
func (c *Counter) Value() int64 { return c.n.Load() }

// Counters is a program's counters by name, and its histograms. The zero value is ready
// to use.
type Counters struct {
	byName     sync.Map // string → *Counter
	histograms sync.Map // string → *Histogram
}

// Counter is the counter with that name, made at the first call.
func (cs *Counters) Counter(name string) *Counter {
	if c, ok := cs.byName.Load(name); ok {
		return c.(*Counter)
	}
	c, _ := cs.byName.LoadOrStore(name, new(Counter))
	return c.(*Counter)
}

// Snapshot reads all counters. It is not one instant: each is read in turn.
func (cs *Counters) Snapshot() map[string]int64 {
	all := make(map[string]int64)
	cs.byName.Range(func(name, c any) bool {
		all[name.(string)] = c.(*Counter).Value()
		return true
	})
	return all
}

type countersKey struct{}

// WithCounters gives a context whose counts go to cs.
func WithCounters(ctx context.Context, cs *Counters) context.Context {
	return context.WithValue(ctx, countersKey{}, cs)
}

// CountersOf is the context's counters. A context without any gets new ones, which
// nobody else reads.
func CountersOf(ctx context.Context) *Counters {
	if cs, ok := ctx.Value(countersKey{}).(*Counters); ok {
		return cs
	}
	return new(Counters)
}

// Count adds n to the context's counter with that name.
func Count(ctx context.Context, name string, n int64) {
	CountersOf(ctx).Counter(name).Add(n)
}
