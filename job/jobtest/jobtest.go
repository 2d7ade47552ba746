package jobtest

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/internal/manual"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Kit is a runner that a test works by hand. It is a context too: with the runner's node, for
// Enqueue and all else.
type Kit struct {
	context.Context
	t        testing.TB
	control  *manual.Control
	counters *telemetry.Counters

	mu  sync.Mutex
	now time.Time
}

// Start starts a runner on a node of its own, and stops it when the test ends. If it has no
// Repo it gets one in memory. The kit's clock takes the place of its Now, and begins at what
// that says, or the present.
func Start(t testing.TB, r *job.Runner) *Kit {
	t.Helper()
	if r.Repo == nil {
		r.Repo = datatest.Open(t, nil)
	}
	k := &Kit{t: t, control: new(manual.Control), counters: new(telemetry.Counters), now: time.Now()}
	if r.Now != nil {
		k.now = r.Now()
	}
	r.Now = k.Now
	ctx := telemetry.WithCounters(context.WithoutCancel(t.Context()), k.counters)
	ctx = telemetry.WithLogger(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
	node := process.NewNode(ctx)
	k.Context = node.Context(ctx)
	if err := r.Start(manual.With(k.Context, k.control)); err != nil {
		node.Close()
		t.Fatalf("jobtest: %v", err)
	}
	serving, stop := context.WithCancel(k.Context)
	served := make(chan error, 1)
	go func() { served <- r.Serve(serving) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("jobtest: %v", err)
		}
		node.Close()
	})
	return k
}

// Now is the kit's clock. It stands still but for Advance.
func (k *Kit) Now() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

// Advance moves the clock. What is due by then runs at the next Drain. On its way the clock
// stops wherever a schedule is due, and its job is inserted.
func (k *Kit) Advance(d time.Duration) {
	k.t.Helper()
	for end := k.Now().Add(d); ; {
		next, err := k.control.Keep(k)
		if err != nil {
			k.t.Fatalf("jobtest: %v", err)
		}
		if next.IsZero() || next.After(end) {
			k.setNow(end)
			return
		}
		k.setNow(next)
	}
}

func (k *Kit) setNow(t time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = t
}

// Result is how jobs have ended that Drain ran.
type Result struct {
	Completed int
	Cancelled int
	Discarded int
	Failed    int // and are tried again, later
}

// mostDrained is how many jobs a Drain runs before it takes them for endless.
const mostDrained = 2_000

// Drain runs what is due in these queues, or else in all of the runner's, and what that
// inserts, until there is nothing left, and tells how it ended. It ends the test after 2,000
// jobs: one of them seems to insert itself.
func (k *Kit) Drain(queues ...string) Result {
	k.t.Helper()
	before := k.result()
	if _, err := k.control.Work(k, mostDrained, queues); err != nil {
		k.t.Fatalf("jobtest: %v", err)
	}
	after := k.result()
	return Result{
		after.Completed - before.Completed, after.Cancelled - before.Cancelled,
		after.Discarded - before.Discarded, after.Failed - before.Failed,
	}
}

func (k *Kit) result() Result {
	n := func(name string) int { return int(k.counters.Counter("job." + name).Value()) }
	return Result{n("completed"), n("cancelled"), n("discarded"), n("failed")}
}

// Named is a job: a *[job.Job], or the [job.Name] of one that the runner lists.
type Named[In any] interface {
	Enqueue(ctx context.Context, in In, opts ...job.InsertOption) (job.Ref, error)
	New(in In, opts ...job.InsertOption) job.Draft
}

func nameOf[In any](j Named[In]) string {
	var in In
	return j.New(in).Name()
}

// Run inserts a job, runs it inline, whatever its time, limits and needs, and gives what its
// function returned; a panic is an error. The job is then as after any attempt: completed, or
// to be tried again.
func Run[In any](k *Kit, j Named[In], in In, opts ...job.InsertOption) error {
	k.t.Helper()
	ref, err := j.Enqueue(k, in, opts...)
	if err != nil {
		k.t.Fatalf("jobtest: %q could not be inserted: %v", nameOf(j), err)
	}
	return k.control.Run(k, ref.ID)
}

// Enqueued gives the input of the jobs that have not ended, in the order in which they were
// inserted. With options it gives those that were inserted so: In, At, Priority, InQueue, Label
// and Retry (its Attempts) can be asked for.
func Enqueued[In any](k *Kit, j Named[In], opts ...job.InsertOption) []In {
	k.t.Helper()
	args, err := k.control.Args(k, nameOf(j), opts)
	if err != nil {
		k.t.Fatalf("jobtest: %v", err)
	}
	all := make([]In, len(args))
	for i := range args {
		if err := json.Unmarshal(args[i], &all[i]); err != nil {
			k.t.Fatalf("jobtest: the input of %q cannot be read: %v", nameOf(j), err)
		}
	}
	return all
}

// AssertEnqueued fails the test unless a job with this input, as JSON has it, has not ended, and
// was inserted as the options say: see [Enqueued].
//
//	jobtest.AssertEnqueued(k, Remind, Trip{ID: 7}, job.In(time.Hour), job.InQueue("mail"))
func AssertEnqueued[In any](k *Kit, j Named[In], want In, opts ...job.InsertOption) {
	k.t.Helper()
	all := Enqueued(k, j, opts...)
	for _, in := range all {
		if same(in, want) {
			return
		}
	}
	how := ""
	if len(opts) > 0 {
		how = " so"
	}
	k.t.Errorf("jobtest: no %q is enqueued%s with %+v; there are %d: %+v", nameOf(j), how, want, len(all), all)
}

// RefuteEnqueued fails the test if a job with one of these inputs has not ended; without any,
// if any has not.
func RefuteEnqueued[In any](k *Kit, j Named[In], unwanted ...In) {
	k.t.Helper()
	all := Enqueued(k, j)
	if len(unwanted) == 0 && len(all) > 0 {
		k.t.Errorf("jobtest: %d of %q are enqueued: %+v", len(all), nameOf(j), all)
	}
	for _, in := range all {
		for _, not := range unwanted {
			if same(in, not) {
				k.t.Errorf("jobtest: %q is enqueued with %+v", nameOf(j), in)
			}
		}
	}
}

// same compares as JSON, which is what a job keeps.
func same(a, b any) bool {
	return reflect.DeepEqual(plain(a), plain(b))
}

func plain(v any) (p any) {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	return p
}
