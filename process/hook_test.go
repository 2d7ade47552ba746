package process_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/process"
)

// A hook hears of each end, of a failed start too, and may retire the slot.
func TestHook(t *testing.T) {
	for _, fails := range []bool{false, true} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			var slot *process.Slot
			var downs []process.Down
			hook := process.Hook(func(d process.Down) {
				slot.Retire(d.Reason)
				downs = append(downs, d)
			})
			var err error
			slot, err = process.NewSlot(ctx, hook, "", func(context.Context) (*box, error) {
				if fails {
					return nil, errSour
				}
				return &box{new(record)}, nil
			})
			is(t, err)
			slot.Restart(ctx)
			synctest.Wait()
			if !fails {
				slot.Exit(errSour)
			}
			synctest.Wait()
			if len(downs) != 1 || downs[0].Target != process.Target(slot) || downs[0].Started == fails {
				t.Fatalf("the hook was told %+v", downs)
			}
			is(t, downs[0].Reason, errSour)
		})
	}
}

// A process that keeps nothing ends while ExitHere runs, and its owner has heard of it then.
func TestExitHere(t *testing.T) {
	for reason, want := range map[process.Reason]process.Reason{nil: process.Normal, errSour: errSour, process.Kill: process.Killed} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			slot, downs := hooked(t, ctx, new(record).open)
			slot.ExitHere(reason)
			if reason == process.Kill {
				synctest.Wait()
			}
			if len(*downs) != 1 || (*downs)[0].Reason != want {
				t.Errorf("with %v: the owner was told %+v, want %v", reason, *downs, want)
			}
			slot.ExitHere(errSour) // there is nothing to end
			synctest.Wait()
			if len(*downs) != 1 {
				t.Errorf("the owner was told %+v", *downs)
			}
		})
	}
}

// A process that has something of its own to do at its end does not do it where ExitHere is
// called, which does not wait for it.
func TestExitHereDoesNotWait(t *testing.T) {
	for name, keeps := range map[string]func(ctx context.Context, free chan struct{}) error{
		"a handler runs": func(ctx context.Context, free chan struct{}) error {
			return process.Signal(ctx, process.Self[staged](ctx), func(*staged, context.Context) error { <-free; return nil })
		},
		"a helper": func(ctx context.Context, free chan struct{}) error {
			return process.Go(ctx, func(context.Context) error { <-free; return nil })
		},
		"OnEnd": func(ctx context.Context, free chan struct{}) error {
			life, err := process.LifeOf(ctx)
			if err != nil {
				return err
			}
			_, err = life.OnEnd(func() { <-free })
			return err
		},
		"a child": func(ctx context.Context, free chan struct{}) error {
			_, err := process.Spawn(ctx, (&staged{term: func(context.Context, process.Reason) { <-free }}).start)
			return err
		},
		"Terminate": nil,
	} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			free := make(chan struct{})
			s := new(staged)
			if keeps == nil {
				s.term = func(context.Context, process.Reason) { <-free }
			} else {
				s.open = func(ctx context.Context) error { return keeps(ctx, free) }
			}
			slot, downs := hooked(t, ctx, s.start)
			slot.ExitHere(errSour)
			if len(*downs) != 0 {
				t.Errorf("%s: it has ended already", name)
			}
			close(free)
			synctest.Wait()
			if len(*downs) != 1 || (*downs)[0].Reason != errSour {
				t.Errorf("%s: the owner was told %+v", name, *downs)
			}
		})
	}
}

// hooked starts a process, and keeps what its hook is told.
func hooked[S any](t *testing.T, ctx context.Context, open func(context.Context) (*S, error)) (*process.Slot, *[]process.Down) {
	t.Helper()
	var slot *process.Slot
	var downs []process.Down
	slot, err := process.NewSlot(ctx, process.Hook(func(d process.Down) {
		slot.Retire(d.Reason)
		downs = append(downs, d)
	}), "", open)
	is(t, err)
	slot.Restart(ctx)
	synctest.Wait()
	return slot, &downs
}

// Who casts to many does not wait for a full mailbox.
func TestCastIn(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		r := new(record)
		ref := spawn(t, ctx, r.open, process.Mailbox{Size: 1})
		b, err := process.NewBurst(ctx)
		is(t, err)
		is(t, process.CastIn(ctx, b, ref, (*box).Note, "first"))
		is(t, process.CastIn(ctx, b, ref, (*box).Note, "second"), process.ErrFull)
		is(t, process.CastIn(ctx, b, process.Ref[box]{}, (*box).Note, "nowhere"), process.ErrNoProcess)
		b.End()
		synctest.Wait()
		if all := r.all(); len(all) != 1 || all[0] != "first" {
			t.Errorf("it was told %q", all)
		}
	})
}
