package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// A call in a handler ends when the first of these does: the default time, the deadline of
// the call that the handler answers, that of a context of its own, the end of its process.
func TestNestedCallEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		outer time.Duration // of the call to the handler; 0: none, a cast
		own   time.Duration // of a derived context; 0: none
		stop  time.Duration // when the handler's process is told to end; 0: never
		want  time.Duration
		err   error
	}{
		{"cast: the default", 0, 0, 0, 5 * time.Second, process.ErrTimeout},
		{"the outer deadline", 2 * time.Second, 0, 0, 2 * time.Second, process.ErrTimeout},
		{"a long outer deadline", time.Minute, 0, 0, time.Minute, process.ErrTimeout},
		{"an own deadline", time.Minute, 3 * time.Second, 0, 3 * time.Second, process.ErrTimeout},
		{"a longer own deadline", 2 * time.Second, 3 * time.Second, 0, 2 * time.Second, process.ErrTimeout},
		{"an own deadline in a cast", 0, 7 * time.Second, 0, 7 * time.Second, process.ErrTimeout},
		{"the end", 0, 0, time.Second, time.Second, context.Canceled},
		{"the end, in a call", time.Minute, 0, time.Second, time.Second, context.Canceled},
		{"the end, with an own deadline", time.Minute, 3 * time.Second, time.Second, time.Second, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				slow, middle := newBox(t, ctx), newBox(t, ctx)
				release := block(t, ctx, slow)
				errs := make(chan error, 1)
				start := time.Now()
				nested := func(ctx context.Context) error {
					if c.own > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, c.own)
						defer cancel()
					}
					errs <- process.Do(ctx, slow, (*box).Note, "nested")
					return nil
				}
				if c.outer > 0 {
					outer, cancel := context.WithTimeout(ctx, c.outer)
					defer cancel()
					go func() { _ = do(outer, middle, nested) }()
				} else {
					fling(t, ctx, middle, nested)
				}
				if c.stop > 0 {
					time.AfterFunc(c.stop, func() { _ = process.Exit(ctx, middle, process.Shutdown) })
				}
				is(t, <-errs, c.err)
				took(t, start, c.want)
				release()
				synctest.Wait()
				if n := count(ctx, "process.calls.skipped"); n != 1 {
					t.Errorf("%d skipped, want the nested one", n)
				}
			})
		})
	}
}

// The caller's own cancellation ends its call at once, with its own error, and a kill of the
// caller's process does.
func TestCallerIsCancelled(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		slow := newBox(t, ctx)
		release := block(t, ctx, slow)
		call, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		is(t, process.Do(call, slow, (*box).Note, ""), context.Canceled)
		took(t, start, time.Second)

		errs := make(chan error, 1)
		caller := newBox(t, ctx)
		fling(t, ctx, caller, func(ctx context.Context) error {
			errs <- process.Do(ctx, slow, (*box).Note, "")
			return nil
		})
		synctest.Wait()
		is(t, process.Exit(ctx, caller, process.Kill))
		is(t, <-errs, context.Canceled)
		took(t, start, time.Second)
		release()
	})
}

// Where the answer and the end of the wait are both there, the answer counts.
func TestAnswerWins(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for i := range 100 {
			ref := spawn(t, ctx, openDesk)
			call, cancel := context.WithCancel(ctx)
			errs := make(chan error, 1)
			go func() { _, err := process.Call(call, ref, (*desk).Later, 1); errs <- err }()
			synctest.Wait()
			is(t, process.Run(ctx, ref, func(d *desk, ctx context.Context) error {
				d.owed[0].Send(1, nil)
				switch i % 3 {
				case 0:
					cancel()
				case 1:
					return process.Stop(ctx, errSour)
				case 2:
					is(t, process.Exit(ctx, process.Self[desk](ctx), process.Shutdown))
				}
				return nil
			}))
			is(t, <-errs)
			cancel()
			is(t, process.Exit(ctx, ref, process.Normal))
			synctest.Wait()
		}
		// And at the very deadline.
		ref := spawn(t, ctx, openDesk)
		_, err := process.Call(ctx, ref, func(*desk, context.Context, int) (int, error) { time.Sleep(process.DefaultTimeout); return 1, nil }, 1)
		if err != nil {
			is(t, err, process.ErrTimeout)
		}
	})
}

// A late answer goes nowhere: the next question of the same caller has its own.
func TestLateAnswerGoesNowhere(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, other, caller := newBox(t, ctx), newBox(t, ctx), newBox(t, ctx)
		sleepy := func(_ *box, _ context.Context, n int) (int, error) { time.Sleep(time.Second); return n, nil }
		ask := func(ctx context.Context) error {
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			_, err := process.Call(short, ref, sleepy, 1)
			is(t, err, process.ErrTimeout)
			for i := range 20 {
				out, err := process.Call(ctx, other, (*box).Echo, i)
				is(t, err)
				if out != i {
					t.Errorf("the answer to %d is %d", i, out)
				}
				time.Sleep(50 * time.Millisecond)
			}
			return nil
		}
		is(t, ask(ctx))
		is(t, do(ctx, caller, ask))
	})
}

// The clock of a waiter is kept from one question to the next: each has its own time.
func TestManyQuestionsOneClock(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, slow, caller := newBox(t, ctx), newBox(t, ctx), newBox(t, ctx)
		release := block(t, ctx, slow)
		for i := range 30 {
			start := time.Now()
			for range i {
				_, err := process.Call(ctx, ref, (*box).Echo, 1)
				is(t, err)
				time.Sleep(500 * time.Millisecond)
			}
			took(t, start, time.Duration(i)*500*time.Millisecond)
			start = time.Now()
			is(t, process.Do(ctx, slow, (*box).Note, ""), process.ErrTimeout)
			took(t, start, 5*time.Second)
			limit := time.Duration(1+i%7) * time.Second
			short, cancel := context.WithTimeout(ctx, limit)
			start = time.Now()
			_ = do(short, caller, func(ctx context.Context) error { return process.Do(ctx, slow, (*box).Note, "") })
			took(t, start, limit)
			cancel()
			synctest.Wait()
		}
		release()
	})
}

// Many callers whose questions time out, are cancelled and answered at random, each with
// the answer to its own question.
func TestWaitersAreReused(t *testing.T) {
	const callers, each, seed = 8, 300, 7
	t.Log("seed", seed)
	ctx := processtest.Node(t)
	ref := newBox(t, ctx)
	nap := func(_ *box, _ context.Context, n int) (int, error) {
		if n%5 == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		return n, nil
	}
	var wg sync.WaitGroup
	for caller := range callers {
		rng := rand.New(rand.NewSource(seed + int64(caller)))
		inside := newBox(t, ctx)
		wg.Go(func() {
			for i := range each {
				n := caller*each + i
				call, cancel := ctx, context.CancelFunc(func() {})
				switch rng.Intn(4) {
				case 0:
					call, cancel = context.WithTimeout(ctx, time.Duration(rng.Intn(200))*time.Microsecond)
				case 1:
					call, cancel = context.WithCancel(ctx)
					time.AfterFunc(time.Duration(rng.Intn(200))*time.Microsecond, cancel)
				}
				var out int
				var err error
				if rng.Intn(2) == 0 {
					out, err = process.Call(call, ref, nap, n)
				} else {
					out, err = process.Call(call, inside, func(_ *box, ctx context.Context, n int) (int, error) {
						return process.Call(ctx, ref, nap, n)
					}, n)
				}
				cancel()
				switch {
				case err == nil && out != n:
					t.Errorf("the answer to %d is %d", n, out)
				case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, process.ErrFull):
					t.Errorf("question %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
}

// A helper that calls while a handler of its process does: each has its own answer.
func TestHandlerAndHelperWait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, middle := newBox(t, ctx), newBox(t, ctx)
		errs := make(chan error, 3)
		slow := func(_ *box, _ context.Context, n int) (int, error) {
			time.Sleep(time.Duration(n) * time.Second)
			return n, nil
		}
		is(t, do(ctx, middle, func(ctx context.Context) error {
			ask := func(n int) func(context.Context) error {
				return func(ctx context.Context) error {
					out, err := process.Call(ctx, ref, slow, n)
					if err == nil && out != n {
						err = fmt.Errorf("the answer to %d is %d", n, out)
					}
					errs <- err
					return nil
				}
			}
			is(t, process.Go(ctx, ask(1)))
			var wg sync.WaitGroup
			wg.Go(func() { _ = ask(1)(ctx) })
			defer wg.Wait()
			return ask(1)(ctx)
		}))
		for range 3 {
			is(t, <-errs)
		}
	})
}
