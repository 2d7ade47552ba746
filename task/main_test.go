package task_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errSour = errors.New("sour")

func bubble(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, processtest.Node(t)) })
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func after(d time.Duration, out int, err error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		select {
		case <-time.After(d):
			return out, err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// owner is a process that has tasks.
type owner struct{}

func openOwner(context.Context) (*owner, error) { return new(owner), nil }

func (o *owner) Do(ctx context.Context, f func(context.Context, *owner) error) error {
	return f(ctx, o)
}

func spawn(t *testing.T, ctx context.Context) process.Ref[owner] {
	t.Helper()
	ref, err := process.Spawn(ctx, openOwner)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// rough is bubble for tests that abandon tasks.
func rough(t *testing.T, test func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx := telemetry.WithLogger(t.Context(), slog.New(slog.NewTextHandler(t.Output(), nil)))
		ctx = telemetry.WithCounters(ctx, new(telemetry.Counters))
		n := process.NewNode(ctx)
		test(t, n.Context(ctx))
		n.Close()
	})
}

func count(ctx context.Context, name string) int64 {
	return telemetry.CountersOf(ctx).Counter(name).Value()
}
