package job_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
)

func TestUnique(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		goOn := make(chan struct{})
		j := job.Define("j", func(_ context.Context, n int) error { <-goOn; return nil }, job.Unique{})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		enqueue := func(n int, opts ...job.InsertOption) job.Ref {
			t.Helper()
			ref, err := j.Enqueue(w, n, opts...)
			if err != nil {
				t.Fatal(err)
			}
			return ref
		}
		first := enqueue(1)
		if same := enqueue(1); same != (job.Ref{ID: first.ID, Duplicate: true}) || first.Duplicate {
			t.Errorf("%v is not %v", same, first)
		}
		if other := enqueue(2); other.Duplicate {
			t.Error("other arguments are the same job")
		}
		refs, err := j.EnqueueAll(w, []int{3, 1, 3, 4})
		if err != nil {
			t.Fatal(err)
		}
		if refs[0].Duplicate || refs[1] != (job.Ref{ID: first.ID, Duplicate: true}) || refs[2] != (job.Ref{ID: refs[0].ID, Duplicate: true}) || refs[3].Duplicate {
			t.Errorf("many at once: %v", refs)
		}
		w.until(t, first, job.Running)
		if same := enqueue(1); !same.Duplicate {
			t.Error("one that runs does not stand for others")
		}
		close(goOn)
		w.until(t, first, job.Completed)
		if again := enqueue(1); again.Duplicate {
			t.Error("one that has ended stands for others")
		}
		if one := enqueue(1, job.Unique{Key: "k", Period: time.Hour * 24 * 365}); one.Duplicate {
			t.Error("another key is the same job")
		} else {
			w.until(t, one, job.Completed)
			if same := enqueue(99, job.Unique{Key: "k", Period: time.Hour * 24 * 365}); same.ID != one.ID {
				t.Error("one that has completed within the period does not stand for others")
			}
		}
	})
}

func TestUniqueStates(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		goOn := make(chan struct{})
		j := job.Define("j", func(context.Context, int) error { <-goOn; return nil },
			job.Unique{Any: true, States: []job.State{job.Available, job.Scheduled}})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
		first, err := j.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.until(t, first, job.Running)
		late, err := j.Enqueue(w, 2, job.In(time.Hour))
		if err != nil || late.Duplicate {
			t.Errorf("one that runs stands for others: %v", err)
		}
		if same, err := j.Enqueue(w, 3); err != nil || same.ID != late.ID {
			t.Errorf("one that is scheduled does not: %v", err)
		}
		close(goOn)
		w.until(t, first, job.Completed)
	})
}

func TestUniqueAtOnce(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		j := job.Define("j", func(context.Context, int) error { return nil }, job.Unique{Any: true})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{}})
		var wg sync.WaitGroup
		refs := make([]job.Ref, 20)
		for i := range refs {
			wg.Go(func() {
				var err error
				if refs[i], err = j.Enqueue(w, i); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		fresh := 0
		for _, r := range refs {
			if r.ID != refs[0].ID {
				t.Fatalf("two jobs: %v", refs)
			}
			if !r.Duplicate {
				fresh++
			}
		}
		if fresh != 1 || w.rows(t, "TRUE") != 1 {
			t.Errorf("%d inserted it", fresh)
		}
	})
}

// Those who insert the same jobs at once, in different orders, do not wait for each other.
func TestUniqueInAnyOrder(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		j := job.Define("j", func(context.Context, int) error { return nil }, job.Unique{})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{}})
		const jobs = 500
		fresh := make([]int, 16)
		var wg sync.WaitGroup
		for i := range fresh {
			wg.Go(func() {
				refs, err := j.EnqueueAll(w, rand.Perm(jobs))
				if err != nil {
					t.Error(err)
				}
				for _, r := range refs {
					if !r.Duplicate {
						fresh[i]++
					}
				}
			})
		}
		wg.Wait()
		sum := 0
		for _, n := range fresh {
			sum += n
		}
		if rows := w.rows(t, "TRUE"); sum != jobs || rows != jobs {
			t.Errorf("%d were inserted, and there are %d", sum, rows)
		}
	})
}
