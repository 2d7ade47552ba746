package telemetry

import (
	"context"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// The buckets of a histogram: each power of two of nanoseconds, from 2^shortest to
// 2^longest, is cut into 1<<cuts equal ones. What is shorter falls into one bucket
// before them, and what is longer into one behind.
const (
	shortest = 7  // 128 ns
	longest  = 43 // 2.4 hours
	cuts     = 3
	buckets  = (longest-shortest)<<cuts + 2
)

// Histogram counts durations by how long they are, in buckets whose bounds are at most
// an eighth apart. It only grows. Its zero value is ready to use, takes 2.3 KiB, and is
// safe for concurrent use.
type Histogram struct {
	sum    atomic.Int64
	counts [buckets]atomic.Int64
}

// Observe counts one duration. It costs two atomic adds.
func (h *Histogram) Observe(d time.Duration) {
	h.sum.Add(int64(d))
	h.counts[bucketOf(d)].Add(1)
}

func bucketOf(d time.Duration) int {
	switch {
	case d < 1<<shortest:
		return 0
	case d >= 1<<longest:
		return buckets - 1
	}
	power := bits.Len64(uint64(d)) - 1
	cut := int(d>>(power-cuts)) & (1<<cuts - 1)
	return 1 + (power-shortest)<<cuts + cut
}

// floorOf is the shortest duration of a bucket.
func floorOf(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	power, cut := shortest+(bucket-1)>>cuts, (bucket-1)&(1<<cuts-1)
	return time.Duration(1<<cuts+cut) << (power - cuts)
}

// Snapshot reads the histogram. It is not one instant: what is observed meanwhile may be
// in a part of it.
func (h *Histogram) Snapshot() Distribution {
	d := Distribution{Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		d.counts[i] = h.counts[i].Load()
		d.Count += d.counts[i]
	}
	return d
}

// Distribution is what a histogram had counted at some time.
type Distribution struct {
	Count  int64
	Sum    time.Duration
	counts [buckets]int64
}

// Since is what was counted between an earlier snapshot of the same histogram and this.
func (d Distribution) Since(earlier Distribution) Distribution {
	d.Count -= earlier.Count
	d.Sum -= earlier.Sum
	for i := range d.counts {
		d.counts[i] -= earlier.counts[i]
	}
	return d
}

// Mean is the average, or 0 of nothing.
func (d Distribution) Mean() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return d.Sum / time.Duration(d.Count)
}

// Quantile is the duration that a share of all, from 0 to 1, took at most: 0.5 is the
// median. It is right within an eighth, rounded up, between 128 ns and 2.4 hours, which
// it never exceeds. Of nothing it is 0.
func (d Distribution) Quantile(share float64) time.Duration {
	rank := max(int64(math.Ceil(share*float64(d.Count))), 1)
	for i, n := range d.counts {
		if rank -= n; rank <= 0 && n > 0 {
			return floorOf(min(i+1, buckets-1))
		}
	}
	return 0
}

// Histogram is the histogram with that name, made at the first call.
func (cs *Counters) Histogram(name string) *Histogram {
	if h, ok := cs.histograms.Load(name); ok {
		return h.(*Histogram)
	}
	h, _ := cs.histograms.LoadOrStore(name, new(Histogram))
	return h.(*Histogram)
}

// Distributions reads all histograms, each in turn.
func (cs *Counters) Distributions() map[string]Distribution {
	all := make(map[string]Distribution)
	cs.histograms.Range(func(name, h any) bool {
		all[name.(string)] = h.(*Histogram).Snapshot()
		return true
	})
	return all
}

// Observe counts a duration in the histogram with that name of the context's counters,
// if it has any.
func Observe(ctx context.Context, name string, d time.Duration) {
	if cs, ok := ctx.Value(countersKey{}).(*Counters); ok {
		cs.Histogram(name).Observe(d)
	}
}
