package process_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// desk answers later.
type desk struct{ owed []process.Reply[int] }

func openDesk(context.Context) (*desk, error) { return new(desk), nil }

func (d *desk) Later(ctx context.Context, _ int) (int, error) {
	r, err := process.Defer[int](ctx)
	if err != nil {
		return 0, err
	}
	d.owed = append(d.owed, r)
	return 0, process.Deferred
}

func (d *desk) Send(_ context.Context, out int) (bool, error) { return d.owed[0].Send(out, nil), nil }

func TestDefer(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openDesk)
		answers := make(chan int)
		go func() {
			out, err := process.Call(ctx, ref, (*desk).Later, 1)
			is(t, err)
			answers <- out
		}()
		time.Sleep(time.Second)
		for _, want := range []bool{true, false} { // the second answer goes nowhere
			sent, err := process.Call(ctx, ref, (*desk).Send, 42)
			is(t, err)
			if sent != want {
				t.Errorf("Send reports %v, want %v", sent, want)
			}
			if want {
				if out := <-answers; out != 42 {
					t.Errorf("got %d, want 42", out)
				}
			}
		}
	})
}

func TestDeferSendsError(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		late := func(ctx context.Context) error {
			r, err := process.Defer[process.None](ctx)
			is(t, err)
			return errAfter(process.Go(ctx, func(context.Context) error {
				time.Sleep(time.Second)
				r.Send(process.None{}, errSour)
				return nil
			}))
		}
		start := time.Now()
		is(t, do(ctx, ref, late), errSour)
		took(t, start, time.Second)
		is(t, process.Do(ctx, ref, func(_ *box, ctx context.Context, _ int) error { return late(ctx) }, 1), errSour)
		// Where nobody waits it is no crash, and the answer goes nowhere.
		fling(t, ctx, ref, late)
		time.Sleep(2 * time.Second)
		processtest.Settle(t, ctx, ref)
	})
}

func errAfter(err error) error {
	if err != nil {
		return err
	}
	return process.Deferred
}

func TestDeferWithAnotherOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		_, err := process.Ask(ctx, ref, func(_ *box, ctx context.Context) (int, error) {
			_, err := process.Defer[string](ctx)
			return 0, err
		})
		is(t, err, fault.Internal)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error {
				_, err := process.Defer[process.None](ctx)
				is(t, err, process.ErrNotHere)
				return nil
			})
		}))
		processtest.Settle(t, ctx, ref)
	})
}

func TestDeferredAnswerDiesWithTheProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		name := process.Name[desk]("desk")
		k := keep(t, ctx, name, openDesk)
		for _, end := range []func(){
			func() { fling(t, ctx, name, func(context.Context) error { return errSour }) },
			func() { is(t, process.Exit(ctx, name, errSour)) },
			func() { is(t, process.Exit(ctx, name, process.Kill)) },
			func() { k.slot.Retire(errSour) },
		} {
			start := time.Now()
			errs := make(chan error)
			go func() { _, err := process.Call(ctx, name, (*desk).Later, 1); errs <- err }()
			synctest.Wait()
			end()
			is(t, <-errs, process.ErrDead)
			took(t, start, 0)
			synctest.Wait()
		}
	})
}

func TestDeferredCallerTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openDesk)
		_, err := process.Call(ctx, ref, (*desk).Later, 1)
		is(t, err, process.ErrTimeout)
		if sent, err := process.Call(ctx, ref, (*desk).Send, 42); sent || err != nil {
			t.Error("Send to a caller who has left reports true", err)
		}
	})
}
