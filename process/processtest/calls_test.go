package processtest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestCalls(t *testing.T) {
	for name, in := range map[string]func(t *testing.T, test func(t *testing.T, ctx context.Context)){
		"bubble":  bubble,
		"outside": func(t *testing.T, test func(t *testing.T, ctx context.Context)) { test(t, processtest.Node(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, ctx context.Context) {
				ref := spawn(t, ctx, openTally)
				add(t, ctx, ref, 1)
				processtest.Settle(t, ctx, ref)
				calls := processtest.NewCalls(t, ctx, ref)
				calls.ExpectMethod()
				add(t, ctx, ref, 2)
				sum(t, ctx, ref)
				processtest.Settle(t, ctx, ref) // is not one of them
				must(t, process.Signal(ctx, ref, (*tally).Boom))
				calls.ExpectMethod("(*tally).Add", "(*tally).Sum")
				if e := calls.ExpectMatch(func(e process.Event) bool { return e.Method == "(*tally).Boom" }); e.Err != errBoom {
					t.Errorf("the crash is told with %v", e.Err)
				}
				calls.ExpectNone()
			})
		})
	}
}

func TestCallsSaysWhatCame(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(c *processtest.Calls)
		want string
	}{
		{"other", func(c *processtest.Calls) { c.ExpectMethod("(*tally).Add", "(*tally).Add") },
			"#1 got something else than expected (-):\n  (*tally).Add\n- (*tally).Add\n+ (*tally).Sub 3\n+ (*tally).Sum"},
		{"no match", func(c *processtest.Calls) {
			c.ExpectMatch(func(e process.Event) bool { return e.Input == "3" })
		},
			"#1 got what does not match:\n+ (*tally).Add 2\n+ (*tally).Sub 3\n+ (*tally).Sum"},
		{"not none", (*processtest.Calls).ExpectNone,
			"#1 got what nobody expected:\n+ (*tally).Add 2\n+ (*tally).Sub 3\n+ (*tally).Sum"},
		{"too few", func(c *processtest.Calls) {
			c.ExpectMethod("(*tally).Add", "(*tally).Sub", "(*tally).Sum", "(*tally).Sum")
		},
			"#1 got nothing in 5s; expected (-):\n  (*tally).Add\n  (*tally).Sub\n  (*tally).Sum\n- (*tally).Sum"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fails(t, c.want, func(t testing.TB, ctx context.Context) {
					ref := spawn(t, ctx, openTally)
					calls := processtest.NewCalls(t, ctx, ref)
					add(t, ctx, ref, 2)
					must(t, process.Cast(ctx, ref, (*tally).Sub, 3))
					sum(t, ctx, ref)
					synctest.Wait()
					c.test(calls)
				})
			})
		})
	}
	fails(t, `the calls of nobody cannot be seen: no such process: "nobody"; is it in the supervision tree, before what uses it?`,
		func(t testing.TB, ctx context.Context) {
			processtest.NewCalls(t, ctx, process.Name[tally]("nobody"))
		})
}

// Outside of a bubble ExpectNone waits for what the process is at, and for what waits.
func TestCallsExpectNoneOutsideOfABubble(t *testing.T) {
	fails(t, "#1 got what nobody expected:\n+ (*tally).Sub 1\n+ (*tally).Add 1", func(t testing.TB, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		calls := processtest.NewCalls(t, ctx, ref)
		processtest.Delay(t, ctx, ref, 10*time.Millisecond)
		must(t, process.Cast(ctx, ref, (*tally).Sub, 1))
		add(t, ctx, ref, 1)
		calls.ExpectNone()
	})
	ctx := processtest.Node(t)
	ref := spawn(t, ctx, openTally)
	calls := processtest.NewCalls(t, ctx, ref)
	processtest.Pause(t, ctx, ref)
	add(t, ctx, ref, 1)
	calls.ExpectNone() // it does not go on
	must(t, process.Exit(ctx, ref, process.Normal))
	_, err := process.Wait(ctx, ref)
	must(t, err)
	calls.ExpectNone() // it has ended
}
