// Package literal gives closures where methods are meant.
package literal

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

type Room struct{ log []string }

const (
	Lobby process.Name[Room]   = "lobby"
	Words pubsub.Topic[string] = "words"
)

func (r *Room) Post(_ context.Context, m string) error { r.log = append(r.log, m); return nil }

func (r *Room) tick(context.Context) error { return nil }

func reset(r *Room, _ context.Context) error { r.log = nil; return nil }

func Use(ctx context.Context, m string) error {
	_ = process.Do(ctx, Lobby, (*Room).Post, m)
	_ = process.Run(ctx, Lobby, reset)                                                         // a function has a name
	_ = process.Run(ctx, Lobby, func(r *Room, _ context.Context) error { return r.tick(ctx) }) // want `a closure given to process.Run cannot be traced, nor sent to another node; make it a method of Room, name it \(\*Room\).…`
	_, err := process.Call(ctx, Lobby, func(r *Room, _ context.Context, n int) (int, error) {  // want `a closure given to process.Call`
		return len(r.log) + n, nil
	}, 1)
	clear := func(r *Room, _ context.Context) error { r.log = nil; return nil }
	_ = process.Signal(ctx, Lobby, clear) // want `a closure given to process.Signal`
	return err
}

func open(ctx context.Context) (*Room, error) {
	_, err := process.After(ctx, time.Second, func(*Room, context.Context) error { return nil }) // want `a closure given to process.After`
	if err != nil {
		return nil, err
	}
	_, err = pubsub.Subscribe(ctx, Words, func(r *Room, _ context.Context, w string) error { return nil }, // want `a closure given to pubsub.Subscribe`
		pubsub.OnGap(func(*Room, context.Context, pubsub.Gap) error { return nil })) // want `a closure given to pubsub.OnGap`
	if err != nil {
		return nil, err
	}
	_, err = process.Every(ctx, time.Second, func(*Room, context.Context) error { return nil }) //bennu:ok a test double
	return new(Room), err
}

// A constructor may be a closure, and generic code may pass methods on, and wrap them.
func Start[S any](ctx context.Context, to process.Address[S], method func(*S, context.Context) error) error {
	_, err := process.Spawn(ctx, func(ctx context.Context) (*Room, error) { return open(ctx) })
	if err != nil {
		return err
	}
	if err := process.Run(ctx, to, func(s *S, ctx context.Context) error { return method(s, ctx) }); err != nil {
		return err
	}
	return process.Run(ctx, to, method)
}
