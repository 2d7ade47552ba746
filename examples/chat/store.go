package main

import (
	"context"
	"crypto/rand"
	"embed"
	"math"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/data"
)

//go:embed migrations/*.sql
var migrations embed.FS

type roomRow struct {
	bun.BaseModel `bun:"table:rooms"`
	Name          string
	Epoch         string
}

type messageRow struct {
	bun.BaseModel `bun:"table:messages"`
	Room          string
	Seq           uint64
	Author        string
	Body          string
	Posted        time.Time
	Key           string
}

func (m messageRow) message() Message {
	return Message{Seq: m.Seq, Author: m.Author, Body: m.Body, Posted: m.Posted, Key: m.Key}
}

// Store keeps rooms and what was said in them.
type Store struct{ repo *data.Repo }

// Open gives a room's epoch and its latest messages, oldest first. One that nobody has
// opened before is made.
func (s Store) Open(ctx context.Context, room string, most int) (epoch string, latest []Message, err error) {
	err = s.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		r := roomRow{Name: room, Epoch: rand.Text()}
		if _, err := tx.NewInsert().Model(&r).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return err
		}
		if err := tx.NewSelect().Model(&r).Where("name = ?", room).Scan(ctx); err != nil {
			return err
		}
		epoch = r.Epoch
		latest, err = s.Before(ctx, room, math.MaxInt64, most)
		return err
	})
	return epoch, latest, err
}

// Before gives the messages before one, oldest first.
func (s Store) Before(ctx context.Context, room string, seq uint64, most int) ([]Message, error) {
	var rows []messageRow
	err := s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&rows).Where("room = ? AND seq < ?", room, seq).Order("seq DESC").Limit(int64(most)).Scan(ctx)
	})
	messages := make([]Message, 0, len(rows))
	for _, row := range slices.Backward(rows) {
		messages = append(messages, row.message())
	}
	return messages, err
}

// Add stores a message. If its author has stored one with the same key before, it gives
// that one, and false.
func (s Store) Add(ctx context.Context, room string, m Message) (stored Message, added bool, err error) {
	row := messageRow{Room: room, Seq: m.Seq, Author: m.Author, Body: m.Body, Posted: m.Posted, Key: m.Key}
	err = s.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		var same []messageRow
		err := tx.NewSelect().Model(&same).Where("room = ? AND author = ? AND key = ?", room, m.Author, m.Key).Scan(ctx)
		if err != nil {
			return err
		}
		if len(same) > 0 {
			row, added = same[0], false
			return nil
		}
		added = true
		_, err = tx.NewInsert().Model(&row).Exec(ctx)
		return err
	})
	return row.message(), added, err
}

// Rooms gives the rooms where something was said, by name.
func (s Store) Rooms(ctx context.Context) ([]Standing, error) {
	rooms := []Standing{}
	err := s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model((*messageRow)(nil)).ColumnExpr("room, MAX(seq) AS seq").
			Group("room").Order("room").Limit(200).Scan(ctx, &rooms)
	})
	return rooms, err
}
