package main

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

// openRiver opens River as its own benchmark has it where it matters for throughput:
// FetchCooldown 2 ms, FetchPollInterval 20 ms. (The defaults, 100 ms and 1 s, are much
// slower.) The rest is default: the batching completer, one minute for a job, listening to
// notifications on PostgreSQL. SQLite has one connection, as riversqlite's documentation
// wants it.
func openRiver(ctx context.Context, m one, did func(work)) (side, error) {
	if m.Engine == "sqlite" {
		pool, err := sql.Open("sqlite", "file:"+m.URL+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
		if err != nil {
			return nil, err
		}
		pool.SetMaxOpenConns(1)
		return newRiver[*sql.Tx](ctx, m, riversqlite.New(pool), func() { pool.Close() }, did)
	}
	config, err := pgxpool.ParseConfig(m.URL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = postgresConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return newRiver[pgx.Tx](ctx, m, riverpgxv5.New(pool), pool.Close, did)
}

// postgresConnections is how many connections either side may use.
const postgresConnections = 20

type riverSide[T any] struct {
	client *river.Client[T]
	sqlite bool
	close  func()
}

type riverWorker struct {
	river.WorkerDefaults[work]
	did func(work)
}

func (w *riverWorker) Work(_ context.Context, j *river.Job[work]) error {
	w.did(j.Args)
	return nil
}

func newRiver[T any](ctx context.Context, m one, driver riverdriver.Driver[T], close func(), did func(work)) (side, error) {
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &riverWorker{did: did})
	client, err := river.NewClient(driver, &river.Config{
		FetchCooldown:     2 * time.Millisecond,
		FetchPollInterval: 20 * time.Millisecond,
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: m.Set.Workers}},
		Workers:           workers,
		Logger:            logger,
	})
	return &riverSide[T]{client, m.Engine == "sqlite", close}, err
}

func (s *riverSide[T]) Insert(ctx context.Context, w work) error {
	_, err := s.client.Insert(ctx, w, nil)
	return err
}

// InsertAll takes the faster of River's two ways of bulk on PostgreSQL, which is COPY. On
// SQLite that one is not faster, and panics in v0.31.0.
func (s *riverSide[T]) InsertAll(ctx context.Context, all []work) error {
	params := make([]river.InsertManyParams, len(all))
	for i, w := range all {
		params[i].Args = w
	}
	if s.sqlite {
		_, err := s.client.InsertMany(ctx, params)
		return err
	}
	_, err := s.client.InsertManyFast(ctx, params)
	return err
}

func (s *riverSide[T]) Work(ctx context.Context) error {
	return s.client.Start(context.WithoutCancel(ctx))
}

func (s *riverSide[T]) Stop(ctx context.Context) error {
	defer s.close()
	return s.client.Stop(ctx)
}
