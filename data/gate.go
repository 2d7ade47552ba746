package data

import (
	"context"
	"slices"
	"sync"
)

type urgentKey struct{}

// Urgent gives a context whose transactions go ahead of those that wait; on PostgreSQL they
// have a connection for them alone. It is for what keeps a program alive and is over at once,
// such as a sign of life: one at a time.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

func isUrgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) != nil }

// gate lets so many in at a time, in the order of arrival. The pools of
// database/sql could do the waiting too, but they wake whomever they like, and
// they cannot say when all have left.
type gate struct {
	mu     sync.Mutex
	free   int
	inside int
	queue  []*waiter
	closed bool
	empty  chan struct{} // closed when the gate is closed and all have left
}

type waiter struct {
	n     int
	ready chan struct{} // closed when let in, or when the gate is closed
	in    bool
}

func newGate(places int) *gate {
	return &gate{free: places, empty: make(chan struct{})}
}

// enter waits for n places. It gives errNotRunning when the gate is closed. Who is urgent
// goes ahead of those that wait.
func (g *gate) enter(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return errNotRunning
	}
	if len(g.queue) == 0 && n <= g.free {
		g.free -= n
		g.inside++
		g.mu.Unlock()
		return nil
	}
	w := &waiter{n: n, ready: make(chan struct{})}
	if isUrgent(ctx) {
		g.queue = slices.Insert(g.queue, 0, w)
	} else {
		g.queue = append(g.queue, w)
	}
	g.admit()
	g.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case w.in:
		return nil
	case g.closed:
		return errNotRunning
	}
	g.queue = slices.DeleteFunc(g.queue, func(other *waiter) bool { return other == w })
	g.admit()
	return ended(ctx)
}

func (g *gate) leave(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += n
	g.inside--
	g.admit()
	g.report()
}

// pass leaves in favour of whoever is next in the queue. With nobody there it does not
// leave, and reports false.
func (g *gate) pass(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) == 0 {
		return false
	}
	g.free += n
	g.inside--
	g.admit()
	return true
}

// load is how many are inside, and how many wait.
func (g *gate) load() (inside, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside, len(g.queue)
}

// close refuses whoever waits or comes later. It returns at once.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	for _, w := range g.queue {
		close(w.ready)
	}
	g.queue = nil
	g.report()
}

func (g *gate) admit() {
	for len(g.queue) > 0 && g.queue[0].n <= g.free {
		w := g.queue[0]
		g.queue = g.queue[1:]
		g.free -= w.n
		g.inside++
		w.in = true
		close(w.ready)
	}
}

func (g *gate) report() {
	if g.closed && g.inside == 0 {
		close(g.empty)
	}
}
