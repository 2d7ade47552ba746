package supervisor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// significants starts a tree of a, b and c, of which a and b are significant.
func (w *world) significants(auto supervisor.AutoShutdown, restart supervisor.Restart, change func(t *supervisor.Tree)) *supervisor.Root {
	w.Helper()
	t := supervisor.Tree{AutoShutdown: auto, Children: []supervisor.Child{
		{Run: w.worker(A), Restart: restart, Significant: true},
		{Run: w.worker(B), Restart: restart, Significant: true},
		{Run: w.worker(C), Restart: restart},
	}}
	if change != nil {
		change(&t)
	}
	root := w.startTree(t)
	w.settle()
	w.read()
	return root
}

// wound reports that the tree has wound itself up.
func (w *world) wound(root *supervisor.Root) {
	w.Helper()
	err, ended := w.ended(root)
	if !ended {
		w.Error("the tree should have ended")
	}
	isErr(w, err, process.Shutdown)
	if err != nil && !strings.Contains(err.Error(), "significant") {
		w.Errorf("the reason says: %v", err)
	}
}

func TestSignificantChildrenMustBeAllowed(t *testing.T) {
	run := supervisor.Func(func(ctx context.Context) error { <-ctx.Done(); return nil })
	for _, c := range []struct {
		auto    supervisor.AutoShutdown
		restart supervisor.Restart
		want    string
	}{
		{supervisor.Never, supervisor.Transient, "AutoShutdown is Never"},
		{supervisor.Never, supervisor.Temporary, "AutoShutdown is Never"},
		{supervisor.AnySignificant, supervisor.Permanent, "must be Transient or Temporary"},
		{supervisor.AllSignificant, supervisor.Permanent, "must be Transient or Temporary"},
		{supervisor.AnySignificant, supervisor.Transient, ""},
		{supervisor.AllSignificant, supervisor.Temporary, ""},
	} {
		child := supervisor.Child{Name: "x", Run: run, Restart: c.restart, Significant: true}
		check := func(err error) {
			t.Helper()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, %v: %v", c.auto, c.restart, err)
			}
			if err != nil {
				isErr(t, err, fault.Invalid)
			}
		}
		check(supervisor.Tree{Name: "t", AutoShutdown: c.auto, Children: []supervisor.Child{child}}.Check())
		bubble(t, func(w *world) {
			root := w.startTree(supervisor.Tree{AutoShutdown: c.auto})
			check(supervisor.StartChild(w.ctx, "root", child))
			root.Stop()
		})
	}
	// Where the members are transient, what keeps them is permanent.
	for _, run := range []supervisor.Service{
		supervisor.Family(Workers, func(context.Context) (*worker, error) { return nil, nil }),
		supervisor.Dynamic(Jobs, func(context.Context, string) (*worker, error) { return nil, nil }),
		supervisor.Partition(Shards, 2, func(context.Context) (*worker, error) { return nil, nil }),
	} {
		tree := supervisor.Tree{AutoShutdown: supervisor.AnySignificant, Children: []supervisor.Child{{Run: run, Restart: supervisor.Transient, Significant: true}}}
		isErr(t, tree.Check(), fault.Invalid)
	}
}

func TestAutoShutdownIsNeverByDefault(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Restart: supervisor.Transient}, supervisor.Child{Run: w.worker(B), Restart: supervisor.Temporary})
		w.end(A)
		w.end(B)
		w.runs(root)
		root.Stop()
	})
}

func TestAnySignificantEndsTheTreeWithTheFirst(t *testing.T) {
	for _, restart := range []supervisor.Restart{supervisor.Transient, supervisor.Temporary} {
		bubble(t, func(w *world) {
			root := w.significants(supervisor.AnySignificant, restart, nil)
			w.end(C)
			w.expect("-c")
			w.runs(root) // it is not significant
			w.end(A)
			w.expect("-a -b")
			w.wound(root)
		})
	}
}

func TestAllSignificantEndsTheTreeWithTheLast(t *testing.T) {
	for _, restart := range []supervisor.Restart{supervisor.Transient, supervisor.Temporary} {
		bubble(t, func(w *world) {
			root := w.significants(supervisor.AllSignificant, restart, nil)
			w.end(B)
			w.expect("-b")
			w.runs(root)
			w.end(A)
			w.expect("-a -c")
			w.wound(root)
		})
	}
}

func TestACrashOfATransientSignificantChildIsNoEnd(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.significants(supervisor.AnySignificant, supervisor.Transient, nil)
		w.crash(A)
		w.expect("!a +a")
		w.runs(root)
		root.Stop()
	})
}

func TestACrashOfATemporarySignificantChildIsAnEnd(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.significants(supervisor.AnySignificant, supervisor.Temporary, nil)
		w.crash(B)
		w.expect("!b -c -a")
		w.wound(root)
	})
}

func TestASignificantChildThatRestartsIsActive(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.significants(supervisor.AllSignificant, supervisor.Transient, func(t *supervisor.Tree) {
			t.Children[0].Backoff.First = time.Hour
		})
		w.crash(A)
		w.end(B)
		w.runs(root)
		w.after(2 * time.Hour)
		w.expect("!a -b +a")
		w.end(A)
		w.expect("-a -c")
		w.wound(root)
	})
}

func TestEndsThatTheSupervisorCausesDoNotCount(t *testing.T) {
	for _, auto := range []supervisor.AutoShutdown{supervisor.AnySignificant, supervisor.AllSignificant} {
		bubble(t, func(w *world) {
			root := w.significants(auto, supervisor.Transient, func(t *supervisor.Tree) {
				t.Strategy = supervisor.OneForAll
				t.Children[1].Restart = supervisor.Temporary
				t.Children[2].Restart = supervisor.Permanent
			})
			w.crash(C) // a is restarted with it, b removed
			w.expect("!c -b -a +a +c")
			w.runs(root)
			if err := supervisor.TerminateChild(w.ctx, "root", "a"); err != nil {
				t.Error(err)
			}
			w.expect("-a")
			w.runs(root)
			root.Stop()
		})
		bubble(t, func(w *world) {
			root := w.significants(auto, supervisor.Transient, func(t *supervisor.Tree) {
				t.Children[0].Lifetime = time.Minute
				t.Children[1].Lifetime = time.Minute
			})
			w.after(time.Minute)
			w.expectNames(" a:ended b:ended c")
			w.runs(root)
			root.Stop()
		})
	}
}

func TestASignificantChildThatIgnoresHasNotEnded(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.significants(supervisor.AnySignificant, supervisor.Transient, func(t *supervisor.Tree) {
			t.Children[0].Run = w.worker(A, func(context.Context, int) error { return process.Ignore })
		})
		w.expectNames(" a:ended b c")
		w.runs(root)
		w.end(B)
		w.wound(root)
	})
}

// The end of the tree is clean: its own supervisor restarts it only if it is permanent.
func TestAnAutoShutdownIsACleanEnd(t *testing.T) {
	bubble(t, func(w *world) {
		sub := func(name string, run supervisor.Service) supervisor.Tree {
			return supervisor.Tree{Name: name, AutoShutdown: supervisor.AnySignificant, Children: []supervisor.Child{
				{Run: run, Restart: supervisor.Temporary, Significant: true},
			}}
		}
		root := w.start(
			supervisor.Child{Run: sub("one", w.worker(A)), Restart: supervisor.Transient},
			supervisor.Child{Run: sub("two", w.worker(B))},
		)
		w.end(A)
		w.end(B)
		w.expect("+a +b -a -b +b")
		w.expectNames(" one:ended two")
		if n := w.count("process.crashes"); n != 0 {
			t.Errorf("%d crashes", n)
		}
		root.Stop()
	})
}
