// Package bare starts goroutines of nobody.
package bare

import (
	"context"
	"sync"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

type Room struct{ wg sync.WaitGroup }

const Lobby process.Name[Room] = "lobby"

func work() {}

func open(context.Context) (*Room, error) {
	go work() // want `a bare goroutine in a process of Room: if it panics, the whole program ends; start it with process.Go`
	return new(Room), nil
}

var Child = supervisor.Process(Lobby, open)

func (r *Room) Post(_ context.Context, m string) (string, error) {
	go work() // want `a bare goroutine`
	return m, nil
}

func (r *Room) Tell(ctx context.Context) error {
	r.wg.Go(work) // want `a bare goroutine`
	r.flush()
	return process.Go(ctx, func(context.Context) error {
		go work() // want `a bare goroutine`
		return nil
	})
}

// flush has no context, but Tell calls it.
func (r *Room) flush() {
	go work() // want `a bare goroutine`
}

func (r *Room) Terminate(context.Context, process.Reason) {
	go work() // want `a bare goroutine`
}

// Excused lines.
func (r *Room) Warm(context.Context) error {
	go work() //bennu:ok work does not panic
	go work() //bennu:ok // want `a bare goroutine.*needs a reason`
	return nil
}

// tick is no method, but is given to a verb.
func tick(r *Room, ctx context.Context) error {
	go work() // want `a bare goroutine`
	return nil
}

func Ticking(ctx context.Context) error { return process.Run(ctx, Lobby, tick) }

// A service runs outside of the process.
func (r *Room) Serve(ctx context.Context) error { go work(); <-ctx.Done(); return nil }

// What is not called by the process may have goroutines.
func (r *Room) Watch() { go work() }

func Free() { go work() }

type Printer struct{}

func (Printer) Print(context.Context) error { go work(); return nil }

// A type is a state also by its constructor, and by Terminate.
type Worker struct{}

func Start(ctx context.Context) error {
	_, err := process.Spawn(ctx, func(context.Context) (*Worker, error) {
		go work() // want `a bare goroutine in a process of Worker`
		return new(Worker), nil
	})
	return err
}

func (w *Worker) Work(context.Context) error {
	go work() // want `a bare goroutine`
	return nil
}

type Cleaner struct{}

func (c *Cleaner) Terminate(context.Context, process.Reason) {}

func (c *Cleaner) Clean(context.Context) error {
	go work() // want `a bare goroutine`
	return nil
}

// Generic states are states too.
type Shelf[T any] struct{ items []T }

func Fill[T any](ctx context.Context, to process.Ref[Shelf[T]], item T) error {
	return process.Cast(ctx, to, (*Shelf[T]).Put, item)
}

func (s *Shelf[T]) Put(_ context.Context, item T) error {
	go work() // want `a bare goroutine in a process of Shelf`
	return nil
}
