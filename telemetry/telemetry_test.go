package telemetry_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/telemetry"
)

func TestCountersAreShared(t *testing.T) {
	var cs telemetry.Counters
	ctx := telemetry.WithCounters(context.Background(), &cs)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				telemetry.Count(ctx, "a", 1)
			}
		})
	}
	wg.Wait()
	if got := cs.Snapshot()["a"]; got != 800 {
		t.Errorf("a = %d, want 800", got)
	}
}

func TestWithoutCountersNothingHappens(t *testing.T) {
	telemetry.Count(context.Background(), "a", 1)
	if n := len(telemetry.CountersOf(context.Background()).Snapshot()); n != 0 {
		t.Errorf("%d counters from nowhere", n)
	}
}

func TestLogCarriesRequestID(t *testing.T) {
	var out bytes.Buffer
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.NewTextHandler(&out, nil)))
	telemetry.Log(ctx).Info("before")
	telemetry.Log(telemetry.WithTrace(ctx, &telemetry.Trace{RequestID: "r1"})).Info("after")
	lines := strings.Split(out.String(), "\n")
	if strings.Contains(lines[0], "request_id") || !strings.Contains(lines[1], "request_id=r1") {
		t.Errorf("got %q", lines)
	}
}

func ExampleCount() {
	var counters telemetry.Counters
	ctx := telemetry.WithCounters(context.Background(), &counters)

	telemetry.Count(ctx, "shop.orders", 1)
	telemetry.Count(ctx, "shop.orders", 2)

	fmt.Println(counters.Snapshot())
	// Output: map[shop.orders:3]
}
