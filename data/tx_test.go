package data_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

func add(ctx context.Context, tx data.Tx, unit string) error {
	_, err := tx.NewInsert().Model(&Position{Unit: unit}).Exec(ctx)
	return err
}

func TestErrorRollsBack(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	mine := errors.New("mine")
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		if err := add(ctx, tx, "a"); err != nil {
			t.Error(err)
		}
		return fmt.Errorf("outer: %w", mine)
	})
	if !errors.Is(err, mine) || err.Error() != "outer: mine" {
		t.Errorf("got %v", err)
	}
	wantUnits(t, repo)
}

func TestPanicRollsBack(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	func() {
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("recovered %v", p)
			}
		}()
		_ = repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
			_ = add(ctx, tx, "a")
			panic("mine")
		})
	}()
	wantUnits(t, repo)
	if err := insert(repo, "b"); err != nil { // the writer is free again
		t.Error(err)
	}
}

func TestEndOfContextRollsBack(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	ctx, cancel := context.WithCancel(context.Background())
	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		err := add(ctx, tx, "a")
		cancel()
		return err
	})
	wantFault(t, err, fault.Canceled)
	wantUnits(t, repo)
	wantFault(t, repo.Read(ctx, func(context.Context, data.Tx) error { return nil }), fault.Canceled)
}

// The engine rolls everything back when it interrupts a write. What the function
// does afterwards must not be committed on its own.
func TestNothingRunsAfterAnInterrupt(t *testing.T) {
	t.Parallel()
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), Migrations: migrations}
	serve(t, repo)
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		if err := add(ctx, tx, "before"); err != nil {
			t.Error(err)
		}
		short, cancel := context.WithTimeout(ctx, 500*time.Millisecond) // the driver cannot interrupt what has not begun
		defer cancel()
		_, err := tx.ExecContext(short, `INSERT INTO positions (unit, lat)
			WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM x) SELECT 'x', 0 FROM x`)
		wantFault(t, err, fault.Timeout)
		wantFault(t, add(ctx, tx, "after"), fault.Timeout)
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT 1").Scan(&n); err == nil {
			t.Error("a query ran after the interrupt")
		}
		return nil // it does not care
	})
	wantFault(t, err, fault.Timeout)
	wantUnits(t, repo)
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), Migrations: migrations}
	serve(t, repo)
	limit := func(pages int) func(context.Context, data.Tx) error {
		return func(ctx context.Context, tx data.Tx) error {
			_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}
	}
	if err := repo.Write(context.Background(), limit(10)); err != nil {
		t.Fatal(err)
	}
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_ = add(ctx, tx, "small")
		_, err := tx.ExecContext(ctx, "INSERT INTO positions (unit, lat) VALUES (hex(zeroblob(100000)), 0)")
		wantFault(t, err, fault.Unavailable, "disk is full")
		return nil
	})
	wantFault(t, err, fault.Unavailable, "disk is full")
	if err := repo.Write(context.Background(), limit(100000)); err != nil {
		t.Fatal(err)
	}
	if err := insert(repo, "room"); err != nil {
		t.Fatal(err)
	}
	wantUnits(t, repo, "room")
}

func TestInnerWriteJoins(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	failed := errors.New("failed")
	write := func(ctx context.Context, unit string, result error) error {
		return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			if err := add(ctx, tx, unit); err != nil {
				t.Error(err)
			}
			return result
		})
	}
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		if err := write(ctx, "kept", nil); err != nil {
			t.Error(err)
		}
		if err := write(ctx, "dropped", failed); !errors.Is(err, failed) {
			t.Error(err)
		}
		wantFault(t, repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			_ = write(ctx, "inner of dropped", nil)
			ended, cancel := context.WithCancel(ctx)
			cancel()
			return repo.Write(ended, func(context.Context, data.Tx) error { return nil })
		}), fault.Canceled)
		func() {
			defer func() { _ = recover() }()
			_ = repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				_ = add(ctx, tx, "panicked")
				panic("inner")
			})
		}()
		return repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
			n, err := tx.NewSelect().Model((*Position)(nil)).Count(ctx)
			if n != 1 {
				t.Errorf("a read inside sees %d rows, want 1", n)
			}
			return err
		})
	})
	if err != nil {
		t.Error(err)
	}
	wantUnits(t, repo, "kept")

	err = repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_ = write(ctx, "goes with the outer one", nil)
		return failed
	})
	if !errors.Is(err, failed) {
		t.Error(err)
	}
	wantUnits(t, repo, "kept")
}

func TestWriteInsideRead(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return repo.Write(ctx, func(context.Context, data.Tx) error { return nil })
	})
	wantFault(t, err, fault.Internal, "a Write inside a Read")
}

func TestTwoReposDoNotJoin(t *testing.T) {
	t.Parallel()
	one, two := datatest.Open(t, migrations), datatest.Open(t, migrations)
	failed := errors.New("failed")
	_ = one.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		err := two.Write(ctx, func(ctx context.Context, tx data.Tx) error { return add(ctx, tx, "a") })
		if err != nil {
			t.Error(err)
		}
		return failed
	})
	wantUnits(t, two, "a")
}

func TestAfterTheEnd(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, migrations)
	var kept context.Context
	var keptTx data.Tx
	_ = repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		kept, keptTx = context.WithoutCancel(ctx), tx
		return nil
	})
	wantFault(t, add(context.Background(), keptTx, "a"), fault.Internal, "the transaction is over")
	err := repo.Write(kept, func(ctx context.Context, tx data.Tx) error { return add(ctx, tx, "a") })
	wantFault(t, err, fault.Internal, "the transaction is over")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, files("1_a.sql", `
		CREATE TABLE units (id TEXT PRIMARY KEY, size INT NOT NULL CHECK (size > 0), tag TEXT UNIQUE);
		CREATE TABLE seats (unit TEXT REFERENCES units (id));
		INSERT INTO units VALUES ('a', 1, 'x');
		INSERT INTO seats VALUES ('a');`))
	for _, c := range []struct {
		sql  string
		kind fault.Kind
		says string
	}{
		{"INSERT INTO units VALUES ('a', 1, 'hunter2')", fault.Conflict, "same key"},
		{"INSERT INTO units VALUES ('hunter2', 1, 'x')", fault.Conflict, "same key"},
		{"INSERT INTO units VALUES ('hunter2', NULL, 'y')", fault.Conflict, "missing"},
		{"INSERT INTO units VALUES ('hunter2', 0, 'y')", fault.Conflict, "not allowed"},
		{"INSERT INTO seats VALUES ('hunter2')", fault.Conflict, "not there"},
		{"DELETE FROM units", fault.Conflict, "is referred to"},
		{"INSERT INTO nowhere VALUES ('hunter2')", fault.Internal, "no such table"},
		{"SELECT 'hunter2', \"nothing\" FROM units", fault.Internal, "no such column"},
	} {
		err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
			survived := tx.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				_, err := tx.ExecContext(ctx, c.sql)
				wantFault(t, err, c.kind, c.says)
				return nil
			})
			wantFault(t, survived, c.kind, c.says)
			_, err := tx.NewRaw("UPDATE units SET size = 1").Exec(ctx)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		err = repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
			_, _ = tx.ExecContext(ctx, c.sql)
			_, err := tx.NewRaw("UPDATE units SET size = 1").Exec(ctx)
			wantFault(t, err, c.kind, "an earlier statement", "Write of its own")
			return nil
		})
		wantFault(t, err, c.kind, c.says)
	}
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		var id string
		err := tx.NewRaw("SELECT id FROM units WHERE id = ?", "b").Scan(ctx, &id)
		if !errors.Is(err, sql.ErrNoRows) {
			t.Error(err)
		}
		return err
	})
	wantFault(t, err, fault.NotFound)
	err = repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("DELETE FROM seats").Exec(ctx)
		return err
	})
	wantFault(t, err, fault.Internal, "a Read cannot write")
}
