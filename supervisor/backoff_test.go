package supervisor

import (
	"math"
	"testing"
	"time"
)

func TestBackoffWaits(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	for name, c := range map[string]struct {
		b     Backoff
		waits []time.Duration // without the jitter
	}{
		"default":      {Backoff{}, []time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 6400 * ms, 12800 * ms, 25600 * ms, 30 * s, 30 * s}},
		"first":        {Backoff{First: s}, []time.Duration{s, s, 2 * s}},
		"long first":   {Backoff{First: 60 * s}, []time.Duration{60 * s, 60 * s, 60 * s}},
		"min, max":     {Backoff{Min: 3 * s, Max: 7 * s}, []time.Duration{0, 3 * s, 6 * s, 7 * s, 7 * s}},
		"max is min":   {Backoff{Min: s, Max: s}, []time.Duration{0, s, s, s}},
		"max below":    {Backoff{Min: s, Max: ms}, []time.Duration{0, ms, ms}},
		"a nanosecond": {Backoff{Min: 1, Max: 3}, []time.Duration{0, 1, 2, 3, 3}},
	} {
		var r row
		now := time.Now()
		for i, want := range c.waits {
			wait, ok := r.next(c.b.orDefault(), now)
			if !ok || wait < want || wait > want+want/4 {
				t.Errorf("%s: wait %d is %v, want %v and up to a quarter more", name, i, wait, want)
			}
			now = now.Add(wait)
		}
	}
}

func TestBackoffJitterIsSpread(t *testing.T) {
	b := Backoff{First: 4 * time.Second}.orDefault()
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		wait, _ := new(row).next(b, time.Now())
		low, high = min(low, wait), max(high, wait)
	}
	if low < 4*time.Second || low > 4100*time.Millisecond || high > 5*time.Second || high < 4900*time.Millisecond {
		t.Errorf("from %v to %v", low, high)
	}
}

func TestBackoffResetsAfterQuiet(t *testing.T) {
	b := Backoff{}.orDefault()
	crash := func(r *row, now *time.Time, later time.Duration) time.Duration {
		*now = now.Add(later)
		wait, _ := r.next(b, *now)
		*now = now.Add(wait) // it is up again
		return wait
	}
	for _, c := range []struct {
		quiet  time.Duration
		resets bool
	}{{time.Minute - 1, false}, {time.Minute, true}, {time.Minute + 1, true}} {
		var r row
		now := time.Now()
		for range 12 {
			crash(&r, &now, 0)
		}
		if wait := crash(&r, &now, c.quiet); (wait == 0) != c.resets {
			t.Errorf("after %v the wait is %v", c.quiet, wait)
		}
	}
}

func TestBackoffTries(t *testing.T) {
	b := Backoff{Tries: 3}.orDefault()
	var r row
	now := time.Now()
	for i := range 3 {
		if _, ok := r.next(b, now); !ok {
			t.Errorf("gives up at crash %d", i+1)
		}
	}
	if _, ok := r.next(b, now); ok {
		t.Error("goes on after the tries")
	}
	r = row{}
	for range 10 {
		now = now.Add(time.Hour)
		if _, ok := r.next(b, now); !ok {
			t.Error("gives up, though they are not in a row")
		}
	}
}

func TestBackoffDoesNotOverflow(t *testing.T) {
	for _, b := range []Backoff{{}, {Min: 1, Max: math.MaxInt64}, {Min: math.MaxInt64, Max: math.MaxInt64}, {Min: 1 << 61, Max: math.MaxInt64}, {First: math.MaxInt64}, {Min: time.Hour, Max: 1 << 62}} {
		b = b.orDefault()
		r := row{}
		for i := range 200 {
			wait, ok := r.next(b, time.Now())
			if !ok || wait < 0 || i > 0 && wait == 0 {
				t.Fatalf("%+v: wait %d is %v", b, i, wait)
			}
		}
		for _, n := range []int{1 << 31, math.MaxInt - 2} {
			r.n = n
			if wait, ok := r.next(b, r.last); !ok || wait < b.Max {
				t.Fatalf("%+v: wait %d is %v", b, n, wait)
			}
		}
	}
}
