package process_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// stamp gives a method that notes how long after start it ran.
func stamp(start time.Time, busy time.Duration) func(*box, context.Context) error {
	return func(b *box, _ context.Context) error {
		b.note(fmt.Sprint(time.Since(start)))
		time.Sleep(busy)
		return nil
	}
}

func notes(t testing.TB, ctx context.Context, ref process.Address[box]) []string {
	t.Helper()
	lines, err := process.Ask(ctx, ref, (*box).Get)
	is(t, err)
	return lines
}

func TestAfter(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		is(t, do(ctx, ref, func(ctx context.Context) error {
			for _, d := range []time.Duration{2 * time.Second, time.Second, 0, -1} {
				_, err := process.After(ctx, d, stamp(start, 0))
				is(t, err)
			}
			return nil
		}))
		time.Sleep(3 * time.Second)
		equal(t, notes(t, ctx, ref), "0s", "0s", "1s", "2s")
	})
}

func TestEvery(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Every(ctx, 0, stamp(start, 0))
			is(t, err, fault.Internal)
			_, err = process.Every(ctx, -1, stamp(start, 0))
			is(t, err, fault.Internal)
			_, err = process.Every(ctx, time.Second, stamp(start, 0))
			return err
		}))
		time.Sleep(3500 * time.Millisecond)
		equal(t, notes(t, ctx, ref), "1s", "2s", "3s")
	})
}

// A handler that is slower than the ticks misses some; what runs is on the grid.
func TestEverySlowHandler(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Every(ctx, time.Second, stamp(start, 2500*time.Millisecond))
			return err
		}))
		time.Sleep(9 * time.Second)
		// 1 s; the tick of 2 s waits till 3.5 s; that of 4 s till 6 s; that of 7 s till 8.5 s.
		equal(t, notes(t, ctx, ref)[:4], "1s", "3.5s", "6s", "8.5s")
	})
}

func TestEveryWhileBlocked(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Every(ctx, time.Second, stamp(start, 0))
			return err
		}))
		release := block(t, ctx, ref)
		time.Sleep(10500 * time.Millisecond)
		if w := slotInfo(t, ctx, ref).Waiting; w != 1 {
			t.Errorf("%d ticks wait, want at most 1", w)
		}
		release()
		time.Sleep(time.Second)
		equal(t, notes(t, ctx, ref), "10.5s", "11s")
	})
}

func TestTimerStop(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		var before, queued, ran, every *process.Timer
		is(t, do(ctx, ref, func(ctx context.Context) (err error) {
			before, err = process.After(ctx, time.Second, stamp(start, 0))
			is(t, err)
			queued, err = process.After(ctx, time.Second, stamp(start, 0))
			is(t, err)
			ran, err = process.After(ctx, 0, stamp(start, 0))
			is(t, err)
			every, err = process.Every(ctx, time.Second, stamp(start, 0))
			return err
		}))
		synctest.Wait()
		if !before.Stop() || before.Stop() {
			t.Error("the first Stop before the time should report true, the second false")
		}
		if ran.Stop() {
			t.Error("Stop after the method ran should report false")
		}
		release := block(t, ctx, ref)
		time.Sleep(time.Second)
		if !queued.Stop() || !every.Stop() {
			t.Error("a tick in the mailbox can still be taken back")
		}
		release()
		time.Sleep(3 * time.Second)
		equal(t, notes(t, ctx, ref), "0s")
	})
}

// An Every may stop itself, and an After may set the next.
func TestTimerInItsMethod(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		n := 0
		var every *process.Timer
		is(t, do(ctx, ref, func(ctx context.Context) (err error) {
			every, err = process.Every(ctx, time.Second, func(b *box, ctx context.Context) error {
				if n++; n == 2 {
					if !every.Stop() {
						t.Error("Stop of an Every in its method should report true")
					}
					_, err := process.After(ctx, time.Second, stamp(start, 0))
					return err
				}
				return nil
			})
			return err
		}))
		time.Sleep(10 * time.Second)
		equal(t, notes(t, ctx, ref), "3s")
		if n != 2 {
			t.Errorf("%d ticks, want 2", n)
		}
	})
}

func TestTimersDieWithTheIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		start := time.Now()
		rec := new(record)
		lives := 0
		keep(t, ctx, "box", func(ctx context.Context) (*box, error) {
			if lives++; lives == 1 {
				_, err := process.Every(ctx, time.Second, stamp(start, 0))
				is(t, err)
				_, err = process.After(ctx, 2*time.Second, stamp(start, 0))
				is(t, err)
			}
			return &box{rec}, nil
		})
		name := process.Name[box]("box")
		time.Sleep(1500 * time.Millisecond)
		free := make(chan struct{})
		fling(t, ctx, name, func(context.Context) error { <-free; return errSour })
		time.Sleep(time.Second) // the ticks of 2 s are in the mailbox
		close(free)
		time.Sleep(5 * time.Second)
		processtest.Settle(t, ctx, name)
		equal(t, notes(t, ctx, name), "1s")
		if lives != 2 {
			t.Errorf("%d lives, want 2", lives)
		}
	})
}

func TestWhenIdle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, start := newBox(t, ctx), time.Now()
		idle := func(d time.Duration) (w *process.Timer) {
			t.Helper()
			is(t, do(ctx, ref, func(ctx context.Context) (err error) {
				w, err = process.WhenIdle(ctx, d, stamp(start, 0))
				return err
			}))
			return w
		}
		idle(10 * time.Second)
		for range 5 { // each message puts it off
			time.Sleep(9 * time.Second)
			processtest.Settle(t, ctx, ref)
		}
		time.Sleep(10 * time.Second)
		time.Sleep(time.Hour) // once
		equal(t, notes(t, ctx, ref), "55s")

		start = time.Now()
		idle(10 * time.Second)
		fling(t, ctx, ref, func(context.Context) error { time.Sleep(12 * time.Second); return nil }) // busy
		time.Sleep(time.Hour)
		equal(t, notes(t, ctx, ref), "55s", "22s")

		// A timer and a monitor count as something to do.
		start = time.Now()
		target := newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.After(ctx, 3*time.Second, func(*box, context.Context) error { return nil })
			is(t, err)
			_, err = process.Monitor(ctx, target, func(*box, context.Context, process.Down) error { return nil })
			return err
		}))
		idle(5 * time.Second)
		time.Sleep(7 * time.Second)
		is(t, process.Exit(ctx, target, process.Normal))
		time.Sleep(time.Hour)
		equal(t, notes(t, ctx, ref), "55s", "22s", "12s")

		// One takes the place of the other; Stop takes it back.
		start = time.Now()
		first := idle(5 * time.Second)
		second := idle(10 * time.Second)
		if first.Stop() {
			t.Error("the first one was still to run")
		}
		time.Sleep(9 * time.Second)
		if !second.Stop() || second.Stop() {
			t.Error("the second one was to run, once")
		}
		time.Sleep(time.Hour)
		equal(t, notes(t, ctx, ref), "55s", "22s", "12s")
		_, err := process.WhenIdle(ctx, 1, stamp(start, 0))
		is(t, err, process.ErrNotHere)
	})
}

// It belongs to the incarnation, and sets itself again in its method.
func TestWhenIdleAgain(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec, start := new(record), time.Now()
		var method func(b *box, ctx context.Context) error
		method = func(b *box, ctx context.Context) error {
			b.note(fmt.Sprint(time.Since(start)))
			_, err := process.WhenIdle(ctx, 10*time.Second, method)
			return err
		}
		lives := 0
		keep(t, ctx, theBox, func(ctx context.Context) (*box, error) {
			if lives++; lives == 1 {
				if _, err := process.WhenIdle(ctx, 10*time.Second, method); err != nil {
					return nil, err
				}
			}
			return rec.open(ctx)
		})
		time.Sleep(35 * time.Second)
		equal(t, rec.all(), "10s", "20s", "30s")
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		time.Sleep(time.Hour)
		equal(t, rec.all(), "10s", "20s", "30s")
	})
}
