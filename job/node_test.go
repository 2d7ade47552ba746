package job_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
)

// bubble runs a test with a clock of its own, on a database in memory.
func bubble(t *testing.T, test func(t *testing.T, repo *data.Repo)) {
	synctest.Test(t, func(t *testing.T) { test(t, memoryRepo(t)) })
}

func TestScheduled(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var ran []time.Duration
		begin := time.Now()
		j := job.Define("j", func(context.Context, int) error {
			ran = append(ran, time.Since(begin))
			if len(ran) == 2 {
				return errors.New("again")
			}
			return nil
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		for _, o := range []job.InsertOption{job.In(10 * time.Second), job.At(begin.Add(5 * time.Minute)), job.At(begin.Add(-time.Hour))} {
			if _, err := j.Enqueue(w, 1, o); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		w.stop()
		want := []time.Duration{0, 10 * time.Second, 11 * time.Second, 5 * time.Minute} // the second fails, and is tried again
		if len(ran) != len(want) {
			t.Fatalf("they ran after %v", ran)
		}
		for i := range want {
			if late := ran[i] - want[i]; late < 0 || late > 500*time.Millisecond {
				t.Errorf("run %d was after %v, want %v", i, ran[i], want[i])
			}
		}
	})
}

func TestTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		began := time.Now()
		var left, cause atomic.Value
		heeds := job.Define("heeds", func(ctx context.Context, _ int) error {
			<-ctx.Done()
			cause.Store(context.Cause(ctx))
			left.Store(time.Since(began))
			return ctx.Err()
		}, job.Timeout(time.Minute), job.Retry{Attempts: 1})
		never := make(chan struct{})
		defer close(never)
		ignores := job.Define("ignores", func(ctx context.Context, _ int) error { <-never; return nil }, job.Timeout(time.Minute), job.Retry{Attempts: 1})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{heeds, ignores}, Queues: map[string]job.Queue{"default": {Concurrency: 2}}})
		a, err := heeds.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ignores.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(62 * time.Second)
		if got := w.load(t, a.ID); got.state != job.Discarded || got.failures[0].Text != "job: the attempt took longer than its Timeout" || left.Load() != time.Minute {
			t.Errorf("the one that heeds its context is %+v after %v (%v)", got, left.Load(), cause.Load())
		}
		if got := w.load(t, b.ID); got.state != job.Running {
			t.Errorf("the one that does not is %v", got.state)
		}
		time.Sleep(5 * time.Second)
		if got := w.load(t, b.ID); got.state != job.Discarded || w.counters.Counter("process.abandoned").Value() != 1 {
			t.Errorf("then it is %+v", got)
		}
		w.stop()
	})
}

func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		never := make(chan struct{})
		defer close(never)
		j := job.Define("j", func(ctx context.Context, how string) error {
			switch how {
			case "quick":
				time.Sleep(2 * time.Second)
			case "heeds":
				<-ctx.Done()
				return ctx.Err()
			case "ignores":
				<-never
			}
			return nil
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{"default": {Concurrency: 3}}})
		refs, err := j.EnqueueAll(w, []string{"quick", "heeds", "ignores", "not begun"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("it took %v", took)
		}
		for i, want := range []job.State{job.Completed, job.Available, job.Available, job.Available} {
			if got := w.load(t, refs[i].ID); got.state != want || want == job.Available && got.attempt != 0 {
				t.Errorf("job %d is %v in attempt %d", i, got.state, got.attempt)
			}
		}
		var n int
		err = repo.Read(w, func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT (SELECT COUNT(*) FROM bennu_job_nodes) + (SELECT COUNT(*) FROM bennu_job_leader)").Scan(ctx, &n)
		})
		if n != 0 || err != nil {
			t.Errorf("the node has left %d rows behind (%v)", n, err)
		}
	})
}

// TestDeadNode has a job that runs on a node that gives no sign of life.
func TestDeadNode(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var ran atomic.Int64
		j := job.Define("j", func(ctx context.Context, _ int) error { ran.Store(int64(job.Current(ctx).Attempt)); return nil })
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		refs, err := j.EnqueueAll(w, []int{1, 2, 3}, job.In(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		a, lastTry, orphan := refs[0], refs[1], refs[2]
		w.exec(t, "INSERT INTO bennu_job_nodes (id, name, beat) VALUES (7, 'dead', 1)")
		w.exec(t, "UPDATE bennu_jobs SET state = 1, owner = 7, attempt = 1, claims = 1 WHERE id IN (?, ?)", a.ID, lastTry.ID)
		w.exec(t, "UPDATE bennu_jobs SET attempts = 1 WHERE id = ?", lastTry.ID)
		w.exec(t, "UPDATE bennu_jobs SET state = 1, owner = 8, attempt = 1, claims = 1 WHERE id = ?", orphan.ID)
		time.Sleep(4 * time.Second)
		if got := w.load(t, a.ID); got.state != job.Running {
			t.Errorf("after 4 s it is %v", got.state)
		}
		if got := w.load(t, orphan.ID); got.state != job.Completed {
			t.Errorf("one whose node is not there is %v", got.state)
		}
		time.Sleep(4 * time.Second)
		if got := w.load(t, a.ID); got.state != job.Completed || ran.Load() != 2 || len(got.failures) != 1 {
			t.Errorf("after 8 s it is %+v", got)
		}
		if got := w.load(t, lastTry.ID); got.state != job.Discarded {
			t.Errorf("one whose last attempt it was is %v", got.state)
		}
		w.stop()
	})
}

// TestLivingNode has a job on another node that does give signs of life, and a clock that
// jumps.
func TestLivingNode(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var jump atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		goOn := make(chan struct{})
		j := job.Define("j", func(ctx context.Context, _ int) error { <-goOn; return nil })
		a := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Now: now})
		b := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Now: now})
		ref, err := j.Enqueue(a, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []time.Duration{0, 24 * time.Hour, -24 * time.Hour} {
			jump.Store(int64(by))
			time.Sleep(time.Minute)
			if got := a.load(t, ref.ID); got.state != job.Running || got.attempt != 1 {
				t.Errorf("a minute after a jump by %v it is %+v", by, got)
			}
		}
		late, err := j.Enqueue(a, 2, job.In(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		jump.Store(int64(-23 * time.Hour))
		close(goOn)
		time.Sleep(time.Second)
		for _, r := range []job.Ref{ref, late} {
			if got := a.load(t, r.ID); got.state != job.Completed || got.attempt != 1 {
				t.Errorf("then it is %+v", got)
			}
		}
		a.stop()
		b.stop()
	})
}

// TestLeader has another node take over what the leader does.
func TestLeader(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		j := job.Define("j", func(ctx context.Context, _ int) error { return nil })
		a := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		b := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		ref, err := j.Enqueue(a, 1, job.In(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		a.stop()
		time.Sleep(12 * time.Second)
		if got := b.load(t, ref.ID); got.state != job.Completed {
			t.Errorf("after the leader has gone, a job that is due is %v", got.state)
		}
		// One that dies without a word.
		if ref, err = j.Enqueue(b, 1, job.In(20*time.Second)); err != nil {
			t.Fatal(err)
		}
		b.exec(t, "INSERT INTO bennu_job_nodes (id, name, beat) VALUES (7, 'dead', 1)")
		b.exec(t, "UPDATE bennu_job_leader SET owner = 7")
		time.Sleep(22 * time.Second)
		if got := b.load(t, ref.ID); got.state != job.Completed {
			t.Errorf("after the leader has died, a job that is due is %v", got.state)
		}
		b.stop()
	})
}

// TestFence has a database that cannot be written for longer than a lease.
func TestFence(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var runs atomic.Int64
		var lost, ended atomic.Value
		begin := time.Now()
		j := job.Define("j", func(ctx context.Context, _ int) error {
			if runs.Add(1) > 1 {
				return nil
			}
			<-ctx.Done()
			ended.Store(time.Since(begin))
			lost.Store(context.Cause(ctx))
			return ctx.Err()
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		ref, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		w.exec(t, "ALTER TABLE bennu_job_nodes RENAME TO away")
		time.Sleep(30 * time.Second)
		w.exec(t, "ALTER TABLE away RENAME TO bennu_job_nodes")
		time.Sleep(5 * time.Second)
		if got := w.load(t, ref.ID); got.state != job.Completed || got.attempt != 1 || runs.Load() != 2 {
			t.Errorf("it is %+v after %d runs", got, runs.Load())
		}
		if at, _ := ended.Load().(time.Duration); at < 3*time.Second || at > 5*time.Second {
			t.Errorf("its context ended after %v", at)
		}
		if w.counters.Counter("job.fenced").Value() != 1 {
			t.Error("the node was not fenced")
		}
		w.stop()
	})
}

// TestTakenForDead has a node whose row was deleted while it lives.
func TestTakenForDead(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var runs atomic.Int64
		errs := make(chan error, 2)
		j := job.Define("j", func(ctx context.Context, _ int) error {
			if runs.Add(1) > 1 {
				return nil
			}
			<-ctx.Done()
			errs <- job.Commit(context.WithoutCancel(ctx), func(ctx context.Context, tx data.Tx) error {
				_, err := tx.NewRaw("INSERT INTO bennu_job_nodes (id, name, beat) VALUES (99, 'effect', 1)").Exec(ctx)
				return err
			})
			return ctx.Err()
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		ref, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		w.exec(t, "DELETE FROM bennu_job_nodes")
		time.Sleep(10 * time.Second)
		if err := <-errs; !errors.Is(err, job.ErrLost) {
			t.Errorf("an attempt that is lost commits: %v", err)
		}
		if got := w.load(t, ref.ID); got.state != job.Completed || runs.Load() != 2 {
			t.Errorf("it is %+v after %d runs", got, runs.Load())
		}
		w.stop()
	})
}

// TestTakenForDeadAndBack has a node whose job was given back, and that is the first to see it.
func TestTakenForDeadAndBack(t *testing.T) {
	bubble(t, func(t *testing.T, repo *data.Repo) {
		var running, most, runs atomic.Int64
		j := job.Define("j", func(ctx context.Context, _ int) error {
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			if runs.Add(1) == 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		ref, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		w.exec(t, "UPDATE bennu_jobs SET state = 0")
		time.Sleep(10 * time.Second)
		if got := w.load(t, ref.ID); got.state != job.Completed || most.Load() != 1 || runs.Load() != 2 {
			t.Errorf("it is %+v after %d runs, %d at a time", got, runs.Load(), most.Load())
		}
		w.stop()
	})
}

// TestLongTransaction has jobs keep all connections for longer than a lease: the node lives.
func TestLongTransaction(t *testing.T) {
	const long = 1600 * time.Millisecond
	test := func(t *testing.T, repo *data.Repo, jobs int, fn func(context.Context) error) {
		datatest.Start(t, repo)
		j := job.Define("j", func(ctx context.Context, _ int) error { return fn(ctx) })
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Lease: time.Second})
		other := &data.Repo{URL: repo.URL}
		datatest.Start(t, other)
		start(t, &job.Runner{Repo: other, Jobs: []job.Definition{j}, Lease: time.Second, Queues: map[string]job.Queue{}})
		if _, err := j.EnqueueAll(w, make([]int, jobs)); err != nil {
			t.Fatal(err)
		}
		w.untilRows(t, "state = 4 AND claims = 1", jobs)
		if n := w.counters.Counter("job.fenced").Value(); n != 0 {
			t.Errorf("it was fenced %d times", n)
		}
	}
	t.Run("sqlite", func(t *testing.T) {
		repo := &data.Repo{URL: "sqlite:" + filepath.Join(t.TempDir(), "jobs.db")}
		test(t, repo, 2, func(ctx context.Context) error {
			return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				select {
				case <-time.After(long):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	})
	t.Run("postgres", func(t *testing.T) {
		repo := &data.Repo{URL: pgtest.URL(t), Connections: 2}
		test(t, repo, 2, func(ctx context.Context) error {
			return repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
				_, err := tx.NewRaw("SELECT pg_sleep(?)", long.Seconds()).Exec(ctx)
				return err
			})
		})
	})
}
