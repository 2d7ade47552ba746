package process_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestConstructor(t *testing.T) {
	for _, c := range []struct {
		name    string
		open    func(context.Context) (*box, error)
		want    error
		crashes int64
	}{
		{"error", func(context.Context) (*box, error) { return nil, errSour }, errSour, 0},
		{"error and state", func(context.Context) (*box, error) { return new(box), errSour }, errSour, 0},
		{"ignore", func(context.Context) (*box, error) { return nil, process.Ignore }, process.Ignore, 0},
		{"nothing", func(context.Context) (*box, error) { return nil, nil }, fault.Internal, 0},
		{"panic", func(context.Context) (*box, error) { panic(errSour) }, errSour, 1},
		{"Goexit", func(context.Context) (*box, error) { runtime.Goexit(); return nil, nil }, nil, 1},
		{"clean reason", func(context.Context) (*box, error) { return nil, process.Shutdown }, process.Shutdown, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref, err := process.Spawn(ctx, c.open)
				if err == nil || ref != (process.Ref[box]{}) {
					t.Fatalf("got %v, %v", ref, err)
				}
				if c.want != nil {
					is(t, err, c.want)
				}
				if n := count(ctx, "process.crashes"); n != c.crashes {
					t.Errorf("%d crashes, want %d", n, c.crashes)
				}
				if n, _ := process.NodeOf(ctx); n.Count() != 0 {
					t.Errorf("%d processes are left", n.Count())
				}
			})
		})
	}
}

func TestStartIsBoundByTheContext(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		node, err := process.NodeOf(ctx)
		is(t, err)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		start := time.Now()
		_, err = process.Spawn(short, func(ctx context.Context) (*box, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		is(t, err, context.DeadlineExceeded)
		took(t, start, time.Second)

		// It has ended already: the process may not even begin.
		for range 20 {
			if ref, err := process.Spawn(short, new(record).open); err != nil {
				is(t, err, context.DeadlineExceeded)
			} else {
				is(t, process.Exit(ctx, ref, process.Normal))
			}
		}
		synctest.Wait()
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes are left", n)
		}
		// It does not bound the life.
		short, cancel = context.WithCancel(ctx)
		ref := newBox(t, short)
		cancel()
		processtest.Settle(t, ctx, ref)
	})
}

// staged has all the optional methods; each does what the test says.
type staged struct {
	open, cont func(context.Context) error
	term       func(context.Context, process.Reason)
}

func (s *staged) start(ctx context.Context) (*staged, error) {
	if s.open != nil {
		return s, s.open(ctx)
	}
	return s, nil
}

func (s *staged) Continue(ctx context.Context) error {
	if s.cont != nil {
		return s.cont(ctx)
	}
	return nil
}

func (s *staged) Terminate(ctx context.Context, reason process.Reason) {
	if s.term != nil {
		s.term(ctx, reason)
	}
}

func TestContinue(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		start := time.Now()
		ref := spawn(t, ctx, (&staged{
			open: func(ctx context.Context) error {
				return process.Signal(ctx, process.Self[staged](ctx), func(*staged, context.Context) error { rec.note("mail"); return nil })
			},
			cont: func(context.Context) error { time.Sleep(time.Second); rec.note("continue"); return nil },
		}).start)
		took(t, start, 0) // the starter does not wait
		synctest.Wait()
		if m := slotInfo(t, ctx, ref).Method; m != "Continuer.Continue" {
			t.Errorf("%q runs, want Continue", m)
		}
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all(), "continue", "mail")

		for _, c := range []struct {
			fn   func(context.Context) error
			want error
		}{
			{func(context.Context) error { return errSour }, errSour},
			{func(context.Context) error { panic(errSour) }, errSour},
			{func(context.Context) error { runtime.Goexit(); return nil }, nil},
			{func(context.Context) error { return process.Normal }, process.Normal},
			{func(ctx context.Context) error { return process.Stop(ctx, errSour) }, errSour},
		} {
			var got process.Reason
			ref := spawn(t, ctx, (&staged{cont: c.fn, term: func(_ context.Context, r process.Reason) { got = r }}).start)
			err := do(ctx, ref, func(context.Context) error { t.Error("a message was handled"); return nil })
			is(t, err, process.ErrDead)
			var p *process.Panic
			if c.want != nil {
				is(t, got, c.want)
			} else if !errors.As(got, &p) {
				t.Errorf("Terminate got %v, want Goexit", got)
			}
		}
	})
}

func TestTerminate(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		other := newBox(t, ctx)
		var got process.Reason
		s := &staged{term: func(ctx context.Context, r process.Reason) {
			got = r
			is(t, ctx.Err())
			if d, ok := ctx.Deadline(); !ok || time.Until(d) != 54*time.Second {
				t.Errorf("%v to terminate, want 54 s, nine tenths of its minute", time.Until(d))
			}
			is(t, process.Do(ctx, other, (*box).Note, "bye"))
			is(t, process.Go(ctx, func(context.Context) error { return nil }), process.ErrDead)
			_, err := process.Spawn(ctx, new(record).open)
			is(t, err, process.ErrDead)
		}}
		for _, end := range []func(process.Ref[staged]){
			func(ref process.Ref[staged]) { is(t, process.Exit(ctx, ref, errSour)) },
			func(ref process.Ref[staged]) { fling(t, ctx, ref, func(context.Context) error { return errSour }) },
			func(ref process.Ref[staged]) { _ = do(ctx, ref, func(context.Context) error { panic(errSour) }) },
			func(ref process.Ref[staged]) {
				is(t, do(ctx, ref, func(ctx context.Context) error { return process.Stop(ctx, errSour) }))
			},
		} {
			got = nil
			ref := spawn(t, ctx, s.start, process.ShutdownTime(time.Minute))
			end(ref)
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, errSour)
			is(t, got, errSour)
		}
		equal(t, notes(t, ctx, other), "bye", "bye", "bye", "bye")
	})
}

func TestTerminateFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for i, term := range []func(context.Context, process.Reason){
			func(context.Context, process.Reason) { panic(errSour) },
			func(context.Context, process.Reason) { runtime.Goexit() },
		} {
			ref := spawn(t, ctx, (&staged{term: term}).start)
			is(t, process.Exit(ctx, ref, process.Shutdown))
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, process.Shutdown)
			if n := count(ctx, "process.crashes"); n != int64(i+1) {
				t.Errorf("%d crashes, want %d", n, i+1)
			}
		}
	})
}

func TestChildrenEndFirst(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		slow := func(name string, d time.Duration) *staged {
			return &staged{term: func(context.Context, process.Reason) { time.Sleep(d); rec.note(name) }}
		}
		parent := slow("parent", time.Second)
		parent.open = func(ctx context.Context) error {
			spawn(t, ctx, slow("first", 2*time.Second).start)
			spawn(t, ctx, slow("second", 1*time.Second).start)
			return process.Go(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(3 * time.Second)
				rec.note("helper")
				return ctx.Err()
			})
		}
		ref := spawn(t, ctx, parent.start)
		start := time.Now()
		is(t, process.Exit(ctx, ref, process.Shutdown))
		_, err := process.Wait(ctx, ref)
		is(t, err)
		took(t, start, 4*time.Second)
		equal(t, rec.all(), "second", "first", "helper", "parent")
		if n := count(ctx, "process.crashes"); n != 0 {
			t.Errorf("%d crashes: a helper may return its context's error", n)
		}
	})
}

// However a process ends, its children do not stay.
func TestChildrenNeverStay(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		node, err := process.NodeOf(ctx)
		is(t, err)
		children := func(ctx context.Context) error {
			spawn(t, ctx, new(record).open)
			return process.Go(ctx, func(ctx context.Context) error {
				_, _ = process.Spawn(ctx, new(record).open)
				<-ctx.Done()
				return nil
			})
		}
		for name, end := range map[string]func(process.Ref[box]){
			"exit": func(ref process.Ref[box]) { is(t, process.Exit(ctx, ref, process.Shutdown)) },
			"kill": func(ref process.Ref[box]) { is(t, process.Exit(ctx, ref, process.Kill)) },
			"crash": func(ref process.Ref[box]) {
				fling(t, ctx, ref, func(context.Context) error { return errSour })
			},
			"abandon": func(ref process.Ref[box]) {
				fling(t, ctx, ref, func(context.Context) error { time.Sleep(time.Minute); return nil })
				is(t, process.Exit(ctx, ref, process.Shutdown))
				time.Sleep(10 * time.Second)
			},
		} {
			ref := newBox(t, ctx)
			is(t, do(ctx, ref, children))
			synctest.Wait()
			if n := node.Count(); n != 3 {
				t.Errorf("%s: %d processes, want 3", name, n)
			}
			end(ref)
			synctest.Wait()
			if n := node.Count(); n != 0 {
				t.Errorf("%s: %d processes are left", name, n)
			}
		}
		_, err = process.Spawn(ctx, func(ctx context.Context) (*box, error) {
			is(t, children(ctx))
			return nil, errSour
		})
		is(t, err, errSour)
		synctest.Wait()
		if n := node.Count(); n != 0 {
			t.Errorf("failed constructor: %d processes are left", n)
		}
		time.Sleep(time.Minute)
	})
}

func TestChildOfDeadParent(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		var kept context.Context
		is(t, do(ctx, ref, func(ctx context.Context) error { kept = ctx; return process.Stop(ctx, process.Normal) }))
		_, err := process.Wait(ctx, ref)
		is(t, err)
		_, err = process.Spawn(kept, new(record).open)
		is(t, err, process.ErrDead)
	})
}

func TestHelperPanicsLate(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error { <-ctx.Done(); panic("late") })
		}))
		is(t, process.Exit(ctx, ref, process.Shutdown))
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, process.Shutdown)
		if n := count(ctx, "process.crashes"); n != 1 {
			t.Errorf("%d crashes, want 1: a panic is always reported", n)
		}
	})
}

func TestOptions(t *testing.T) {
	o, err := process.Compose()
	is(t, err)
	if o.Mailbox.Size != 1024 || o.Shutdown != 5*time.Second || o.Idle != 10*time.Minute || o.Most != 1_000_000 {
		t.Errorf("defaults %+v", o)
	}
	o, err = process.Compose(process.Mailbox{}, process.ShutdownTime(-1), process.Idle(0), process.Most(7))
	is(t, err)
	if o.Mailbox.Size != 1024 || o.Shutdown != -1 || o.Idle != 0 || o.Most != 7 {
		t.Errorf("options %+v", o)
	}
	for _, bad := range []process.Option{process.Mailbox{Size: -1}, process.Idle(-1), process.Most(-1)} {
		_, err := process.Compose(bad)
		is(t, err, fault.Invalid)
	}
}

func TestDeadPort(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		var port process.Port[string]
		ended := false
		is(t, do(ctx, ref, func(ctx context.Context) (err error) {
			port, err = process.Bind(ctx, (*box).Note)
			is(t, err)
			release, err := port.OnEnd(func() { t.Error("it was released") })
			is(t, err)
			release()
			_, err = port.OnEnd(func() { ended = true })
			return err
		}))
		is(t, port.Send("x"))
		equal(t, notes(t, ctx, ref), "x")
		is(t, process.Exit(ctx, ref, process.Normal))
		_, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, port.Send("y"), process.ErrDead)
		_, err = port.OnEnd(func() {})
		is(t, err, process.ErrDead)
		if !ended {
			t.Error("what OnEnd was given did not run")
		}
	})
}

// Launch does not wait; a constructor that fails is told by Wait, a monitor and a call.
func TestLaunch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		watcher := newBox(t, ctx)
		start := time.Now()
		slow := func(err error) func(context.Context) (*box, error) {
			return func(context.Context) (*box, error) { time.Sleep(time.Second); return &box{new(record)}, err }
		}
		ref, err := process.Launch(ctx, slow(nil))
		is(t, err)
		took(t, start, 0)
		is(t, process.Do(ctx, ref, (*box).Note, ""))
		took(t, start, time.Second)

		for range 2 {
			ref, err = process.Launch(ctx, slow(errSour))
			is(t, err)
			synctest.Wait()
			_, downs := watch(t, ctx, watcher, ref)
			is(t, process.Do(ctx, ref, (*box).Note, ""), errSour, process.ErrDead)
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, errSour)
			heard(t, downs, process.Down{Target: ref, Reason: errSour, Final: true})
		}
		_, err = process.Launch(ctx, slow(nil), process.Mailbox{Size: -1})
		is(t, err, fault.Invalid)

		// It can be taken back before it has begun, and in its constructor.
		for range 20 {
			ref, err = process.Launch(ctx, slow(nil))
			is(t, err)
			is(t, process.Exit(ctx, ref, process.Shutdown))
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, process.Shutdown)
		}
		// From a handler it is a child.
		parent := newBox(t, ctx)
		is(t, do(ctx, parent, func(ctx context.Context) (err error) { ref, err = process.Launch(ctx, slow(nil)); return err }))
		synctest.Wait()
		is(t, process.Exit(ctx, parent, process.Normal))
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, process.Shutdown)
	})
}
