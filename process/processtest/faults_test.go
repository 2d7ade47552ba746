package processtest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

const theTally process.Name[tally] = "tally"

// keeper restarts a process that crashes.
type keeper struct{ slot *process.Slot }

func (k *keeper) down(context.Context, process.Down) error {
	k.slot.Restart(context.Background())
	return nil
}

func (k *keeper) Terminate(context.Context, process.Reason) { k.slot.Retire(process.Shutdown) }

func keep(t testing.TB, ctx context.Context) {
	t.Helper()
	k := new(keeper)
	spawn(t, ctx, func(ctx context.Context) (*keeper, error) {
		port, err := process.Bind(ctx, (*keeper).down)
		if err != nil {
			return nil, err
		}
		if k.slot, err = process.NewSlot(ctx, port, theTally, openTally); err != nil {
			return nil, err
		}
		return k, k.slot.Start(ctx)
	})
}

func TestCrashAtOnce(t *testing.T) {
	for name, in := range map[string]func(t *testing.T, test func(t *testing.T, ctx context.Context)){
		"bubble":  bubble,
		"outside": func(t *testing.T, test func(t *testing.T, ctx context.Context)) { test(t, processtest.Node(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, ctx context.Context) {
				keep(t, ctx)
				add(t, ctx, theTally, 1)
				processtest.Settle(t, ctx, theTally)
				node, err := process.NodeOf(ctx)
				must(t, err)
				for crashes := range int64(3) {
					processtest.Crash(t, ctx, theTally, errBoom)
					if n := sum(t, ctx, theTally); n != 0 {
						t.Errorf("after the crash the tally says %d", n)
					}
					if n := telemetry.CountersOf(ctx).Counter("process.crashes").Value(); n != crashes+1 {
						t.Errorf("%d crashes are counted, want %d", n, crashes+1)
					}
				}
				if n := node.Count(); n != 2 {
					t.Errorf("%d processes, want 2", n)
				}
				crash, err := process.LastCrash(ctx, theTally)
				if must(t, err); crash.Reason != errBoom {
					t.Errorf("it crashed with %v", crash.Reason)
				}
			})
		})
	}
}

// What runs is the last; what waits survives.
func TestCrashAtOnceComesBetweenTwoMessages(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx)
		calls := processtest.NewCalls(t, ctx, theTally)
		start := time.Now()
		must(t, process.Signal(ctx, theTally, func(*tally, context.Context) error { time.Sleep(time.Second); return nil }))
		add(t, ctx, theTally, 1)
		synctest.Wait()
		processtest.Crash(t, ctx, theTally, errBoom)
		if d := time.Since(start); d != time.Second {
			t.Errorf("it crashed after %v", d)
		}
		if n := sum(t, ctx, theTally); n != 1 {
			t.Errorf("the tally is %d, want 1", n)
		}
		calls.ExpectMethod("TestCrashAtOnceComesBetweenTwoMessages.func1.1", "(*tally).Add", "(*tally).Sum")
		calls.ExpectNone()
	})
}

func TestCrashAtAMethod(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		processtest.Crash(t, ctx, ref, errBoom, "(*tally).Sub", "(*tally).Sum")
		add(t, ctx, ref, 1)
		processtest.Settle(t, ctx, ref)
		_, err := process.Ask(ctx, ref, (*tally).Sum)
		if !errors.Is(err, process.ErrDead) || !errors.Is(err, errBoom) {
			t.Errorf("who asked got %v", err)
		}
	})
}

// A crash at once does not hit what was sent before: that is handled before it or after.
func TestCrashAtOnceLosesNothing(t *testing.T) {
	ctx := processtest.Node(t)
	keep(t, ctx)
	calls := processtest.NewCalls(t, ctx, theTally)
	for range 50 {
		add(t, ctx, theTally, 1)
		processtest.Crash(t, ctx, theTally, errBoom)
		calls.ExpectMethod("(*tally).Add")
		processtest.Settle(t, ctx, theTally)
	}
	calls.ExpectNone()
}

func TestCrashOfWhatIsPaused(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		processtest.Pause(t, ctx, ref)
		processtest.Crash(t, ctx, ref, errBoom)
		if process.Alive(ctx, ref) {
			t.Error("it lives")
		}
	})
}

func TestCrashOfWhatIsBusy(t *testing.T) {
	bubble(t, func(t *testing.T, _ context.Context) {
		fails(t, "Crash of #1: it did not get to it; is it busy?", func(t testing.TB, ctx context.Context) {
			ref := spawn(t, ctx, openTally)
			err := process.Signal(ctx, ref, func(*tally, context.Context) error { time.Sleep(12 * time.Second); return nil })
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // else the crash comes ahead of it
			processtest.Crash(t, ctx, ref, errBoom)
		})
	})
}

func TestFaultsOfNobody(t *testing.T) {
	fails(t, `Drop of nobody: no such process: "nobody"; is it in the supervision tree, before what uses it?`, func(t testing.TB, ctx context.Context) {
		processtest.Drop(t, ctx, process.Name[tally]("nobody"), 1)
	})
}

func TestCrashOfWhatDoesNotRun(t *testing.T) {
	fails(t, "Crash of nobody: it is not running", func(t testing.TB, ctx context.Context) {
		processtest.Crash(t, ctx, process.Name[tally]("nobody"), errBoom)
	})
}

func TestDelay(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		undo := processtest.Delay(t, ctx, ref, time.Second, "(*tally).Add")
		start := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			if d := time.Since(start); d != want {
				t.Errorf("it took %v, want %v", d, want)
			}
		}
		sum(t, ctx, ref)
		took(0)
		add(t, ctx, ref, 1)
		add(t, ctx, ref, 1)
		sum(t, ctx, ref) // waits behind them
		took(2 * time.Second)

		add(t, ctx, ref, 1)
		synctest.Wait()
		undo() // and it runs
		if n := sum(t, ctx, ref); n != 3 {
			t.Errorf("the tally is %d, want 3", n)
		}
		add(t, ctx, ref, 1)
		sum(t, ctx, ref)
		took(2 * time.Second)

		// What is held up at the end of the test does not hold that up.
		processtest.Delay(t, ctx, ref, time.Hour)
		add(t, ctx, ref, 1)
		synctest.Wait()
	})
}

func TestDrop(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		calls := processtest.NewCalls(t, ctx, ref)
		processtest.Drop(t, ctx, ref, 2)
		for range 3 {
			add(t, ctx, ref, 1)
		}
		processtest.Settle(t, ctx, ref)
		processtest.Drop(t, ctx, ref, 1, "(*tally).Sub")
		add(t, ctx, ref, 1)
		must(t, process.Cast(ctx, ref, (*tally).Sub, 10))
		if n := sum(t, ctx, ref); n != 2 {
			t.Errorf("the tally is %d, want 2", n)
		}
		calls.ExpectMethod("(*tally).Add", "(*tally).Add", "(*tally).Sum")

		undo := processtest.Drop(t, ctx, ref, -1)
		for range 10 {
			add(t, ctx, ref, 1)
		}
		start := time.Now()
		if _, err := process.Ask(ctx, ref, (*tally).Sum); !errors.Is(err, process.ErrTimeout) || time.Since(start) != process.DefaultTimeout {
			t.Errorf("who asked got %v after %v", err, time.Since(start))
		}
		calls.ExpectNone()
		undo()
		undo()
		if n := sum(t, ctx, ref); n != 2 {
			t.Errorf("the tally is %d, want 2", n)
		}
	})
}

func TestPause(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, openTally)
		calls := processtest.NewCalls(t, ctx, ref)
		resume := processtest.Pause(t, ctx, ref)
		add(t, ctx, ref, 1)
		calls.ExpectNone()
		resume()
		resume()
		calls.ExpectMethod("(*tally).Add")
		processtest.Pause(t, ctx, ref) // until the end of the test
		add(t, ctx, ref, 1)
	})
	fails(t, `Pause of nobody: no such process: "nobody"; is it in the supervision tree, before what uses it?`, func(t testing.TB, ctx context.Context) {
		processtest.Pause(t, ctx, process.Name[tally]("nobody"))
	})
}

// A fault that does not happen fails the test, unless it is undone.
func TestFaultsMustHappen(t *testing.T) {
	bubble(t, func(t *testing.T, _ context.Context) {
		for _, c := range []struct {
			want   string
			inject func(t testing.TB, ctx context.Context, ref process.Target) (undo func())
		}{
			{"Crash of #1 happened 0 times, want 1; other messages were for: (*tally).Add, (*tally).Sum", func(t testing.TB, ctx context.Context, ref process.Target) func() {
				processtest.Crash(t, ctx, ref, errBoom, "(*tally).Sub")
				return nil
			}},
			{"Delay of #1 happened 0 times, want 1; other messages were for: (*tally).Add, (*tally).Sum", func(t testing.TB, ctx context.Context, ref process.Target) func() {
				return processtest.Delay(t, ctx, ref, time.Second, "(*tally).Sub")
			}},
			{"Drop of #1 happened 2 times, want 3; other messages were for: (*tally).Sum", func(t testing.TB, ctx context.Context, ref process.Target) func() {
				return processtest.Drop(t, ctx, ref, 3, "(*tally).Sub", "(*tally).Add")
			}},
			{"Drop of #1 happened 0 times, want 1; other messages were for: (*tally).Add, (*tally).Sum", func(t testing.TB, ctx context.Context, ref process.Target) func() {
				return processtest.Drop(t, ctx, ref, -1, "(*tally).Sub")
			}},
		} {
			for _, undone := range []bool{false, true} {
				want := c.want
				if undone {
					want = ""
				}
				fails(t, want, func(t testing.TB, ctx context.Context) {
					ref := spawn(t, ctx, openTally)
					undo := c.inject(t, ctx, ref)
					for range 2 {
						add(t, ctx, ref, 1)
						sum(t, ctx, ref)
					}
					if undone && undo != nil {
						undo()
					} else if undone {
						_ = process.Cast(ctx, ref, (*tally).Sub, 1) // the crash happens
						_, _ = process.Wait(ctx, ref)
					}
				})
			}
		}
	})
}
