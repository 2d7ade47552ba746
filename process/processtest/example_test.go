package processtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

type Bell struct{ ringer process.Port[string] }

func (b *Bell) Hang(_ context.Context, ringer process.Port[string]) error {
	b.ringer = ringer
	return nil
}

func (b *Bell) Ring(_ context.Context, times int) error {
	for range times {
		_ = b.ringer.Send("ding")
	}
	return b.ringer.Send("dong")
}

type sounds = processtest.Probe[string]

// A probe stands in for whoever is told something. This test fails, to show what it says.
func ExampleProbe() {
	exampletest.Run(func(t testing.TB) { // in your test: the *testing.T
		ctx := processtest.Node(t)
		bell, _ := process.Spawn(ctx, func(context.Context) (*Bell, error) { return new(Bell), nil })
		p := processtest.NewProbe[string](t, ctx)
		p.Run(func(ctx context.Context) error {
			port, err := process.Bind(ctx, (*sounds).Got)
			if err != nil {
				return err
			}
			return process.Do(ctx, bell, (*Bell).Hang, port)
		})
		_ = process.Do(ctx, bell, (*Bell).Ring, 2)
		p.Expect("ding", "ding", "dong")
		p.ExpectNone()
		_ = process.Do(ctx, bell, (*Bell).Ring, 1)
		processtest.Settle(t, ctx, p.Ref())
		p.Expect("dong")
	})
	// Output:
	// probe #2 got something else than expected (-):
	// - "dong"
	// + "ding"
	// + "dong"
}

// A fault that does not happen fails the test, too: here the name of the method is wrong.
func ExampleDrop() {
	exampletest.Run(func(t testing.TB) {
		ctx := processtest.Node(t)
		bell, _ := process.Spawn(ctx, func(context.Context) (*Bell, error) { return new(Bell), nil })
		processtest.Drop(t, ctx, bell, 1, "(*Bell).Hung")
		_ = process.Do(ctx, bell, (*Bell).Hang, process.Port[string]{})
	})
	// Output:
	// Drop of #1 happened 0 times, want 1; other messages were for: (*Bell).Hang
}

// Calls shows what a process has handled.
func ExampleCalls() {
	exampletest.Run(func(t testing.TB) {
		ctx := processtest.Node(t)
		bell, _ := process.Spawn(ctx, func(context.Context) (*Bell, error) { return new(Bell), nil })
		calls := processtest.NewCalls(t, ctx, bell)
		_ = process.Cast(ctx, bell, (*Bell).Hang, process.Port[string]{})
		_ = process.Do(ctx, bell, (*Bell).Ring, 2)
		calls.ExpectMethod("(*Bell).Hang")
		fmt.Println("rings", calls.ExpectMatch(func(e process.Event) bool { return e.Method == "(*Bell).Ring" }).Input)
		calls.ExpectNone()
	})
	// Output: rings 2
}
