package process_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

type key struct{}

func TestHandlerContextValues(t *testing.T) {
	node := process.NewNode(context.WithValue(context.Background(), key{}, "node's"))
	defer node.Close()
	ctx := node.Context(context.Background())
	ref := newBox(t, ctx)
	trace := &telemetry.Trace{RequestID: "r1"}
	caller := telemetry.WithTrace(context.WithValue(ctx, key{}, "caller's"), trace)
	check := func(ctx context.Context, trace *telemetry.Trace) {
		t.Helper()
		if v := ctx.Value(key{}); v != "node's" {
			t.Errorf("value %v, want the node's", v)
		}
		if got := telemetry.TraceOf(ctx); got != trace {
			t.Errorf("trace %v, want %v", got, trace)
		}
		if n, err := process.NodeOf(ctx); n != node {
			t.Error("another node", err)
		}
		if telemetry.CountersOf(ctx) != telemetry.CountersOf(node.Context(context.Background())) {
			t.Error("other counters")
		}
		if v := ctx.Value("nobody's"); v != nil {
			t.Errorf("%v from nowhere", v)
		}
		if process.Self[box](ctx) != ref {
			t.Error("another Self")
		}
	}
	is(t, do(caller, ref, func(ctx context.Context) error {
		check(ctx, trace)
		ctx.Done() // from here on there is a standard context behind it
		check(ctx, trace)
		return process.Go(ctx, func(ctx context.Context) error { check(ctx, trace); return nil })
	}))
	fling(t, caller, ref, func(ctx context.Context) error { check(ctx, trace); return nil })
	fling(t, ctx, ref, func(ctx context.Context) error { check(ctx, nil); return nil })
	processtest.Settle(t, ctx, ref)
	if telemetry.CountersOf(ctx) == telemetry.CountersOf(context.Background()) {
		t.Error("the node's counters should be in its context")
	}
	if v := node.Context(context.WithValue(context.Background(), key{}, "own")).Value(key{}); v != "own" {
		t.Errorf("%v, want the context's own value before the node's", v)
	}
}

func TestNoNode(t *testing.T) {
	ctx := context.Background()
	_, err := process.Spawn(ctx, new(record).open)
	is(t, err, process.ErrNoNode)
	is(t, process.Cast(ctx, process.Name[box]("box"), (*box).Note, ""), process.ErrNoNode)
	is(t, process.Do(ctx, process.Family[box]("box").Of("1"), (*box).Note, ""), process.ErrNoNode)
	_, err = process.Wait(ctx, process.Name[box]("box"))
	is(t, err, process.ErrNoNode)
}

func TestHandlerContextEnds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for name, leave := range map[string]func(context.Context, context.CancelFunc){
			"process ends": func(ctx context.Context, _ context.CancelFunc) {
				is(t, process.Stop(ctx, errSour))
			},
			"deadline": func(context.Context, context.CancelFunc) { time.Sleep(time.Minute) },
		} {
			t.Log(name)
			ref := newBox(t, ctx)
			call, cancel := context.WithTimeout(ctx, time.Second)
			var kept, derived, timed context.Context
			after := make(chan struct{})
			err := do(call, ref, func(ctx context.Context) error {
				kept = ctx
				var stop context.CancelFunc
				derived, stop = context.WithCancel(ctx)
				_ = stop
				timed, stop = context.WithTimeout(ctx, time.Hour)
				_ = stop
				context.AfterFunc(ctx, func() { close(after) })
				is(t, ctx.Err(), nil)
				leave(ctx, cancel)
				return nil
			})
			if name == "deadline" {
				is(t, err, process.ErrTimeout)
				time.Sleep(time.Minute)
			} else {
				is(t, err)
			}
			<-after
			<-derived.Done()
			<-timed.Done()
			<-kept.Done()
			cancel()
			is(t, process.Exit(ctx, ref, process.Shutdown))
		}
	})
}

func TestExitCancelsTheHandler(t *testing.T) {
	for name, use := range map[string]func(context.Context){
		"before": func(ctx context.Context) { ctx.Done() },
		"after":  func(context.Context) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref := newBox(t, ctx)
				check := func(ctx context.Context) error {
					use(ctx)
					is(t, process.Exit(process.Outside(ctx), ref, errSour))
					is(t, context.Cause(ctx), errSour)
					is(t, ctx.Err(), context.Canceled)
					<-ctx.Done()
					child, cancel := context.WithCancel(ctx)
					defer cancel()
					is(t, context.Cause(child), errSour)
					return nil
				}
				is(t, do(ctx, ref, check))
				ref = newBox(t, ctx)
				fling(t, ctx, ref, check)
				_, err := process.Wait(ctx, ref)
				is(t, err)
			})
		})
	}
}

func TestDeadlineSeenByTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		errs := make(chan error, 2)
		call, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		method := func(ctx context.Context) error {
			time.Sleep(2 * time.Second)
			errs <- ctx.Err()
			errs <- context.Cause(ctx)
			return nil
		}
		is(t, do(call, ref, method), process.ErrTimeout)
		is(t, <-errs, context.DeadlineExceeded)
		is(t, <-errs, context.DeadlineExceeded)
		// A call of the handler ends with it.
		other := newBox(t, ctx)
		start := time.Now()
		call, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
		inner := make(chan error, 1)
		_ = do(call, ref, func(ctx context.Context) error { // both end at the same time
			inner <- do(ctx, other, func(context.Context) error { time.Sleep(time.Minute); return nil })
			return nil
		})
		is(t, <-inner, process.ErrTimeout)
		took(t, start, time.Second)
		_, ok := time.Time{}, false
		fling(t, ctx, ref, func(ctx context.Context) error { _, ok = ctx.Deadline(); return nil })
		processtest.Settle(t, ctx, ref)
		if ok {
			t.Error("a cast's handler has no deadline")
		}
		time.Sleep(time.Minute)
	})
}

func TestReleasedAfterTheHandler(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		var kept context.Context
		is(t, do(ctx, ref, func(ctx context.Context) error { kept = ctx; ctx.Done(); return nil }))
		synctest.Wait()
		select {
		case <-kept.Done():
		default:
			t.Error("the deadline's timer is still running")
		}
	})
}

func TestCycle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, b, c := newBox(t, ctx), newBox(t, ctx), newBox(t, ctx)
		nothing := func(context.Context) error { return nil }
		start := time.Now()
		is(t, do(ctx, a, func(ctx context.Context) error { return do(ctx, a, nothing) }), process.ErrCycle)
		is(t, do(ctx, a, func(ctx context.Context) error {
			return do(ctx, b, func(ctx context.Context) error { return do(ctx, a, nothing) })
		}), process.ErrCycle)
		is(t, do(ctx, a, func(ctx context.Context) error {
			return do(ctx, b, func(ctx context.Context) error {
				return do(ctx, c, func(ctx context.Context) error {
					derived, cancel := context.WithCancel(ctx)
					defer cancel()
					return do(derived, a, nothing)
				})
			})
		}), process.ErrCycle)
		is(t, do(ctx, a, func(ctx context.Context) error {
			_, err := process.Wait(ctx, a)
			return err
		}), process.ErrCycle)
		// A constructor that calls its starter.
		is(t, do(ctx, a, func(ctx context.Context) error {
			_, err := process.Spawn(ctx, func(ctx context.Context) (*box, error) {
				return nil, do(ctx, a, nothing)
			})
			return err
		}), process.ErrCycle)
		took(t, start, 0)
	})
}

func TestNoCycle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, b := newBox(t, ctx), newBox(t, ctx)
		nothing := func(context.Context) error { return nil }
		// Casts wait for nobody.
		is(t, do(ctx, a, func(ctx context.Context) error {
			return do(ctx, b, func(ctx context.Context) error {
				return process.Cast(ctx, a, (*box).Note, "back")
			})
		}))
		// Nor does whoever was cast to.
		back := make(chan error, 1)
		is(t, do(ctx, a, func(ctx context.Context) error {
			return process.Signal(ctx, b, func(_ *box, ctx context.Context) error { back <- do(ctx, a, nothing); return nil })
		}))
		is(t, <-back)
		// A helper may call its owner, and may start what calls it.
		is(t, do(ctx, a, func(ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error {
				err := do(ctx, a, nothing)
				_, err2 := process.Spawn(ctx, func(ctx context.Context) (*box, error) {
					return &box{new(record)}, do(ctx, a, nothing)
				})
				back <- errors.Join(err, err2)
				return nil
			})
		}))
		is(t, <-back)
	})
}

func TestNotHere(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		check := func(ctx context.Context) error {
			tick := func(*keeper, context.Context) error { return nil }
			_, err := process.After(ctx, 0, tick)
			is(t, err, process.ErrNotHere)
			_, err = process.Every(ctx, 1, tick)
			is(t, err, process.ErrNotHere)
			_, err = process.Monitor(ctx, process.Ref[box]{}, (*keeper).down)
			is(t, err, process.ErrNotHere)
			_, err = process.Bind(ctx, (*keeper).down)
			is(t, err, process.ErrNotHere)
			if ref := process.Self[keeper](ctx); ref != (process.Ref[keeper]{}) {
				t.Errorf("Self is %v", ref)
			}
			return nil
		}
		_ = check(ctx)
		_, err := process.Defer[int](ctx)
		is(t, err, process.ErrNotHere)
		is(t, process.Go(ctx, func(context.Context) error { return nil }), process.ErrNotHere)
		is(t, process.Stop(ctx, process.Normal), process.ErrNotHere)
		ref := newBox(t, ctx)
		is(t, do(ctx, ref, check)) // of another type
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Bind(process.Outside(ctx), (*box).Note)
			is(t, err, process.ErrNotHere)
			return nil
		}))
		is(t, new(process.Port[int]).Send(1), process.ErrNotHere)
		_, err = new(process.Port[int]).OnEnd(func() {})
		is(t, err, process.ErrNotHere)
	})
}
