package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

func TestSpansGoToTheInnermost(t *testing.T) {
	type key struct{}
	var outer, inner []telemetry.Span
	var of any
	ctx := telemetry.WithSpans(t.Context(), func(_ context.Context, s telemetry.Span) { outer = append(outer, s) })
	telemetry.Record(ctx, telemetry.Span{Name: "a"})
	within := telemetry.WithSpans(ctx, func(ctx context.Context, s telemetry.Span) {
		inner, of = append(inner, s), ctx.Value(key{})
	})
	telemetry.Record(context.WithValue(within, key{}, "its own"), telemetry.Span{Name: "b"})
	if len(outer) != 1 || outer[0].Name != "a" || len(inner) != 1 || inner[0].Name != "b" {
		t.Errorf("got %v and %v", outer, inner)
	}
	if of != "its own" {
		t.Errorf("the context is of %v", of)
	}
}

func TestTellingNobodyCostsNothing(t *testing.T) {
	ctx := telemetry.WithTrace(context.Background(), &telemetry.Trace{RequestID: "r1"})
	err := errors.New("a")
	begin := time.Now()
	n := testing.AllocsPerRun(100, func() {
		if telemetry.Recording(ctx) {
			telemetry.Record(ctx, telemetry.Span{Name: "a", Attrs: []slog.Attr{slog.Int("rows", 1)}})
		}
		telemetry.Record(ctx, telemetry.Span{Name: "a", Begin: begin, Took: time.Second, Err: err})
		telemetry.Observe(ctx, "a", time.Second)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExampleWithSpans() {
	ctx := telemetry.WithSpans(context.Background(), func(_ context.Context, s telemetry.Span) {
		fmt.Println(s.Name, s.Took, s.Attrs)
	})
	telemetry.Record(ctx, telemetry.Span{Name: "shop.checkout", Took: 20 * time.Millisecond, Attrs: []slog.Attr{slog.Int("items", 3)}})
	// Output: shop.checkout 20ms [items=3]
}

func BenchmarkRecordNowhere(b *testing.B) {
	ctx := telemetry.WithTrace(context.Background(), &telemetry.Trace{RequestID: "r1"})
	b.ReportAllocs()
	for b.Loop() {
		if telemetry.Recording(ctx) {
			b.Fatal("somebody listens")
		}
	}
}
