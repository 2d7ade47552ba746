package job_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/job"
)

// What the tests of limits, needs, progress and control share.

// await asks until the answer is yes.
func await(t testing.TB, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ask(); {
		if time.Now().After(end) {
			t.Fatalf("there is still not: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// awaitState waits until jobs are in a state.
func awaitState(t testing.TB, ctx context.Context, want job.State, refs ...job.Ref) {
	t.Helper()
	for _, ref := range refs {
		var is job.State
		await(t, "job "+want.String(), func() bool {
			is = get(t, ctx, ref).State
			return is == want || is.Ended()
		})
		if is != want {
			t.Fatalf("job %d is %v, not %v: %+v", ref.ID, is, want, get(t, ctx, ref))
		}
	}
}

func get(t testing.TB, ctx context.Context, ref job.Ref) job.Info {
	t.Helper()
	info, err := job.Get(ctx, ref.ID)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func enqueue[In any](t testing.TB, ctx context.Context, j *job.Job[In], in In, opts ...job.InsertOption) job.Ref {
	t.Helper()
	ref, err := j.Enqueue(ctx, in, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run is start for a runner that does not wait for jobs which the test leaves behind.
func run(t testing.TB, r *job.Runner) *world {
	if r.Drain == 0 {
		r.Drain = time.Millisecond
	}
	return start(t, r)
}

// looked waits until each node has looked, from begin to end, for what it is told to do.
func looked(t testing.TB, nodes ...*world) {
	t.Helper()
	for _, w := range nodes {
		looks := w.counters.Counter("job.duties.control")
		from := looks.Value()
		await(t, "a look", func() bool {
			check(t, job.ScaleQueue(w, "nobody's", job.ThisNode, 0)) // it is told
			return looks.Value() >= from+2
		})
	}
}

// gate is a job that runs until it is let go, and tells how many ran at once.
type gate struct {
	job *job.Job[string]

	mu      sync.Mutex
	begun   []string
	running int
	most    int
	let     map[string]chan error
}

func newGate(name string, opts ...job.Option) *gate {
	g := &gate{let: make(map[string]chan error)}
	g.job = job.Define(job.Name[string](name), g.run, opts...)
	return g
}

func (g *gate) run(ctx context.Context, what string) error {
	g.mu.Lock()
	g.begun = append(g.begun, what)
	g.running++
	g.most = max(g.most, g.running)
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.running--
		g.mu.Unlock()
	}()
	select {
	case err := <-g.door(what):
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) door(what string) chan error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.let[what] == nil {
		g.let[what] = make(chan error, 1)
	}
	return g.let[what]
}

// end lets a job end, whether it has begun or not.
func (g *gate) end(what string, err error) { g.door(what) <- err }

func (g *gate) order() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.begun)
}

// clock is a time that the test sets.
// newClock is an injected clock that stands at noon.
func newClock() *clock { return &clock{at: noon} }

var errTest = errors.New("it went wrong")

// once makes attempts fail for good.
var once = job.Retry{Attempts: 1}
