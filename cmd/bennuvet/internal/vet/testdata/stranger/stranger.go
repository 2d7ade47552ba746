// Package stranger asks for other processes than the one that runs.
package stranger

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

type Room struct{ ticks int }

func (r *Room) tick(context.Context) error                      { r.ticks++; return nil }
func (r *Room) onWord(context.Context, string) error            { return nil }
func (r *Room) memberDown(context.Context, process.Down) error  { return nil }
func (b *Board) onWord(context.Context, string) error           { return nil }
func (b *Board) onGap(context.Context, pubsub.Gap) error        { return nil }
func (b *Board) memberDown(context.Context, process.Down) error { return nil }
func (b *Board) tick(context.Context) error                     { return nil }
func (b *Board) Value(context.Context, string) (string, error)  { return "", nil }
func (h *helper) onWord(ctx context.Context, _ string) error    { return nil }

type (
	Board  struct{}
	helper struct{}
)

const (
	Lobby process.Name[Room]   = "lobby"
	Wall  process.Name[Board]  = "wall"
	Words pubsub.Topic[string] = "words"

	Walls process.Group[Board] = "walls"
)

func openRoom(ctx context.Context) (*Room, error) {
	if _, err := pubsub.Subscribe(ctx, Words, (*Board).onWord); err != nil { // want `pubsub.Subscribe is for this process, one of Room, and fails with process.ErrNotHere for a method of Board; name a method of Room`
		return nil, err
	}
	_, err := pubsub.Subscribe(ctx, Words, (*Room).onWord)
	return new(Room), err
}

func Start(ctx context.Context) error {
	if _, err := process.After(ctx, time.Second, (*Board).tick); err != nil { // nobody knows whose ctx is
		return err
	}
	_, err := process.Spawn(ctx, openRoom)
	return err
}

func (r *Room) Begin(ctx context.Context) error {
	if _, err := process.After(ctx, time.Second, (*Board).tick); err != nil { // want `process.After is for this process`
		return err
	}
	quick, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := process.Every(quick, time.Second, (*Board).tick); err != nil { // want `process.Every is for this process`
		return err
	}
	if _, err := process.Bind(ctx, (*Board).onWord); err != nil { // want `process.Bind is for this process`
		return err
	}
	if _, err := process.Monitor(ctx, Wall, (*Board).memberDown, process.Always); err != nil { // want `process.Monitor is for this process`
		return err
	}
	if err := process.Next(ctx, (*Board).onWord, "now"); err != nil { // want `process.Next is for this process`
		return err
	}
	_, err := process.Compute(ctx, func(ctx context.Context) (*process.Timer, error) {
		return process.WhenIdle(ctx, time.Second, (*Board).tick) // want `process.WhenIdle is for this process`
	})
	if err != nil {
		return err
	}
	_ = process.Self[Board](ctx) // want `process.Self\[Board\] is empty here, in a process of Room`
	r.arm(ctx)
	return process.Go(ctx, func(ctx context.Context) error {
		_, err := process.After(ctx, time.Second, (*Board).tick) // want `process.After is for this process`
		return err
	})
}

func (r *Room) arm(ctx context.Context) {
	_, _ = process.After(ctx, time.Second, (*Board).tick) // want `process.After is for this process`
	_, _ = process.After(ctx, time.Second, (*Board).tick) //bennu:ok to see ErrNotHere
}

// Below is what is right.

func (r *Room) Fine(ctx context.Context) error {
	_, _ = process.After(ctx, time.Second, (*Room).tick)
	_, _ = process.Monitor(ctx, Wall, (*Room).memberDown)
	_ = process.Self[Room](ctx)
	if err := process.Signal(ctx, Wall, (*Board).tick); err != nil { // it goes to another
		return err
	}
	if err := process.CastAll(ctx, Walls, (*Board).onWord, "now"); err != nil {
		return err
	}
	_, err := process.Spawn(ctx, func(ctx context.Context) (*Board, error) {
		_, err := process.After(ctx, time.Second, (*Board).tick)
		_ = process.Self[Board](ctx)
		return new(Board), err
	})
	return err
}

// Other has a context that is not known.
func (r *Room) Other(ctx context.Context, of func() context.Context) error {
	ctx = of()
	_, err := process.After(ctx, time.Second, (*Board).tick)
	return err
}

// A helper without a process serves one.
func (h *helper) arm(ctx context.Context) error {
	_, err := process.After(ctx, time.Second, (*Board).tick)
	return err
}

// The method may be an embedded one.
type Hall struct{ Room }

const Big process.Name[Hall] = "big"

func (h *Hall) Begin(ctx context.Context) error {
	_, err := process.After(ctx, time.Second, (*Hall).tick)
	return err
}

type Shelf[T any] struct{}

func (s *Shelf[T]) tick(context.Context) error { return nil }

func (s *Shelf[T]) Begin(ctx context.Context) error {
	_, err := process.After(ctx, time.Second, (*Shelf[T]).tick)
	return err
}
