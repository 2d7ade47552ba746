package job_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
)

type trip struct {
	Unit string `json:"unit"`
	N    int    `json:"n"`
}

func TestEnqueue(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		got := make(chan job.Info, 10)
		in := make(chan trip, 10)
		report := job.Define("report", func(ctx context.Context, tr trip) error {
			got <- job.Current(ctx)
			in <- tr
			return nil
		}, job.Priority(3))
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{report}})
		ref, err := report.Enqueue(w, trip{"u'1?", 7}, job.Label("import-42"))
		if err != nil {
			t.Fatal(err)
		}
		info := <-got
		if tr := <-in; tr != (trip{"u'1?", 7}) {
			t.Errorf("the function got %v", tr)
		}
		if info.ID != ref.ID || info.Name != "report" || info.Queue != "default" || info.Priority != 3 || info.Attempt != 1 ||
			info.Attempts != 20 || info.Label != "import-42" || info.State != job.Running || info.CreatedAt.IsZero() || info.BegunAt.Before(info.CreatedAt) {
			t.Errorf("Current is %+v", info)
		}
		w.until(t, ref, job.Completed)
		if info := job.Current(w); info.ID != 0 {
			t.Errorf("Current outside of a job is %+v", info)
		}
	})
}

func TestEnqueueInTransaction(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		ran := make(chan int, 10)
		noop := job.Define("noop", func(_ context.Context, n int) error { ran <- n; return nil })
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{noop}})
		no := errors.New("no")
		err := repo.Write(w, func(ctx context.Context, tx data.Tx) error {
			if _, err := noop.Enqueue(ctx, 1); err != nil {
				t.Error(err)
			}
			if err := noop.New(2).Enlist(ctx, tx); err != nil {
				t.Error(err)
			}
			return no
		})
		if err != no {
			t.Fatal(err)
		}
		err = repo.Write(w, func(ctx context.Context, tx data.Tx) error {
			if err := noop.New(3).Enlist(ctx, tx); err != nil {
				return err
			}
			_, err := noop.Enqueue(ctx, 4)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := <-ran, <-ran; a+b != 7 {
			t.Errorf("%d and %d ran", a, b)
		}
		if n := w.rows(t, "TRUE"); n != 2 {
			t.Errorf("%d jobs are stored", n)
		}
	})
}

func TestEnqueueAll(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var mu sync.Mutex
		byID := make(map[int64]int)
		note := job.Define("note", func(ctx context.Context, n int) error {
			mu.Lock()
			defer mu.Unlock()
			byID[job.Current(ctx).ID] = n
			return nil
		}, job.InQueue("notes"))
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{note}, Queues: map[string]job.Queue{"notes": {Concurrency: 64}}})
		if refs, err := note.EnqueueAll(w, nil); err != nil || len(refs) != 0 {
			t.Errorf("none: %v, %v", refs, err)
		}
		const n = 2345
		ins := make([]int, n)
		for i := range ins {
			ins[i] = i
		}
		refs, err := note.EnqueueAll(w, ins)
		if err != nil || len(refs) != n {
			t.Fatal(len(refs), err)
		}
		w.untilRows(t, "state = 4", n)
		for i, r := range refs {
			if byID[r.ID] != i {
				t.Fatalf("ref %d is of the job with %d", i, byID[r.ID])
			}
		}
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	oops := errors.New("oops")
	again := job.Retry{Attempts: 3, Backoff: func(int) time.Duration { return 0 }}
	for _, c := range []struct {
		name     string
		fn       func(attempt int) error
		state    job.State
		attempt  int // at the end
		runs     int
		failures []string
		reason   string
	}{
		{"nil", func(int) error { return nil }, job.Completed, 1, 1, nil, ""},
		{"fails once", func(n int) error { return [...]error{oops, nil}[n-1] }, job.Completed, 2, 2, []string{"oops"}, ""},
		{"fails", func(int) error { return oops }, job.Discarded, 3, 3, []string{"oops", "oops", "oops"}, ""},
		{"panics once", func(n int) error {
			if n == 1 {
				panic("ouch")
			}
			return nil
		}, job.Completed, 2, 2, []string{"panic: ouch (at runner_test.go:"}, ""},
		{"cancels", func(int) error { return job.Cancel("not needed") }, job.Cancelled, 1, 1, nil, "not needed"},
		{"discards", func(int) error { return job.Discard("useless") }, job.Discarded, 1, 1, nil, "useless"},
		{"invalid", func(int) error { return fault.Invalid.Errorf("no such unit") }, job.Discarded, 1, 1, []string{"no such unit"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, repo *data.Repo) {
				var runs atomic.Int64
				j := job.Define("j", func(ctx context.Context, _ process.None) error {
					runs.Add(1)
					return c.fn(job.Current(ctx).Attempt)
				}, again)
				w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}})
				ref, err := j.Enqueue(w, process.None{})
				if err != nil {
					t.Fatal(err)
				}
				got := w.until(t, ref, c.state)
				if got.attempt != c.attempt || int(runs.Load()) != c.runs {
					t.Errorf("attempt %d after %d runs, want %d after %d", got.attempt, runs.Load(), c.attempt, c.runs)
				}
				if got.cancel != c.reason || got.endedAt == 0 {
					t.Errorf("it ended at %d for %q", got.endedAt, got.cancel)
				}
				if len(got.failures) != len(c.failures) {
					t.Fatalf("failures are %v", got.failures)
				}
				for i, f := range got.failures {
					if !strings.HasPrefix(f.Text, c.failures[i]) || f.Attempt != i+1 || f.At.IsZero() {
						t.Errorf("failure %d is %+v", i, f)
					}
				}
			})
		})
	}
}

func TestSnooze(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var runs atomic.Int64
		j := job.Define("j", func(ctx context.Context, _ process.None) error {
			if runs.Add(1) < 4 {
				return job.Snooze(0)
			}
			return nil
		}, job.Retry{Attempts: 1})
		late := job.Define("late", func(context.Context, process.None) error { return job.Snooze(time.Hour) })
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j, late}})
		ref, err := j.Enqueue(w, process.None{})
		if err != nil {
			t.Fatal(err)
		}
		if got := w.until(t, ref, job.Completed); got.attempt != 1 {
			t.Errorf("attempt %d: those that snoozed count", got.attempt)
		}
		if ref, err = late.Enqueue(w, process.None{}); err != nil {
			t.Fatal(err)
		}
		if got := w.until(t, ref, job.Scheduled); got.attempt != 0 || time.Until(time.UnixMicro(got.runAt)) < 50*time.Minute {
			t.Errorf("attempt %d, at %v", got.attempt, time.UnixMicro(got.runAt))
		}
	})
}

func TestPriority(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var order []int
		done := make(chan struct{})
		j := job.Define("j", func(_ context.Context, n int) error {
			if order = append(order, n); len(order) == 6 {
				close(done)
			}
			return nil
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{"default": {Concurrency: 1}}})
		err := repo.Write(w, func(ctx context.Context, tx data.Tx) error {
			for n, p := range []job.Priority{0, 1, -1, 0, 1, -1} {
				if _, err := j.Enqueue(ctx, n, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		<-done
		if !slices.Equal(order, []int{2, 5, 0, 3, 1, 4}) {
			t.Errorf("they ran as %v", order)
		}
	})
}

func TestConcurrency(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		var running, most atomic.Int64
		go3 := make(chan struct{})
		j := job.Define("j", func(ctx context.Context, _ int) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-go3
			running.Add(-1)
			return nil
		})
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{"default": {Concurrency: 3}}})
		if _, err := j.EnqueueAll(w, make([]int, 100)); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return running.Load() == 3 })
		close(go3)
		w.untilRows(t, "state = 4", 100)
		if most.Load() != 3 {
			t.Errorf("%d ran at a time", most.Load())
		}
	})
}

func TestUpgradeAndEncrypt(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		keys := newKeys(t)
		type v1 struct {
			Name string `json:"name"`
		}
		type v2 struct {
			First string `json:"first"`
		}
		old := job.Define("greet", func(context.Context, v1) error { return nil }, job.Encrypt(keys))
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{old}, Queues: map[string]job.Queue{}})
		if _, err := old.Enqueue(w, v1{"very-private"}); err != nil {
			t.Fatal(err)
		}
		if n := w.rows(t, "args LIKE '%private%'"); n != 0 {
			t.Error("the arguments can be read")
		}
		w.stop()

		got := make(chan trip, 1)
		now := job.Define("greet", func(_ context.Context, in trip) error { got <- in; return nil }, job.Encrypt(keys),
			job.Upgrade(1, func(o v1) (v2, error) { return v2{o.Name}, nil }),
			job.Upgrade(2, func(o v2) (trip, error) { return trip{Unit: o.First}, nil }))
		w = start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{now}})
		if in := <-got; in.Unit != "very-private" {
			t.Errorf("it got %v", in)
		}
		if _, err := now.Enqueue(w, trip{Unit: "new"}); err != nil {
			t.Fatal(err)
		}
		if in := <-got; in.Unit != "new" {
			t.Errorf("it got %v", in)
		}
	})
}

func TestUnknown(t *testing.T) {
	each(t, func(t *testing.T, repo *data.Repo) {
		newer := job.Define("newer", func(context.Context, int) error { return nil })
		w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{newer}, Queues: map[string]job.Queue{}})
		ref, err := newer.Enqueue(w, 1)
		if err != nil {
			t.Fatal(err)
		}
		w.stop()
		w = start(t, &job.Runner{Repo: repo})
		eventually(t, func() bool { return w.counters.Counter("job.unknown").Value() == 1 })
		if got := w.until(t, ref, job.Available); got.attempt != 0 {
			t.Errorf("attempt %d counts", got.attempt)
		}
	})
}

func TestRefusals(t *testing.T) {
	noop := func(context.Context, int) error { return nil }
	repo := memoryRepo(t)
	for _, c := range []struct {
		name string
		r    *job.Runner
		want string
	}{
		{"no repo", &job.Runner{}, "needs a Repo"},
		{"no name", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("", noop)}}, "a name has 1 to 128 bytes"},
		{"no function", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define[int]("a", nil)}}, "has no function"},
		{"nil job", &job.Runner{Repo: repo, Jobs: []job.Definition{nil}}, "nil"},
		{"two", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop), job.Define("a", noop)}}, `two Jobs are named "a"`},
		{"queue", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.InQueue(""))}}, "queue's name"},
		{"attempts", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.Retry{Attempts: -1})}}, "Retry.Attempts"},
		{"priority", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.Priority(1001))}}, "Priority"},
		{"timeout", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.Timeout(-1))}}, "Timeout"},
		{"upgrade", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.Upgrade(2, func(n int) (int, error) { return n, nil }))}}, "no Upgrade from version 1"},
		{"keys", &job.Runner{Repo: repo, Jobs: []job.Definition{job.Define("a", noop, job.Encrypt(nil))}}, "needs keys"},
		{"concurrency", &job.Runner{Repo: repo, Queues: map[string]job.Queue{"a": {Concurrency: -1}}}, "Concurrency"},
		{"lease", &job.Runner{Repo: repo, Lease: time.Millisecond}, "Lease"},
		{"negative", &job.Runner{Repo: repo, Poll: -1}, "negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			node := process.NewNode(context.Background())
			defer node.Close()
			err := c.r.Start(node.Context(context.Background()))
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Start gives %v", err)
			}
		})
	}

	known := job.Define("known", func(context.Context, chan int) error { return nil })
	if _, err := known.Enqueue(context.Background(), nil); !errors.Is(err, process.ErrNoNode) {
		t.Errorf("without a node: %v", err)
	}
	w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{known}, Queues: map[string]job.Queue{}})
	if _, err := known.Enqueue(w, nil); fault.Of(err) != fault.Invalid {
		t.Errorf("what is no JSON: %v", err)
	}
	if _, err := job.Define("other", noop).Enqueue(w, 1); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "list it") {
		t.Errorf("what is not listed: %v", err)
	}
	if err := w.runner.Start(w); fault.Of(err) != fault.Conflict {
		t.Errorf("a second Start: %v", err)
	}
	if err := job.Commit(w, nil); fault.Of(err) != fault.Internal {
		t.Errorf("Commit outside: %v", err)
	}
	w.stop()
	if _, err := known.Enqueue(w, nil); !errors.Is(err, job.ErrDown) {
		t.Errorf("without a runner: %v", err)
	}
	if err := w.runner.Serve(w); !errors.Is(err, job.ErrDown) {
		t.Errorf("Serve without Start: %v", err)
	}
}
