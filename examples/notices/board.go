package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

// TheBoard is the one process that writes notices. If it crashes it is started again, and
// has lost nothing: its state is in the database.
const TheBoard process.Name[Board] = "board"

// Posted tells of new notices, in the order in which they have been written.
const Posted pubsub.Topic[Notice] = "notices:posted"

// Board writes, and tells who listens.
type Board struct{ repo *data.Repo }

func openBoard(repo *data.Repo) func(context.Context) (*Board, error) {
	return func(context.Context) (*Board, error) { return &Board{repo}, nil }
}

// Post puts a new notice up.
func (b *Board) Post(ctx context.Context, n Notice) (Notice, error) {
	n.Posted = time.Now().UTC().Truncate(time.Microsecond)
	err := b.write(ctx, func(tx data.Tx) change { return tx.NewInsert().Model(&n) })
	if err != nil {
		return Notice{}, err
	}
	return n, pubsub.Publish(ctx, Posted, n)
}

// Change writes a notice that is there anew.
func (b *Board) Change(ctx context.Context, n Notice) error {
	return b.write(ctx, func(tx data.Tx) change { return tx.NewUpdate().Model(&n).WherePK() })
}

// Remove takes a notice down, and the replies to it.
func (b *Board) Remove(ctx context.Context, id int64) error {
	return b.write(ctx, func(tx data.Tx) change { return tx.NewDelete().Model(&Notice{ID: id}).WherePK() })
}

// Answer writes a reply.
func (b *Board) Answer(ctx context.Context, r Reply) error {
	r.Posted = time.Now().UTC()
	return b.write(ctx, func(tx data.Tx) change { return tx.NewInsert().Model(&r) })
}

// Withdraw deletes a reply.
func (b *Board) Withdraw(ctx context.Context, id int64) error {
	return b.write(ctx, func(tx data.Tx) change { return tx.NewDelete().Model(&Reply{ID: id}).WherePK() })
}

// change is any of bun's queries that write.
type change interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

func (b *Board) write(ctx context.Context, query func(data.Tx) change) error {
	return b.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := query(tx).Exec(ctx)
		return err
	})
}
