package job_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/pgtest"
	"github.com/bennu-go/bennu/job"
)

// Two nodes insert, end and cancel jobs that wait for each other, and never lock them so that
// one has to be sent away.
func TestNeedsDoNotDeadlock(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "deadlock_timeout=5ms")
	repo := &data.Repo{URL: server.URL()}
	datatest.Start(t, repo)
	step := func(_ context.Context, n int) error {
		switch {
		case n%97 == 0:
			return job.Discard("so it is")
		case n%11 == 0:
			return errTest // which is tried again at once
		}
		return nil
	}
	at := job.Retry{Attempts: 2, Backoff: func(int) time.Duration { return 0 }}
	free := job.Define("free", step, at)
	limited := job.Define("limited", step, at, job.Limit{Concurrency: 3})
	queues := map[string]job.Queue{"default": {Concurrency: 50}}
	jobs := []job.Definition{free, limited}
	nodes := []*world{
		start(t, &job.Runner{Repo: repo, Jobs: jobs, Queues: queues, Name: "a"}),
		start(t, &job.Runner{Repo: repo, Jobs: jobs, Queues: queues, Name: "b"}),
	}
	const workers, rounds = 6, 25
	var wg sync.WaitGroup
	for worker := range workers {
		wg.Go(func() {
			w := nodes[worker%2]
			for round := range rounds {
				refs, err := free.EnqueueAll(w, rand.Perm(12))
				more, err2 := limited.EnqueueAll(w, rand.Perm(4))
				if err != nil || err2 != nil {
					t.Error(err, err2)
					return
				}
				refs = append(refs, more...)
				for range 6 {
					rand.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
					ref, err := free.Enqueue(w, round+1, job.After(refs[:8]...))
					if err != nil {
						t.Error(err)
						return
					}
					refs = append(refs, ref)
				}
				if err := job.CancelJob(w, refs[0].ID, ""); err != nil && fault.Of(err) != fault.Conflict {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	nodes[0].untilRows(t, "state < 4", 0)
	if n := strings.Count(server.Log(), "deadlock detected"); n > 0 {
		t.Errorf("there were %d deadlocks in %d jobs", n, nodes[0].rows(t, "TRUE"))
	}
}

// A claim passes over what another transaction has locked, and is told when that is over.
func TestAfterWhatIsAboutToBegin(t *testing.T) {
	t.Parallel()
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: postgresRepo(t), Jobs: []job.Definition{g.job}, Poll: time.Hour})
	check(t, job.PauseQueue(w, job.DefaultQueue, job.AllNodes))
	looked(t, w)
	first := enqueue(t, w, g.job, "first")
	var next job.Ref
	check(t, w.repo.Write(w, func(ctx context.Context, _ data.Tx) (err error) {
		if next, err = g.job.Enqueue(ctx, "next", job.After(first)); err != nil {
			return err
		}
		claims := w.counters.Counter("job.claims")
		before := claims.Value()
		if err := job.ResumeQueue(w, job.DefaultQueue, job.AllNodes); err != nil {
			return err
		}
		await(t, "a claim", func() bool { return claims.Value() > before })
		return nil
	}))
	g.end("first", nil)
	g.end("next", nil)
	awaitState(t, w, job.Completed, first, next)
}

// What another transaction crosses is tried again, but not in a transaction of the caller's.
func TestCrossed(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "deadlock_timeout=1s")
	repo := &data.Repo{URL: server.URL()}
	datatest.Start(t, repo)
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	a, b := enqueue(t, w, g.job, "a", job.In(time.Hour)), enqueue(t, w, g.job, "b", job.In(time.Hour))
	waits := func() bool {
		n := 0
		check(t, repo.Read(w, func(ctx context.Context, tx data.Tx) error {
			return tx.NewRaw("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").Scan(ctx, &n)
		}))
		return n > 0
	}
	// cross gives the error of an insert that is sent away: it waits, and looks, before the other.
	cross := func(insert func() error) (err error) {
		for crossed := false; !crossed; { // else this test was too slow, and was sent away itself
			inserted := make(chan error, 1)
			theirs := repo.Write(w, func(ctx context.Context, tx data.Tx) error {
				lock := func(ref job.Ref) error {
					_, err := tx.NewRaw("SELECT 1 FROM bennu_jobs WHERE id = ? FOR UPDATE", ref.ID).Exec(ctx)
					return err
				}
				if _, err := tx.ExecContext(ctx, "SET LOCAL deadlock_timeout = '5s'"); err != nil {
					return err
				}
				if err := lock(b); err != nil {
					return err
				}
				go func() { inserted <- insert() }()
				await(t, "an insert that waits", waits)
				return lock(a)
			})
			err, crossed = <-inserted, theirs == nil
		}
		return err
	}
	insert := func(ctx context.Context) error {
		_, err := g.job.Enqueue(ctx, "c", job.After(a, b))
		return err
	}
	check(t, cross(func() error { return insert(w) }))
	crossed := w.counters.Counter("job.crossed")
	if n := crossed.Value(); n != 1 {
		t.Errorf("it was tried again %d times", n)
	}
	err := cross(func() error {
		return repo.Write(w, func(ctx context.Context, _ data.Tx) error { return insert(ctx) })
	})
	if n := crossed.Value(); fault.Of(err) != fault.Unavailable || n != 1 {
		t.Errorf("in a transaction of the caller's it gives %v, and was tried again %d times", err, n-1)
	}
	if n := w.rows(t, "state = 3"); n != 1 {
		t.Errorf("%d wait", n)
	}
}
