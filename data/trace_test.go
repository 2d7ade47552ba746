package data_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/telemetry"
)

func TestQueriesAreTold(t *testing.T) {
	var log bytes.Buffer
	var spans []telemetry.Span
	var counters telemetry.Counters
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	ctx = telemetry.WithCounters(ctx, &counters)
	ctx = telemetry.WithSpans(ctx, func(_ context.Context, s telemetry.Span) { spans = append(spans, s) })
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations, Slow: time.Nanosecond}
	datatest.Start(t, repo)
	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if _, err := tx.NewInsert().Model(&Position{Unit: "hunter2", Lat: 45.5}).Exec(ctx); err != nil {
			return err
		}
		var p Position
		if err := tx.NewSelect().Model(&p).Where("unit = ?", "hunter2").Scan(ctx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE positions SET lat = 2 WHERE unit = ?", "hunter2")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := counters.Histogram("data.query").Snapshot().Count; n != 3 || len(spans) != 3 {
		t.Fatalf("%d queries counted, %d spans", n, len(spans))
	}
	if n := counters.Histogram("data.queue").Snapshot().Count; n != 1 {
		t.Errorf("%d transactions waited", n)
	}
	for i, shape := range []string{"INSERT INTO", "SELECT ", "UPDATE positions SET lat = ? WHERE unit = ?"} {
		s := spans[i]
		if s.Name != "data.query" || !strings.HasPrefix(s.Attrs[0].Value.String(), shape) || s.Took <= 0 || s.Err != nil {
			t.Errorf("span %d is %+v", i, s)
		}
		queued := s.Attrs[1].Value.Duration() > 0
		if queued != (i == 0) {
			t.Errorf("span %d waited %v", i, s.Attrs[1])
		}
	}
	if n := strings.Count(log.String(), "a slow query"); n != 3 || strings.Contains(log.String(), "hunter2") || strings.Contains(log.String(), "45.5") {
		t.Errorf("log: %s", log.String())
	}
}

func TestNothingIsSlow(t *testing.T) {
	var log bytes.Buffer
	ctx := telemetry.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	for _, slow := range []time.Duration{-1, time.Hour} {
		repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations, Slow: slow}
		datatest.Start(t, repo)
		if err := repo.Write(ctx, adding("a")); err != nil {
			t.Fatal(err)
		}
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", &log)
	}
}
