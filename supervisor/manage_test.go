package supervisor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// must fails the test where err is not nil, or not of that kind with that text.
func must(t testing.TB, err error, wants ...any) {
	t.Helper()
	if len(wants) == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	for _, want := range wants {
		switch want := want.(type) {
		case error:
			isErr(t, err, want)
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got error %v, want %q in it", err, want)
			}
		}
	}
}

func (w *world) startChild(c supervisor.Child) error {
	return supervisor.StartChild(w.ctx, "root", c)
}
func (w *world) terminate(name string) error {
	return supervisor.TerminateChild(w.ctx, "root", name)
}
func (w *world) restart(name string) error { return supervisor.RestartChild(w.ctx, "root", name) }
func (w *world) delete(name string) error  { return supervisor.DeleteChild(w.ctx, "root", name) }

func TestStartChildAddsItAtTheEnd(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		slow := func(context.Context, int) error { time.Sleep(time.Hour); return nil }
		began := time.Now()
		must(t, w.startChild(supervisor.Child{Run: w.worker(B, slow)})) // it takes as long as it takes
		if took := time.Since(began); took != time.Hour {
			t.Errorf("took %v", took)
		}
		must(t, w.startChild(w.service("s")))
		w.expectNames(" a b s")
		w.crash(B)
		w.after(time.Hour)
		root.Stop()
		w.expect("+a +b +s !b +b -s -b -a")
	})
}

func TestStartChildRefusesANameThatIsTaken(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: w.worker(B), Restart: supervisor.Transient},
			supervisor.Child{Run: w.worker(C), Backoff: supervisor.Backoff{First: time.Hour}},
		)
		w.end(B)
		w.crash(C)
		must(t, w.startChild(supervisor.Child{Run: w.worker(A)}), fault.Conflict, "already started")
		must(t, w.startChild(supervisor.Child{Run: w.worker(B)}), fault.Conflict, "already present")
		must(t, w.startChild(supervisor.Child{Run: w.worker(C)}), fault.Conflict, "already started") // it restarts
		must(t, w.startChild(supervisor.Child{Name: "other", Run: w.worker(A)}), fault.Conflict, "other")
		w.expectNames(" a b:ended c:restarting")
		root.Stop()
	})
}

func TestStartChildThatFailsLeavesNothing(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		n := w.node.Count()
		refuse := func(context.Context, int) error { return fault.NotFound.Errorf("there is no such thing") }
		err := w.startChild(supervisor.Child{Run: w.worker(B, refuse)})
		must(t, err, fault.NotFound, `root: "b" failed to start`)
		if got := fault.Detail(err); got != "there is no such thing" {
			t.Errorf("the caller reads %q", got)
		}
		panics := func(context.Context, int) error { panic(errCrash) }
		must(t, w.startChild(supervisor.Child{Run: w.worker(B, panics)}), errCrash)
		must(t, w.startChild(supervisor.Child{Name: "b"}), fault.Invalid, "nothing to run")
		w.expectNames(" a")
		if w.node.Count() != n {
			t.Errorf("something stays: %v", w.node.Processes())
		}
		must(t, w.startChild(supervisor.Child{Run: w.worker(B)}))
		w.runs(root)
		root.Stop()
	})
}

func TestIgnoreKeepsTheSpec(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start()
		once := func(_ context.Context, life int) error {
			if life == 1 {
				return process.Ignore
			}
			return nil
		}
		must(t, w.startChild(supervisor.Child{Run: w.worker(A, once)}))
		must(t, w.startChild(supervisor.Child{Run: w.worker(B, once), Restart: supervisor.Temporary}))
		w.expectNames(" a:ended")
		must(t, w.restart("a"))
		w.expectNames(" a")
		root.Stop()
	})
}

func TestStartChildEndsWithItsContext(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		hangs := func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		must(t, supervisor.StartChild(ctx, "root", supervisor.Child{Run: w.worker(B, hangs)}), context.DeadlineExceeded)
		w.expectNames(" a")
		root.Stop()
		w.expect("+a xb -a")
	})
}

func TestTerminateChildKeepsTheSpec(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: w.worker(B), Restart: supervisor.Transient},
			supervisor.Child{Run: w.worker(C), Restart: supervisor.Temporary},
		)
		for _, name := range []string{"a", "b", "c"} {
			must(t, w.terminate(name))
		}
		w.expect("+a +b +c -a -b -c")
		w.expectNames(" a:ended b:ended")
		must(t, w.terminate("a")) // it has ended already
		must(t, w.terminate("c"), fault.NotFound)
		must(t, w.terminate("x"), fault.NotFound)
		_, err := process.Ask(w.ctx, A, (*worker).Life)
		isErr(t, err, process.ErrNoProcess)
		w.after(time.Hour)
		w.runs(root) // it was no crash
		must(t, w.restart("b"))
		must(t, w.restart("a"))
		w.expectNames(" a b")
		w.expect("+b +a")
		root.Stop()
		w.expect("-b -a")
	})
}

func TestTerminateChildTakesItsRestartBack(t *testing.T) {
	for _, strategy := range []supervisor.Strategy{supervisor.OneForOne, supervisor.OneForAll, supervisor.RestForOne} {
		t.Run(strategy.String(), func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.four(strategy, func(t *supervisor.Tree) { t.Children[1].Backoff.First = time.Hour })
				w.crash(B)
				w.read()
				must(t, w.terminate("b"))
				w.expectNames(" a b:ended c d") // the rest of its group starts without it
				w.after(2 * time.Hour)
				w.expectNames(" a b:ended c d")
				must(t, w.restart("b"))
				if w.life(B) != 2 {
					t.Error("it should be in its second life")
				}
				w.crash(C)
				w.expectNames(" a b c d")
				root.Stop()
			})
		})
	}
}

func TestTerminateChildWhileItStarts(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A, func(ctx context.Context, life int) error {
			if life > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		})})
		w.crash(A)
		must(t, w.terminate("a"))
		w.expectNames(" a:ended")
		w.expect("+a !a xa")
		w.runs(root)
		root.Stop()
	})
}

func TestRestartChild(t *testing.T) {
	bubble(t, func(w *world) {
		fails := func(_ context.Context, life int) error { return fail(life == 2) }
		root := w.start(
			supervisor.Child{Run: w.worker(A, fails)},
			supervisor.Child{Run: w.worker(B), Backoff: supervisor.Backoff{First: time.Hour}},
		)
		w.crash(B)
		must(t, w.restart("a"), fault.Conflict, "is running")
		must(t, w.restart("b"), fault.Conflict, "is being restarted")
		must(t, w.restart("x"), fault.NotFound)
		must(t, w.terminate("a"))
		must(t, w.restart("a"), errCrash) // it stays ended
		w.expectNames(" a:ended b:restarting")
		must(t, w.restart("a"))
		w.expectNames(" a b:restarting")
		w.runs(root) // nothing of that counts
		root.Stop()
	})
}

func TestDeleteChild(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: w.worker(B), Backoff: supervisor.Backoff{First: time.Hour}},
			supervisor.Child{Run: w.worker(C), Restart: supervisor.Transient},
		)
		w.crash(B)
		w.end(C)
		must(t, w.delete("a"), fault.Conflict, "is running")
		must(t, w.delete("b"), fault.Conflict, "is being restarted")
		must(t, w.delete("x"), fault.NotFound)
		must(t, w.delete("c"))
		must(t, w.delete("c"), fault.NotFound)
		must(t, w.terminate("a"))
		must(t, w.delete("a"))
		w.expectNames(" b:restarting")
		must(t, w.startChild(supervisor.Child{Run: w.worker(A)})) // the name is free
		root.Stop()
	})
}

func TestAddedChildrenAreLostWhenTheTreeRestarts(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Tree{Name: "sub", Intensity: supervisor.NoRestarts, Children: []supervisor.Child{{Run: w.worker(A)}, {Run: w.worker(B)}}}})
		must(t, supervisor.StartChild(w.ctx, "root/sub", supervisor.Child{Run: w.worker(C)}))
		must(t, supervisor.TerminateChild(w.ctx, "root/sub", "b"))
		must(t, supervisor.DeleteChild(w.ctx, "root/sub", "b"))
		w.crash(A)
		w.expect("+a +b +c -b !a -c +a +b")
		root.Stop()
	})
}

func TestWhichChildrenAndCountChildren(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: w.worker(B), Restart: supervisor.Transient},
			supervisor.Child{Run: w.worker(C), Backoff: supervisor.Backoff{First: time.Hour}},
			w.service("s"),
			supervisor.Child{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: w.worker(D)}}}},
			supervisor.Child{Run: supervisor.Family(Workers, w.member())},
		)
		w.end(B)
		w.crash(C)
		all, err := supervisor.WhichChildren(w.ctx, "root")
		must(t, err)
		got := ""
		for _, c := range all {
			got += " " + c.Name + ":" + c.Kind + ":" + c.State
			if c.Children != nil {
				t.Errorf("%s has its own children with it", c.Name)
			}
		}
		if want := " a:process:running b:process:ended c:process:restarting s:service:running sub:tree:running workers:family:running"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		n, err := supervisor.CountChildren(w.ctx, "root")
		must(t, err)
		if want := (supervisor.Counts{Specs: 6, Active: 4, Supervisors: 2, Workers: 4}); n != want {
			t.Errorf("got %+v, want %+v", n, want)
		}
		_, err = supervisor.CountChildren(w.ctx, "root/x")
		must(t, err, process.ErrNoProcess)
		_, err = supervisor.WhichChildren(w.ctx, "root/workers")
		must(t, err, fault.Conflict)
		root.Stop()
	})
}

func TestChildSpec(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)}, supervisor.Child{Run: supervisor.Family(Workers, w.member()), Restart: supervisor.Temporary})
		c, err := supervisor.ChildSpec(w.ctx, "root", "workers")
		must(t, err)
		if c.Restart != supervisor.Temporary || c.Run == nil {
			t.Errorf("got %+v", c)
		}
		_, err = supervisor.ChildSpec(w.ctx, "root", "x")
		must(t, err, fault.NotFound)
		// With it, a child can be changed.
		c, err = supervisor.ChildSpec(w.ctx, "root", "a")
		must(t, err)
		must(t, w.terminate("a"))
		must(t, w.delete("a"))
		c.Restart = supervisor.Temporary
		must(t, w.startChild(c))
		w.crash(A)
		w.expectNames(" workers")
		root.Stop()
	})
}

// A constructor whose supervisor waits for it cannot ask it.
func TestAConstructorThatAsksItsSupervisor(t *testing.T) {
	bubble(t, func(w *world) {
		asks := func(ctx context.Context) error {
			_, err := supervisor.WhichChildren(ctx, "root")
			isErr(w, err, process.ErrCycle)
			_, err = supervisor.StatusOf(ctx, "root")
			isErr(w, err, process.ErrCycle)
			isErr(w, supervisor.StartChild(ctx, "root", w.service("x")), process.ErrCycle)
			isErr(w, supervisor.TerminateChild(ctx, "root", "a"), process.ErrCycle)
			_, err = supervisor.CountChildren(ctx, "root")
			return err
		}
		// At the start of the tree, as a process and as a service.
		_, err := supervisor.Tree{Children: []supervisor.Child{{Run: w.worker(A, func(ctx context.Context, _ int) error { return asks(ctx) })}}}.Start(w.ctx)
		must(t, err, process.ErrCycle)
		s := supervisor.Child{Name: "s", Run: &service{w: w, name: "s", ready: func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx) // what it derives is seen, too
			defer cancel()
			return asks(ctx)
		}}}
		_, err = supervisor.Tree{Children: []supervisor.Child{s}}.Start(w.ctx)
		must(t, err, process.ErrCycle)
		// As a service that starts another process.
		s = supervisor.Child{Name: "s", Run: &service{w: w, name: "s", ready: func(ctx context.Context) error {
			_, err := Jobs.Start(ctx, "x")
			return err
		}}}
		job := w.dynamicWith(supervisor.Child{}, func(ctx context.Context, _ string, _ int) error { return asks(ctx) })
		_, err = supervisor.Tree{Children: []supervisor.Child{job, s}}.Start(w.ctx)
		must(t, err, process.ErrCycle)
		// Added to a running tree.
		root := w.start()
		must(t, w.startChild(supervisor.Child{Run: w.worker(B, func(ctx context.Context, _ int) error { return asks(ctx) })}), process.ErrCycle)
		// After the start it may, with the context of the start too.
		var kept context.Context
		must(t, w.startChild(supervisor.Child{Name: "k", Run: &service{w: w, name: "k", ready: func(ctx context.Context) error { kept = ctx; return nil }}}))
		_, err = supervisor.WhichChildren(kept, "root")
		must(t, err)
		root.Stop()
	})
}

// Restarted alone, it is not waited for, and may ask.
func TestAConstructorMayAskAtARestart(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A, func(ctx context.Context, life int) error {
			if life == 1 {
				return nil
			}
			all, err := supervisor.WhichChildren(ctx, "root")
			if err == nil && len(all) != 1 {
				err = errors.New("where am I?")
			}
			return err
		})})
		w.crash(A)
		w.expect("+a !a +a")
		root.Stop()
	})
}

// A child that terminates itself is stopped: its own call is broken off.
func TestAChildTerminatesItself(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Process(Boots, func(context.Context) (*booter, error) { return &booter{w}, nil })})
		began := time.Now()
		must(t, process.Run(w.ctx, Boots, (*booter).Leave), context.Canceled)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		w.expectNames(" boots:ended")
		root.Stop()
	})
}

func (b *booter) Leave(ctx context.Context) error {
	return supervisor.TerminateChild(ctx, "root", "boots")
}

func TestRequestsOfATreeThatStops(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Process("sleeper", func(context.Context) (*sleeper, error) { return &sleeper{w, time.Second}, nil })})
		answer := make(chan error, 1)
		go func() {
			time.Sleep(time.Millisecond)
			answer <- w.startChild(supervisor.Child{Run: w.worker(A)})
		}()
		root.Stop()
		isErr(t, <-answer, process.ErrDead)
		isErr(t, w.startChild(supervisor.Child{Run: w.worker(A)}), process.ErrNoProcess)
	})
}
