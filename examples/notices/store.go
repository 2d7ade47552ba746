package main

import (
	"context"
	"embed"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store reads what the board has written, and keeps the users.
type Store struct{ repo *data.Repo }

// Latest gives the newest notices with an id below before (0: all), newest first.
func (s Store) Latest(ctx context.Context, before int64, most int) ([]Notice, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return rows[Notice](ctx, s, func(q *bun.SelectQuery) { q.Where("id < ?", before).Order("id DESC").Limit(int64(most)) })
}

// After gives the notices with an id above after, oldest first.
func (s Store) After(ctx context.Context, after int64, most int) ([]Notice, error) {
	return rows[Notice](ctx, s, func(q *bun.SelectQuery) { q.Where("id > ?", after).Order("id").Limit(int64(most)) })
}

// Year gives all notices of a year, oldest first.
func (s Store) Year(ctx context.Context, year int) ([]Notice, error) {
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return rows[Notice](ctx, s, func(q *bun.SelectQuery) {
		q.Where("posted >= ? AND posted < ?", from, from.AddDate(1, 0, 0)).Order("id")
	})
}

// Notice gives one notice, or fault.NotFound.
func (s Store) Notice(ctx context.Context, id int64) (Notice, error) {
	return row[Notice](ctx, s, "notice", func(q *bun.SelectQuery) { q.Where("id = ?", id) })
}

// Replies gives the replies to a notice, oldest first.
func (s Store) Replies(ctx context.Context, notice int64) ([]Reply, error) {
	return rows[Reply](ctx, s, func(q *bun.SelectQuery) { q.Where("notice_id = ?", notice).Order("id") })
}

// Reply gives one reply to a notice, or fault.NotFound.
func (s Store) Reply(ctx context.Context, notice, id int64) (Reply, error) {
	return row[Reply](ctx, s, "reply", func(q *bun.SelectQuery) { q.Where("notice_id = ? AND id = ?", notice, id) })
}

// User gives one user, or fault.NotFound.
func (s Store) User(ctx context.Context, name string) (User, error) {
	return row[User](ctx, s, "user", func(q *bun.SelectQuery) { q.Where("name = ?", name) })
}

// Users gives all users by name.
func (s Store) Users(ctx context.Context) ([]User, error) {
	return rows[User](ctx, s, func(q *bun.SelectQuery) { q.Order("name") })
}

// Join adds a user; a name that is taken is fault.Conflict.
func (s Store) Join(ctx context.Context, u User) error {
	return s.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewInsert().Model(&u).Exec(ctx)
		return err
	})
}

// rows gives what a query finds, which is never nil: JSON has [] then.
func rows[T any](ctx context.Context, s Store, query func(*bun.SelectQuery)) ([]T, error) {
	found := []T{}
	err := s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		q := tx.NewSelect().Model(&found)
		query(q)
		return q.Scan(ctx)
	})
	return found, err
}

// row gives the one that a query finds, or fault.NotFound in words.
func row[T any](ctx context.Context, s Store, what string, query func(*bun.SelectQuery)) (found T, err error) {
	err = s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		q := tx.NewSelect().Model(&found)
		query(q)
		return q.Scan(ctx)
	})
	if fault.Of(err) == fault.NotFound {
		err = fault.NotFound.Errorf("there is no such %s", what)
	}
	return found, err
}
