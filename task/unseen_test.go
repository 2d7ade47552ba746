package task_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/task"
	"github.com/bennu-go/bennu/telemetry"
)

// told is a log handler that tells what was logged, and panics.
type told struct {
	slog.Handler
	reasons chan string
}

func (h told) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" {
			h.reasons <- a.Value.String()
		}
		return true
	})
	panic("burst")
}

// An error that nobody has asked for is logged when nobody can.
func TestErrorsThatNobodyAsksFor(t *testing.T) {
	reasons := make(chan string, 10)
	ctx := telemetry.WithLogger(t.Context(), slog.New(told{slog.NewTextHandler(io.Discard, nil), reasons}))
	ctx = telemetry.WithCounters(ctx, new(telemetry.Counters))
	n := process.NewNode(ctx)
	defer n.Close()
	ctx = n.Context(ctx)
	fail := func(reason string) *task.Task[int] {
		a := task.Async(ctx, func(context.Context) (int, error) { return 0, errors.New(reason) })
		_, err := process.Wait(ctx, a.Ref())
		is(t, err, nil)
		return a
	}
	_, err := fail("asked").Await(ctx)
	if err == nil {
		t.Error("it did not fail")
	}
	_, _, err = fail("polled").Poll()
	if err == nil {
		t.Error("it did not fail")
	}
	for range task.Stream(ctx, slices.Values([]int{1, 2}), func(context.Context, int) (int, error) { return 0, errSour }, task.Concurrency(2)) {
		break
	}
	for _, want := range []string{"first", "second"} {
		fail(want)
		for got := ""; got != want; {
			runtime.GC()
			select {
			case got = <-reasons:
				if got != want {
					t.Errorf("logged %q, want %q", got, want)
				}
			case <-time.After(time.Millisecond):
			}
		}
	}
	if got := count(ctx, "task.errors.lost"); got != 2 {
		t.Errorf("%d errors are counted, want 2", got)
	}
}
