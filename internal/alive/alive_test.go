package alive_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/internal/alive"
)

const lease = 5 * time.Second

type counts = map[int64]int64

// look has a watch look each second for some time; the rest of a second comes first.
func look(w *alive.Watch, d time.Duration, c counts) {
	time.Sleep(d % time.Second)
	w.Look(c)
	for range d / time.Second {
		time.Sleep(time.Second)
		w.Look(c)
	}
}

func TestDead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		what string
		do   func(w *alive.Watch)
		want counts
	}{
		{"nobody", func(w *alive.Watch) { look(w, time.Minute, nil) }, nil},
		{"nobody has looked", func(w *alive.Watch) {}, nil},
		{"below a lease", func(w *alive.Watch) { w.Look(counts{1: 1}); look(w, lease-1, counts{1: 1}) }, nil},
		{"a lease", func(w *alive.Watch) { w.Look(counts{1: 1}); look(w, lease, counts{1: 1}) }, counts{1: 1}},
		{"one of two", func(w *alive.Watch) {
			w.Look(counts{1: 1, 2: 7})
			look(w, 4*time.Second, counts{1: 1, 2: 8})
			look(w, 4*time.Second, counts{1: 1, 2: 8})
		}, counts{1: 1, 2: 8}},
		{"that counts backwards", func(w *alive.Watch) { look(w, 4*time.Second, counts{1: 2}); look(w, 4*time.Second, counts{1: 1}) }, nil},
		{"one that has counted at last", func(w *alive.Watch) { look(w, time.Minute, counts{1: 1}); w.Look(counts{1: 2}) }, nil},
		{"one that was away", func(w *alive.Watch) {
			look(w, 4*time.Second, counts{1: 1})
			w.Look(nil)
			look(w, 4*time.Second, counts{1: 1})
		}, nil},
		{"after a lease in which nobody looked", func(w *alive.Watch) {
			w.Look(counts{1: 1})
			look(w, time.Minute-time.Second/2, counts{})
			w.Look(counts{1: 1})
		}, nil},
		{"who slept for long knows no more than before", func(w *alive.Watch) {
			look(w, 2*time.Second, counts{1: 1})
			time.Sleep(time.Hour)
			w.Look(counts{1: 1}) // 2 s, and 2 of the hour
		}, nil},
		{"and goes on from there", func(w *alive.Watch) {
			look(w, 2*time.Second, counts{1: 1})
			time.Sleep(time.Hour)
			look(w, time.Second, counts{1: 1})
		}, counts{1: 1}},
		{"a look that still counts", func(w *alive.Watch) { look(w, 3*time.Second, counts{1: 1}); time.Sleep(2 * time.Second) }, counts{1: 1}},
		{"a look that is too old", func(w *alive.Watch) { look(w, time.Minute, counts{1: 1}); time.Sleep(2*time.Second + 1) }, nil},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &alive.Watch{Lease: lease}
				test.do(w)
				if got := w.Dead(); !maps.Equal(got, test.want) {
					t.Errorf("dead are %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestAlone(t *testing.T) {
	t.Parallel()
	var w alive.Watch
	for _, c := range []counts{nil, {1: 1}, {}} {
		if w.Look(c); w.Alone() != (len(c) == 0) {
			t.Errorf("after %v: alone is %v", c, w.Alone())
		}
	}
}

// An owner that is sure of itself is dead to nobody, whenever it was looked at.
func TestSure(t *testing.T) {
	t.Parallel()
	if alive.Sure(lease)+alive.Beat(lease) > lease {
		t.Errorf("it is sure for %v, and watched each %v", alive.Sure(lease), alive.Beat(lease))
	}
}
