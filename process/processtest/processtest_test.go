package processtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type tally struct{ n int }

func (c *tally) Add(_ context.Context, by int) error { c.n += by; return nil }

func TestSettle(t *testing.T) {
	ctx := processtest.Node(t)
	c := new(tally)
	ref, err := process.Spawn(ctx, func(context.Context) (*tally, error) { return c, nil })
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := process.Cast(ctx, ref, (*tally).Add, 1); err != nil {
			t.Fatal(err)
		}
	}
	processtest.Settle(t, ctx, ref)
	if c.n != 100 { // nothing else touches it now
		t.Errorf("n = %d, want 100", c.n)
	}
}

// fake records what a failing test would say.
type fake struct {
	testing.TB
	cleanups []func()
	failed   int
}

func (f *fake) Helper()               {}
func (f *fake) Cleanup(do func())     { f.cleanups = append(f.cleanups, do) }
func (f *fake) Errorf(string, ...any) { f.failed++ }
func (f *fake) end() {
	for _, do := range f.cleanups {
		do()
	}
}

func TestNodeFailsForWhatIsLeftOrAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{TB: t}
		ctx := processtest.Node(f)
		ref, err := process.Spawn(ctx, func(context.Context) (*tally, error) { return new(tally), nil })
		if err != nil {
			t.Fatal(err)
		}
		free := make(chan struct{})
		go process.Run(ctx, ref, func(*tally, context.Context) error { <-free; return nil })
		synctest.Wait()
		start := time.Now()
		f.end()
		close(free)
		if f.failed != 1 || time.Since(start) != process.DefaultShutdown {
			t.Errorf("%d failures after %v, want 1 after %v", f.failed, time.Since(start), process.DefaultShutdown)
		}

		f = &fake{TB: t}
		ctx = processtest.Node(f)
		var slot *process.Slot
		owner, err := process.Spawn(ctx, func(ctx context.Context) (*tally, error) {
			port, err := process.Bind(ctx, func(*tally, context.Context, process.Down) error { return nil })
			if err != nil {
				return nil, err
			}
			slot, err = process.NewSlot(ctx, port, "left", func(context.Context) (*tally, error) { return new(tally), nil })
			return new(tally), err
		})
		if err != nil {
			t.Fatal(err, owner)
		}
		f.end()
		if f.failed != 1 {
			t.Errorf("%d failures for a slot that is left, want 1", f.failed)
		}
		slot.Retire(process.Normal)
	})
}
