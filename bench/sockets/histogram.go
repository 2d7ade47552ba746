package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations, to within 2 %.
type histogram struct {
	counts [64 * steps]atomic.Int64
}

const steps = 64 // of each power of two

func (h *histogram) add(d time.Duration) { h.counts[bucket(d)].Add(1) }

// bucket is the place of a duration: below steps ns the duration itself, then steps
// places for each power of two.
func bucket(d time.Duration) int {
	n := uint64(max(d, 0))
	shift := max(0, bits.Len64(n)-bits.Len(steps))
	return shift*steps + int(n>>shift)
}

// lower is the shortest duration of a place.
func lower(place int) time.Duration {
	if place < 2*steps {
		return time.Duration(place)
	}
	shift := place/steps - 1
	return time.Duration(place-shift*steps) << shift
}

func (h *histogram) total() (n int64) {
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// quantile is the duration that so many are not over, in milliseconds; 0 if there are none.
func (h *histogram) quantile(q float64) float64 {
	left := int64(q * float64(h.total()))
	for place := range h.counts {
		if n := h.counts[place].Load(); n > left {
			return float64(lower(place)) / 1e6
		} else {
			left -= n
		}
	}
	return 0
}
