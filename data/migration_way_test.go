package data_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

func inserts(units ...string) func(context.Context, data.Tx) error {
	return func(ctx context.Context, tx data.Tx) error {
		for _, unit := range units {
			if err := add(ctx, tx, unit); err != nil {
				return err
			}
		}
		return nil
	}
}

// goAndBack is a set with a way down for all.
func goAndBack(url string) *data.Repo {
	return &data.Repo{
		URL: url,
		Migrations: files(
			"1_positions.sql", positions, "1_positions.down.sql", "DROP TABLE positions;",
			"3_c.sql", "INSERT INTO positions (unit, lat) VALUES ('c', 1);", "3_c.down.sql", "DELETE FROM positions WHERE unit = 'c';"),
		GoMigrations: []data.Migration{{
			Number: 2, Name: "two",
			Up: inserts("a", "b"),
			Down: func(ctx context.Context, tx data.Tx) error {
				_, err := tx.NewRaw("DELETE FROM positions WHERE unit IN (?, ?)", "a", "b").Exec(ctx)
				return err
			},
		}},
	}
}

func TestUpAndDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := goAndBack("sqlite::memory:")
	serve(t, repo)
	wantUnits(t, repo, "a", "b", "c")
	for _, c := range []struct {
		name string
		do   func() error
		want string // of the units, or no table
	}{
		{"down 1", func() error { return repo.MigrateDown(ctx, 1) }, "a b"},
		{"down 0", func() error { return repo.MigrateDown(ctx, 0) }, "a b"},
		{"up", func() error { return repo.MigrateUp(ctx) }, "a b c"},
		{"to 1", func() error { return repo.MigrateTo(ctx, 1) }, ""},
		{"to 2", func() error { return repo.MigrateTo(ctx, 2) }, "a b"},
		{"to the same", func() error { return repo.MigrateTo(ctx, 2) }, "a b"},
		{"to 0", func() error { return repo.MigrateTo(ctx, 0) }, "no table"},
		{"to Latest", func() error { return repo.MigrateTo(ctx, data.Latest) }, "a b c"},
		{"down too far", func() error { return repo.MigrateDown(ctx, 99) }, "no table"},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if c.want == "no table" {
			if n := scan[int](t, repo, "SELECT count(*) FROM sqlite_master WHERE name = 'positions'"); n != 0 {
				t.Errorf("%s: the table is still there", c.name)
			}
			continue
		}
		if got := strings.Join(units(t, repo), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, number := range []int64{-1, 4, data.Latest - 1} {
		wantFault(t, repo.MigrateTo(ctx, number), fault.Invalid, "there is no migration")
	}
}

func TestNoWayDown(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := goAndBack("sqlite::memory:")
	repo.GoMigrations[0].Down = nil
	serve(t, repo)
	wantFault(t, repo.MigrateTo(ctx, 0), fault.Invalid, "0002_two has no way down")
	wantFault(t, repo.MigrateDryRun(ctx, 1, io.Discard), fault.Invalid, "0002_two has no way down")
	wantUnits(t, repo, "a", "b", "c") // nothing was undone
	if err := repo.MigrateTo(ctx, 2); err != nil {
		t.Error(err)
	}
}

func TestADownThatFails(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: files("1_positions.sql", positions, "1_positions.down.sql", "DROP TABLE positions; nonsense;")}
	serve(t, repo)
	wantFault(t, repo.MigrateDown(ctx, 1), fault.Internal, "1_positions.sql is rolled back")
	wantUnits(t, repo)
}

func TestGoMigrations(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	for _, c := range []struct {
		name string
		up   func(repo *data.Repo) func(context.Context, data.Tx) error
		kind fault.Kind
		says string
		want []string
	}{
		{"an error", func(*data.Repo) func(context.Context, data.Tx) error {
			return func(ctx context.Context, tx data.Tx) error {
				return errors.Join(add(ctx, tx, "x"), failed)
			}
		}, fault.Internal, "0002_go is rolled back", nil},
		{"a Write of the repo joins", func(repo *data.Repo) func(context.Context, data.Tx) error {
			return func(ctx context.Context, tx data.Tx) error { return repo.Write(ctx, inserts("x")) }
		}, 0, "", []string{"x"}},
		{"no Migrate in it", func(repo *data.Repo) func(context.Context, data.Tx) error {
			return func(ctx context.Context, tx data.Tx) error { return repo.MigrateUp(ctx) }
		}, fault.Internal, "inside a transaction", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fleet.db")
			repo := &data.Repo{URL: "sqlite:" + path, Migrations: files("1_positions.sql", positions)}
			repo.GoMigrations = []data.Migration{{Number: 2, Name: "go", Up: c.up(repo)}}
			err := repo.MigrateUp(context.Background())
			if c.says == "" && err != nil {
				t.Fatal(err)
			} else if c.says != "" {
				wantFault(t, err, c.kind, c.says)
			}
			repo.OnBoot = data.Ignore
			serve(t, repo)
			wantUnits(t, repo, c.want...)
		})
	}
}

func TestRefusedGoMigrations(t *testing.T) {
	t.Parallel()
	up := inserts()
	for _, c := range []struct {
		m    data.Migration
		says string
	}{
		{data.Migration{Number: 0, Name: "x", Up: up}, "1 or more"},
		{data.Migration{Number: 2, Name: "a b", Up: up}, "split_names"},
		{data.Migration{Number: 2, Name: "", Up: up}, "split_names"},
		{data.Migration{Number: 2, Name: "x"}, "has no Up"},
		{data.Migration{Number: 1, Name: "x", Up: up}, "same number"},
	} {
		repo := &data.Repo{URL: "sqlite::memory:", Migrations: migrations, GoMigrations: []data.Migration{c.m}}
		wantFault(t, repo.Start(context.Background()), fault.Invalid, c.says)
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "fleet.db")
	repo := goAndBack("sqlite:" + path)
	var out bytes.Buffer
	if err := repo.MigrateDryRun(ctx, data.Latest, &out); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a dry run makes the file")
	}
	want := "-- 1_positions.sql up\n" + positions + "\n\n" +
		"-- 0002_two up\n" +
		`INSERT INTO "positions" ("unit", "lat") VALUES ('a', 0) RETURNING "id";` + "\n" +
		`INSERT INTO "positions" ("unit", "lat") VALUES ('b', 0) RETURNING "id";` + "\n\n" +
		"-- 3_c.sql up\nINSERT INTO positions (unit, lat) VALUES ('c', 1);\n\n"
	if out.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", &out, want)
	}

	stop := serve(t, repo)
	out.Reset()
	if err := repo.MigrateDryRun(ctx, 1, &out); err != nil {
		t.Fatal(err)
	}
	want = "-- 3_c.sql down\nDELETE FROM positions WHERE unit = 'c';\n\n" +
		"-- 0002_two down\nDELETE FROM positions WHERE unit IN ('a', 'b');\n\n"
	if out.String() != want {
		t.Errorf("it prints\n%s\nwant\n%s", &out, want)
	}
	wantUnits(t, repo, "a", "b", "c")
	stop()

	repo.Migrations = files("1_positions.sql", positions, "3_c.sql", "", "4_d.sql", "INSERT INTO nowhere VALUES (1)")
	out.Reset()
	wantFault(t, repo.MigrateDryRun(ctx, data.Latest, &out), fault.Internal, "4_d.sql would fail", "nowhere")
	if !strings.Contains(out.String(), "INSERT INTO nowhere VALUES (1)\n;") {
		t.Errorf("it prints %s", &out)
	}
	repo.Migrations = nil
	wantFault(t, repo.MigrateDryRun(ctx, data.Latest, io.Discard), fault.Conflict, "does not know its migration")
}

func TestOnBoot(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	boot := func(policy data.Boot, set ...string) error {
		repo := &data.Repo{URL: "sqlite:" + path, Migrations: files(set...), OnBoot: policy}
		if err := repo.Start(context.Background()); err != nil {
			return err
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return repo.Serve(ended)
	}
	five := []string{"1_positions.sql", positions, "2_b.sql", "", "3_c.sql", "", "4_d.sql", "", "5_e.sql", ""}
	wantFault(t, boot(data.Refuse, five...), fault.Conflict, "lacks 1_positions.sql, 2_b.sql, 3_c.sql and 2 more", "fleet.db")
	if err := boot(data.Ignore, five...); err != nil {
		t.Error(err)
	}
	wantFault(t, boot(data.Refuse, five[:2]...), fault.Conflict, "lacks 1_positions.sql: run")
	if err := boot(data.Run, five[:2]...); err != nil {
		t.Error(err)
	}
	if err := boot(data.Refuse, five[:2]...); err != nil {
		t.Error(err)
	}
	wantFault(t, boot(data.Refuse, "1_other.sql", ""), fault.Conflict, "1_other.sql is in the database as 1_positions.sql")
	if err := boot(data.Ignore, "1_other.sql", ""); err != nil {
		t.Error(err)
	}
}

func TestBootIsText(t *testing.T) {
	t.Parallel()
	for _, b := range []data.Boot{data.Run, data.Refuse, data.Ignore} {
		text, err := b.MarshalText()
		got := data.Boot(9)
		if err != nil || got.UnmarshalText(text) != nil || got != b {
			t.Errorf("%v becomes %v", b, got)
		}
	}
	var b data.Boot
	wantFault(t, b.UnmarshalText([]byte("RUN")), fault.Invalid, "run, refuse or ignore")
	if s := data.Boot(3).String(); s != "Boot(3)" {
		t.Error(s)
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "fleet.db")
	repo := goAndBack("sqlite:" + path)
	states, err := repo.MigrationStatus(ctx)
	if err != nil || len(states) != 3 || !states[0].Pending() || !states[0].Down {
		t.Errorf("%+v, %v", states, err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the status makes the file")
	}
	if err := repo.MigrateTo(ctx, 2); err != nil {
		t.Fatal(err)
	}
	repo.GoMigrations = nil
	if states, err = repo.MigrationStatus(ctx); err != nil || len(states) != 3 {
		t.Fatalf("%+v, %v", states, err)
	}
	if !states[1].Unknown || states[1].Name != "0002_two" || states[1].Pending() || !states[2].Pending() || states[0].Pending() {
		t.Errorf("%+v", states)
	}
	wantFault(t, repo.MigrateUp(ctx), fault.Conflict, "0002_two")
}

func TestHalfDoneIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := datatest.Open(t, migrations)
	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("UPDATE bennu_migrations SET done = FALSE").Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, repo.MigrateUp(ctx), fault.Conflict, "cut off half-way", "SET done = TRUE WHERE part = '' AND number = 1", "DELETE FROM bennu_migrations WHERE part = '' AND number = 1")
	states, err := repo.MigrationStatus(ctx)
	if err != nil || !states[0].Half {
		t.Errorf("%+v, %v", states, err)
	}
}
