package data_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/telemetry"
)

// Migrations that are the same on both engines.
var unitFiles = []string{
	"1_units.sql", "CREATE TABLE units (name TEXT PRIMARY KEY, size INT);\nINSERT INTO units VALUES ('a?', 1);",
	"1_units.down.sql", "DROP TABLE units;",
	"2_big.sql", "-- big\nINSERT INTO units VALUES ('b', 2); INSERT INTO units VALUES ('c', 3)",
	"2_big.down.sql", "DELETE FROM units WHERE size > 1; -- as they were",
}

func insertUnit(name string) func(context.Context, data.Tx) error {
	return func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("INSERT INTO units VALUES (?, ?)", name, 9).Exec(ctx)
		return err
	}
}

func names(t testing.TB, repo *data.Repo) string {
	t.Helper()
	var all []string
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT name FROM units ORDER BY name").Scan(ctx, &all)
	})
	if err != nil {
		t.Error(err)
	}
	return strings.Join(all, " ")
}

func TestMigratingOnBothEngines(t *testing.T) {
	t.Parallel()
	datatest.EachURL(t, func(t *testing.T, url string) {
		ctx := quiet
		repo := &data.Repo{URL: url, Migrations: files(unitFiles...), GoMigrations: []data.Migration{{
			Number: 3, Name: "go",
			Up: func(ctx context.Context, tx data.Tx) error {
				// What may fail and be survived is a Write inside, on both engines.
				err := tx.Write(ctx, insertUnit("b"))
				wantFault(t, err, fault.Conflict)
				return insertUnit("d")(ctx, tx)
			},
			Down: func(ctx context.Context, tx data.Tx) error {
				_, err := tx.ExecContext(ctx, "DELETE FROM units WHERE name = ?", "d")
				return err
			},
		}}}
		var dry bytes.Buffer
		if err := repo.MigrateDryRun(ctx, data.Latest, &dry); err != nil {
			t.Fatal(err)
		}
		want := "-- 1_units.sql up\n" + unitFiles[1] + "\n\n-- 2_big.sql up\n" + unitFiles[5] + "\n;\n\n-- 0003_go up\n" +
			"INSERT INTO units VALUES ('b', 9);\nINSERT INTO units VALUES ('d', 9);\n\n"
		if dry.String() != want {
			t.Errorf("the dry run prints\n%s\nwant\n%s", &dry, want)
		}
		states, err := repo.MigrationStatus(ctx)
		if err != nil || len(states) != 3 || !states[2].Pending() {
			t.Errorf("%+v, %v", states, err)
		}

		stop := serve(t, repo)
		if got := names(t, repo); got != "a? b c d" {
			t.Error(got)
		}
		if err := repo.MigrateTo(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if got := names(t, repo); got != "a?" {
			t.Error(got)
		}
		if err := repo.Migrate(ctx, "part", files("1_x.sql", "CREATE TABLE x (y INT)", "1_x.postgres.sql", "CREATE TABLE x (y BIGINT)")); err != nil {
			t.Fatal(err)
		}
		states, err = repo.MigrationStatus(ctx)
		if err != nil || len(states) != 4 || states[0].Pending() || !states[1].Pending() || states[3].Part != "part" || states[3].Pending() {
			t.Errorf("%+v, %v", states, err)
		}
		if err := repo.MigrateUp(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := repo.MigrateDown(ctx, 3); err != nil {
			t.Fatal(err)
		}
		repo.OnBoot = data.Refuse
		wantFault(t, repo.Start(ctx), fault.Conflict, "lacks 1_units.sql, 2_big.sql, 0003_go: run")
	})
}

func TestAllOrNothingOnBothEngines(t *testing.T) {
	t.Parallel()
	datatest.EachURL(t, func(t *testing.T, url string) {
		good := unitFiles[:2:2]
		for _, bad := range []data.Migration{
			{Up: func(ctx context.Context, tx data.Tx) error {
				_ = insertUnit("x")(ctx, tx)
				return insertUnit("x")(ctx, tx)
			}},
			{Up: func(ctx context.Context, tx data.Tx) error {
				_ = insertUnit("x")(ctx, tx)
				_ = insertUnit("x")(ctx, tx) // a failed statement is not to be overlooked
				return nil
			}},
		} {
			bad.Number, bad.Name = 2, "bad"
			repo := &data.Repo{URL: url, Migrations: files(good...), GoMigrations: []data.Migration{bad}}
			wantFault(t, repo.Start(quiet), fault.Conflict, "0002_bad is rolled back", "same key")
		}
		repo := &data.Repo{URL: url, Migrations: files(append(good, "2_bad.sql", "INSERT INTO units VALUES ('x', 1);\nINSERT INTO nowhere VALUES (1);")...)}
		wantFault(t, repo.Start(quiet), fault.Internal, "2_bad.sql is rolled back", "nowhere")
		if repo.Engine() == data.Postgres {
			wantFault(t, repo.Start(quiet), fault.Internal, "line 2")
		}
		repo = &data.Repo{URL: url, Migrations: files(good...)}
		serve(t, repo)
		if got := names(t, repo); got != "a?" {
			t.Error(got)
		}
	})
}

var quiet = telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))

func TestBootingAtOnceOnBothEngines(t *testing.T) {
	t.Parallel()
	datatest.EachURL(t, func(t *testing.T, url string) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				repo := &data.Repo{URL: url, Migrations: manyMigrations()}
				if err := repo.MigrateUp(quiet); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		repo := &data.Repo{URL: url, Migrations: manyMigrations(), OnBoot: data.Refuse}
		serve(t, repo)
		if n := scan[int](t, repo, "SELECT count(*) FROM bennu_migrations"); n != 60 {
			t.Errorf("%d are recorded", n)
		}
	})
}

// slowMigrations has one in the middle that says when it is half done and never ends.
func slowMigrations(half func()) *data.Repo {
	return &data.Repo{
		Migrations: files(unitFiles[:2]...),
		GoMigrations: []data.Migration{{Number: 2, Name: "slow", Up: func(ctx context.Context, tx data.Tx) error {
			if _, err := tx.NewRaw("CREATE TABLE half (x INT)").Exec(ctx); err != nil {
				return err
			}
			if err := insertUnit("half")(ctx, tx); err != nil {
				return err
			}
			half()
			return nil
		}}},
	}
}

// migrateHalf is the program that is killed.
func migrateHalf(url string) {
	repo := slowMigrations(func() {
		fmt.Println("half")
		time.Sleep(time.Hour)
	})
	repo.URL = url
	panic(repo.MigrateUp(context.Background()))
}

func TestAMigrationKilledHalfWayOnBothEngines(t *testing.T) {
	t.Parallel()
	datatest.EachURL(t, func(t *testing.T, url string) {
		lines, kill := child(t, "BENNU_DATA_TEST_HALF="+url)
		for lines.Scan() && lines.Text() != "half" {
		}
		kill()
		for lines.Scan() {
		}

		// Nothing of it is there, and the next program is not kept waiting.
		repo := slowMigrations(func() {})
		repo.URL = url
		states, err := repo.MigrationStatus(quiet)
		if err != nil || len(states) != 2 || states[0].Pending() || !states[1].Pending() {
			t.Fatalf("%+v, %v", states, err)
		}
		if err := repo.MigrateUp(quiet); err != nil {
			t.Fatal(err)
		}
		serve(t, repo)
		if got := names(t, repo); got != "a? half" {
			t.Error(got)
		}
	})
}

// sleepInMigration is the program that is killed while the server is at work for it.
func sleepInMigration(url string) {
	repo := &data.Repo{URL: url, GoMigrations: []data.Migration{{Number: 1, Name: "sleep", Up: func(ctx context.Context, tx data.Tx) error {
		if _, err := tx.ExecContext(ctx, "CREATE TABLE half (x INT)"); err != nil {
			return err
		}
		fmt.Println("half")
		_, err := tx.ExecContext(ctx, "SELECT pg_sleep(600)")
		return err
	}}}}
	panic(repo.MigrateUp(context.Background()))
}

func TestTheServerNoticesAKilledMigration(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	lines, kill := child(t, "BENNU_DATA_TEST_SLEEP="+url)
	for lines.Scan() && lines.Text() != "half" {
	}
	watch := &data.Repo{URL: url}
	serve(t, watch)
	for scan[int](t, watch, "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'") == 0 {
		time.Sleep(time.Millisecond) // until the server is at it
	}
	kill()
	ctx, cancel := context.WithTimeout(quiet, 30*time.Second)
	defer cancel()
	repo := &data.Repo{URL: url, Migrations: files("1_sleep.sql", "CREATE TABLE half (x INT);")}
	if err := repo.MigrateUp(ctx); err != nil {
		t.Error(err)
	}
}

func TestOutsideOfATransaction(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	set := append([]string{
		"3_index.postgres.sql", "-- bennu:no transaction\nDROP INDEX CONCURRENTLY IF EXISTS sizes;\nCREATE INDEX CONCURRENTLY sizes ON units (size);",
		"3_index.postgres.down.sql", "-- bennu:no transaction\nDROP INDEX CONCURRENTLY sizes;",
	}, unitFiles...)
	repo := &data.Repo{URL: url, Migrations: files(set...)}
	index := func() int { return scan[int](t, repo, "SELECT count(*) FROM pg_indexes WHERE indexname = 'sizes'") }
	var dry bytes.Buffer
	if err := repo.MigrateDryRun(quiet, data.Latest, &dry); err != nil || !strings.Contains(dry.String(), "-- 3_index.sql up (outside of a transaction; not tried)\n-- bennu:no") {
		t.Errorf("%v\n%s", err, &dry)
	}
	serve(t, repo)
	if index() != 1 {
		t.Error("there is no index")
	}
	if err := repo.MigrateDown(quiet, 1); err != nil || index() != 0 {
		t.Error(err)
	}

	// Two rows of one size stop a unique index half-way, which leaves it not valid.
	set[1] = "-- bennu:no transaction\nCREATE UNIQUE INDEX CONCURRENTLY sizes ON units (size);"
	repo.Migrations = files(set...)
	if err := repo.Write(quiet, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("INSERT INTO units VALUES ('d', 3)").Exec(ctx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	wantFault(t, repo.MigrateUp(quiet), fault.Conflict, "3_index.sql is half done")
	wantFault(t, repo.MigrateUp(quiet), fault.Conflict, "3_index.sql was cut off half-way", "DELETE FROM bennu_migrations WHERE part = '' AND number = 3")
	states, err := repo.MigrationStatus(quiet)
	if err != nil || !states[2].Half {
		t.Errorf("%+v, %v", states, err)
	}
	for _, statement := range []string{"DROP INDEX sizes", "DELETE FROM units WHERE name = 'd'", "DELETE FROM bennu_migrations WHERE part = '' AND number = 3"} {
		if err := pgtest.Exec(url, statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := repo.MigrateUp(quiet); err != nil || index() != 1 {
		t.Error(err)
	}
}

// A program that waits for the lock must not keep an index from being built, which waits
// for the end of every other transaction.
func TestWaitingForTheLockHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	waiting := make(chan struct{})
	logged := telemetry.WithLogger(context.Background(), slog.New(&waitHandler{waiting: waiting}))
	var second sync.WaitGroup
	set := append([]string{"3_index.postgres.sql", "-- bennu:no transaction\nCREATE INDEX CONCURRENTLY sizes ON units (size);"}, unitFiles[:2:2]...)
	start := func() *data.Repo {
		return &data.Repo{URL: url, Migrations: files(set...), GoMigrations: []data.Migration{{Number: 2, Name: "wait",
			Up: func(ctx context.Context, tx data.Tx) error {
				second.Go(func() {
					repo := &data.Repo{URL: url, Migrations: files(set...), GoMigrations: []data.Migration{{Number: 2, Name: "wait", Up: func(context.Context, data.Tx) error { return nil }}}}
					if err := repo.MigrateUp(logged); err != nil {
						t.Error(err)
					}
				})
				<-waiting
				return nil
			}}}}
	}
	if err := start().MigrateUp(quiet); err != nil {
		t.Error(err)
	}
	second.Wait()
}

// waitHandler closes a channel when a program says that it waits.
type waitHandler struct {
	slog.Handler
	waiting chan struct{}
}

func (h *waitHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *waitHandler) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "waiting") {
		close(h.waiting)
	}
	return nil
}

func TestAWaitForTheLockEnds(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	ctx, cancel := context.WithCancel(quiet)
	repo := &data.Repo{URL: url, GoMigrations: []data.Migration{{Number: 1, Name: "x", Up: func(context.Context, data.Tx) error {
		waiting := make(chan struct{})
		go func() { <-waiting; cancel() }()
		other := &data.Repo{URL: url, Migrations: files(unitFiles...)}
		wantFault(t, other.MigrateUp(telemetry.WithLogger(ctx, slog.New(&waitHandler{waiting: waiting}))), fault.Canceled)
		return nil
	}}}}
	if err := repo.MigrateUp(quiet); err != nil {
		t.Error(err)
	}
}

func TestPostgresHasToolsOfItsOwn(t *testing.T) {
	t.Parallel()
	url := "postgres://user:secret@localhost/fleet"
	repo := &data.Repo{URL: url}
	wantFault(t, repo.Backup(quiet, "x"), fault.Invalid, "pg_dump")
	wantFault(t, data.Restore(quiet, url, "x"), fault.Invalid, "pg_restore")
	wantFault(t, repo.Check(quiet), fault.Invalid, "pg_amcheck")
}
