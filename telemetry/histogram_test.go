package telemetry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

const day = 24 * time.Hour

func TestQuantileOfOne(t *testing.T) {
	for _, d := range []time.Duration{-1, 0, 1, 127, 128, 129, 143, 144, 255, 256, time.Microsecond, time.Millisecond, time.Second,
		time.Hour, 1<<43 - 1, 1 << 43, 1<<43 + 1, day, 1<<63 - 1} {
		var h telemetry.Histogram
		h.Observe(d)
		most := max(128, d+d/8+1)
		least := d
		if d >= 1<<43 { // the last bucket has no end
			most, least = 1<<43, 1<<43
		}
		for _, share := range []float64{0, 0.5, 1} {
			if got := h.Snapshot().Quantile(share); got < least || got > most {
				t.Errorf("quantile %v of %d is %d, want %d to %d", share, d, got, least, most)
			}
		}
	}
}

func TestQuantilesAreWithinAnEighth(t *testing.T) {
	var h telemetry.Histogram
	var all []time.Duration
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		h.Observe(d)
	}
	slices.Sort(all)
	got := h.Snapshot()
	for _, share := range []float64{0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1} {
		want := all[int(share*float64(len(all)))-1]
		if q := got.Quantile(share); q < want || q > want+want/8+1 {
			t.Errorf("quantile %v is %v, want %v or an eighth more", share, q, want)
		}
	}
}

func TestDistribution(t *testing.T) {
	var h telemetry.Histogram
	empty := h.Snapshot()
	if empty.Quantile(0.5) != 0 || empty.Mean() != 0 || empty.Count != 0 {
		t.Errorf("nothing has %v, %v, %d", empty.Quantile(0.5), empty.Mean(), empty.Count)
	}
	h.Observe(time.Second)
	before := h.Snapshot()
	h.Observe(time.Millisecond)
	h.Observe(3 * time.Millisecond)
	since := h.Snapshot().Since(before)
	if since.Count != 2 || since.Sum != 4*time.Millisecond || since.Mean() != 2*time.Millisecond || since.Quantile(1) > 4*time.Millisecond {
		t.Errorf("got %d, %v, %v", since.Count, since.Sum, since.Quantile(1))
	}
}

func TestObserve(t *testing.T) {
	var cs telemetry.Counters
	ctx := telemetry.WithCounters(context.Background(), &cs)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				telemetry.Observe(ctx, "a", time.Millisecond)
			}
		})
	}
	wg.Wait()
	if got := cs.Distributions()["a"]; got.Count != 800 || got.Sum != 800*time.Millisecond {
		t.Errorf("got %d, %v", got.Count, got.Sum)
	}
	if n := len(cs.Snapshot()); n != 0 {
		t.Errorf("%d counters", n)
	}
}

func ExampleObserve() {
	var counters telemetry.Counters
	ctx := telemetry.WithCounters(context.Background(), &counters)

	telemetry.Observe(ctx, "shop.checkout", 20*time.Millisecond)
	telemetry.Observe(ctx, "shop.checkout", 40*time.Millisecond)

	checkouts := counters.Distributions()["shop.checkout"]
	fmt.Println(checkouts.Count, checkouts.Mean(), checkouts.Quantile(0.99) < 45*time.Millisecond)
	// Output: 2 30ms true
}

func BenchmarkHistogram(b *testing.B) {
	var h telemetry.Histogram
	b.ReportAllocs()
	for b.Loop() {
		h.Observe(1234567)
	}
}
