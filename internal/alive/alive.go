// Package alive tells which of the owners that share a database have died.
//
// An owner holds something in the database: jobs that run, effects that are to happen. It has
// a row with a counter and raises it every [Beat]. The others [Watch] the counters by their
// own monotonic clocks: an owner whose counter has not changed for a lease is dead. No wall
// clock is compared. One that could not raise its counter for [Sure] has to expect that it is
// taken for dead.
//
// On an SQLite file of Linux an owner also holds a lock, its sign. That it is gone is proof,
// and nobody waits for a lease. Otherwise dead is what somebody is taken for: a program can be
// stopped for an hour, and go on. So whoever takes over has the counter in the condition of
// the statement, and an owner its number in those of its own.
package alive

import (
	"sync"
	"time"
)

// Beat is how often an owner raises its counter, and looks at those of the others.
func Beat(lease time.Duration) time.Duration { return lease / 5 }

// Sure is for how long after it raised its counter an owner can be sure that nobody takes it
// for dead.
func Sure(lease time.Duration) time.Duration { return lease * 4 / 5 }

// Watch is an owner's, on the others. It is safe for concurrent use.
type Watch struct {
	Lease time.Duration // after which an owner is dead whose counter does not change

	mu     sync.Mutex
	sign   *sign // the own one
	looked time.Time
	seen   map[int64]sighting
}

// sighting is what a counter was, and since when.
type sighting struct {
	count int64
	since time.Time
}

// Look takes the counters of the other owners, by their numbers. One that is not among them
// is forgotten. Time in which nobody looked does not count: who could not read the counters
// does not know whether they could be raised.
func (w *Watch) Look(counts map[int64]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	blind := max(0, now.Sub(w.looked)-w.fresh())
	w.looked = now
	seen := make(map[int64]sighting, len(counts))
	for id, count := range counts {
		s, known := w.seen[id]
		if !known || s.count != count {
			s = sighting{count, now}
		} else {
			s.since = s.since.Add(blind)
		}
		seen[id] = s
	}
	w.seen = seen
}

// fresh is how long a look counts.
func (w *Watch) fresh() time.Duration { return 2 * Beat(w.Lease) }

// Dead gives the owners that are dead, and what their counters were.
func (w *Watch) Dead() map[int64]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	dead := make(map[int64]int64)
	isFresh := time.Since(w.looked) <= w.fresh()
	for id, s := range w.seen {
		if isFresh && time.Since(s.since) >= w.Lease || w.sign.isGone(id) {
			dead[id] = s.count
		}
	}
	return dead
}

// Alone reports whether there were no other owners at the last look.
func (w *Watch) Alone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen) == 0
}
