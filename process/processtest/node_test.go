package processtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestSettle(t *testing.T) {
	ctx := processtest.Node(t)
	c := new(tally)
	ref := spawn(t, ctx, func(context.Context) (*tally, error) { return c, nil })
	for range 100 {
		add(t, ctx, ref, 1)
	}
	processtest.Settle(t, ctx, ref)
	if c.n != 100 { // nothing else touches it now
		t.Errorf("n = %d, want 100", c.n)
	}
	fails(t, "nobody does not settle: "+process.ErrNoProcess.Error()+`: "nobody"; is it in the supervision tree, before what uses it?`,
		func(t testing.TB, ctx context.Context) {
			processtest.Settle(t, ctx, process.Name[tally]("nobody"))
		})
}

func TestNodeFailsForWhatIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		free := make(chan struct{})
		defer close(free)
		fails(t, "1 processes did not end within their shutdown time", func(t testing.TB, ctx context.Context) {
			must(t, process.Signal(ctx, spawn(t, ctx, openTally), func(*tally, context.Context) error { <-free; return nil }))
			synctest.Wait()
		})
		if d := time.Since(start); d != process.DefaultShutdown {
			t.Errorf("it took %v, want %v", d, process.DefaultShutdown)
		}
	})
}

func TestNodeFailsForAProcessThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slot *process.Slot
		fails(t, "process left (*processtest_test.tally) is left, vacant; its owner must retire it", func(t testing.TB, ctx context.Context) {
			owner := processtest.NewProbe[process.Down](t, ctx)
			owner.Run(func(ctx context.Context) error {
				port, err := process.Bind(ctx, (*processtest.Probe[process.Down]).Got)
				if err != nil {
					return err
				}
				slot, err = process.NewSlot(ctx, port, "left", openTally)
				return err
			})
		})
		slot.Retire(process.Normal)
	})
}
