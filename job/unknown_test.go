package job_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
)

func TestMixedVersions(t *testing.T) { each(t, testMixedVersions) }

// Two programs of which one knows a job, and arguments, that the other does not.
func testMixedVersions(t *testing.T, repo *data.Repo) {
	var oldRan, newRan atomic.Int64
	mark := func(n *atomic.Int64) func(context.Context, int) error {
		return func(context.Context, int) error { n.Add(1); return nil }
	}
	same := func(n int) (int, error) { return n, nil }
	kept := job.Define("kept", mark(&oldRan), job.Limit{Concurrency: 1000})
	keptNew := job.Define("kept", mark(&newRan), job.Upgrade(1, same), job.Limit{Concurrency: 1000})
	added := job.Define("added", mark(&newRan))
	older := run(t, &job.Runner{Repo: repo, Name: "older", Jobs: []job.Definition{kept}})
	newer := run(t, &job.Runner{Repo: repo, Name: "newer", Jobs: []job.Definition{keptNew, added}})
	unknown := func() int64 { return older.counters.Counter("job.unknown").Value() }

	// The older one meets them first.
	check(t, job.PauseQueue(newer, job.DefaultQueue, job.ThisNode))
	first := []job.Ref{enqueue(t, newer, added, 0), enqueue(t, newer, keptNew, 0)}
	await(t, "the older one to meet them", func() bool { return unknown() >= 2 })
	awaitState(t, newer, job.Available, first...)
	for _, ref := range first {
		if i := get(t, newer, ref); i.Attempt != 0 {
			t.Errorf("%q: the attempt counts", i.Name)
		}
	}
	if n := newer.rows(t, "state = 2"); n != 0 {
		t.Errorf("%d are put off", n)
	}
	met := unknown()
	check(t, job.ResumeQueue(newer, job.DefaultQueue, job.ThisNode))
	awaitState(t, newer, job.Completed, first...)

	// From now on it leaves them alone, and does what it knows.
	refs, err := added.EnqueueAll(newer, make([]int, 200))
	check(t, err)
	more, err := keptNew.EnqueueAll(newer, make([]int, 200))
	check(t, err)
	old, err := kept.EnqueueAll(older, make([]int, 200))
	check(t, err)
	awaitState(t, newer, job.Completed, append(append(refs, more...), old...)...)
	if n := unknown(); n != met || met > 4 {
		t.Errorf("the older one met %d that it does not know, and %d later", met, n)
	}
	if n := newer.rows(t, "claims > 1"); n > 2 {
		t.Errorf("%d jobs were taken more than once", n)
	}
	if n := oldRan.Load() + newRan.Load(); n != 602 || newRan.Load() < 402 {
		t.Errorf("%d ran, %d of them in the newer one", n, newRan.Load())
	}
}

// What is beyond those that are remembered is put off.
func TestManyUnknown(t *testing.T) {
	var all []job.Definition
	noop := func(context.Context, int) error { return nil }
	for i := range 102 {
		all = append(all, job.Define(job.Name[int](fmt.Sprint("unknown'", i)), noop))
	}
	known := job.Define("known", noop)
	repo := fileRepo(t)
	inserts := run(t, &job.Runner{Repo: repo, Jobs: all, Queues: map[string]job.Queue{}})
	for _, d := range all {
		enqueue(t, inserts, d.(*job.Job[int]), 0)
	}
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{known}})
	awaitState(t, w, job.Completed, enqueue(t, w, known, 0))
	w.untilRows(t, "state = 2", 2)
	w.untilRows(t, "state = 0", 100)
}
