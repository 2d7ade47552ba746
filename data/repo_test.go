package data_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

func TestNotRunning(t *testing.T) {
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	wantFault(t, insert(repo, "a"), fault.Unavailable, "list the repo in the supervision tree before")
	wantFault(t, repo.Serve(context.Background()), fault.Unavailable, "Start")

	stop := serve(t, repo)
	wantFault(t, repo.Start(context.Background()), fault.Conflict, "running already")
	stop()
	wantFault(t, insert(repo, "a"), fault.Unavailable, "list the repo")
}

func TestFileOutlivesRestart(t *testing.T) {
	// Every character that means something in a URI.
	path := filepath.Join(t.TempDir(), "a b?c=d&e%20f#g;h+é'\".db")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	for _, unit := range []string{"a", "b", "c"} {
		stop := serve(t, repo)
		if err := insert(repo, unit); err != nil {
			t.Fatal(err)
		}
		stop()
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
			t.Errorf("the folder of the closed database has %v, %v", entries, err)
		}
	}
	serve(t, repo)
	wantUnits(t, repo, "a", "b", "c")
}

func TestMemoryIsPrivateAndGoesWithServe(t *testing.T) {
	one := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	two := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	stop := serve(t, one)
	serve(t, two)
	if err := insert(one, "a"); err != nil {
		t.Fatal(err)
	}
	wantUnits(t, one, "a")
	wantUnits(t, two)
	stop()
	serve(t, one)
	wantUnits(t, one)
}

func TestURL(t *testing.T) {
	folder := t.TempDir()
	garbage := filepath.Join(folder, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("This is a diary. ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url  string
		kind fault.Kind
		says string
	}{
		{"", fault.Invalid, "sqlite:PATH, sqlite::memory: or postgres://"},
		{"fleet.db", fault.Invalid, "sqlite:PATH, sqlite::memory: or postgres://"},
		{"mysql://me:hunter2@host/db", fault.Invalid, "postgres://"},
		{"postgres://me:hunter2@host:x/db", fault.Invalid, "postgres://user:password@host:5432/database"},
		{"postgres://me:hunter2@127.0.0.1:1/db", fault.Unavailable, "db on 127.0.0.1:1: the database server cannot be reached"},
		{"sqlite:", fault.Invalid, "names no file"},
		{"sqlite://fleet.db", fault.Invalid, "without the //"},
		{"sqlite:a\x00b", fault.Invalid, "zero byte"},
		{"sqlite:" + folder, fault.Invalid, "not a file"},
		{"sqlite:" + garbage, fault.Invalid, "garbage.db: the file is not a database"},
		{"sqlite:" + folder + "/no/fleet.db", fault.Unavailable, "folder is not there"},
	} {
		repo := &data.Repo{URL: c.url}
		err := repo.Start(context.Background())
		wantFault(t, err, c.kind, c.says)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q has the password", err)
		}
	}
}

func TestManyReadersAndWriters(t *testing.T) {
	for _, url := range []string{"sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), "sqlite::memory:"} {
		repo := &data.Repo{URL: url, Migrations: migrations}
		serve(t, repo)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				for i := range 10 {
					err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
						pair := []Position{{Unit: fmt.Sprint(w), Lat: float64(i)}, {Unit: fmt.Sprint(w), Lat: float64(-i)}}
						_, err := tx.NewInsert().Model(&pair).Exec(ctx)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				for range 10 {
					if n := len(units(t, repo)); n%2 != 0 {
						t.Errorf("a read saw half a write: %d rows", n)
					}
				}
			})
		}
		wg.Wait()
		if n := len(units(t, repo)); n != 8*10*2 {
			t.Errorf("%d rows", n)
		}
	}
}

func TestReadIsASnapshotBesideAWrite(t *testing.T) {
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), Migrations: migrations}
	serve(t, repo)
	count := func(ctx context.Context, tx data.Tx) int64 {
		n, err := tx.NewSelect().Model((*Position)(nil)).Count(ctx)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		if n := count(ctx, tx); n != 0 {
			t.Errorf("%d rows", n)
		}
		if err := insert(repo, "a"); err != nil { // another context: another transaction
			t.Error(err)
		}
		if n := count(ctx, tx); n != 0 {
			t.Errorf("the snapshot moved: %d rows", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantUnits(t, repo, "a")
}

func TestStopDrains(t *testing.T) {
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), Migrations: migrations}
	stop := serve(t, repo)
	stopped := make(chan struct{})
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		go func() { stop(); close(stopped) }()
		var err error
		for err == nil { // until the repo refuses
			err = repo.Read(context.Background(), func(context.Context, data.Tx) error { return nil })
		}
		wantFault(t, err, fault.Unavailable)
		_, err = tx.NewInsert().Model(&Position{Unit: "last"}).Exec(ctx)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	<-stopped
	serve(t, repo)
	wantUnits(t, repo, "last")
}

// onRow is called by the SQL function on_row(), from within a query that runs.
var onRow atomic.Pointer[func()]

var registerOnRow = sync.OnceFunc(func() {
	sqlite.MustRegisterScalarFunction("on_row", 0, func(*sqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		(*onRow.Load())()
		return int64(1), nil
	})
})

func TestStopCutsOffWhatDoesNotEnd(t *testing.T) {
	registerOnRow()
	entered := make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	onRow.Store(&enter)
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations, Drain: time.Millisecond}
	stop := serve(t, repo)
	failed := make(chan error)
	go func() {
		failed <- repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
			var n int // for ever
			return tx.NewRaw("WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM x) SELECT count(on_row()) FROM x").Scan(ctx, &n)
		})
	}()
	<-entered // the driver cannot interrupt a query that has not begun
	waiting := make(chan error)
	go func() { waiting <- insert(repo, "late") }()
	stop()
	wantFault(t, <-failed, fault.Unavailable, "not running")
	wantFault(t, <-waiting, fault.Unavailable, "not running")
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	serve(t, repo)
	err := repo.Write(context.Background(), func(context.Context, data.Tx) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		err := repo.Write(ctx, func(context.Context, data.Tx) error { return errors.New("ran") })
		wantFault(t, err, fault.Timeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v is no end of a context", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCounters(t *testing.T) {
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations}
	serve(t, repo)
	var counters telemetry.Counters
	ctx := telemetry.WithCounters(context.Background(), &counters)
	ok := func(context.Context, data.Tx) error { return nil }
	bad := func(context.Context, data.Tx) error { return errors.New("bad") }
	_ = repo.Write(ctx, ok)
	_ = repo.Write(ctx, bad)
	_ = repo.Read(ctx, ok)
	_ = repo.Read(ctx, bad)
	_ = repo.Read(ctx, func(ctx context.Context, _ data.Tx) error { return repo.Read(ctx, ok) })
	if got, want := fmt.Sprint(counters.Snapshot()), "map[data.errors:2 data.reads:2 data.writes:1]"; got != want {
		t.Errorf("counters = %s, want %s", got, want)
	}
}
