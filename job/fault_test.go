package job_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
)

// TestServerKilled kills the database server under load.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	server := pgtest.Start(t)
	repo := &data.Repo{URL: server.URL()}
	datatest.Start(t, repo)
	r := worker(repo)
	r.Lease = 10 * time.Second
	r.Queues = map[string]job.Queue{"default": {Concurrency: 20}}
	w := start(t, r)
	w.exec(t, "CREATE TABLE effects (n INTEGER)")
	const jobs = 2000
	ins := make([]int, jobs)
	for i := range ins {
		ins[i] = i
	}
	again := job.Retry{Attempts: 100}
	for _, j := range []*job.Job[int]{effect, plain} {
		if _, err := j.EnqueueAll(w, ins, again); err != nil {
			t.Fatal(err)
		}
	}
	for _, done := range []int{500, 1500} {
		eventually(t, func() bool { return w.tryRows("state = 4") >= done })
		server.Kill(t)
		server.Start(t)
	}
	// A job that could not be stored has failed, and is tried again after a second and more.
	for deadline := time.Now().Add(60 * time.Second); w.tryRows("state = 4") < 2*jobs; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d have completed, %d run, %d wait", w.tryRows("state = 4"), w.tryRows("state = 1"), w.tryRows("state = 2"))
		}
	}
	var effects, distinct int
	err := repo.Read(w, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COUNT(*), COUNT(DISTINCT n) FROM effects").Scan(ctx, &effects, &distinct)
	})
	if err != nil || effects != jobs || distinct != jobs {
		t.Errorf("%d effects of %d jobs are stored (%v)", effects, distinct, err)
	}
	t.Logf("%d claims failed, %d were lost", w.counters.Counter("job.claims.failed").Value(), w.counters.Counter("job.claims.lost").Value())
}

// TestTwoNodes has two nodes work on the same jobs.
func TestTwoNodes(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var mu sync.Mutex
		runs := make(map[int]int)
		j := job.Define("j", func(_ context.Context, n int) error {
			mu.Lock()
			defer mu.Unlock()
			runs[n]++
			return nil
		})
		const jobs = 3000
		queues := map[string]job.Queue{"default": {Concurrency: 20}}
		a := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: queues})
		start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: queues})
		ins := make([]int, jobs)
		for i := range ins {
			ins[i] = i
		}
		if _, err := j.EnqueueAll(a, ins); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		a.untilRows(t, "state = 4", jobs)
		t.Log(time.Since(begin), a.counters.Snapshot())
		for n, times := range runs {
			if times != 1 {
				t.Fatalf("job %d ran %d times", n, times)
			}
		}
		if len(runs) != jobs || a.rows(t, "attempt <> 1 OR claims <> 1") != 0 {
			t.Errorf("%d jobs ran", len(runs))
		}
	})
}

// TestOtherNodeIsTold inserts on one node what another works on.
func TestOtherNodeIsTold(t *testing.T) {
	repo := postgresRepo(t)
	began := make(chan time.Time)
	j := job.Define("j", func(context.Context, int) error { began <- time.Now(); return nil })
	a := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{}})
	start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Poll: time.Hour})
	for i := range 3 {
		// The nodes see each other within a second.
		eventually(t, func() bool {
			if _, err := j.Enqueue(a, i); err != nil {
				t.Fatal(err)
			}
			select {
			case <-began:
				return true
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
	}
	go func() {
		for range began {
		}
	}()
	t.Cleanup(func() { close(began) })
	a.untilRows(t, "state <> 4", 0)
}

// TestCommit has effects that are stored with the job's completion, or not at all.
func TestCommit(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		oops := errors.New("oops")
		var after atomic.Value
		insert := func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw("INSERT INTO effects (n) VALUES (1)").Exec(ctx)
			return err
		}
		j := job.Define("j", func(ctx context.Context, how string) error {
			switch how {
			case "fails inside":
				return job.Commit(ctx, func(ctx context.Context, tx data.Tx) error { return errors.Join(insert(ctx, tx), oops) })
			case "fails after":
				if err := job.Commit(ctx, insert); err != nil {
					return err
				}
				after.Store(job.Commit(ctx, insert))
				if err := repo.Write(ctx, insert); !errors.Is(err, job.ErrLost) {
					t.Errorf("a Write after Commit gives %v", err)
				}
				return oops
			case "writes":
				return repo.Write(ctx, insert)
			}
			return nil
		}, job.Retry{Attempts: 1})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		w.exec(t, "CREATE TABLE effects (n INTEGER)")
		for _, c := range []struct {
			how     string
			state   job.State
			effects int
		}{{"fails inside", job.Discarded, 0}, {"fails after", job.Completed, 1}, {"writes", job.Completed, 2}} {
			ref, err := j.Enqueue(w, c.how)
			if err != nil {
				t.Fatal(err)
			}
			w.until(t, ref, c.state)
			if c.how == "fails after" {
				eventually(t, func() bool { return after.Load() != nil })
			}
			n := 0
			err = repo.Read(w, func(ctx context.Context, tx data.Tx) error {
				return tx.NewRaw("SELECT COUNT(*) FROM effects").Scan(ctx, &n)
			})
			if n != c.effects || err != nil {
				t.Errorf("%s: %d effects (%v)", c.how, n, err)
			}
		}
		if err, _ := after.Load().(error); !errors.Is(err, job.ErrLost) {
			t.Errorf("a second Commit gives %v", err)
		}
	})
}

// TestCommitInsideAWrite has Commit be a part of a larger transaction, which fails at first.
func TestCommitInsideAWrite(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var attempts atomic.Int64
		insert := func(ctx context.Context, tx data.Tx) error {
			_, err := tx.NewRaw("INSERT INTO effects (n) VALUES (1)").Exec(ctx)
			return err
		}
		j := job.Define("j", func(ctx context.Context, _ int) error {
			first := attempts.Add(1) == 1
			err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				err := job.Commit(ctx, insert)
				if err == nil && first {
					err = errors.New("oops")
				}
				return err
			})
			if err == nil {
				if err := repo.Write(ctx, insert); !errors.Is(err, job.ErrLost) {
					t.Errorf("a Write after Commit gives %v", err)
				}
			}
			return err
		}, job.Retry{Attempts: 3, Backoff: func(int) time.Duration { return 0 }})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		w.exec(t, "CREATE TABLE effects (n INTEGER)")
		ref, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.until(t, ref, job.Completed); got.attempt != 2 {
			t.Errorf("it took %d attempts", got.attempt)
		}
		effects := 0
		err = repo.Read(w, func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT COUNT(*) FROM effects").Scan(ctx, &effects)
		})
		if err != nil || effects != 1 {
			t.Errorf("%d effects are stored (%v)", effects, err)
		}
	})
}

// TestFencedWrite takes a job away from a function that goes on.
func TestFencedWrite(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		begun, goOn := make(chan struct{}), make(chan struct{})
		errs := make(chan error, 1)
		j := job.Define("j", func(ctx context.Context, _ int) error {
			close(begun)
			<-goOn
			errs <- repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
				_, err := tx.NewRaw("INSERT INTO effects (n) VALUES (1)").Exec(ctx)
				return err
			})
			return nil
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		w.exec(t, "CREATE TABLE effects (n INTEGER)")
		ref, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		<-begun
		w.exec(t, "UPDATE bennu_jobs SET claims = claims + 1")
		close(goOn)
		if err := <-errs; !errors.Is(err, job.ErrLost) {
			t.Errorf("the Write gives %v", err)
		}
		eventually(t, func() bool { return w.counters.Counter("job.attempts.lost").Value() == 1 })
		if got := w.load(t, ref.ID); got.state != job.Running {
			t.Errorf("the attempt that has lost the job has made it %v", got.state)
		}
	})
}

// TestCommitWhileTheServerIsAway has the last attempt of a job fail for want of a database.
func TestCommitWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	repo := &data.Repo{URL: server.URL()}
	datatest.Start(t, repo)
	nothing := func(context.Context, data.Tx) error { return nil }
	for _, c := range []struct {
		snoozes int // which do not count either
		want    job.State
	}{{0, job.Completed}, {9, job.Completed}, {10, job.Discarded}} {
		failed := make(chan error, 1)
		begun := 0
		j := job.Define("j", func(ctx context.Context, _ int) error {
			if begun++; begun <= c.snoozes {
				return job.Snooze(0)
			}
			if begun > c.snoozes+1 {
				return job.Commit(ctx, nothing)
			}
			server.Kill(t)
			err := job.Commit(ctx, nothing)
			failed <- err
			return err
		}, job.Retry{Attempts: 1})
		w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Lease: 20 * time.Second})
		ref := enqueue(t, w, j, 0)
		if err := <-failed; fault.Of(err) != fault.Unavailable {
			t.Errorf("the commit gave %v", err)
		}
		excused := w.counters.Counter("job.excused").Value
		if c.want == job.Completed {
			await(t, "an excuse", func() bool { return excused() == 1 })
		} else {
			await(t, "a discard", func() bool { return w.counters.Counter("job.discarded").Value() == 1 })
		}
		server.Start(t)
		await(t, "the end", func() bool { return w.tryRows("state >= 4 AND id = "+strconv.FormatInt(ref.ID, 10)) == 1 })
		if i := get(t, w, ref); i.State != c.want || i.Attempt != 1 {
			t.Errorf("after %d snoozes it is %v, attempt %d: %+v", c.snoozes, i.State, i.Attempt, i.Errors)
		}
		w.stop()
	}
}
