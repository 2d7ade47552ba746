package pubsub_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/telemetry"
)

// newNode gives a context with a node that says nothing, and its counters.
func newNode(t testing.TB) (context.Context, *telemetry.Counters) {
	counters := new(telemetry.Counters)
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	node := process.NewNode(telemetry.WithCounters(ctx, counters))
	t.Cleanup(node.Close)
	return node.Context(context.Background()), counters
}

func bubble(t *testing.T, test func(t *testing.T, ctx context.Context, counters *telemetry.Counters)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, counters := newNode(t)
		test(t, ctx, counters)
	})
}

const (
	Numbers pubsub.Topic[int] = "numbers"
	Others  pubsub.Topic[int] = "others"
)

// board notes what it hears.
type board struct {
	mu    sync.Mutex // tests read it from outside
	heard []int      // a gap is noted as minus what was lost
	sub   *pubsub.Subscription
}

func (b *board) note(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, n)
}

func (b *board) OnNumber(_ context.Context, n int) error { b.note(n); return nil }
func (b *board) OnGap(_ context.Context, g pubsub.Gap) error {
	if g.Topic != string(Numbers) {
		return errWrong
	}
	b.note(-g.Lost)
	return nil
}
func (b *board) Wait(_ context.Context, until chan struct{}) error { <-until; return nil }
func (b *board) Leave(context.Context) error                       { b.sub.Stop(); b.sub.Stop(); return nil }
func (b *board) Crash(context.Context) error                       { return errWrong }

// Echo publishes from inside a handler, to itself too.
func (b *board) Echo(ctx context.Context, n int) error {
	for i := range n {
		if err := pubsub.Publish(ctx, Numbers, i); err != nil {
			return err
		}
	}
	return nil
}

var errWrong = process.Reason(wrong{})

type wrong struct{}

func (wrong) Error() string { return "wrong" }

// openBoard subscribes to Numbers.
func openBoard(opts ...pubsub.Option[board]) (*board, func(ctx context.Context) (*board, error)) {
	b := new(board)
	return b, func(ctx context.Context) (_ *board, err error) {
		b.sub, err = pubsub.Subscribe(ctx, Numbers, (*board).OnNumber, opts...)
		return b, err
	}
}

func spawn(t testing.TB, ctx context.Context, size int, opts ...pubsub.Option[board]) (*board, process.Ref[board]) {
	t.Helper()
	b, open := openBoard(opts...)
	ref, err := process.Spawn(ctx, open, process.Mailbox{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	return b, ref
}

func publish(t testing.TB, ctx context.Context, values ...int) {
	t.Helper()
	for _, v := range values {
		if err := pubsub.Publish(ctx, Numbers, v); err != nil {
			t.Fatal(err)
		}
	}
}

// expect compares what was heard since the last time.
func (b *board) expect(t testing.TB, want ...int) {
	t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.heard, want) {
		t.Errorf("heard %v, want %v", b.heard, want)
	}
	b.heard = nil
}
