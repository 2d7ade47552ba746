// Package keptctx keeps contexts for longer than they last.
package keptctx

import (
	"context"

	"github.com/bennu-go/bennu/process"
)

type Room struct {
	ctx   context.Context
	words []string
}

const Lobby process.Name[Room] = "lobby"

// The context of a constructor is the process's own.
func open(ctx context.Context) (*Room, error) {
	r := new(Room)
	r.ctx = ctx
	return r, nil
}

func Start(ctx context.Context) (process.Ref[Room], error) { return process.Spawn(ctx, open) }

func (r *Room) Post(ctx context.Context, word string) error {
	r.ctx = ctx // want `the context of this handler is kept in the state, but has the deadline of one message, and may end with it`
	r.words = append(r.words, word)
	return nil
}

type job struct{ ctx context.Context }

func (r *Room) Work(ctx context.Context) error {
	var j job
	j.ctx = ctx
	r.ctx = context.Background()
	return j.ctx.Err()
}
