package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// work is the argument of a job.
type work struct {
	Number int   `json:"number"`
	At     int64 `json:"at"` // when it was, or should have been, inserted: Unix time in ns
}

func (work) Kind() string { return "work" }

// side is a queue of jobs on an empty database. Jobs run once Work is called.
type side interface {
	Insert(ctx context.Context, w work) error
	InsertAll(ctx context.Context, all []work) error // as one bulk
	Work(ctx context.Context) error
	Stop(ctx context.Context) error
}

// opened is a side with a look from outside at what it keeps.
type opened struct {
	side
	db    *sql.DB
	left  string // asks if a job is not completed
	total string // counts the completed ones
}

// open opens a side; did is called by each job that runs.
func open(ctx context.Context, m one, did func(work)) (*opened, error) {
	var o opened
	var err error
	switch m.Side {
	case "river":
		o.left = "SELECT EXISTS (SELECT 1 FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled', 'pending'))"
		o.total = "SELECT count(*) FROM river_job WHERE state = 'completed'"
		o.side, err = openRiver(ctx, m, did)
	case "bennu":
		o.left = "SELECT EXISTS (SELECT 1 FROM bennu_jobs WHERE state = 0) OR EXISTS (SELECT 1 FROM bennu_jobs WHERE state = 1) OR EXISTS (SELECT 1 FROM bennu_jobs WHERE state = 2)"
		o.total = "SELECT count(*) FROM bennu_jobs WHERE state = 4"
		o.side, err = openBennu(ctx, m, did)
	}
	if err != nil {
		return nil, err
	}
	if m.Engine == "sqlite" {
		o.db, err = sql.Open("sqlite", "file:"+m.URL+"?mode=ro&_pragma=busy_timeout(5000)")
	} else {
		o.db, err = sql.Open("pgx", m.URL)
	}
	return &o, err
}

// completed waits until the database says that no job is left, and then checks that there
// are as many completed ones as there must be.
func (o *opened) completed(ctx context.Context, want int) (at time.Time, err error) {
	for left := true; left; {
		if err := o.db.QueryRowContext(ctx, o.left).Scan(&left); err != nil {
			return at, err
		}
		if left {
			if err := sleep(ctx, 2*time.Millisecond); err != nil {
				return at, err
			}
		}
	}
	at = time.Now()
	var got int
	if err := o.db.QueryRowContext(ctx, o.total).Scan(&got); err != nil {
		return at, err
	}
	if got != want {
		err = fmt.Errorf("%d jobs are completed, and %d were inserted", got, want)
	}
	return at, err
}

func (o *opened) close(ctx context.Context) error {
	o.db.Close()
	return o.Stop(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
