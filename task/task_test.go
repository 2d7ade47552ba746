package task_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/task"
	"github.com/bennu-go/bennu/telemetry"
)

func TestAwait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, want := range []error{nil, errSour, fault.NotFound} {
			a := task.Async(ctx, after(time.Second, 7, want))
			if _, done, _ := a.Poll(); done {
				t.Error("it is done before its time")
			}
			start := time.Now()
			for range 3 { // by anybody, many times
				out, err := a.Await(ctx)
				is(t, err, want)
				if out != 7 || time.Since(start) != time.Second {
					t.Errorf("got %d after %v", out, time.Since(start))
				}
			}
			if out, done, err := a.Poll(); !done || out != 7 || err != want {
				t.Errorf("Poll: %d, %v, %v", out, done, err)
			}
			synctest.Wait()
			if process.Alive(ctx, a.Ref()) {
				t.Error("a task that is done lives")
			}
		}
	})
}

func TestAwaitTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, after(10*time.Second, 7, nil))
		start := time.Now()
		_, err := a.Await(ctx)
		is(t, err, process.ErrTimeout)
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("it waited %v", d)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = a.Await(short)
		is(t, err, process.ErrTimeout)
		if out, err := a.Await(ctx); out != 7 || err != nil { // it went on
			t.Errorf("got %d, %v", out, err)
		}
	})
}

func TestPanic(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, func(context.Context) (int, error) { panic("burst") })
		_, err := a.Await(ctx)
		var p *process.Panic
		if fault.Of(err) != fault.Internal || !errors.As(err, &p) || p.Value != "burst" {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		_, again := a.Await(ctx)
		is(t, again, process.ErrDead)
		if n := telemetry.CountersOf(ctx).Counter("process.crashes").Value(); n != 1 {
			t.Errorf("%d crashes are reported, want 1", n)
		}
	})
}

// Poll tells of a panic, and of an end from outside.
func TestPollTellsFailures(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, func(context.Context) (int, error) { panic("burst") })
		a.Await(ctx)
		synctest.Wait()
		if _, done, err := a.Poll(); !done || err == nil {
			t.Errorf("panicked: done %v, %v", done, err)
		}
		a = task.Async(ctx, after(time.Hour, 1, nil))
		process.Exit(ctx, a.Ref(), process.Shutdown) // perhaps before it begins
		time.Sleep(time.Second)
		if _, done, err := a.Poll(); !done || err == nil {
			t.Errorf("ended: done %v, %v", done, err)
		}
	})
}

func TestManyWait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, after(time.Second, 7, nil))
		var got atomic.Int64
		for range 2000 { // more than a mailbox holds
			go func() {
				if out, err := a.Await(ctx); out == 7 && err == nil {
					got.Add(1)
				}
			}()
		}
		time.Sleep(2 * time.Second)
		if got.Load() != 2000 {
			t.Errorf("%d of 2000 got the answer", got.Load())
		}
	})
}

func TestOwnersEndEndsTask(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		var a *task.Task[int]
		if err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			a = task.Async(ctx, after(time.Hour, 0, nil))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := process.Exit(ctx, ref, process.Shutdown); err != nil {
			t.Fatal(err)
		}
		_, err := a.Await(ctx)
		if err == nil {
			t.Error("it has an answer")
		}
		synctest.Wait()
		if process.Alive(ctx, a.Ref()) {
			t.Error("it outlives its owner")
		}
	})
}

// A task's crash is its answer; only a linked one ends its owner.
func TestCrashAndOwner(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, linked := range []bool{false, true} {
			ref := spawn(t, ctx)
			err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
				var opts []process.Option
				if linked {
					opts = append(opts, process.Linked)
				}
				task.Async(ctx, func(context.Context) (int, error) { panic("burst") }, opts...)
				return nil
			})
			is(t, err, nil)
			synctest.Wait()
			if process.Alive(ctx, ref) == linked {
				t.Errorf("linked: %v, and the owner lives: %v", linked, !linked)
			}
		}
	})
}

func TestShutdown(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		last := func(ctx context.Context) (int, error) { <-ctx.Done(); time.Sleep(time.Second); return 7, nil }
		a := task.Async(ctx, last)
		synctest.Wait()
		if out, err := a.Shutdown(ctx, 2*time.Second); out != 7 || err != nil {
			t.Errorf("in time: %d, %v", out, err)
		}
		if out, err := a.Shutdown(ctx, 0); out != 7 || err != nil {
			t.Errorf("again: %d, %v", out, err)
		}
	})
	rough(t, func(t *testing.T, ctx context.Context) {
		deaf := func(context.Context) (int, error) { time.Sleep(time.Minute); return 7, nil }
		for _, within := range []time.Duration{0, time.Second} {
			a := task.Async(ctx, deaf)
			synctest.Wait()
			start := time.Now()
			_, err := a.Shutdown(ctx, within)
			is(t, err, process.ErrDead)
			if d := time.Since(start); d != within {
				t.Errorf("it took %v, want %v", d, within)
			}
			_, err = a.Await(ctx)
			is(t, err, process.ErrDead)
		}
		time.Sleep(2 * time.Minute)
	})
}

// The owner of a linked task lives when it shuts the task down.
func TestShutdownOfLinked(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			a := task.Async(ctx, after(time.Hour, 1, nil), process.Linked)
			_, err := a.Shutdown(ctx, time.Second)
			t.Log(err)
			return nil
		})
		is(t, err, nil)
		synctest.Wait()
		if !process.Alive(ctx, ref) {
			t.Error("the owner ended with the task that it shut down")
		}
	})
}

func TestShutdownOfCrashed(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, func(context.Context) (int, error) { panic("burst") })
		synctest.Wait()
		_, err := a.Shutdown(ctx, time.Second)
		var p *process.Panic
		if !errors.As(err, &p) {
			t.Errorf("got %v", err)
		}
	})
}

// A function that stops since it was asked to gives no answer.
func TestEndedFromOutside(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, after(time.Hour, 1, nil))
		synctest.Wait()
		_, err := a.Shutdown(ctx, time.Second)
		is(t, err, process.ErrDead)
	})
}

// Who was told that the task is dead gets no answer later.
func TestAnswerStays(t *testing.T) {
	rough(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, func(context.Context) (int, error) { time.Sleep(time.Minute); return 7, nil })
		synctest.Wait()
		_, err := a.Shutdown(ctx, 0)
		is(t, err, process.ErrDead)
		time.Sleep(2 * time.Minute)
		out, err := a.Await(ctx)
		if err == nil {
			t.Errorf("it was dead, and now it answers %d", out)
		}
	})
}

// Each of the tasks that a handler starts has a goroutine at once.
func TestTasksOfAHandlerBeginAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		start := time.Now()
		var mu sync.Mutex
		var began []time.Duration
		err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			var all []*task.Task[int]
			for range 5 {
				all = append(all, task.Async(ctx, func(context.Context) (int, error) {
					mu.Lock()
					began = append(began, time.Since(start))
					mu.Unlock()
					time.Sleep(time.Second)
					return 1, nil
				}))
			}
			for _, a := range all {
				a.Await(ctx)
			}
			return nil
		})
		is(t, err, nil)
		if d := time.Since(start); d != time.Second {
			t.Errorf("5 tasks of 1 s took %v, and began after %v", d, began)
		}
	})
}

// A monitor that is set at once tells the end of the task.
func TestMonitor(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		start := time.Now()
		var at time.Duration
		var reason error
		err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
			a := task.Async(ctx, after(time.Second, 1, nil))
			_, err := process.Monitor(ctx, a.Ref(), func(_ *owner, _ context.Context, d process.Down) error {
				at, reason = time.Since(start), d.Reason
				return nil
			})
			return err
		})
		is(t, err, nil)
		time.Sleep(2 * time.Second)
		processtest.Settle(t, ctx, ref)
		if at != time.Second || !errors.Is(reason, process.Normal) {
			t.Errorf("down after %v with %v", at, reason)
		}
	})
}

func TestWait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a := task.Async(ctx, after(time.Second, 1, nil))
		reason, err := process.Wait(ctx, a.Ref())
		if reason != process.Normal {
			t.Errorf("%v, %v", reason, err)
		}
	})
}

func TestNoNode(t *testing.T) {
	a := task.Async(t.Context(), after(0, 7, nil))
	_, err := a.Await(t.Context())
	is(t, err, process.ErrNoNode)
	_, err = a.Shutdown(t.Context(), 0)
	is(t, err, process.ErrNoNode)
}

func TestTraceGoesAlong(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx)
		ctx = telemetry.WithTrace(ctx, &telemetry.Trace{RequestID: "r1"})
		id, err := task.Async(ctx, func(ctx context.Context) (string, error) {
			id := telemetry.TraceOf(ctx).RequestID
			err := process.Do(ctx, ref, (*owner).Do, func(ctx context.Context, _ *owner) error {
				id += "," + telemetry.TraceOf(ctx).RequestID
				return nil
			})
			return id, err
		}).Await(ctx)
		if id != "r1,r1" || err != nil {
			t.Errorf("got %q, %v", id, err)
		}
	})
}

func TestAwaitOneself(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var a *task.Task[int]
		set := make(chan struct{})
		a = task.Async(ctx, func(ctx context.Context) (int, error) { <-set; return a.Await(ctx) })
		close(set)
		_, err := a.Await(ctx)
		is(t, err, process.ErrCycle)
	})
}
