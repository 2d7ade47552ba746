// Package captured uses the state of processes from outside of them.
package captured

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/supervisor"
)

type store struct{ path string }

func (s *store) save([]string) error { return nil }

type view struct{ n int }

func (v *view) add() { v.n++ }

type guarded struct {
	mu sync.Mutex
	n  int
}

func (g *guarded) add() { g.mu.Lock(); g.n++; g.mu.Unlock() }

type Room struct {
	store *store            // set by the constructor
	title string            // set by the constructor
	log   []string          // changes
	users map[string]string // changes
	view  view              // changes
	seen  atomic.Int64
	safe  guarded
	done  func()
	line  *guarded
	next  *Room
}

const (
	Lobby process.Name[Room]   = "lobby"
	Words pubsub.Topic[string] = "words"
)

func open(ctx context.Context) (*Room, error) {
	r := &Room{store: &store{}, users: make(map[string]string)}
	r.title = "lobby"
	if _, err := pubsub.Tap(ctx, Words, r.hear); err != nil { // want `r.hear \(which uses r.log\) is state of the process and is used outside of it, by pubsub.Tap: a data race; copy what is needed`
		return nil, err
	}
	return r, process.Go(ctx, func(context.Context) error {
		return r.store.save(r.log) // want `r.log is state of the process and is used outside of it, by process.Go`
	})
}

var Child = supervisor.Process(Lobby, open)

func (r *Room) hear(w string) { r.log = append(r.log, w) }

func (r *Room) Post(ctx context.Context, m string) error {
	r.log = append(r.log, m)
	r.users[m] = m
	r.view.add()
	return nil
}

func (r *Room) Save(ctx context.Context) error {
	return process.Go(ctx, func(context.Context) error {
		if len(r.users) == 0 { // want `r.users is state of the process`
			return nil
		}
		return r.store.save(r.log) // want `r.log is state of the process`
	})
}

// Peek changes a copy of the title, and which line there is.
func (r *Room) Peek(ctx context.Context) error {
	was := *r
	was.title = "a copy"
	r.line = new(guarded)
	return process.Go(ctx, func(context.Context) error {
		println(r.title)
		r.line.add() // want `r.line is state`
		return nil
	})
}

func (r *Room) Later(ctx context.Context) error {
	go r.flush() // want `a bare goroutine` `r.flush \(which uses r.log\) is state .* by a go statement`
	go func() {  // want `a bare goroutine`
		r.view.add()        // want `r.view is state .* by a go statement`
		println(len(r.log)) //bennu:ok an example of an excuse
	}()
	go show(r)  // want `a bare goroutine` `r \(which uses shown.log\) is state .* by a go statement`
	go func() { //bennu:ok another, for all of it
		println(len(r.log))
	}()
	go (*Room).empty(r, 2)          // want `a bare goroutine` `r \(which uses r.log\) is state .* by a go statement`
	clear := func() { r.log = nil } // want `r.log is state .* by time.AfterFunc`
	time.AfterFunc(time.Minute, clear)
	time.AfterFunc(time.Second, func() { r.log = nil }) // want `r.log is state .* by time.AfterFunc`
	time.AfterFunc(time.Second, r.flush)                // want `r.flush \(which uses r.log\) is state`
	context.AfterFunc(ctx, func() { println(*r) })      // want `r is state`
	return nil
}

func println(...any) {}

func (r *Room) flush() { r.empty(1) }

func (r *Room) empty(n int) {
	if r.log = r.log[:n]; n > 0 {
		r.flush() // in a circle
	}
}

func show(shown *Room) { println(shown.log) }

func (r *Room) Routes(ctx context.Context) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /log", func(w http.ResponseWriter, _ *http.Request) {
		println(r.log) // want `r.log is state .* by an http handler`
	})
	mux.Handle("GET /title", http.HandlerFunc(r.serve)) // want `r.serve \(which uses r.users\) is state .* by an http handler`
	return mux, nil
}

func (r *Room) serve(w http.ResponseWriter, _ *http.Request) { println(r.users) }

type order struct{ then func() }

type Cook struct{}

const Kitchen process.Name[Cook] = "kitchen"

func (*Cook) Cook(_ context.Context, o order) error { o.then(); return nil }

func (r *Room) Order(ctx context.Context, orders chan func()) error {
	orders <- func() { r.log = nil } // want `r.log is state .* by whoever receives it`
	err := process.Cast(ctx, Kitchen, (*Cook).Cook, order{then: func() {
		r.log = nil // want `r.log is state .* by whoever gets it from process.Cast`
	}})
	_, err = process.Spawn(ctx, func(ctx context.Context) (*Cook, error) { return new(Cook), nil })
	service := supervisor.Func(func(context.Context) error {
		println(r.log) // want `r.log is state .* by supervisor.Func`
		return nil
	})
	_ = service
	return err
}

// Below is what is right.

// What does not change may be read from anywhere, and so may what has a lock.
func (r *Room) Fine(ctx context.Context) error {
	log, self := slices.Clone(r.log), process.Self[Room](ctx)
	slices.SortFunc(r.log, func(a, b string) int { return len(r.users[a]) - len(r.users[b]) })
	return process.Go(ctx, func(ctx context.Context) error {
		r.seen.Add(1)
		r.safe.add()
		if err := r.store.save(log); err != nil || r == nil {
			return err
		}
		_ = r.quiet(r.title)
		return process.Do(ctx, self, (*Room).Post, r.title)
	})
}

// Compute runs its function in the process, and waits for it.
func (r *Room) Count(ctx context.Context) (int, error) {
	return process.Compute(ctx, func(context.Context) (int, error) { return len(r.log), nil })
}

// Spy is told what happens in another goroutine.
func (r *Room) Spy(ctx context.Context) error {
	_, err := process.Trace(ctx, Kitchen, func(process.Event) {
		r.log = nil // want `r.log is state .* by process.Trace`
	})
	return err
}

func (r *Room) quiet(string) error { return errors.New(r.title + r.store.path) }

// A closure that is called at once, or kept, is of the process.
func (r *Room) Here(ctx context.Context) error {
	reset := func() { r.log = nil }
	r.done = reset
	defer func() { r.log = nil }()
	reset()
	return nil
}

// Locked is shared on purpose: its lock is held wherever it is touched.
type Locked struct {
	mu sync.Mutex
	n  int
}

func (l *Locked) Count(ctx context.Context) error {
	return process.Go(ctx, func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.n++
		return nil
	})
}

const Lock process.Name[Locked] = "lock"

// A type that is no process.
type Plain struct{ n int }

func (p *Plain) Count(ctx context.Context) error {
	return process.Go(ctx, func(context.Context) error { p.n++; return nil })
}
