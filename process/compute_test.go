package process_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// places is how many may compute at a time.
func places() int { return max(1, runtime.GOMAXPROCS(0)-1) }

// occupy takes all places until the function it gives is called.
func occupy(t *testing.T, ctx context.Context) (leave func()) {
	t.Helper()
	free := make(chan struct{})
	for range places() {
		go func() {
			_, err := process.Compute(ctx, func(context.Context) (int, error) { <-free; return 0, nil })
			is(t, err)
		}()
	}
	synctest.Wait()
	return func() { close(free); synctest.Wait() }
}

func TestCompute(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var active, most, ran atomic.Int64
		start := time.Now()
		var wg sync.WaitGroup
		many := 4 * places()
		for range many {
			wg.Go(func() {
				out, err := process.Compute(ctx, func(context.Context) (int64, error) {
					n := active.Add(1)
					if n > most.Load() {
						most.Store(n)
					}
					time.Sleep(time.Second)
					active.Add(-1)
					return ran.Add(1), errSour
				})
				is(t, err, errSour)
				if out == 0 {
					t.Error("no answer")
				}
			})
		}
		wg.Wait()
		if most.Load() != int64(places()) {
			t.Errorf("%d computed at a time, want %d", most.Load(), places())
		}
		took(t, start, 4*time.Second)
		_, err := process.Compute(t.Context(), func(context.Context) (int, error) { return 0, nil })
		is(t, err, process.ErrNoNode)
	})
}

// First come, first served.
func TestComputeTakesTurns(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		leave := occupy(t, ctx)
		rec := new(record)
		for _, name := range []string{"a", "b", "c"} {
			go func() {
				_, err := process.Compute(ctx, func(context.Context) (int, error) {
					rec.note(name)
					time.Sleep(time.Duration(places()) * time.Second)
					return 0, nil
				})
				is(t, err)
			}()
			synctest.Wait()
			time.Sleep(time.Second)
		}
		leave()
		time.Sleep(time.Hour)
		if lines := rec.all(); len(lines) != 3 || places() == 1 && (lines[0] != "a" || lines[2] != "c") {
			t.Errorf("they ran as %q", lines)
		}
	})
}

// Whoever waits for a place waits at most until its context ends, and then has none.
func TestComputeGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		leave := occupy(t, ctx)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		never := func(context.Context) (int, error) { t.Error("it ran"); return 0, nil }
		_, err := process.Compute(short, never)
		is(t, err, process.ErrTimeout, context.DeadlineExceeded)
		took(t, start, time.Second)

		left, cancel2 := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel2)
		_, err = process.Compute(left, never)
		is(t, err, context.Canceled)
		took(t, start, 2*time.Second)

		// In a handler: the deadline of the call, and the end of the process.
		ref := newBox(t, ctx)
		_, err = process.Ask(ctx, ref, func(_ *box, ctx context.Context) (int, error) { return process.Compute(ctx, never) })
		is(t, err, process.ErrTimeout)
		took(t, start, 7*time.Second)
		fling(t, ctx, ref, func(ctx context.Context) error {
			_, err := process.Compute(ctx, never)
			is(t, err, context.Canceled)
			return err
		})
		synctest.Wait()
		is(t, process.Exit(ctx, ref, process.Shutdown))
		_, err = process.Wait(ctx, ref)
		is(t, err)
		took(t, start, 7*time.Second)
		leave()
		everyPlaceIsFree(t, ctx)
	})
}

func everyPlaceIsFree(t *testing.T, ctx context.Context) {
	t.Helper()
	start := time.Now()
	occupy(t, ctx)()
	took(t, start, 0)
	_, err := process.Compute(ctx, func(context.Context) (int, error) { return 0, nil })
	is(t, err)
	took(t, start, 0)
}

// A place that is given just when its taker gives up is not lost.
func TestComputePlaceIsNotLost(t *testing.T) {
	ctx := processtest.Node(t)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			short, cancel := context.WithTimeout(ctx, time.Duration(i%20)*10*time.Microsecond)
			defer cancel()
			_, err := process.Compute(short, func(context.Context) (int, error) { runtime.Gosched(); return 0, nil })
			if err != nil && !errors.Is(err, process.ErrTimeout) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for range 2 * places() {
		_, err := process.Compute(ctx, func(context.Context) (int, error) { return 0, nil })
		is(t, err)
	}
}

// A Compute in a Compute runs at once, also through what a context is derived to.
func TestComputeInCompute(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		start := time.Now()
		out, err := process.Ask(ctx, ref, func(_ *box, ctx context.Context) (int, error) {
			return process.Compute(ctx, func(ctx context.Context) (int, error) {
				if process.Self[box](ctx) != ref {
					t.Error("it is not in its process")
				}
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				return process.Compute(ctx, func(ctx context.Context) (int, error) {
					return process.Compute(ctx, func(context.Context) (int, error) { return 42, nil })
				})
			})
		})
		is(t, err)
		if out != 42 {
			t.Errorf("got %d", out)
		}
		took(t, start, 0)
	})
}

// A panic and a Goexit give their place back.
func TestComputeUnwinds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for range 2 * places() {
			for _, end := range []func(){func() { panic(errSour) }, runtime.Goexit} {
				ref := newBox(t, ctx)
				_, err := process.Ask(ctx, ref, func(_ *box, ctx context.Context) (int, error) {
					return process.Compute(ctx, func(context.Context) (int, error) { end(); return 0, nil })
				})
				is(t, err, process.ErrDead)
			}
		}
		everyPlaceIsFree(t, ctx)
	})
}
