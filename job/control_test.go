package job_test

import (
	"context"
	"fmt"
	"github.com/bennu-go/bennu/data"
	"slices"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
)

func TestPauseResumeScale(t *testing.T) { each(t, testPauseResumeScale) }

func testPauseResumeScale(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Queues: map[string]job.Queue{"default": {Concurrency: 1}, "other": {}}})
	stats := func(queue string) job.QueueStats {
		all, err := job.Stats(w)
		check(t, err)
		for _, q := range all {
			if q.Queue == queue {
				return q
			}
		}
		return job.QueueStats{}
	}
	for _, where := range []job.Scope{job.AllNodes, job.ThisNode} {
		check(t, job.PauseQueue(w, "default", where))
		if where == job.AllNodes && !stats("default").Paused {
			t.Error("it is not shown as paused")
		}
		looked(t, w)
		a := enqueue(t, w, g.job, "a")
		other := enqueue(t, w, g.job, "other", job.InQueue("other"))
		awaitState(t, w, job.Running, other)
		if s := get(t, w, a).State; s != job.Available {
			t.Errorf("%q: in a paused queue it is %v", where, s)
		}
		check(t, job.ResumeQueue(w, "default", where))
		awaitState(t, w, job.Running, a)
		b, c := enqueue(t, w, g.job, "b"), enqueue(t, w, g.job, "c")
		check(t, job.ScaleQueue(w, "default", where, 2))
		awaitState(t, w, job.Running, b)
		if s := get(t, w, c).State; s != job.Available {
			t.Errorf("%q: one too many is %v", where, s)
		}
		check(t, job.ScaleQueue(w, "default", where, 0)) // one, as the Runner says
		looked(t, w)
		g.end("a", nil)
		awaitState(t, w, job.Completed, a)
		if s := get(t, w, c).State; s != job.Available {
			t.Errorf("%q: one too many is %v", where, s)
		}
		g.end("b", nil)
		awaitState(t, w, job.Running, c)
		g.end("c", nil)
		g.end("other", nil)
		awaitState(t, w, job.Completed, c, other)
	}
}

// What is set for all nodes is kept, and replaces what was set for one.
func TestScopes(t *testing.T) { each(t, testScopes) }

func testScopes(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	a := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Name: "a"})
	b := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Name: "b"})
	check(t, job.PauseQueue(a, "default", "b"))
	looked(t, b)
	refs, err := g.job.EnqueueAll(b, []string{"1", "2", "3"})
	check(t, err)
	awaitState(t, a, job.Running, refs...)
	nodes, err := job.Nodes(a)
	check(t, err)
	if len(nodes) != 2 || nodes[0].Name != "a" || nodes[0].Running != 3 || nodes[1].Running != 0 || nodes[0].Leader == nodes[1].Leader {
		t.Errorf("the nodes are %+v", nodes)
	}
	check(t, job.PauseQueue(b, "default", job.AllNodes))
	check(t, job.ResumeQueue(b, "default", "b"))
	looked(t, a, b)
	more := enqueue(t, a, g.job, "4")
	looked(t, a, b)
	if s := get(t, a, more).State; s != job.Available {
		t.Errorf("paused on all nodes, it is %v", s)
	}
	check(t, job.ResumeQueue(a, "default", job.AllNodes))
	awaitState(t, a, job.Running, more)
	for _, s := range []string{"1", "2", "3", "4"} {
		g.end(s, nil)
	}
	awaitState(t, a, job.Completed, append(refs, more)...)
}

func TestDrain(t *testing.T) { each(t, testDrain) }

func testDrain(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	for _, where := range []job.Scope{job.AllNodes, job.ThisNode} {
		a := enqueue(t, w, g.job, "a")
		awaitState(t, w, job.Running, a)
		short, cancel := context.WithTimeout(w, 50*time.Millisecond)
		if err := job.DrainQueue(short, "default", where); fault.Of(err) != fault.Timeout {
			t.Errorf("%q: while one runs: %v", where, err)
		}
		cancel()
		g.end("a", nil)
		check(t, job.DrainQueue(w, "default", where))
		if s := get(t, w, a).State; s != job.Completed {
			t.Errorf("%q: drained, and it is %v", where, s)
		}
		b := enqueue(t, w, g.job, "b")
		looked(t, w)
		if s := get(t, w, b).State; s != job.Available {
			t.Errorf("%q: in a drained queue it is %v", where, s)
		}
		check(t, job.ResumeQueue(w, "default", where))
		g.end("b", nil)
		awaitState(t, w, job.Completed, b)
	}
}

func TestCancelJob(t *testing.T) { each(t, testCancelJob) }

func testCancelJob(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	here := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	there := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Queues: map[string]job.Queue{}})
	for _, w := range []*world{here, there} {
		runs, later := enqueue(t, w, g.job, "runs"), enqueue(t, w, g.job, "later", job.In(time.Hour))
		awaitState(t, w, job.Running, runs)
		for _, r := range []job.Ref{runs, later} {
			check(t, job.CancelJob(w, r.ID, "not needed: '%"))
			awaitState(t, w, job.Cancelled, r)
			if info := get(t, w, r); info.Cancel != "not needed: '%" || info.EndedAt.IsZero() {
				t.Errorf("it is %+v", info)
			}
			if err := job.CancelJob(w, r.ID, ""); fault.Of(err) != fault.Conflict {
				t.Errorf("cancelled twice: %v", err)
			}
		}
		await(t, "none runs", func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.running == 0 })
	}
	if err := job.CancelJob(here, 1<<40, ""); fault.Of(err) != fault.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestRetryJob(t *testing.T) { each(t, testRetryJob) }

func testRetryJob(t *testing.T, repo *data.Repo) {
	g := newGate("gate", once)
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	a := enqueue(t, w, g.job, "a")
	awaitState(t, w, job.Running, a)
	waits := enqueue(t, w, g.job, "waits", job.After(a))
	for _, r := range []job.Ref{a, waits} {
		if err := job.RetryJob(w, r.ID); fault.Of(err) != fault.Conflict {
			t.Errorf("one that runs, or waits: %v", err)
		}
	}
	g.end("a", errTest)
	awaitState(t, w, job.Discarded, a)
	check(t, job.RetryJob(w, a.ID))
	awaitState(t, w, job.Running, a)
	g.end("a", errTest)
	awaitState(t, w, job.Discarded, a)
	if info := get(t, w, a); info.Attempt != 2 || len(info.Errors) != 2 {
		t.Errorf("it is %+v", info)
	}
	check(t, job.RetryJob(w, a.ID))
	g.end("a", nil)
	awaitState(t, w, job.Completed, a)

	later := enqueue(t, w, g.job, "later", job.In(time.Hour))
	check(t, job.CancelJob(w, later.ID, "for now"))
	check(t, job.RetryJob(w, later.ID))
	g.end("later", nil)
	awaitState(t, w, job.Completed, later)
	if why := get(t, w, later).Cancel; why != "" {
		t.Errorf("it is still cancelled: %q", why)
	}
	if err := job.RetryJob(w, 1<<40); fault.Of(err) != fault.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestDeleteJob(t *testing.T) { each(t, testDeleteJob) }

func testDeleteJob(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	a := enqueue(t, w, g.job, "a")
	awaitState(t, w, job.Running, a)
	if err := job.DeleteJob(w, a.ID); fault.Of(err) != fault.Conflict {
		t.Errorf("one that runs: %v", err)
	}
	g.end("a", nil)
	awaitState(t, w, job.Completed, a)
	check(t, job.DeleteJob(w, a.ID))
	for _, err := range []error{job.DeleteJob(w, a.ID), second(job.Get(w, a.ID))} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("one that is not there: %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestList(t *testing.T) { each(t, testList) }

func testList(t *testing.T, repo *data.Repo) {
	g, other := newGate("gate"), newGate("other")
	now := newClock()
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job, other.job}, Queues: map[string]job.Queue{}, Now: now.Now})
	refs, err := g.job.EnqueueAll(w, []string{"1", "2", "3"}, job.Label("it's \"x\""))
	check(t, err)
	later := enqueue(t, w, g.job, "4", job.In(time.Hour), job.InQueue("reports"), job.Priority(3))
	last := enqueue(t, w, other.job, "5")
	for _, c := range []struct {
		filter job.Filter
		want   []job.Ref
	}{
		{job.Filter{}, []job.Ref{last, later, refs[2], refs[1], refs[0]}},
		{job.Filter{Limit: 2}, []job.Ref{last, later}},
		{job.Filter{Limit: 2, Before: later.ID}, []job.Ref{refs[2], refs[1]}},
		{job.Filter{Before: refs[0].ID}, nil},
		{job.Filter{Queue: "reports"}, []job.Ref{later}},
		{job.Filter{Name: "other"}, []job.Ref{last}},
		{job.Filter{Name: "' OR 1 = 1 --"}, nil},
		{job.Filter{Label: "it's \"x\""}, []job.Ref{refs[2], refs[1], refs[0]}},
		{job.Filter{Schedule: "nightly"}, nil},
		{job.Filter{States: []job.State{job.Scheduled, job.Running}}, []job.Ref{later}},
		{job.Filter{States: []job.State{job.Available}, Name: "other"}, []job.Ref{last}},
	} {
		got, err := job.List(w, c.filter)
		check(t, err)
		if !slices.EqualFunc(got, c.want, func(i job.Info, r job.Ref) bool { return i.ID == r.ID }) {
			t.Errorf("%+v gives %v", c.filter, got)
		}
	}
	want := job.Info{ID: later.ID, Name: "gate", Queue: "reports", State: job.Scheduled, Priority: 3, Attempts: 20, RunAt: now.Now().Add(time.Hour), CreatedAt: now.Now()}
	if got := get(t, w, later); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("it is %+v, not %+v", got, want)
	}
	for _, f := range []job.Filter{{Limit: -1}, {Limit: 1001}, {Before: -1}} {
		if _, err := job.List(w, f); fault.Of(err) != fault.Invalid {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestStats(t *testing.T) { each(t, testStats) }

func testStats(t *testing.T, repo *data.Repo) {
	g := newGate("gate", once)
	now := newClock()
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}, Queues: map[string]job.Queue{"default": {Concurrency: 1}}, Now: now.Now})
	a := enqueue(t, w, g.job, "a")
	awaitState(t, w, job.Running, a)
	enqueue(t, w, g.job, "b", job.After(a))
	enqueue(t, w, g.job, "c", job.In(time.Hour))
	enqueue(t, w, g.job, "d")
	now.Add(time.Minute)
	enqueue(t, w, g.job, "e")
	cancelled := enqueue(t, w, g.job, "f", job.InQueue("other"))
	check(t, job.CancelJob(w, cancelled.ID, ""))
	check(t, job.ScaleQueue(w, "third", job.AllNodes, 7))
	all, err := job.Stats(w)
	check(t, err)
	want := []job.QueueStats{
		{Queue: "default", Available: 2, Running: 1, Scheduled: 1, Waiting: 1, Oldest: now.Now().Add(-time.Minute)},
		{Queue: "other", Cancelled: 1},
		{Queue: "third", Concurrency: 7},
	}
	if !slices.Equal(all, want) {
		t.Errorf("the stats are %+v", all)
	}
}

func TestControlThatMakesNoSense(t *testing.T) { each(t, testControlThatMakesNoSense) }

func testControlThatMakesNoSense(t *testing.T, repo *data.Repo) {
	w := run(t, &job.Runner{Repo: repo})
	for _, err := range []error{
		job.PauseQueue(w, "", job.AllNodes), job.PauseQueue(w, "a\nb", job.AllNodes),
		job.ScaleQueue(w, "default", job.AllNodes, -1), job.ScaleQueue(w, "default", job.AllNodes, 100_001),
	} {
		if fault.Of(err) != fault.Invalid {
			t.Errorf("%v", err)
		}
	}
	w.stop()
	for _, err := range []error{
		job.PauseQueue(w, "default", job.AllNodes), job.DrainQueue(w, "default", job.AllNodes), job.CancelJob(w, 1, ""), job.RetryJob(w, 1), job.DeleteJob(w, 1),
		second(job.Get(w, 1)), second(job.List(w, job.Filter{})), second(job.Stats(w)), second(job.Nodes(w)), job.PauseQueue(context.Background(), "default", job.AllNodes),
	} {
		if err == nil {
			t.Error("without a runner it works")
		}
	}
}
