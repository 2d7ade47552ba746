package data_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

// scan reads one value.
func scan[T any](t testing.TB, repo *data.Repo, query string) (v T) {
	t.Helper()
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw(query).Scan(ctx, &v)
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestPartsHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := datatest.Open(t, migrations)
	jobs := []string{"1_jobs.sql", "CREATE TABLE jobs (x INT);"}
	for range 2 {
		if err := repo.Migrate(ctx, "job", files(jobs...)); err != nil {
			t.Fatal(err)
		}
	}
	if err := repo.Migrate(ctx, "outbox", files("0001_outbox.sql", "CREATE TABLE outbox (x INT);")); err != nil {
		t.Fatal(err)
	}
	jobs = append(jobs, "2_more.sql", "INSERT INTO jobs VALUES (1);")
	if err := repo.Migrate(ctx, "job", files(jobs...)); err != nil {
		t.Fatal(err)
	}
	if n := scan[int](t, repo, "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM outbox)"); n != 1 {
		t.Errorf("%d rows", n)
	}
	states, err := repo.MigrationStatus(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range states {
		if s.Pending() || s.Half || s.Unknown {
			t.Errorf("%+v", s)
		}
		got = append(got, s.Part+"/"+s.Name)
	}
	if want := "/0001_create_positions.sql job/1_jobs.sql job/2_more.sql outbox/0001_outbox.sql"; strings.Join(got, " ") != want {
		t.Errorf("status is %q", got)
	}
	wantFault(t, repo.Migrate(ctx, "job", files(jobs[:2]...)), fault.Conflict, "newer than this program", "job 2_more.sql")
	wantFault(t, repo.Migrate(ctx, "job", files("1_jobs.sql", "", "2_more.sql", "", "3_bad.sql", "nonsense")), fault.Internal, "job 3_bad.sql is rolled back")
}

func TestPartsAreRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	repo := datatest.Open(t, nil)
	for _, part := range []string{"", "Job", "a b", "1a", "é", strings.Repeat("a", 64)} {
		wantFault(t, repo.Migrate(ctx, part, migrations), fault.Invalid, "a-z, 0-9 and _")
	}
	if err := repo.Migrate(ctx, strings.Repeat("a", 63), files("1_x.sql", "")); err != nil {
		t.Error(err)
	}
	wantFault(t, repo.Migrate(ctx, "job", files("x.sql", "")), fault.Invalid, "part job", "0001_create_positions.sql")
	wantFault(t, (&data.Repo{URL: "sqlite::memory:"}).Migrate(ctx, "job", migrations), fault.Unavailable, "list the repo")
	inside := func(ctx context.Context, tx data.Tx) error { return repo.Migrate(ctx, "job", migrations) }
	wantFault(t, repo.Write(ctx, inside), fault.Internal, "inside a transaction")
	wantFault(t, repo.Read(ctx, inside), fault.Internal, "inside a transaction")
}

func TestPartsObeyOnBoot(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "fleet.db")
	if err := start(path, migrations); err != nil {
		t.Fatal(err)
	}
	refuse := &data.Repo{URL: "sqlite:" + path, Migrations: migrations, OnBoot: data.Refuse}
	stop := serve(t, refuse)
	wantFault(t, refuse.Migrate(ctx, "job", migrations), fault.Conflict, "lacks job 0001_create_positions.sql", "OnBoot")
	stop()
	ignore := &data.Repo{URL: "sqlite:" + path, OnBoot: data.Ignore}
	serve(t, ignore)
	if err := ignore.Migrate(ctx, "job", migrations); err != nil {
		t.Error(err)
	}
	if n := scan[int](t, ignore, "SELECT count(*) FROM bennu_migrations"); n != 1 {
		t.Errorf("%d are recorded", n)
	}
}

func TestPartsThatAreListed(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "fleet.db")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations, Parts: []data.Part{data.SessionTables(), data.OutboxTables()}, OnBoot: data.Refuse}
	wantFault(t, repo.Start(ctx), fault.Conflict, "lacks sessions 0001_create_sessions.sql")
	states, err := repo.MigrationStatus(ctx)
	if err != nil || len(states) < 3 || !states[len(states)-1].Pending() || states[len(states)-1].Part != "sessions" {
		t.Errorf("%+v, %v", states, err)
	}
	var dry strings.Builder
	if err := repo.MigrateDryRun(ctx, data.Latest, &dry); err != nil || !strings.Contains(dry.String(), "-- sessions 0001_create_sessions.sql up") {
		t.Errorf("%v\n%s", err, &dry)
	}
	if err := repo.MigrateUp(ctx); err != nil {
		t.Fatal(err)
	}
	wantFault(t, repo.MigrateDryRun(ctx, 0, io.Discard), fault.Invalid, "no way down")
	serve(t, repo)
	if err := (&data.Sessions{Repo: repo}).Start(ctx); err != nil {
		t.Error(err)
	}
	wantFault(t, (&data.Repo{URL: "sqlite::memory:", Parts: []data.Part{{}}}).Start(ctx), fault.Invalid, "a-z, 0-9 and _")
}

// before is the table as it was when there were no parts.
func before(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec(`CREATE TABLE bennu_migrations (
			number BIGINT PRIMARY KEY,
			name TEXT NOT NULL,
			applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
		INSERT INTO bennu_migrations VALUES (1, '0001_create_positions.sql', '2026-01-02 03:04:05');` + positions)
	if err != nil {
		t.Fatal(err)
	}
}

func TestATableFromBeforePartsIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	before(t, path)
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	states, err := repo.MigrationStatus(t.Context())
	if err != nil || len(states) != 1 || states[0].Pending() {
		t.Errorf("before: %+v, %v", states, err)
	}

	serve(t, repo) // nothing to run, so the table stays
	if err := repo.Migrate(t.Context(), "job", files("1_jobs.sql", "CREATE TABLE jobs (x INT);")); err != nil {
		t.Fatal(err)
	}
	states, err = repo.MigrationStatus(t.Context())
	if err != nil || len(states) != 2 || states[0].Applied.Format("2006-01-02 15:04:05") != "2026-01-02 03:04:05" || states[1].Part != "job" {
		t.Errorf("after: %+v, %v", states, err)
	}
	wantUnits(t, repo)
}

func TestFilesPerEngine(t *testing.T) {
	t.Parallel()
	repo := datatest.Open(t, files(
		"1_a.sql", "not for SQLite",
		"1_a.sqlite.sql", "CREATE TABLE a (x INT);",
		"1_a.postgres.sql", "not for SQLite either",
		"1_a.down.sql", "DROP TABLE a;",
		"2_b.postgres.sql", "-- bennu:no transaction\nCREATE INDEX CONCURRENTLY b ON a (x);",
		"2_other.sqlite.sql", "INSERT INTO a VALUES (1);",
	))
	if n := scan[int](t, repo, "SELECT count(*) FROM a"); n != 1 {
		t.Errorf("%d rows", n)
	}
	if names := scan[string](t, repo, "SELECT group_concat(name) FROM (SELECT name FROM bennu_migrations ORDER BY number)"); names != "1_a.sql,2_other.sql" {
		t.Errorf("recorded as %s", names)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		files []string
		says  string
	}{
		{[]string{"1_a.down.sql", ""}, "no way up"},
		{[]string{"1_a.mysql.sql", ""}, ".sqlite, .postgres and .down"},
		{[]string{"1_a.down.sqlite.sql", ""}, ".sqlite, .postgres and .down"},
		{[]string{"0_a.sql", ""}, "begin with 1"},
		{[]string{"9223372036854775807_a.sql", ""}, "too large"},
		{[]string{"x/1_a.sql", "", "y/1_a.sql", ""}, "are the same one"},
		{[]string{"x/1_a.sqlite.sql", "", "y/1_a.sqlite.sql", "", "1_a.sql", ""}, "are the same one"},
		{[]string{"1_a.sql", "", "1_b.down.sql", ""}, "no way up"},
		{[]string{"1_a.sql", "", "1_a.down.sql", "COMMIT;"}, "leave BEGIN, COMMIT and ROLLBACK out"},
		{[]string{"1_a.sql", "-- bennu:no transaction\nVACUUM;"}, "only PostgreSQL"},
	} {
		err := (&data.Repo{URL: "sqlite::memory:", Migrations: files(c.files...)}).Start(context.Background())
		wantFault(t, err, fault.Invalid, c.says)
	}
}

// On a file, Writes in line share a transaction, which is open when the next one is let in.
func TestMigrateBesideWrites(t *testing.T) {
	t.Parallel()
	repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "fleet.db"), Migrations: migrations}
	serve(t, repo)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := insert(repo, "a"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 20 {
		part := fmt.Sprintf("p%d", i)
		if err := repo.Migrate(t.Context(), part, files("1_x.sql", "CREATE TABLE "+part+" (x INT);")); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writers.Wait()
}

// Another program that writes for long, such as one that migrates, is waited for.
func TestWaitingForTheOtherProgram(t *testing.T) {
	t.Parallel()
	made := func(t *testing.T) (url string) {
		path := filepath.Join(t.TempDir(), "fleet.db")
		if err := start(path, migrations); err != nil {
			t.Fatal(err)
		}
		return "sqlite:" + path
	}
	hold := func(t *testing.T, url string) {
		db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		t.Cleanup(func() { db.Close() })
		if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		var held sync.WaitGroup
		held.Go(func() {
			<-time.After(5500 * time.Millisecond) // longer than SQLite waits
			if _, err := db.Exec("ROLLBACK"); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(held.Wait)
	}
	t.Run("to start", func(t *testing.T) {
		t.Parallel()
		repo := &data.Repo{URL: made(t), Migrations: migrations}
		hold(t, repo.URL)
		serve(t, repo)
	})
	t.Run("to migrate", func(t *testing.T) {
		t.Parallel()
		repo := &data.Repo{URL: made(t), Migrations: migrations}
		serve(t, repo)
		hold(t, repo.URL)
		if err := repo.Migrate(t.Context(), "part", files("1_a.sql", "CREATE TABLE a (x);")); err != nil {
			t.Error(err)
		}
	})
}
