package job_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
)

func TestAfterTwoJobs(t *testing.T) { each(t, testAfterTwoJobs) }

func testAfterTwoJobs(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Retry{Backoff: func(int) time.Duration { return 0 }})
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	a, b := enqueue(t, w, g.job, "a"), enqueue(t, w, g.job, "b")
	c := enqueue(t, w, g.job, "c", job.After(a, b, a))
	d := enqueue(t, w, g.job, "d", job.After(c), job.After(a))
	awaitState(t, w, job.Running, a, b)
	g.end("a", nil)
	awaitState(t, w, job.Completed, a)
	awaitState(t, w, job.Waiting, c, d)
	g.end("b", errTest) // which is tried again
	await(t, "a second attempt", func() bool { return len(g.order()) == 3 })
	awaitState(t, w, job.Waiting, c, d)
	g.end("b", nil)
	awaitState(t, w, job.Running, c)
	awaitState(t, w, job.Waiting, d)
	g.end("c", nil)
	awaitState(t, w, job.Running, d)
	g.end("d", nil)
	awaitState(t, w, job.Completed, d)
}

func TestWhatNeverComesCancels(t *testing.T) { each(t, testWhatNeverComesCancels) }

func testWhatNeverComesCancels(t *testing.T, repo *data.Repo) {
	for name, fail := range map[string]func(w *world, g *gate, a job.Ref) error{
		"discarded": func(_ *world, g *gate, _ job.Ref) error { g.end("a", errTest); return nil },
		"by itself": func(_ *world, g *gate, _ job.Ref) error { g.end("a", job.Cancel("not needed")); return nil },
		"cancelled": func(w *world, _ *gate, a job.Ref) error { return job.CancelJob(w, a.ID, "not needed") },
	} {
		g := newGate("gate", once)
		w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
		a := enqueue(t, w, g.job, "a")
		b := enqueue(t, w, g.job, "b")
		c := enqueue(t, w, g.job, "c", job.After(a, b))
		d := enqueue(t, w, g.job, "d", job.After(c))
		awaitState(t, w, job.Running, a, b)
		check(t, fail(w, g, a))
		awaitState(t, w, job.Cancelled, c, d)
		if why := get(t, w, d).Cancel; why == "" {
			t.Errorf("%s: there is no reason", name)
		}
		g.end("b", nil) // which means nothing any more
		awaitState(t, w, job.Completed, b)
		awaitState(t, w, job.Cancelled, c, d)
		w.stop()
	}
}

func TestDeletedOrCancelledBeforeItBegan(t *testing.T) { each(t, testDeletedOrCancelledBeforeItBegan) }

func testDeletedOrCancelledBeforeItBegan(t *testing.T, repo *data.Repo) {
	for name, fail := range map[string]func(ctx context.Context, id int64) error{
		"deleted":   job.DeleteJob,
		"cancelled": func(ctx context.Context, id int64) error { return job.CancelJob(ctx, id, "") },
	} {
		g := newGate("gate")
		w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
		a := enqueue(t, w, g.job, "a", job.In(time.Hour))
		b := enqueue(t, w, g.job, "b", job.After(a))
		c := enqueue(t, w, g.job, "c", job.After(b))
		check(t, fail(w, a.ID))
		for _, r := range []job.Ref{b, c} {
			if s := get(t, w, r).State; s != job.Cancelled {
				t.Errorf("%s: %v", name, s)
			}
		}
		w.stop()
	}
}

func TestAfterWhatHasEnded(t *testing.T) { each(t, testAfterWhatHasEnded) }

func testAfterWhatHasEnded(t *testing.T, repo *data.Repo) {
	g := newGate("gate", once)
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	well, badly, running := enqueue(t, w, g.job, "well"), enqueue(t, w, g.job, "badly"), enqueue(t, w, g.job, "running")
	g.end("well", nil)
	g.end("badly", errTest)
	awaitState(t, w, job.Completed, well)
	awaitState(t, w, job.Discarded, badly)
	awaitState(t, w, job.Running, running)

	awaitState(t, w, job.Running, enqueue(t, w, g.job, "at once", job.After(well)))
	awaitState(t, w, job.Scheduled, enqueue(t, w, g.job, "later", job.After(well), job.In(time.Hour)))
	awaitState(t, w, job.Waiting, enqueue(t, w, g.job, "with another", job.After(well, running)))
	if s := get(t, w, enqueue(t, w, g.job, "never", job.After(well, badly, running))).State; s != job.Cancelled {
		t.Errorf("what needs one that was discarded is %v", s)
	}
	before, err := job.List(w, job.Filter{})
	check(t, err)
	for _, missing := range []job.Ref{{}, {ID: 1 << 40}} {
		if _, err := g.job.Enqueue(w, "nothing", job.After(well, missing)); fault.Of(err) != fault.NotFound {
			t.Errorf("after one that is not there: %v", err)
		}
	}
	if after, err := job.List(w, job.Filter{}); err != nil || len(after) != len(before) {
		t.Errorf("something was inserted: %v", err)
	}
}

func TestABatch(t *testing.T) { each(t, testABatch) }

func testABatch(t *testing.T, repo *data.Repo) {
	part := job.Define("part", func(context.Context, int) error { return nil })
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{part, g.job}, Queues: map[string]job.Queue{"default": {Concurrency: 100}}})
	refs, err := part.EnqueueAll(w, make([]int, 2300), job.In(time.Hour))
	check(t, err)
	whole := enqueue(t, w, g.job, "whole", job.After(refs...))
	rest, err := part.EnqueueAll(w, make([]int, 3), job.After(whole))
	check(t, err)
	check(t, w.repo.Write(w, func(ctx context.Context, _ data.Tx) error {
		for _, r := range refs {
			if err := job.RetryJob(ctx, r.ID); err != nil {
				return err
			}
		}
		return nil
	}))
	awaitState(t, w, job.Running, whole)
	for _, r := range refs {
		if s := get(t, w, r).State; s != job.Completed {
			t.Fatalf("it began while a part was %v", s)
		}
	}
	g.end("whole", nil)
	awaitState(t, w, job.Completed, rest...)
}

// A job that waits for others is then subject to its limit.
func TestNeedsAndLimits(t *testing.T) { each(t, testNeedsAndLimits) }

func testNeedsAndLimits(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Limit{Concurrency: 1})
	free := newGate("free")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job, free.job}})
	need := enqueue(t, w, free.job, "need")
	holds := enqueue(t, w, g.job, "holds")
	awaitState(t, w, job.Running, holds, need)
	var refs []job.Ref
	for i := range 3 {
		refs = append(refs, enqueue(t, w, g.job, fmt.Sprint(i), job.After(need)))
	}
	g.end("holds", nil)
	awaitState(t, w, job.Completed, holds)
	awaitState(t, w, job.Waiting, refs...)
	free.end("need", nil)
	for i := range refs {
		g.end(fmt.Sprint(i), nil)
	}
	awaitState(t, w, job.Completed, refs...)
	if g.most != 1 {
		t.Errorf("%d ran at once", g.most)
	}
}
