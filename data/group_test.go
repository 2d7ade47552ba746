package data_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

// line has Writes stand in line behind one that is held up, so that they share its commit.
type line struct {
	t    *testing.T
	repo *data.Repo
	hold chan struct{}
	all  sync.WaitGroup
}

func newLine(t *testing.T, repo *data.Repo) *line {
	l := &line{t: t, repo: repo, hold: make(chan struct{})}
	held := make(chan struct{})
	l.all.Go(func() {
		err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
			close(held)
			<-l.hold
			return add(ctx, tx, "first")
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	return l
}

// write puts a function into the line, and gives what becomes of it to done.
func (l *line) write(ctx context.Context, fn func(context.Context, data.Tx) error, done func(error)) {
	before := l.repo.Stats().Waiting
	l.all.Go(func() {
		err := l.repo.Write(ctx, fn)
		if done != nil {
			done(err)
		} else if err != nil {
			l.t.Error(err)
		}
	})
	for l.repo.Stats().Waiting == before {
		runtime.Gosched()
	}
}

func (l *line) end() { close(l.hold); l.all.Wait() }

func adding(unit string) func(context.Context, data.Tx) error {
	return func(ctx context.Context, tx data.Tx) error { return add(ctx, tx, unit) }
}

func fileRepo(t *testing.T) *data.Repo {
	repo := &data.Repo{URL: "sqlite:" + t.TempDir() + "/fleet.db", Migrations: migrations}
	serve(t, repo)
	return repo
}

func TestWritesShareACommit(t *testing.T) {
	repo := fileRepo(t)
	before := repo.Stats().Commits
	l := newLine(t, repo)
	var want []string
	for i := range 10 {
		unit := fmt.Sprint("u", i)
		want = append(want, unit)
		l.write(t.Context(), adding(unit), nil)
	}
	l.end()
	wantUnits(t, repo, append([]string{"first"}, want...)...)
	if got := repo.Stats().Commits - before; got > 10 { // two, or more when the machine is slow
		t.Errorf("11 writes took %d commits", got)
	}
}

func TestOneOfAGroupFails(t *testing.T) {
	repo := fileRepo(t)
	l := newLine(t, repo)
	no := errors.New("no")
	var mu sync.Mutex
	var order []string
	heard := func(name string) func() { return func() { mu.Lock(); order = append(order, name); mu.Unlock() } }
	l.write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		tx.OnCommit(heard("a"))
		return add(ctx, tx, "a")
	}, nil)
	l.write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		tx.OnCommit(heard("never"))
		return errors.Join(add(ctx, tx, "never"), no)
	}, func(err error) {
		if !errors.Is(err, no) {
			t.Error(err)
		}
	})
	l.write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewInsert().Model(&Position{Unit: "lat", Lat: 91}).Exec(ctx)
		return err
	}, func(err error) { wantFault(t, err, fault.Conflict) })
	gone, cancel := context.WithCancel(t.Context())
	l.write(gone, func(ctx context.Context, tx data.Tx) error {
		cancel()
		return add(ctx, tx, "gone")
	}, func(err error) { wantFault(t, err, fault.Canceled) })
	l.write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		defer func() { recover() }()
		return tx.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			tx.OnCommit(heard("panic"))
			if err := add(ctx, tx, "panic"); err != nil {
				return err
			}
			panic("in the middle")
		})
	}, nil)
	l.write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		tx.OnCommit(heard("b"))
		return add(ctx, tx, "b")
	}, nil)
	l.end()
	wantUnits(t, repo, "first", "a", "b")
	if !slices.Equal(order, []string{"a", "b"}) {
		t.Errorf("heard of %q", order)
	}
}

// One whose asker leaves while a statement runs is rolled back alone.
func TestALeavingAskerTakesNobodyAlong(t *testing.T) {
	repo := fileRepo(t)
	l := newLine(t, repo)
	ctx, cancel := context.WithCancel(t.Context())
	l.write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := add(ctx, tx, "gone"); err != nil {
			return err
		}
		began := make(chan struct{})
		go func() { <-began; cancel() }()
		close(began)
		_, err := tx.ExecContext(ctx, `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000)
			INSERT INTO positions (unit, lat) SELECT 'many', x % 90 FROM c`)
		if err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}, func(err error) { wantFault(t, err, fault.Canceled) })
	l.write(t.Context(), adding("stays"), nil)
	l.end()
	wantUnits(t, repo, "first", "stays")
}

// A foreign key that is checked at the commit fails the Write that broke it, and no other.
func TestDeferredForeignKeys(t *testing.T) {
	datatest.Each(t, files("1_a.sql", `CREATE TABLE a (id BIGINT PRIMARY KEY);
		CREATE TABLE b (a BIGINT NOT NULL REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED);`), func(t *testing.T, repo *data.Repo) {
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
					if _, err := tx.NewRaw("INSERT INTO b VALUES (?)", i).Exec(ctx); err != nil || i%10 == 0 {
						return err
					}
					_, err := tx.NewRaw("INSERT INTO a VALUES (?)", i).Exec(ctx)
					return err
				})
				if i%10 == 0 {
					wantFault(t, err, fault.Conflict, "something that is not there")
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestGuard(t *testing.T) {
	repo := fileRepo(t)
	calls := 0
	no := fault.Conflict.Errorf("the claim is lost")
	guarded := func(err error) context.Context {
		return data.WithGuard(t.Context(), func(ctx context.Context, tx data.Tx) error {
			calls++
			if n, e := tx.NewSelect().Model((*Position)(nil)).Count(ctx); e != nil || n == 0 {
				t.Errorf("the guard sees %d rows, %v", n, e)
			}
			return err
		})
	}
	nested := func(ctx context.Context, tx data.Tx) error {
		return repo.Write(ctx, adding("a"))
	}
	if err := repo.Write(guarded(nil), nested); err != nil || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if err := repo.Write(guarded(no), nested); !errors.Is(err, no) || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	wantUnits(t, repo, "a")
}

func TestWriteOne(t *testing.T) {
	datatest.Each(t, files("1_a.sql", `CREATE TABLE a (id BIGINT PRIMARY KEY);`), func(t *testing.T, repo *data.Repo) {
		add := func(ctx context.Context, tx data.Tx, id int) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO a VALUES (?)", id)
			return err
		}
		want := func(want int) {
			t.Helper()
			err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
				var n int
				if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM a").Scan(&n); err != nil || n != want {
					t.Errorf("%d rows, want %d; %v", n, want, err)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		committed := 0
		one := func(id int) func(context.Context, data.Tx) error {
			return func(ctx context.Context, tx data.Tx) error {
				tx.OnCommit(func() { committed++ })
				return add(ctx, tx, id)
			}
		}
		if err := repo.WriteOne(t.Context(), one(1)); err != nil || committed != 1 {
			t.Errorf("%v, %d hooks", err, committed)
		}
		if err := repo.WriteOne(t.Context(), one(1)); fault.Of(err) != fault.Conflict || committed != 1 {
			t.Errorf("%v, %d hooks", err, committed)
		}
		err := repo.WriteOne(t.Context(), func(ctx context.Context, tx data.Tx) error {
			if _, err := tx.ExecContext(ctx, "SELECT 1"); err != nil {
				return err
			}
			return add(ctx, tx, 2)
		})
		wantFault(t, err, fault.Internal, "a second statement in a WriteOne")
		want(1)

		no := fault.Conflict.Errorf("the claim is lost")
		guarded := data.WithGuard(t.Context(), func(ctx context.Context, tx data.Tx) error {
			_, err := tx.ExecContext(ctx, "SELECT 1")
			return errors.Join(err, no)
		})
		if err := repo.WriteOne(guarded, one(3)); !errors.Is(err, no) || committed != 1 {
			t.Errorf("guarded: %v, %d hooks", err, committed)
		}
		want(1)

		err = repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
			if repo.InTransaction(t.Context()) || !repo.InTransaction(ctx) {
				t.Error("it does not know what is in a transaction")
			}
			return errors.Join(repo.WriteOne(ctx, one(4)), repo.WriteOne(ctx, one(5)))
		})
		if err != nil || committed != 3 {
			t.Errorf("inside a Write: %v, %d hooks", err, committed)
		}
		want(3)
	})
}

func BenchmarkWritesAtOnce(b *testing.B) {
	repo := benchRepo(b)
	b.SetParallelism(32)
	before := repo.Stats().Commits
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := insert(repo, "u"); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(repo.Stats().Commits-before), "writes/commit")
}
