package job_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
)

func TestConcurrencyIsOfAllNodes(t *testing.T) { each(t, testConcurrencyIsOfAllNodes) }

func testConcurrencyIsOfAllNodes(t *testing.T, repo *data.Repo) {
	for _, most := range []int{1, 2, 3} {
		g := newGate("gate", job.Limit{Concurrency: most})
		a := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
		b := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
		var refs []job.Ref
		for i := range most + 2 {
			refs = append(refs, enqueue(t, a, g.job, fmt.Sprint(i)))
		}
		await(t, "as many as may", func() bool { return len(g.order()) == most })
		var running []job.Ref
		for _, r := range refs {
			await(t, "begun or waiting", func() bool { return get(t, a, r).State != job.Available })
			if info := get(t, a, r); info.State == job.Running {
				running = append(running, r)
			} else if info.State != job.Waiting || info.Attempt != 0 || info.Node != 0 || !info.BegunAt.IsZero() {
				t.Errorf("one that waits for room is %+v", info)
			}
		}
		if len(running) != most {
			t.Errorf("%d run, not %d", len(running), most)
		}
		g.end(g.order()[0], nil)
		await(t, "the next", func() bool { return len(g.order()) == most+1 })
		for i := range refs {
			if s := fmt.Sprint(i); s != g.order()[0] {
				g.end(s, nil)
			}
		}
		awaitState(t, a, job.Completed, refs...)
		if g.most != most {
			t.Errorf("%d ran at once, and %d may", g.most, most)
		}
		a.stop()
		b.stop()
	}
}

// What waits for room takes no place, so that other jobs of the queue go on.
func TestALimitHoldsUpNobodyElse(t *testing.T) { each(t, testALimitHoldsUpNobodyElse) }

func testALimitHoldsUpNobodyElse(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Limit{Concurrency: 1})
	free := newGate("free")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job, free.job}, Queues: map[string]job.Queue{"default": {Concurrency: 2}}})
	ins := make([]string, 2500)
	for i := range ins {
		ins[i] = fmt.Sprint(i)
	}
	if _, err := g.job.EnqueueAll(w, ins); err != nil {
		t.Fatal(err)
	}
	ref := enqueue(t, w, free.job, "other")
	awaitState(t, w, job.Running, ref)
	free.end("other", nil)
	awaitState(t, w, job.Completed, ref)
}

func TestThoseThatWaitBeginByPriorityAndAge(t *testing.T) {
	each(t, testThoseThatWaitBeginByPriorityAndAge)
}

func testThoseThatWaitBeginByPriorityAndAge(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Limit{Concurrency: 1})
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	first := enqueue(t, w, g.job, "first")
	awaitState(t, w, job.Running, first)
	refs := []job.Ref{
		enqueue(t, w, g.job, "old"),
		enqueue(t, w, g.job, "young"),
		enqueue(t, w, g.job, "urgent", job.Priority(-1)),
	}
	awaitState(t, w, job.Waiting, refs...)
	for _, s := range []string{"first", "old", "young", "urgent"} {
		g.end(s, nil)
	}
	awaitState(t, w, job.Completed, refs...)
	if want := []string{"first", "urgent", "old", "young"}; !slices.Equal(g.order(), want) {
		t.Errorf("they began as %v, not %v", g.order(), want)
	}
}

func TestLimitBy(t *testing.T) { each(t, testLimitBy) }

func testLimitBy(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.LimitBy(func(s string) string { return s[:1] }, job.Limit{Concurrency: 1}))
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	a1 := enqueue(t, w, g.job, "a1")
	a2 := enqueue(t, w, g.job, "a2")
	b1 := enqueue(t, w, g.job, "b1")
	awaitState(t, w, job.Running, a1, b1)
	awaitState(t, w, job.Waiting, a2)
	g.end("b1", nil)
	awaitState(t, w, job.Completed, b1)
	awaitState(t, w, job.Waiting, a2)
	g.end("a1", errTest) // a failure gives the room, too
	awaitState(t, w, job.Running, a2)
	g.end("a2", nil)
	awaitState(t, w, job.Completed, a2)
}

func TestALimitOfSeveralJobs(t *testing.T) { each(t, testALimitOfSeveralJobs) }

func testALimitOfSeveralJobs(t *testing.T, repo *data.Repo) {
	one, other := newGate("one", job.Limit{Name: "maps", Concurrency: 1}), newGate("other", job.Limit{Name: "maps", Concurrency: 1})
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{one.job, other.job}})
	a := enqueue(t, w, one.job, "a")
	awaitState(t, w, job.Running, a)
	b := enqueue(t, w, other.job, "b")
	awaitState(t, w, job.Waiting, b)
	one.end("a", nil)
	awaitState(t, w, job.Running, b)
	other.end("b", nil)
	awaitState(t, w, job.Completed, b)
}

func TestRate(t *testing.T) { each(t, testRate) }

func TestRateAfterTheClockWentBack(t *testing.T) { each(t, testRateAfterTheClockWentBack) }

func testRateAfterTheClockWentBack(t *testing.T, repo *data.Repo) {
	count := job.Define("count", func(context.Context, int) error { return nil }, job.Limit{Rate: 1, Period: time.Second})
	now := newClock()
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{count}, Now: now.Now})
	awaitState(t, w, job.Completed, enqueue(t, w, count, 1))
	now.Add(-30 * time.Second) // it may be another node's clock
	held := enqueue(t, w, count, 2)
	awaitState(t, w, job.Waiting, held)
	now.Add(-5 * time.Hour)
	awaitState(t, w, job.Completed, held)
}

func testRate(t *testing.T, repo *data.Repo) {
	var ran atomic.Int64
	count := job.Define("count", func(context.Context, int) error { ran.Add(1); return nil }, job.Limit{Rate: 2, Period: time.Hour})
	now := newClock()
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{count}, Now: now.Now})
	first := enqueue(t, w, count, 0)
	awaitState(t, w, job.Completed, first)
	now.Add(10 * time.Minute)
	refs, err := count.EnqueueAll(w, []int{1, 2, 3, 4})
	check(t, err)
	states := func() (completed, waiting int) {
		for _, r := range refs {
			switch get(t, w, r).State {
			case job.Completed:
				completed++
			case job.Waiting:
				waiting++
			}
		}
		return completed, waiting
	}
	expect := func(completed int) {
		t.Helper()
		await(t, fmt.Sprint(completed, " completed"), func() bool {
			c, w := states()
			return c == completed && w == len(refs)-completed
		})
		for range 2 { // it stays so
			last := w.counters.Counter("job.duties.limits").Value()
			await(t, "another look", func() bool { return w.counters.Counter("job.duties.limits").Value() > last })
		}
		if c, _ := states(); c != completed {
			t.Errorf("%d completed, not %d", c, completed)
		}
	}
	expect(1)
	now.Add(50*time.Minute - time.Microsecond) // an hour after the first, all but
	expect(1)
	now.Add(time.Microsecond)
	expect(2)
	now.Add(10 * time.Minute)
	expect(3)
	now.Add(time.Hour)
	await(t, "all", func() bool { return ran.Load() == 5 })
}

// Several nodes, many keys, needs: no limit is passed, nothing waits for ever.
func TestLimitsAndNeedsUnderLoad(t *testing.T) { each(t, testLimitsAndNeedsUnderLoad) }

func testLimitsAndNeedsUnderLoad(t *testing.T, repo *data.Repo) {
	const keys, most = 5, 2
	var running [keys]atomic.Int64
	var passed atomic.Int64
	j := job.Define("limited", func(_ context.Context, n int) error {
		if running[n%keys].Add(1) > most {
			passed.Add(1)
		}
		defer running[n%keys].Add(-1)
		runtime.Gosched()
		if n%50 == 7 {
			return errTest // at the first attempt, and at the second
		}
		return nil
	}, job.LimitBy(func(n int) string { return fmt.Sprint(n % keys) }, job.Limit{Concurrency: most}), job.Retry{Attempts: 2, Backoff: func(int) time.Duration { return 0 }})
	var nodes []*world
	for range 3 {
		nodes = append(nodes, run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{j}, Queues: map[string]job.Queue{"default": {Concurrency: 20}}}))
	}
	var group sync.WaitGroup
	for n, w := range nodes {
		group.Go(func() {
			var before []job.Ref
			for i := range 6 {
				refs, err := j.EnqueueAll(w, []int{n + i, n + i + 1, n + i + 2, n + i + 7, n + i + 11}, job.After(before...))
				if err != nil {
					t.Error(err)
					return
				}
				before = append(before, refs[0])
			}
			if _, err := j.EnqueueAll(w, make([]int, 20)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	w := nodes[0]
	w.untilRows(t, "state < 4", 0)
	if n := passed.Load(); n > 0 {
		t.Errorf("%d times there ran too many", n)
	}
	if n := w.rows(t, "state = 3 OR limit_key IS NULL"); n > 0 {
		t.Errorf("%d jobs are left, or have no key", n)
	}
	for _, w := range nodes {
		for _, c := range []string{"job.completions.failed", "job.claims.failed", "job.duties.failed"} {
			if n := w.counters.Counter(c).Value(); n > 0 {
				t.Errorf("%d %s", n, c)
			}
		}
	}
}

// The place of a job whose node has died is found again.
func TestALimitOutlivesANode(t *testing.T) { each(t, testALimitOutlivesANode) }

func testALimitOutlivesANode(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Limit{Concurrency: 1}, once)
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	first := enqueue(t, w, g.job, "first")
	awaitState(t, w, job.Running, first)
	next := enqueue(t, w, g.job, "next")
	awaitState(t, w, job.Waiting, next)
	// As if the node that runs it were gone.
	check(t, w.repo.Write(w, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewRaw("UPDATE bennu_jobs SET owner = 1 WHERE id = ?", first.ID).Exec(ctx)
		return err
	}))
	awaitState(t, w, job.Running, next)
	g.end("next", nil)
	awaitState(t, w, job.Completed, next)
}

func TestLimitsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		limit job.Option
		wrong bool
	}{
		{job.Limit{}, true},
		{job.Limit{Concurrency: -1}, true},
		{job.Limit{Concurrency: 1}, false},
		{job.Limit{Concurrency: 100_000}, false},
		{job.Limit{Concurrency: 100_001}, true},
		{job.Limit{Rate: 1}, true},
		{job.Limit{Period: time.Second}, true},
		{job.Limit{Concurrency: 1, Period: time.Second}, true},
		{job.Limit{Rate: 1, Period: -time.Second}, true},
		{job.Limit{Rate: 10_000, Period: time.Millisecond}, false},
		{job.Limit{Rate: 10_001, Period: time.Millisecond}, true},
		{job.Limit{Rate: 1, Period: time.Millisecond - 1}, true},
		{job.Limit{Concurrency: 1, Name: "a\nb"}, true},
		{job.LimitBy(func(string) string { return "" }, job.Limit{Concurrency: 1}), false},
		{job.LimitBy(func(int) string { return "" }, job.Limit{Concurrency: 1}), true},
		{job.LimitBy[string](nil, job.Limit{Concurrency: 1}), true},
	} {
		j := job.Define("limited", func(context.Context, string) error { return nil }, c.limit)
		r := &job.Runner{Repo: new(data.Repo), Jobs: []job.Definition{j}}
		if err := r.Start(t.Context()); (fault.Of(err) == fault.Invalid) != c.wrong {
			t.Errorf("%+v: %v", c.limit, err)
		}
	}
}

// Keys come from outside.
func TestKeysOfLimits(t *testing.T) { each(t, testKeysOfLimits) }

func testKeysOfLimits(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.LimitBy(func(s string) string { return s }, job.Limit{Concurrency: 1}))
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Queues: map[string]job.Queue{"default": {Concurrency: 20}}})
	long := string(make([]byte, 5000))
	keys := []string{"", "'; DROP TABLE bennu_jobs; --", "a\tb", "nul\x00", long, long + "x", "\xff"}
	var refs []job.Ref
	for _, k := range keys {
		refs = append(refs, enqueue(t, w, g.job, k))
	}
	await(t, "all at once", func() bool { return len(g.order()) == len(keys) })
	for _, k := range g.order() {
		g.end(k, nil)
	}
	awaitState(t, w, job.Completed, refs...)
}
