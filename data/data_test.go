package data_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/uptrace/bun"
	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

type Position struct {
	bun.BaseModel `bun:"table:positions"`

	ID   int64 `bun:",pk,autoincrement"`
	Unit string
	Lat  float64
}

const positions = `CREATE TABLE positions (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	unit TEXT NOT NULL,
	lat REAL NOT NULL CHECK (lat BETWEEN -90 AND 90)
);`

// files makes migrations from names and scripts in turn.
func files(namesAndScripts ...string) fs.FS {
	all := fstest.MapFS{}
	for i := 0; i < len(namesAndScripts); i += 2 {
		all[namesAndScripts[i]] = &fstest.MapFile{Data: []byte(namesAndScripts[i+1])}
	}
	return all
}

var migrations = files("0001_create_positions.sql", positions)

// serve starts a repo and gives what stops it. A stop that is not called comes
// with the end of the test.
func serve(t testing.TB, repo *data.Repo) (stop func()) {
	t.Helper()
	if err := repo.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- repo.Serve(ctx); close(served) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func insert(repo *data.Repo, unit string) error {
	return repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewInsert().Model(&Position{Unit: unit, Lat: 1}).Exec(ctx)
		return err
	})
}

func units(t testing.TB, repo *data.Repo) (all []string) {
	t.Helper()
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model((*Position)(nil)).Column("unit").Order("id").Scan(ctx, &all)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantUnits(t testing.TB, repo *data.Repo, want ...string) {
	t.Helper()
	if got := units(t, repo); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("units = %q, want %q", got, want)
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind, parts ...string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Errorf("got %v (%v), want %v", err, fault.Of(err), kind)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

// The test binary is also the program that is killed in the tests of crashes.
func TestMain(m *testing.M) {
	if path := os.Getenv("BENNU_DATA_TEST_WRITE"); path != "" {
		writeForever(path)
	}
	if path := os.Getenv("BENNU_DATA_TEST_BOOT"); path != "" {
		boot(path)
	}
	if path := os.Getenv("BENNU_DATA_TEST_BACKUP"); path != "" {
		backupForever(path)
	}
	if url := os.Getenv("BENNU_DATA_TEST_SLEEP"); url != "" {
		sleepInMigration(url)
	}
	if url := os.Getenv("BENNU_DATA_TEST_HALF"); url != "" {
		migrateHalf(url)
	}
	if path := os.Getenv("BENNU_DATA_TEST_FULL_DISK"); path != "" {
		backupToAFullDisk(path)
	}
	slog.SetDefault(slog.New(slog.DiscardHandler))
	flag.Set("test.parallel", "8") // by default; most of them wait for a server or a disk
	goleak.VerifyTestMain(m)
}

func child(t *testing.T, env string) (lines *bufio.Scanner, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return bufio.NewScanner(out), func() { cmd.Process.Kill() }
}

func writeForever(path string) {
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	if err := repo.Start(context.Background()); err != nil {
		panic(err)
	}
	for i := 1; ; i++ {
		if err := insert(repo, fmt.Sprint(i)); err != nil {
			panic(err)
		}
		fmt.Println(i)
	}
}

func TestWhatWasCommittedSurvivesKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	lines, kill := child(t, "BENNU_DATA_TEST_WRITE="+path)
	printed := 0
	for lines.Scan() {
		if printed++; printed == 50 {
			kill()
		}
	}
	if printed < 50 {
		t.Fatalf("the child ended by itself after %d rows", printed)
	}
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	serve(t, repo)
	got := units(t, repo)
	if len(got) != printed && len(got) != printed+1 { // the last may have died before printing
		t.Errorf("%d rows are there, %d were committed", len(got), printed)
	}
	for i, unit := range got {
		if unit != fmt.Sprint(i+1) {
			t.Fatalf("row %d is %q", i+1, unit)
		}
	}
}

func manyMigrations() fs.FS {
	var all []string
	for i := 1; i <= 60; i++ {
		all = append(all, fmt.Sprintf("%04d_table.sql", i), fmt.Sprintf("CREATE TABLE t%d (x INT); INSERT INTO t%d VALUES (1);", i, i))
	}
	return files(all...)
}

func boot(path string) {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.NewTextHandler(os.Stdout, nil)))
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: manyMigrations()}
	if err := repo.Start(ctx); err != nil {
		panic(err)
	}
	os.Exit(0)
}

func TestKilledInTheMiddleOfMigrations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	lines, kill := child(t, "BENNU_DATA_TEST_BOOT="+path)
	for n := 1; lines.Scan(); n++ {
		if n == 10 {
			kill()
		}
	}

	// What is recorded is there, and nothing else.
	repo := &data.Repo{URL: "sqlite:" + path}
	stop := serve(t, repo)
	var recorded, tables int
	err := repo.Read(context.Background(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw(`SELECT (SELECT count(*) FROM bennu_migrations),
			(SELECT count(*) FROM sqlite_master WHERE name GLOB 't[0-9]*')`).Scan(ctx, &recorded, &tables)
	})
	if err != nil || recorded != tables || recorded < 10 {
		t.Errorf("%d recorded, %d tables, %v", recorded, tables, err)
	}
	stop()

	// The next boot does the rest.
	repo.Migrations = manyMigrations()
	serve(t, repo)
}
