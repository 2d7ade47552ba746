package datatest_test

import (
	"context"
	"io/fs"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
)

func add(t *testing.T, repo *data.Repo, x int) {
	t.Helper()
	err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("INSERT INTO a VALUES (?)", x).Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, repo *data.Repo) (n int) {
	t.Helper()
	err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT sum(x) FROM a").Scan(ctx, &n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var withA = fstest.MapFS{
	"1_a.sql": {Data: []byte("CREATE TABLE a (x INT)")},
	"2_b.sql": {Data: []byte("INSERT INTO a VALUES (1)")},
}

func TestEachIsBothEnginesInParallel(t *testing.T) {
	var engines [2]atomic.Int32
	t.Run("", func(t *testing.T) {
		for i := range 3 {
			datatest.Each(t, withA, func(t *testing.T, repo *data.Repo) {
				t.Parallel()
				if n := sum(t, repo); n != 1 { // not what the others add
					t.Errorf("it has %d at the start", n)
				}
				add(t, repo, 10*(i+1))
				if n := sum(t, repo); n != 10*(i+1)+1 {
					t.Errorf("it has %d", n)
				}
				switch repo.Engine() {
				case data.SQLite:
					engines[0].Add(1)
				case data.Postgres:
					engines[1].Add(1)
				}
			})
		}
	})
	// There may be no PostgreSQL on the machine.
	if n := engines[1].Load(); engines[0].Load() != 3 || n != 0 && n != 3 {
		t.Errorf("%d on SQLite, %d on PostgreSQL", engines[0].Load(), engines[1].Load())
	}
}

func TestEachOfOtherMigrations(t *testing.T) {
	datatest.Each(t, withA, func(t *testing.T, repo *data.Repo) {})
	other := fstest.MapFS{"1_a.sql": withA["1_a.sql"], "2_b.sql": {Data: []byte("INSERT INTO a VALUES (2)")}}
	datatest.Each(t, other, func(t *testing.T, repo *data.Repo) {
		if n := sum(t, repo); n != 2 {
			t.Errorf("it has %d", n)
		}
	})
}

func TestTwoReposOnOneDatabase(t *testing.T) {
	two := func(t *testing.T, one *data.Repo, migrations fs.FS) {
		t.Helper()
		other := &data.Repo{URL: one.URL, Migrations: migrations}
		datatest.Start(t, other)
		add(t, one, 5)
		add(t, other, 6)
		if n := sum(t, one); n != sum(t, other) || n < 11 {
			t.Errorf("it has %d", n)
		}
	}
	datatest.Each(t, withA, func(t *testing.T, one *data.Repo) { two(t, one, withA) })
	datatest.EachURL(t, func(t *testing.T, url string) {
		one := &data.Repo{URL: url, Migrations: withA}
		datatest.Start(t, one)
		two(t, one, withA)
	})
}

func TestEachWithoutMigrations(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		if err := repo.Health(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
