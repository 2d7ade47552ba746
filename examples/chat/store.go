package main

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

type roomRow struct {
	bun.BaseModel `bun:"table:rooms"`
	Name          string `bun:",pk"`
	Epoch         string
}

// Store keeps rooms and what was said in them.
type Store struct{ repo *data.Repo }

// Open gives a room's epoch. A room that nobody has opened before is made.
func (s Store) Open(ctx context.Context, room string) (epoch string, err error) {
	row, err := data.Get[roomRow](ctx, s.repo, room)
	if fault.Of(err) == fault.NotFound {
		row = roomRow{Name: room, Epoch: rand.Text()}
		err = data.Insert(ctx, s.repo, &row)
	}
	return row.Epoch, err
}

// Before gives the messages before one, oldest first.
func (s Store) Before(ctx context.Context, room string, seq uint64, most int) ([]Message, error) {
	messages, err := data.From[Message]().Where("room = ? AND seq < ?", room, seq).Order("seq DESC").Limit(most).All(ctx, s.repo)
	slices.Reverse(messages)
	return messages, err
}

// Add stores a message. If its author has stored one with the same key before, it gives
// that one, and false.
func (s Store) Add(ctx context.Context, m Message) (stored Message, added bool, err error) {
	err = data.Insert(ctx, s.repo, &m)
	var v *data.Violation
	if errors.As(err, &v) && slices.Contains(v.Columns, "key") {
		m, err = data.From[Message]().Where("room = ? AND author = ? AND key = ?", m.Room, m.Author, m.Key).First(ctx, s.repo)
		return m, false, err
	}
	return m, err == nil, err
}

// Rooms gives the rooms where something was said, by name.
func (s Store) Rooms(ctx context.Context) ([]Standing, error) {
	return data.From[Standing]().Select(func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ModelTableExpr("messages").ColumnExpr("room, MAX(seq) AS seq").Group("room")
	}).Order("room").Limit(200).All(ctx, s.repo)
}
