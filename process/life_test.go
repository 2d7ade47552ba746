package process_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/process"
)

// A life is of one incarnation, and tells its end.
func TestLife(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		_, err := process.LifeOf(ctx)
		is(t, err, process.ErrNotHere)
		_, err = process.Life{}.OnEnd(func() {})
		is(t, err, process.ErrNotHere)

		ref := newBox(t, ctx)
		var first, second process.Life
		var kept context.Context
		ends := 0
		is(t, do(ctx, ref, func(ctx context.Context) (err error) {
			kept = ctx
			if first, err = process.LifeOf(ctx); err != nil {
				return err
			}
			if second, err = process.LifeOf(ctx); err != nil {
				return err
			}
			release, err := first.OnEnd(func() { t.Error("it was released") })
			if err != nil {
				return err
			}
			release()
			_, err = first.OnEnd(func() { ends++ })
			return err
		}))
		if first != second {
			t.Error("one incarnation has two lives")
		}
		is(t, process.Exit(ctx, ref, process.Shutdown))
		synctest.Wait()
		if ends != 1 {
			t.Errorf("it was told of %d ends", ends)
		}
		_, err = process.LifeOf(kept)
		is(t, err, process.ErrDead)
		_, err = first.OnEnd(func() {})
		is(t, err, process.ErrDead)
	})
}
