package datatest

import (
	"context"
	"io/fs"
	"log/slog"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/telemetry"
)

// Open starts a repo in memory with these migrations; nil is an empty database. A
// failure ends the test.
func Open(t testing.TB, migrations fs.FS) *data.Repo {
	t.Helper()
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	Start(t, repo)
	return repo
}

// Start starts a repo of the test's own making, and stops it when the test ends.
func Start(t testing.TB, repo *data.Repo) {
	t.Helper()
	stop := start(t, repo)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("datatest: %v", err)
		}
	})
}

func start(t testing.TB, repo *data.Repo) (stop func() error) {
	t.Helper()
	quiet := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	if err := repo.Start(quiet); err != nil {
		t.Fatalf("datatest: %v", err)
	}
	ctx, cancel := context.WithCancel(quiet)
	served := make(chan error, 1)
	go func() { served <- repo.Serve(ctx) }()
	return func() error {
		cancel()
		return <-served
	}
}
