package main

import (
	"context"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/process"
)

// TheBoard is the one process that puts notices up, so that their ids are in the order in
// which data.Watch tells of them: who knows the last one has missed none before it. If it
// crashes it is started again, and has lost nothing: its state is in the database.
const TheBoard process.Name[Board] = "board"

// Board posts.
type Board struct{ repo *data.Repo }

func openBoard(repo *data.Repo) func(context.Context) (*Board, error) {
	return func(context.Context) (*Board, error) { return &Board{repo}, nil }
}

// Post puts a new notice up, and sees to it that its author gets the letter.
func (b *Board) Post(ctx context.Context, n Notice) (Notice, error) {
	err := b.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := data.Insert(ctx, tx, &n); err != nil {
			return err
		}
		return tx.Emit(ctx, SendLetter.New(n.ID))
	})
	return n, err
}
