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
