package job_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/token"
)

// page is a process that follows a job.
type page struct {
	mu    sync.Mutex
	heard []job.Report
	sub   *job.Following
}

func (p *page) onReport(_ context.Context, r job.Report) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, r)
	return nil
}

func (p *page) leave(context.Context) error { p.sub.Stop(); return nil }

func (p *page) all() []job.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]job.Report(nil), p.heard...)
}

func (p *page) last() (r job.Report) {
	if all := p.all(); len(all) > 0 {
		r = all[len(all)-1]
	}
	return r
}

func follow(t *testing.T, ctx context.Context, id int64) (*page, process.Ref[page]) {
	t.Helper()
	p := new(page)
	ref, err := process.Spawn(ctx, func(ctx context.Context) (_ *page, err error) {
		p.sub, err = job.Follow(ctx, id, (*page).onReport)
		return p, err
	})
	check(t, err)
	return p, ref
}

// steps is a job that reports what it is told to.
type step struct {
	done float64
	text string
}

func TestProgressIsFollowedOnAllNodes(t *testing.T) { each(t, testProgressIsFollowedOnAllNodes) }

func testProgressIsFollowedOnAllNodes(t *testing.T, repo *data.Repo) {
	steps := make(chan step)
	long := job.Define("long", func(ctx context.Context, _ int) error {
		for s := range steps {
			if err := job.Progress(ctx, s.done, s.text); err != nil {
				return err
			}
		}
		return nil
	})
	here := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{long}})
	there := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{long}, Queues: map[string]job.Queue{}})
	ref := enqueue(t, here, long, 1)
	awaitState(t, here, job.Running, ref)
	near, _ := follow(t, here, ref.ID)
	far, _ := follow(t, there, ref.ID)
	for _, p := range []*page{near, far} {
		await(t, "what is known", func() bool { return p.last().State == job.Running })
	}
	for _, s := range []step{{0.5, "it's 50%\x00"}, {-1, "again"}, {7, ""}} {
		steps <- s
		want := max(0, min(s.done, 1))
		for _, p := range []*page{near, far} {
			await(t, s.text, func() bool {
				return p.last().Done == want && strings.HasPrefix(s.text, strings.TrimRight(p.last().Text, "\x00\uFFFD"))
			})
		}
		if info := get(t, here, ref); info.Done != want {
			t.Errorf("%v is stored, not %v", info.Done, want)
		}
	}
	close(steps)
	for _, p := range []*page{near, far} {
		await(t, "the end", func() bool { return p.last().State == job.Completed && p.last().Done == 1 })
	}
	late, _ := follow(t, there, ref.ID)
	await(t, "what has been", func() bool { return late.last().State == job.Completed })
}

func TestFollowTellsOfFailuresAndCancels(t *testing.T) { each(t, testFollowTellsOfFailuresAndCancels) }

func testFollowTellsOfFailuresAndCancels(t *testing.T, repo *data.Repo) {
	g := newGate("gate", job.Retry{Attempts: 2, Backoff: func(int) time.Duration { return time.Hour }})
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	ref := enqueue(t, w, g.job, "a")
	p, _ := follow(t, w, ref.ID)
	g.end("a", errTest)
	await(t, "scheduled", func() bool { r := p.last(); return r.State == job.Scheduled && r.Attempt == 1 })
	check(t, job.CancelJob(w, ref.ID, "enough"))
	await(t, "cancelled", func() bool { r := p.last(); return r.State == job.Cancelled && r.Reason == "enough" })

	ref = enqueue(t, w, g.job, "b", job.In(time.Hour))
	p, _ = follow(t, w, ref.ID)
	check(t, job.DeleteJob(w, ref.ID))
	await(t, "deleted", func() bool { return p.last().State == job.Cancelled })
}

func TestFollowEndsWithItsProcess(t *testing.T) { each(t, testFollowEndsWithItsProcess) }

func testFollowEndsWithItsProcess(t *testing.T, repo *data.Repo) {
	g := newGate("gate")
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{g.job}})
	ref := enqueue(t, w, g.job, "a")
	awaitState(t, w, job.Running, ref)
	stays, _ := follow(t, w, ref.ID)
	left, who := follow(t, w, ref.ID)
	dead, body := follow(t, w, ref.ID)
	check(t, process.Run(w, who, (*page).leave))
	check(t, process.Exit(w, body, process.Kill))
	g.end("a", nil)
	await(t, "the end", func() bool { return stays.last().State == job.Completed })
	if left.last().State == job.Completed || dead.last().State == job.Completed {
		t.Error("one that has left still hears")
	}
	if _, err := process.Spawn(w, func(ctx context.Context) (*page, error) {
		_, err := job.Follow(ctx, 1<<40, (*page).onReport)
		return nil, err
	}); fault.Of(err) != fault.NotFound {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := job.Follow(w, ref.ID, (*page).onReport); err == nil {
		t.Error("one can follow from outside of a process")
	}
}

type place struct{ Line int }

func TestCheckpoint(t *testing.T) { each(t, testCheckpoint) }

func testCheckpoint(t *testing.T, repo *data.Repo) {
	keys, err := token.NewKeys(fault.NewSecret("a secret of at least thirty-two bytes"))
	check(t, err)
	for _, opts := range [][]job.Option{nil, {job.Encrypt(keys)}} {
		var seen []place
		long := job.Define("long", func(ctx context.Context, _ string) error {
			at, found, err := job.Resume[place](ctx)
			if err != nil || found != (len(seen) > 0) {
				return job.Discard("there was a mistake")
			}
			seen = append(seen, at)
			for range 2 {
				at.Line++
				if err := job.Checkpoint(ctx, at); err != nil {
					return err
				}
			}
			if again, found, err := job.Resume[place](ctx); again != at || !found || err != nil {
				return job.Discard("there was a mistake")
			}
			if len(seen) < 3 {
				return errTest
			}
			return nil
		}, append(opts, job.Retry{Backoff: func(int) time.Duration { return 0 }})...)
		w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{long}})
		ref := enqueue(t, w, long, "secret")
		awaitState(t, w, job.Completed, ref)
		if len(seen) != 3 || seen[1].Line != 2 || seen[2].Line != 4 {
			t.Errorf("it went on from %v", seen)
		}
		w.stop()
	}
}

func TestCheckpointsThatAreRefused(t *testing.T) { each(t, testCheckpointsThatAreRefused) }

func testCheckpointsThatAreRefused(t *testing.T, repo *data.Repo) {
	errs := make(chan error, 10)
	long := job.Define("long", func(ctx context.Context, n int) error {
		errs <- job.Checkpoint(ctx, strings.Repeat("x", n))
		_, _, err := job.Resume[int](ctx)
		errs <- err
		return nil
	})
	w := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{long}})
	const quotes = 2
	enqueue(t, w, long, 1<<20-quotes)
	if err := <-errs; err != nil {
		t.Error(err)
	}
	if err := <-errs; fault.Of(err) != fault.Internal {
		t.Errorf("of another type: %v", err)
	}
	enqueue(t, w, long, 1<<20-quotes+1)
	if err := <-errs; fault.Of(err) != fault.Invalid {
		t.Errorf("too long: %v", err)
	}
	for name, err := range map[string]error{
		"checkpoint": job.Checkpoint(w, 1), "progress": job.Progress(w, 0.5, ""), "resume": func() error { _, _, err := job.Resume[int](w); return err }(),
	} {
		if err == nil {
			t.Errorf("%s outside of a job", name)
		}
	}
}

// What a function says last is kept, though it has ended by the time that it is stored.
func TestTheLastProgressIsKept(t *testing.T) { each(t, testTheLastProgressIsKept) }

func testTheLastProgressIsKept(t *testing.T, repo *data.Repo) {
	quick := job.Define("quick", func(ctx context.Context, _ int) error {
		if err := job.Progress(ctx, 0.8, "40 letters"); err != nil {
			return err
		}
		return job.Progress(ctx, 1, "50 letters")
	})
	ctx := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{quick}})
	ref := enqueue(t, ctx, quick, 1)
	p, _ := follow(t, ctx, ref.ID)
	await(t, "the end", func() bool { return p.last().State == job.Completed })
	await(t, "what was said last", func() bool {
		info, err := job.Get(ctx, ref.ID)
		check(t, err)
		return info.Done == 1 && info.Doing == "50 letters"
	})
	if last := p.last(); last.Done != 1 || last.Text != "50 letters" {
		t.Errorf("the follower heard %+v", last)
	}
}

func TestStatesAreReadBack(t *testing.T) {
	for s := job.Available; s <= job.Discarded; s++ {
		text, err := json.Marshal(job.Report{State: s})
		check(t, err)
		var back job.Report
		if err := json.Unmarshal(text, &back); err != nil || back.State != s {
			t.Errorf("%s came back as %v, %v", text, back.State, err)
		}
	}
	var s job.State
	if err := s.UnmarshalText([]byte("gone")); fault.Of(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestADraftOfAnotherRepo(t *testing.T) { each(t, testADraftOfAnotherRepo) }

func testADraftOfAnotherRepo(t *testing.T, repo *data.Repo) {
	noop := job.Define("noop", func(context.Context, int) error { return nil })
	ctx := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{noop}, Queues: map[string]job.Queue{}})
	other := datatest.Open(t, nil)
	err := other.Write(ctx, func(ctx context.Context, tx data.Tx) error { return tx.Emit(ctx, noop.New(1)) })
	if fault.Of(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
	check(t, repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return tx.Emit(ctx, noop.New(1)) }))
}

// Who follows a job that has said how far it is, and has not stored it, hears of that.
func TestFollowingWhatIsNotStored(t *testing.T) { each(t, testFollowingWhatIsNotStored) }

func testFollowingWhatIsNotStored(t *testing.T, repo *data.Repo) {
	said, release := make(chan struct{}), make(chan struct{})
	long := job.Define("long", func(ctx context.Context, _ int) error {
		err := job.Progress(ctx, 0.5, "half")
		close(said)
		<-release
		return err
	})
	ctx := run(t, &job.Runner{Repo: repo, Jobs: []job.Definition{long}})
	ref := enqueue(t, ctx, long, 1)
	<-said
	p, _ := follow(t, ctx, ref.ID)
	await(t, "what was said", func() bool { return p.last().Text == "half" })
	close(release)
	await(t, "the end", func() bool { return p.last().State == job.Completed })
}
