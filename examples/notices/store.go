package main

import (
	"context"
	"embed"
	"math"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store reads what is on the board.
type Store struct{ repo *data.Repo }

// Latest gives the newest notices with an id below before (0: all), newest first.
func (s Store) Latest(ctx context.Context, before int64, most int) ([]Notice, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return data.From[Notice]().Where("id < ?", before).Order("id DESC").Limit(most).All(ctx, s.repo)
}

// After gives the notices with an id above after, oldest first.
func (s Store) After(ctx context.Context, after int64, most int) ([]Notice, error) {
	return data.From[Notice]().Where("id > ?", after).Order("id").Limit(most).All(ctx, s.repo)
}

// Year gives all notices of a year, oldest first.
func (s Store) Year(ctx context.Context, year int) ([]Notice, error) {
	from := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return data.From[Notice]().Where("posted >= ? AND posted < ?", from, from.AddDate(1, 0, 0)).Order("id").All(ctx, s.repo)
}

// Notice gives one notice, or fault.NotFound.
func (s Store) Notice(ctx context.Context, id int64) (Notice, error) {
	n, err := data.Get[Notice](ctx, s.repo, id)
	if fault.Of(err) == fault.NotFound {
		err = fault.NotFound.Errorf("there is no such notice")
	}
	return n, err
}

// Replies gives the replies to a notice, oldest first.
func (s Store) Replies(ctx context.Context, notice int64) ([]Reply, error) {
	return data.From[Reply]().Where("notice_id = ?", notice).Order("id").All(ctx, s.repo)
}

// Reply gives one reply to a notice, or fault.NotFound.
func (s Store) Reply(ctx context.Context, notice, id int64) (Reply, error) {
	return data.From[Reply]().Where("notice_id = ? AND id = ?", notice, id).First(ctx, s.repo)
}

// Users gives all users by name.
func (s Store) Users(ctx context.Context) ([]User, error) {
	return data.From[User]().Order("name").All(ctx, s.repo)
}
