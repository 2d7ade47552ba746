package process_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errSour = errors.New("sour")

// box is a process that does what a test asks; record is what it says of itself. All
// incarnations of a box write into one record.
type box struct{ *record }

type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) note(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

func (r *record) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

func (b *box) Note(_ context.Context, line string) error   { b.note(line); return nil }
func (b *box) Get(context.Context) ([]string, error)       { return b.all(), nil }
func (b *box) Echo(_ context.Context, in int) (int, error) { return in, nil }
func (b *box) Sour(context.Context) error                  { return errSour }
func (b *box) Burst(context.Context) error                 { panic("burst") }
func (b *box) Down(_ context.Context, d process.Down) error {
	b.note("down " + d.Reason.Error())
	return nil
}

func (r *record) open(context.Context) (*box, error) { return &box{r}, nil }

// do makes a process do something and waits.
func do[S any](ctx context.Context, to process.Address[S], fn func(ctx context.Context) error) error {
	return process.Run(ctx, to, func(_ *S, ctx context.Context) error { return fn(ctx) })
}

// fling makes a process do something and does not wait.
func fling[S any](t testing.TB, ctx context.Context, to process.Address[S], fn func(ctx context.Context) error) {
	t.Helper()
	if err := process.Signal(ctx, to, func(_ *S, ctx context.Context) error { return fn(ctx) }); err != nil {
		t.Fatal(err)
	}
}

// bubble runs a test with a node in a synctest bubble.
func bubble(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, processtest.Node(t)) })
}

// roughBubble is bubble for tests that abandon processes. close must find nothing left.
func roughBubble(t *testing.T, test func(t *testing.T, ctx context.Context, abandoned func() int64)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx := telemetry.WithLogger(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)))
		var counters telemetry.Counters
		n := process.NewNode(telemetry.WithCounters(ctx, &counters))
		test(t, n.Context(telemetry.WithCounters(ctx, &counters)), counters.Counter("process.abandoned").Value)
		n.Close()
		if all := n.Processes(); len(all) != 0 {
			t.Errorf("left: %+v", all)
		}
	})
}

func spawn[S any](t testing.TB, ctx context.Context, open func(context.Context) (*S, error), opts ...process.Option) process.Ref[S] {
	t.Helper()
	ref, err := process.Spawn(ctx, open, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func newBox(t testing.TB, ctx context.Context, opts ...process.Option) process.Ref[box] {
	t.Helper()
	return spawn(t, ctx, new(record).open, opts...)
}

// keeper owns one slot, restarts it after a crash and retires it after a clean end.
type keeper struct {
	record
	slot  *process.Slot
	sever bool // does not restart
}

func (k *keeper) down(ctx context.Context, d process.Down) error {
	k.note(fmt.Sprint(d.Reason))
	switch {
	case process.Clean(d.Reason):
		k.slot.Retire(d.Reason)
	case !k.sever:
		k.slot.Restart(process.Outside(ctx))
	}
	return nil
}

func (k *keeper) Terminate(context.Context, process.Reason) { k.slot.Retire(process.Shutdown) }

// keep starts a process with a name whose keeper restarts it.
func keep[S any](t testing.TB, ctx context.Context, name process.Name[S], open func(context.Context) (*S, error), opts ...process.Option) *keeper {
	t.Helper()
	k := new(keeper)
	spawn(t, ctx, func(ctx context.Context) (*keeper, error) {
		port, err := process.Bind(ctx, (*keeper).down)
		if err != nil {
			return nil, err
		}
		if k.slot, err = process.NewSlot(ctx, port, name, open, opts...); err != nil {
			return nil, err
		}
		return k, k.slot.Start(ctx)
	}, process.ShutdownTime(-1))
	return k
}

func count(ctx context.Context, name string) int64 {
	return telemetry.CountersOf(ctx).Counter(name).Value()
}

func is(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Errorf("got error %v, want %v", err, w)
		}
	}
	if want == nil && err != nil {
		t.Errorf("got error %v, want none", err)
	}
}

// took checks how long something took in a bubble.
func took(t testing.TB, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got != want {
		t.Errorf("it took %v, want %v", got, want)
	}
}

func equal(t testing.TB, got []string, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("got %q, want %q", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
			return
		}
	}
}
