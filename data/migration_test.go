package data_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/pubsub"
)

// start boots and stops.
func start(path string, migrations fs.FS) error {
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: migrations}
	if err := repo.Start(context.Background()); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	return repo.Serve(ended)
}

func TestMigrationsRunOnceInOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	set := []string{
		"sql/10_third.sql", "INSERT INTO positions (unit, lat) VALUES ('third?', 3); -- done",
		"sql/9_second.sql", "INSERT INTO positions (unit, lat) VALUES ('second', 2);",
		"sql/001_first.sql", positions,
		"sql/README.md", "not SQL",
		"sql/011_nothing.sql", "-- nothing yet\n",
	}
	for range 2 {
		if err := start(path, files(set...)); err != nil {
			t.Fatal(err)
		}
	}
	set = append(set,
		"sql/8_late.sql", "INSERT INTO positions (unit, lat) VALUES ('late', 8);",
		"sql/12_trigger.sql", "CREATE TRIGGER log AFTER DELETE ON positions BEGIN\n INSERT INTO positions (unit, lat) VALUES ('log', 0);\nEND;")
	repo := &data.Repo{URL: "sqlite:" + path, Migrations: files(set...)}
	serve(t, repo)
	wantUnits(t, repo, "second", "third?", "late")
}

func TestAMigrationIsAllOrNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	err := start(path, files("1_good.sql", positions,
		"2_bad.sql", "INSERT INTO positions (unit, lat) VALUES ('half', 2); CREATE TABLE other (x); INSERT INTO nowhere VALUES (1);"))
	wantFault(t, err, fault.Internal, "2_bad.sql is rolled back", "no such table: nowhere", "fleet.db")

	repo := &data.Repo{URL: "sqlite:" + path, Migrations: files("1_good.sql", positions, "2_bad.sql", "CREATE TABLE other (x);")}
	serve(t, repo)
	wantUnits(t, repo)
}

func TestAMigrationMayRebuildATable(t *testing.T) {
	t.Parallel()
	base := `CREATE TABLE units (id TEXT PRIMARY KEY);
		CREATE TABLE seats (unit TEXT NOT NULL REFERENCES units (id) ON DELETE CASCADE);
		INSERT INTO units VALUES ('a'); INSERT INTO seats VALUES ('a');`
	rebuild := `CREATE TABLE new_units (id TEXT PRIMARY KEY, size INT NOT NULL DEFAULT 1);
		INSERT INTO new_units (id) SELECT id FROM units;
		DROP TABLE units; ALTER TABLE new_units RENAME TO units;`
	repo := datatest.Open(t, files("1_base.sql", base, "2_rebuild.sql", rebuild))
	err := repo.Write(context.Background(), func(ctx context.Context, tx data.Tx) error {
		var n int
		if err := tx.NewRaw("SELECT count(*) FROM seats, units WHERE unit = id AND size = 1").Scan(ctx, &n); err != nil || n != 1 {
			t.Errorf("%d seats, %v", n, err)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO seats VALUES ('nobody')")
		return err
	})
	wantFault(t, err, fault.Conflict) // they are checked again

	err = start(filepath.Join(t.TempDir(), "fleet.db"), files("1_base.sql", base, "2_orphans.sql", "DELETE FROM units;"))
	wantFault(t, err, fault.Conflict, "2_orphans.sql is rolled back", "table seats")
}

func TestRefusedMigrations(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	if err := start(path, files("1_one.sql", positions, "2_two.sql", "")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		set  []string
		kind fault.Kind
		says string
	}{
		{[]string{"1_one.sql", positions}, fault.Conflict, "newer than this program, which does not know its migration 2_two.sql"},
		{[]string{"1_one.sql", positions, "2_other.sql", ""}, fault.Conflict, "2_other.sql is in the database as 2_two.sql"},
		{[]string{"1_one.sql", "", "01_uno.sql", ""}, fault.Invalid, "same number"},
		{[]string{"one.sql", ""}, fault.Invalid, "0001_create_positions.sql"},
		{[]string{"99999999999999999999_x.sql", ""}, fault.Invalid, "too large"},
		{[]string{"1_one.sql", "Begin Immediate;\nSELECT 1;\nCOMMIT;"}, fault.Invalid, "transaction already"},
		{[]string{"README.md", ""}, fault.Invalid, "no .sql file"},
	} {
		wantFault(t, start(path, files(c.set...)), c.kind, c.says)
	}
}

func TestBootingAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := start(path, manyMigrations()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := start(path, manyMigrations()); err != nil {
		t.Error(err)
	}
}

// A migration may run before there is an outbox.
func TestAMigrationHasNoEffects(t *testing.T) {
	t.Parallel()
	repo := &data.Repo{URL: "sqlite::memory:", GoMigrations: []data.Migration{{Number: 1, Name: "tell", Up: func(ctx context.Context, tx data.Tx) error {
		return tx.Emit(ctx, data.Publish(pubsub.Topic[string]("a"), "b"))
	}}}}
	wantFault(t, repo.Start(t.Context()), fault.Unavailable, "1_tell is rolled back", "no outbox that runs")
}
