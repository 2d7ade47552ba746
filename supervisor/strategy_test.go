package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// four starts a tree of a, b, c and d, with what change makes of it.
func (w *world) four(strategy supervisor.Strategy, change func(t *supervisor.Tree)) *supervisor.Root {
	w.Helper()
	t := supervisor.Tree{Strategy: strategy, Children: []supervisor.Child{{Run: w.worker(A)}, {Run: w.worker(B)}, {Run: w.worker(C)}, {Run: w.worker(D)}}}
	if change != nil {
		change(&t)
	}
	root := w.startTree(t)
	w.settle()
	w.read()
	return root
}

// end ends the worker in order.
func (w *world) end(to process.Address[worker]) {
	w.Helper()
	if err := process.Cast(w.ctx, to, (*worker).End, nil); err != nil {
		w.Error(err)
	}
	w.settle()
}

func (w *world) gaveUp(root *supervisor.Root) {
	w.Helper()
	err, ended := w.ended(root)
	if !ended {
		w.Error("the tree should have given up")
	}
	isErr(w, err, supervisor.ErrGaveUp, process.Shutdown)
}

func (w *world) runs(root *supervisor.Root) {
	w.Helper()
	if err, ended := w.ended(root); ended {
		w.Errorf("the tree has ended: %v", err)
	}
}

// names lists the children of the root, with the state of those that do not run.
func (w *world) names() (all string) {
	w.Helper()
	for _, c := range w.status("root").Children {
		all += " " + c.Name
		if c.State != "running" {
			all += ":" + c.State
		}
	}
	return all
}

func (w *world) expectNames(want string) {
	w.Helper()
	w.settle()
	if got := w.names(); got != want {
		w.Errorf("children:%s, want%s", got, want)
	}
}

func TestOneForOneIsTheDefaultAndRestartsItAlone(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(0, nil)
		w.crash(B)
		w.expect("!b +b")
		if s := w.status("root").Strategy; s != "one_for_one" {
			t.Error(s)
		}
		root.Stop()
	})
}

func TestOneForAllStopsInReverseAndStartsInOrder(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.OneForAll, nil)
		w.crash(B)
		w.expect("!b -d -c -a +a +b +c +d")
		w.crash(A)
		w.expect("!a -d -c -b +a +b +c +d")
		w.crash(D)
		w.expect("!d -c -b -a +a +b +c +d")
		root.Stop()
		w.expect("-d -c -b -a")
	})
}

func TestRestForOneRestartsThoseAfter(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.RestForOne, nil)
		w.crash(B)
		w.expect("!b -d -c +b +c +d")
		w.crash(D)
		w.expect("!d +d")
		w.crash(A)
		w.expect("!a -d -c -b +a +b +c +d")
		root.Stop()
		w.expect("-d -c -b -a")
	})
}

func TestAGroupRestartIsForEveryRestart(t *testing.T) {
	// Also after a clean end, if the child is permanent; not for those that are not restarted.
	for _, strategy := range []supervisor.Strategy{supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(w *world) {
			root := w.four(strategy, func(t *supervisor.Tree) {
				t.Children[1].Restart = supervisor.Transient
				t.Children[2].Restart = supervisor.Temporary
			})
			w.end(B)
			w.expect("-b")
			w.crash(C)
			w.expect("!c")
			w.expectNames(" a b:ended d")
			w.end(A)
			w.expect("-a -d +a +b +d")
			w.crash(B)
			w.read()
			w.expectNames(" a b d")
			root.Stop()
		})
	}
}

func TestAGroupRestartStartsThoseThatHadEnded(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.OneForAll, func(t *supervisor.Tree) { t.Children[3].Restart = supervisor.Transient })
		if err := supervisor.TerminateChild(w.ctx, "root", "a"); err != nil {
			t.Error(err)
		}
		w.end(D)
		w.expect("-a -d")
		w.crash(C)
		w.expect("!c -b +a +b +c +d")
		root.Stop()
	})
}

func TestAGroupRestartRemovesTemporarySiblings(t *testing.T) {
	for strategy, want := range map[supervisor.Strategy]string{
		supervisor.OneForAll:  " b c",
		supervisor.RestForOne: " a b c",
	} {
		bubble(t, func(w *world) {
			root := w.four(strategy, func(t *supervisor.Tree) {
				t.Children[0].Restart = supervisor.Temporary
				t.Children[3].Restart = supervisor.Temporary
			})
			w.crash(B)
			if strategy == supervisor.OneForAll {
				w.expect("!b -d -c -a +b +c")
			} else {
				w.expect("!b -d -c +b +c")
			}
			w.expectNames(want)
			_, err := process.Ask(w.ctx, D, (*worker).Life)
			isErr(t, err, process.ErrNoProcess)
			root.Stop()
		})
	}
}

func TestAGroupRestartCountsAsOne(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(w *world) {
			root := w.four(strategy, nil)
			for range 3 {
				w.crash(A)
			}
			w.runs(root)
			w.read()
			w.crash(B)
			w.expect("!b -d -c -a")
			w.gaveUp(root)
		})
	}
}

func TestTwoCrashesAtOnceAreOneGroupRestart(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.OneForAll, func(t *supervisor.Tree) { t.Intensity = 1 })
		// While c takes its time to stop for the sake of b, a crashes.
		if err := process.Cast(w.ctx, C, (*worker).Rest, 3*time.Second); err != nil {
			t.Error(err)
		}
		w.settle()
		w.crash(B)
		w.crash(A)
		w.expect("!b -d !a")
		w.after(3 * time.Second)
		w.expect("-c +a +b +c +d")
		w.runs(root)
		root.Stop()
	})
}

func TestAGroupStartThatFailsHalfWayIsRepeated(t *testing.T) {
	fails := func(lives ...int) func(context.Context, int) error {
		return func(_ context.Context, life int) error {
			for _, l := range lives {
				if l == life {
					return errCrash
				}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		strategy supervisor.Strategy
		lives    []int // of c, that fail
		crash    process.Name[worker]
		want     string
		gaveUp   bool
	}{
		"one_for_all":            {supervisor.OneForAll, []int{2, 3}, B, "!b -d -c -a +a +b xc -b -a +a +b xc -b -a +a +b +c +d", false},
		"one_for_all gives up":   {supervisor.OneForAll, []int{2, 3, 4}, B, "!b -d -c -a +a +b xc -b -a +a +b xc -b -a +a +b xc -b -a", true},
		"rest_for_one":           {supervisor.RestForOne, []int{2, 3}, B, "!b -d -c +b xc xc +c +d", false},
		"rest_for_one gives up":  {supervisor.RestForOne, []int{2, 3, 4}, B, "!b -d -c +b xc xc xc -b -a", true},
		"rest_for_one, its own":  {supervisor.RestForOne, []int{2, 3}, C, "!c -d xc xc +c +d", false},
		"one_for_all, in itself": {supervisor.OneForAll, []int{2}, C, "!c -d -b -a +a +b xc -b -a +a +b +c +d", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.four(c.strategy, func(t *supervisor.Tree) { t.Children[2].Run = w.worker(C, fails(c.lives...)) })
				w.crash(c.crash)
				w.expect(c.want)
				if c.gaveUp {
					w.gaveUp(root)
				} else {
					w.expectNames(" a b c d")
				}
				root.Stop()
			})
		})
	}
}

func TestAChildThatIgnoresInAGroupStartStaysListed(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.OneForAll, func(t *supervisor.Tree) {
			t.Children[1].Run = w.worker(B, func(_ context.Context, life int) error {
				if life == 2 {
					return process.Ignore
				}
				return nil
			})
		})
		w.crash(C)
		w.expect("!c -d -b -a +a xb +c +d")
		w.expectNames(" a b:ended c d")
		w.crash(C)
		w.expect("!c -d -a +a +b +c +d")
		root.Stop()
	})
}

// Between two attempts others get a turn.
func TestRequestsGetATurnBetweenAttempts(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(w *world) {
			again := make(chan bool)
			root := w.four(strategy, func(t *supervisor.Tree) {
				t.Intensity = 1_000_000_000
				t.Children[1].Run = w.worker(B, func(_ context.Context, life int) error {
					if life == 10 {
						close(again)
					}
					return fail(life > 1)
				})
			})
			// It fails without end and at once, until it is terminated.
			if err := process.Signal(w.ctx, B, (*worker).Crash); err != nil {
				t.Error(err)
			}
			<-again
			must(t, w.terminate("b"))
			w.expectNames(" a b:ended c d")
			root.Stop()
		})
	}
}

func TestMailSurvivesAGroupRestart(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(w *world) {
			root := w.four(strategy, func(t *supervisor.Tree) { t.Children[1].Backoff.First = time.Second })
			if err := process.Cast(w.ctx, C, (*worker).Rest, time.Second); err != nil {
				t.Error(err)
			}
			answers := make(chan int)
			for range 3 {
				go func() { answers <- w.life(C) }() // behind the cast
			}
			w.settle()
			w.crash(B)
			w.after(time.Second)
			go func() { answers <- w.life(C) }() // while it is down
			for range 4 {
				if life := <-answers; life != 2 {
					t.Errorf("life %d answered", life)
				}
			}
			root.Stop()
		})
	}
}

func TestAChildWithBackoffInAGroup(t *testing.T) {
	bubble(t, func(w *world) {
		fails := func(_ context.Context, life int) error { return fail(life == 2 || life == 3) }
		root := w.four(supervisor.OneForAll, func(t *supervisor.Tree) {
			t.Intensity = supervisor.NoRestarts
			t.Children[1].Run = w.worker(B, fails)
			t.Children[1].Backoff = supervisor.Backoff{First: time.Second, Min: 10 * time.Second}
		})
		w.crash(B)
		w.expect("!b -d -c -a") // the siblings at once
		w.expectNames(" a:restarting b:restarting c:restarting d:restarting")
		w.after(time.Second - 1)
		w.expect("")
		w.after(time.Second / 4)
		w.expect("+a xb -a") // all wait for the second try
		w.after(9 * time.Second)
		w.expect("")
		w.after(4 * time.Second)
		w.expect("+a xb -a")
		w.after(time.Minute)
		w.expect("+a +b +c +d")
		w.runs(root) // its own budget
		w.crash(C)
		w.expect("!c -d -b -a")
		w.gaveUp(root)
	})
}

func TestAnEarlierCrashTakesOverAWaitingGroup(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.RestForOne, func(t *supervisor.Tree) { t.Children[2].Backoff.First = time.Hour })
		w.crash(C)
		w.expect("!c -d")
		w.crash(A)
		w.expect("!a -b +a +b +c +d")
		w.after(2 * time.Hour)
		w.expect("")
		root.Stop()
	})
}

func TestAStuckChildIsAbandonedInEachStrategy(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne} {
		t.Run(strategy.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.four(strategy, nil)
				stuck := make(chan struct{})
				for range 2 {
					if err := process.Cast(w.ctx, C, (*worker).Wait, stuck); err != nil {
						t.Error(err)
					}
				}
				w.settle()
				began := time.Now()
				w.crash(B)
				if strategy == supervisor.OneForOne {
					w.expect("!b +b")
				} else {
					w.after(process.DefaultShutdown)
					want := "!b -d -a +a +b +c +d"
					if strategy == supervisor.RestForOne {
						want = "!b -d +b +c +d"
					}
					w.expect(want)
					if n := w.count("process.abandoned"); n != 1 {
						t.Errorf("%d abandoned, want 1", n)
					}
				}
				w.expectNames(" a b c d")
				root.Stop() // it handles the second cast now, and is stuck again
				if n := w.count("process.abandoned"); strategy == supervisor.OneForOne && n != 1 || strategy != supervisor.OneForOne && n != 2 {
					t.Errorf("%d abandoned", n)
				}
				if took := time.Since(began); took > 2*process.DefaultShutdown {
					t.Errorf("took %v", took)
				}
				w.expect("-d -b -a")
				close(stuck)
				w.expect("")
			})
		})
	}
}

func TestATreeStopsWhileAGroupStarts(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForAll, supervisor.RestForOne} {
		bubble(t, func(w *world) {
			root := w.four(strategy, func(t *supervisor.Tree) {
				t.Children[1].Run = w.worker(B, func(ctx context.Context, life int) error {
					if life > 1 {
						<-ctx.Done()
					}
					return ctx.Err()
				})
			})
			w.crash(A)
			w.expect("!a -d -c -b +a")
			began := time.Now()
			root.Stop()
			if took := time.Since(began); took != 0 {
				t.Errorf("took %v", took)
			}
			w.expect("xb -a")
		})
	}
}

func TestACycleAtAGroupStartIsSeen(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.four(supervisor.OneForAll, func(t *supervisor.Tree) {
			t.Children[1].Run = w.worker(B, func(ctx context.Context, life int) error {
				if life == 2 {
					_, err := supervisor.WhichChildren(ctx, "root")
					isErr(w, err, process.ErrCycle)
				}
				return nil
			})
		})
		w.crash(A)
		w.expect("!a -d -c -b +a +b +c +d")
		root.Stop()
	})
}

// Nested trees are children like others: a group of trees.
func TestAGroupOfTrees(t *testing.T) {
	bubble(t, func(w *world) {
		sub := func(name string, run ...supervisor.Child) supervisor.Child {
			return supervisor.Child{Run: supervisor.Tree{Name: name, Intensity: supervisor.NoRestarts, Children: run}}
		}
		root := w.startTree(supervisor.Tree{Strategy: supervisor.RestForOne, Children: []supervisor.Child{
			sub("one", supervisor.Child{Run: w.worker(A)}, supervisor.Child{Run: w.worker(B)}),
			sub("two", supervisor.Child{Run: w.worker(C)}, supervisor.Child{Run: supervisor.Family(Workers, w.member())}),
		}})
		w.life(Workers.Of("k"))
		w.expect("+a +b +c +k")
		w.crash(A)
		w.expect("!a -b -k -c +a +b +c")
		w.life(Workers.Of("k"))
		w.expect("+k")
		w.crash(C)
		w.expect("!c -k +c")
		root.Stop()
	})
}
