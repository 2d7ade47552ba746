package statem_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/statem"
)

func TestEnterComesFirst(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{
			open: func(ctx context.Context, r *rig) error {
				r.note("open")
				return process.Cast(ctx, process.Self[rig](ctx), (*rig).Note, "mail")
			},
			cont: func(_ context.Context, r *rig) error { r.note("continue"); return nil },
		}
		ref := spawn(t, ctx, p)
		p.saw(t, "open", "continue", "a>a", "mail@a")

		// Enter, what was inserted, what was postponed, what is queued.
		cast(t, ctx, ref, (*rig).In, "b:1", "b:2")
		is(t, process.Suspend(ctx, ref), nil)
		is(t, process.Signal(ctx, ref, func(r *rig, ctx context.Context) error {
			is(t, process.Next(ctx, (*rig).Note, "next 1"), nil)
			is(t, r.Goto(ctx, "b"), nil)
			return process.Next(ctx, (*rig).Note, "next 2")
		}), nil)
		cast(t, ctx, ref, (*rig).Note, "mail")
		is(t, process.Resume(ctx, ref), nil)
		p.saw(t, "a>b", "next 1@b", "next 2@b", "b:1@b", "b:2@b", "mail@b")
	})
}

func TestContinueMayChangeTheState(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := &plan{cont: func(ctx context.Context, r *rig) error { return r.Goto(ctx, "b") }}
		spawn(t, ctx, p)
		p.saw(t, "a>a", "a>b")

		p.enter = func(context.Context, *rig) error { return errSour }
		ref := spawn(t, ctx, p)
		p.saw(t, "a>a")
		crash, err := process.LastCrash(ctx, ref)
		if is(t, err, nil); crash.Reason != errSour {
			t.Errorf("crash: %+v", crash)
		}
	})
}

func TestPostpone(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		p.saw(t, "a>a")
		answered := make(chan error, 1)
		go func() { answered <- process.Do(ctx, ref, (*rig).In, "c:call") }()
		synctest.Wait()
		cast(t, ctx, ref, (*rig).In, "b:1", "c:2", "b:3")

		tries := 0
		is(t, process.Signal(ctx, ref, func(r *rig, _ context.Context) error {
			if tries++; r.State() != "c" {
				return statem.Postpone
			}
			return nil
		}), nil)
		do(t, ctx, ref, nil, to("a"))                                                                // no change
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error { return r.Repeat(ctx) })       // nor this
		do(t, ctx, ref, fault.Conflict, func(*rig, context.Context) error { return fault.Conflict }) // nor any message
		p.saw(t, "a>a")
		if tries != 1 {
			t.Errorf("tried %d times, want once", tries)
		}
		do(t, ctx, ref, nil, to("b"))
		p.saw(t, "a>b", "b:1@b", "b:3@b")
		if len(answered) != 0 {
			t.Errorf("answered: %v", <-answered)
		}
		do(t, ctx, ref, nil, to("c"))
		p.saw(t, "b>c", "c:call@c", "c:2@c")
		is(t, <-answered, nil)
		if tries != 3 {
			t.Errorf("tried %d times, want 3", tries)
		}
	})
}

// A method may both change the state and postpone its own message, which then runs in the
// new state.
func TestGotoAndPostpone(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		cast(t, ctx, ref, (*rig).In, "b:before")
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
			if r.State() == "a" {
				is(t, r.Goto(ctx, "b"), nil)
				return statem.Postpone
			}
			return r.Note(ctx, "again")
		})
		p.saw(t, "a>a", "a>b", "b:before@b", "again@b")
	})
}

func TestRepeat(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
			return statem.StateTimeout(ctx, r, time.Second, noter("late"))
		})
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error { return r.Repeat(ctx) })
		p.saw(t, "a>a", "a>a")
		time.Sleep(time.Second)
		p.saw(t, "late@a") // the state has not changed
		p.enter = func(context.Context, *rig) error { return errSour }
		do(t, ctx, ref, errSour, func(r *rig, ctx context.Context) error { return r.Repeat(ctx) })
	})
}

func TestEnterIsNoMessage(t *testing.T) {
	for name, c := range map[string]struct {
		enter func(context.Context, *rig) error
		want  string
	}{
		"goto":     {func(ctx context.Context, r *rig) error { return r.Goto(ctx, "c") }, "may not change"},
		"repeat":   {func(ctx context.Context, r *rig) error { return r.Repeat(ctx) }, "may not change"},
		"postpone": {func(context.Context, *rig) error { return statem.Postpone }, "is no message"},
		"deferred": {func(context.Context, *rig) error { return process.Deferred }, "is no message"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				p := new(plan)
				ref := spawn(t, ctx, p)
				synctest.Wait()
				p.enter = c.enter
				err := process.Run(ctx, ref, to("b"))
				is(t, err, fault.Internal)
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
				p.saw(t, "a>a", "a>b")
				p.enter = nil
				do(t, ctx, ref, nil, to("b"))
				p.saw(t, "a>b")
			})
		})
	}
}

// An Enter that fails refuses the change.
func TestEnterFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p)
		cast(t, ctx, ref, (*rig).In, "b:1")
		do(t, ctx, ref, nil, func(r *rig, ctx context.Context) error {
			return statem.StateTimeout(ctx, r, 2*time.Second, noter("of a"))
		})
		p.saw(t, "a>a")
		tries := 0
		is(t, process.Signal(ctx, ref, func(*rig, context.Context) error { tries++; return statem.Postpone }), nil)
		p.enter = func(ctx context.Context, r *rig) error {
			is(t, statem.StateTimeout(ctx, r, time.Second, noter("of b")), nil)
			return errSour
		}
		do(t, ctx, ref, errSour, to("b"))
		time.Sleep(time.Hour)
		p.saw(t, "a>b", "of a@a")
		if tries != 1 {
			t.Errorf("tried %d times", tries)
		}
		// Where nobody asked it is a crash, as any error.
		is(t, process.Signal(ctx, ref, to("b")), nil)
		synctest.Wait()
		if process.Alive(ctx, ref) {
			t.Error("it lives")
		}
		p.saw(t, "a>b")
		// So it is in the first state: the starter does not wait for it.
		ref, err := process.Spawn(ctx, p.start)
		is(t, err, nil)
		synctest.Wait()
		crash, err := process.LastCrash(ctx, ref)
		if is(t, err, nil); crash.Reason != errSour {
			t.Errorf("crash: %+v", crash)
		}
	})
}

// keeper restarts a rig.
type keeper struct{ slot *process.Slot }

func (k *keeper) Down(ctx context.Context, d process.Down) error {
	if process.Clean(d.Reason) {
		k.slot.Retire(d.Reason)
	} else {
		k.slot.Restart(process.Outside(ctx))
	}
	return nil
}

// After a crash the machine begins in its first state, with all its mail and no time-out.
func TestCrash(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		k := new(keeper)
		_, err := process.Spawn(ctx, func(ctx context.Context) (*keeper, error) {
			owner, err := process.Bind(ctx, (*keeper).Down)
			is(t, err, nil)
			k.slot, err = process.NewSlot(ctx, owner, "", p.start)
			is(t, err, nil)
			k.slot.Restart(process.Outside(ctx))
			return k, nil
		})
		is(t, err, nil)
		ref, err := process.RefOf[rig](k.slot)
		is(t, err, nil)
		do(t, ctx, ref, nil, to("b"))
		cast(t, ctx, ref, (*rig).In, "a:1", "c:2")
		do(t, ctx, ref, nil, all(in(time.Second, "state"), named(time.Second, "x")))
		is(t, process.Suspend(ctx, ref), nil)
		is(t, process.Signal(ctx, ref, func(*rig, context.Context) error { return errSour }), nil)
		cast(t, ctx, ref, (*rig).Note, "mail")
		is(t, process.Resume(ctx, ref), nil)
		time.Sleep(time.Hour)
		p.saw(t, "a>a", "a>b", "a>a", "a:1@a", "mail@a")
		do(t, ctx, ref, nil, to("c"))
		p.saw(t, "a>c", "c:2@c")
		is(t, process.Exit(ctx, ref, process.Normal), nil)
		synctest.Wait()
	})
}

func TestStopAndReply(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, new(plan))
		answer, err := process.Ask(ctx, ref, func(r *rig, ctx context.Context) (string, error) {
			return "bye", process.Stop(ctx, process.Normal)
		})
		if is(t, err, nil); answer != "bye" {
			t.Errorf("answer %q", answer)
		}
		synctest.Wait()
		if process.Alive(ctx, ref) {
			t.Error("it lives")
		}
	})
}

func TestReplyAnyTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, new(plan))
		start := time.Now()
		state, err := process.Ask(ctx, ref, func(r *rig, ctx context.Context) (string, error) {
			owed, err := process.Defer[string](ctx)
			is(t, err, nil)
			is(t, r.Goto(ctx, "b"), nil)
			is(t, statem.StateTimeout(ctx, r, time.Second, func(r *rig, _ context.Context) error {
				owed.Send(r.State(), nil)
				return nil
			}), nil)
			return "", process.Deferred
		})
		if is(t, err, nil); state != "b" || time.Since(start) != time.Second {
			t.Errorf("%q after %v", state, time.Since(start))
		}
	})
}

// saver is a rig whose state goes over.
type saver struct{ rig }

func (s *saver) Snapshot(context.Context) ([]byte, error) { return []byte(s.State()), nil }

func (s *saver) Restore(ctx context.Context, snapshot []byte) error {
	return statem.Begin(ctx, s, string(snapshot))
}

func TestSnapshot(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref, err := process.Spawn(ctx, func(ctx context.Context) (*saver, error) {
			s := &saver{rig{plan: p}}
			if err := statem.Begin(ctx, s, "a"); err != nil {
				return nil, err
			}
			return s, statem.StateTimeout(ctx, s, time.Second, func(s *saver, ctx context.Context) error { return s.Note(ctx, "of a") })
		})
		is(t, err, nil)
		is(t, process.Run(ctx, ref, func(s *saver, ctx context.Context) error { return s.Goto(ctx, "b") }), nil)
		is(t, process.Cast(ctx, ref, func(s *saver, ctx context.Context, line string) error { return s.In(ctx, line) }, "c:1"), nil)
		p.saw(t, "a>a", "a>b")
		is(t, process.Restart(ctx, ref), nil)
		time.Sleep(time.Hour)
		p.saw(t, "b>b")
		is(t, process.Run(ctx, ref, func(s *saver, ctx context.Context) error { return s.Goto(ctx, "c") }), nil)
		p.saw(t, "b>c", "c:1@c")
	})
}

type (
	lazy   struct{ statem.Machine[int] }
	clumsy struct{ statem.Machine[int] }
	silent struct{ statem.Machine[int] }
)

func (*clumsy) Enter(context.Context, string) error { return nil }

func TestMisuse(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		is(t, statem.Begin(ctx, new(lazy), 1), process.ErrNotHere)

		ref, err := process.Spawn(ctx, func(context.Context) (*lazy, error) { return new(lazy), nil })
		is(t, err, nil)
		tick := func(*lazy, context.Context) error { return nil }
		for _, method := range []func(*lazy, context.Context) error{
			func(l *lazy, ctx context.Context) error { return l.Goto(ctx, 1) },
			func(l *lazy, ctx context.Context) error { return l.Repeat(ctx) },
			func(l *lazy, ctx context.Context) error { return statem.StateTimeout(ctx, l, 1, tick) },
			func(l *lazy, ctx context.Context) error { return statem.Timeout(ctx, l, "x", 1, tick) },
			func(l *lazy, ctx context.Context) error { return statem.Update(ctx, l, "x", tick) },
			func(l *lazy, ctx context.Context) error { return statem.EventTimeout(ctx, l, 1, tick) },
		} {
			if err := process.Run(ctx, ref, method); err == nil || !strings.Contains(err.Error(), "call statem.Begin") {
				t.Errorf("got %v", err)
			}
		}
		is(t, process.Run(ctx, ref, func(l *lazy, _ context.Context) error {
			if statem.Cancel(l, "x") || statem.CancelState(l) || l.State() != 0 {
				return errSour
			}
			return nil
		}), nil)

		_, err = process.Spawn(ctx, func(ctx context.Context) (*clumsy, error) {
			c := new(clumsy)
			return c, statem.Begin(ctx, c, 1)
		})
		if is(t, err, fault.Internal); !strings.Contains(err.Error(), "func(context.Context, int) error") {
			t.Errorf("got %v", err)
		}

		quiet, err := process.Spawn(ctx, func(ctx context.Context) (*silent, error) {
			s := new(silent) // without an Enter
			return s, statem.Begin(ctx, s, 1)
		})
		is(t, err, nil)
		is(t, process.Run(ctx, quiet, func(s *silent, ctx context.Context) error {
			is(t, s.Goto(ctx, 2), nil)
			is(t, s.Repeat(ctx), nil)
			return statem.Begin(ctx, s, 3)
		}), fault.Internal)
		text, err := process.State(ctx, quiet)
		if is(t, err, nil); !strings.Contains(text, "state: 2,") || strings.Contains(text, "fresh") {
			t.Errorf("state is shown as %s", text)
		}
	})
}

func TestContextIsOfTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		other := spawn(t, ctx, new(plan))
		ref, err := process.Spawn(ctx, func(ctx context.Context) (*silent, error) {
			s := new(silent)
			return s, statem.Begin(ctx, s, 1)
		})
		is(t, err, nil)
		is(t, process.Run(ctx, ref, func(s *silent, ctx context.Context) error {
			is(t, s.Goto(process.Outside(ctx), 2), process.ErrNotHere)
			if s.State() != 1 {
				return errSour
			}
			return nil
		}), nil)
		var d *rig
		do(t, ctx, other, nil, func(r *rig, _ context.Context) error { d = r; return nil })
		is(t, process.Run(ctx, ref, func(_ *silent, ctx context.Context) error {
			is(t, statem.Timeout(ctx, d, "x", 0, noter("x")), process.ErrNotHere)
			is(t, statem.EventTimeout(ctx, d, 0, noter("x")), process.ErrNotHere)
			return statem.StateTimeout(ctx, d, time.Second, noter("x"))
		}), process.ErrNotHere)
	})
}
