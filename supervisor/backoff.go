package supervisor

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff is how long a child that crashes stays down: First before the first restart
// in a row, then Min, doubling up to Max. Up to a quarter more, at random, is added to
// each, so that what crashed together does not come back together.
//
// The zero value means no backoff for a [Child], and the defaults for the members of a
// [Family] or a [Dynamic]. To have the defaults for a child, set any field, as in
// Backoff{Max: time.Minute}.
type Backoff struct {
	First time.Duration // 0: at once
	Min   time.Duration // default 100 ms, or First if that is more
	Max   time.Duration // default 30 s, or Min if that is more
	Quiet time.Duration // without a crash, the row begins anew; default 1 min
	Tries int           // restarts in a row before the supervisor gives up, or drops a member; 0: it never does
}

func (b Backoff) orDefault() Backoff {
	if b.Min == 0 {
		b.Min = max(b.First, 100*time.Millisecond)
	}
	if b.Max == 0 {
		b.Max = max(b.Min, 30*time.Second)
	}
	if b.Quiet == 0 {
		b.Quiet = time.Minute
	}
	return b
}

// row counts crashes in a row.
type row struct {
	n    int
	last time.Time
}

// next counts a crash at now and gives the wait before the restart. It reports false
// when the tries are used up.
func (r *row) next(b Backoff, now time.Time) (wait time.Duration, ok bool) {
	if r.n > 0 && now.Sub(r.last) >= b.Quiet {
		r.n = 0
	}
	r.n++
	if b.Tries > 0 && r.n > b.Tries {
		return 0, false
	}
	if wait = b.First; r.n > 1 {
		wait = b.Max
		if shift := r.n - 2; shift < 63 && b.Min<<shift>>shift == b.Min {
			wait = min(b.Max, b.Min<<shift)
		}
	}
	if wait > 0 {
		wait += min(rand.N(wait/4+1), math.MaxInt64-wait)
	}
	r.last = now.Add(wait) // it is up from then on
	return wait, true
}
