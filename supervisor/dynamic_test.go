package supervisor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// Jobs are workers named as their argument.
const Jobs supervisor.DynamicName[worker, string] = "jobs"

// dynamic makes an entry run Jobs.
func (w *world) dynamic(entry supervisor.Child, opts ...process.Option) supervisor.Child {
	return w.dynamicWith(entry, nil, opts...)
}

func (w *world) dynamicWith(entry supervisor.Child, each func(ctx context.Context, arg string, life int) error, opts ...process.Option) supervisor.Child {
	var mu sync.Mutex
	lives := map[string]int{}
	entry.Run = supervisor.Dynamic(Jobs, func(ctx context.Context, arg string) (*worker, error) {
		mu.Lock()
		lives[arg]++
		life := lives[arg]
		mu.Unlock()
		if each != nil {
			if err := each(ctx, arg, life); err != nil {
				w.note("x" + arg)
				return nil, err
			}
		}
		w.note("+" + arg)
		return &worker{&w.journal, arg, life}, nil
	}, opts...)
	return entry
}

func (w *world) job(arg string) process.Ref[worker] {
	w.Helper()
	ref, err := Jobs.Start(w.ctx, arg)
	if err != nil {
		w.Error(err)
	}
	return ref
}

func (w *world) jobs() supervisor.Counts {
	w.Helper()
	w.settle()
	n, err := Jobs.Count(w.ctx)
	if err != nil {
		w.Error(err)
	}
	return n
}

func TestDynamicStartsEmptyAndStartsChildren(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamic(supervisor.Child{}))
		w.expect("")
		if n := w.jobs(); n != (supervisor.Counts{}) {
			t.Errorf("got %+v", n)
		}
		a, b := w.job("a"), w.job("a") // there are no ids: two alike are two
		w.expect("+a +a")
		if a == b || a.String() == b.String() {
			t.Errorf("%v and %v", a, b)
		}
		if name, err := process.Ask(w.ctx, a, (*worker).Name); name != "a" || err != nil {
			t.Errorf("%q, %v", name, err)
		}
		if n := w.jobs(); n != (supervisor.Counts{Specs: 2, Active: 2, Workers: 2}) {
			t.Errorf("got %+v", n)
		}
		all, err := Jobs.Children(w.ctx)
		must(t, err)
		if len(all) != 2 || all[0] != a && all[1] != a || all[0] != b && all[1] != b {
			t.Errorf("%v, of %v and %v", all, a, b)
		}
		if s := w.status("root").Children[0]; s.Kind != "dynamic" || s.Members != 2 || s.Restart != "permanent" {
			t.Errorf("got %+v", s)
		}
		root.Stop()
	})
}

func TestDynamicPassesTheArgumentAgainAtARestart(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamic(supervisor.Child{}))
		ref := w.job("x")
		w.crash(ref)
		if w.life(ref) != 2 { // a Ref outlives restarts
			t.Error("it should be in its second life")
		}
		w.expect("+x !x +x")
		root.Stop()
	})
}

func TestDynamicRestartTable(t *testing.T) {
	for _, c := range []struct {
		restart      supervisor.Restart
		clean, crash string // what happens
	}{
		{supervisor.Permanent, "-x +x", "!x +x"},
		{supervisor.Transient, "-x", "!x +x"},
		{supervisor.Temporary, "-x", "!x"},
	} {
		bubble(t, func(w *world) {
			root := w.start(w.dynamic(supervisor.Child{Restart: c.restart}))
			for _, want := range []string{c.clean, c.crash} {
				ref := w.job("x")
				w.settle()
				w.read()
				if want == c.clean {
					w.end(ref)
				} else {
					w.crash(ref)
				}
				w.expect(want)
				if len(want) == 2 { // dropped: nothing of it stays
					_, err := process.Ask(w.ctx, ref, (*worker).Life)
					isErr(t, err, process.ErrDead)
					must(t, Jobs.Terminate(w.ctx, ref), fault.NotFound)
					if n := w.jobs(); n.Specs != 0 {
						t.Errorf("%v: got %+v", c.restart, n)
					}
				} else {
					w.after(time.Second)
					must(t, Jobs.Terminate(w.ctx, ref))
				}
			}
			root.Stop()
		})
	}
}

func TestDynamicMostCountsThoseThatStartOrRestart(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(_ context.Context, arg string, _ int) error {
			if arg == "slow" {
				time.Sleep(time.Second)
			}
			return nil
		}
		root := w.start(w.dynamicWith(supervisor.Child{Backoff: supervisor.Backoff{First: time.Hour}}, slow, process.Most(2)))
		full := func() {
			t.Helper()
			_, err := Jobs.Start(w.ctx, "more")
			must(t, err, fault.Exhausted, "2 members")
		}
		a := w.job("a")
		done := make(chan bool)
		go func() { w.job("slow"); close(done) }()
		w.settle()
		full()
		if n := w.jobs(); n.Specs != 1 {
			t.Errorf("one that starts is listed: %+v", n)
		}
		<-done
		w.crash(a)
		full()
		if n := w.jobs(); n != (supervisor.Counts{Specs: 2, Active: 1, Workers: 2}) {
			t.Errorf("got %+v", n)
		}
		must(t, Jobs.Terminate(w.ctx, a))
		w.job("b")
		full()
		root.Stop()
	})
}

func TestDynamicStartThatFailsLeavesNothing(t *testing.T) {
	bubble(t, func(w *world) {
		refuse := func(_ context.Context, arg string, _ int) error {
			switch arg {
			case "ignore":
				return process.Ignore
			case "panic":
				panic(errCrash)
			}
			return fault.Forbidden.Errorf("not you")
		}
		root := w.start(w.dynamicWith(supervisor.Child{}, refuse))
		n := w.node.Count()
		for _, c := range []struct {
			arg  string
			want error
		}{{"ignore", process.Ignore}, {"panic", errCrash}, {"other", fault.Forbidden}} {
			ref, err := Jobs.Start(w.ctx, c.arg)
			must(t, err, c.want)
			if ref != (process.Ref[worker]{}) {
				t.Errorf("got %v", ref)
			}
		}
		if w.node.Count() != n || w.jobs().Specs != 0 {
			t.Errorf("something stays: %v", w.node.Processes())
		}
		w.after(time.Hour)
		w.expect("xignore xother") // and nothing is tried again
		root.Stop()
	})
}

func TestDynamicStartEndsWithItsContext(t *testing.T) {
	bubble(t, func(w *world) {
		hangs := func(ctx context.Context, _ string, _ int) error { <-ctx.Done(); return ctx.Err() }
		root := w.start(w.dynamicWith(supervisor.Child{}, hangs))
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := Jobs.Start(ctx, "x")
		must(t, err, context.DeadlineExceeded)
		w.after(time.Hour)
		w.expect("xx")
		if n := w.jobs(); n.Specs != 0 {
			t.Errorf("got %+v", n)
		}
		root.Stop()
	})
}

func TestASlowConstructorHoldsUpNobody(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(_ context.Context, arg string, _ int) error {
			if arg == "slow" {
				time.Sleep(time.Hour)
			}
			return nil
		}
		root := w.start(w.dynamicWith(supervisor.Child{}, slow))
		done := make(chan bool)
		go func() { w.job("slow"); close(done) }()
		w.settle()
		began := time.Now()
		ref := w.job("fast")
		w.crash(ref)
		w.life(ref)
		must(t, Jobs.Terminate(w.ctx, ref))
		w.status("root")
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		<-done
		root.Stop()
	})
}

func TestDynamicIgnoreAtARestartDropsTheChild(t *testing.T) {
	bubble(t, func(w *world) {
		second := func(_ context.Context, _ string, life int) error {
			if life > 1 {
				return process.Ignore
			}
			return nil
		}
		root := w.start(w.dynamicWith(supervisor.Child{}, second))
		ref := w.job("x")
		w.crash(ref)
		w.expect("+x !x xx")
		if n := w.jobs(); n.Specs != 0 {
			t.Errorf("got %+v", n)
		}
		_, err := process.Ask(w.ctx, ref, (*worker).Life)
		isErr(t, err, process.ErrDead)
		root.Stop()
	})
}

func TestDynamicFailedRestartsAreRetried(t *testing.T) {
	bubble(t, func(w *world) {
		fails := func(_ context.Context, _ string, life int) error {
			if life == 3 { // what would refuse a member of a family is bad luck here
				return fault.NotFound
			}
			return fail(life > 1 && life < 6)
		}
		root := w.start(w.dynamicWith(supervisor.Child{}, fails))
		ref := w.job("x")
		w.crash(ref)
		w.after(2 * time.Second)
		w.expect("+x !x xx xx xx xx +x")
		w.runs(root)
		root.Stop()
	})
}

func TestDynamicChildrenHaveBackoffByDefault(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.startTree(supervisor.Tree{Intensity: supervisor.NoRestarts, Children: []supervisor.Child{w.dynamic(supervisor.Child{})}})
		noisy, quiet := w.job("noisy"), w.job("quiet")
		for _, want := range []time.Duration{0, 100, 200, 400} {
			want *= time.Millisecond
			began := time.Now()
			w.crash(noisy)
			if w.life(quiet) != 1 || time.Since(began) > 0 {
				t.Error("another was disturbed")
			}
			w.life(noisy)
			if took := time.Since(began); took < want || took > want+want/4 {
				t.Errorf("back after %v, want %v", took, want)
			}
		}
		w.runs(root)
		root.Stop()
	})
}

func TestDynamicBackoffTriesDropTheChild(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamic(supervisor.Child{Backoff: supervisor.Backoff{Tries: 1}}))
		ref, other := w.job("x"), w.job("y")
		w.crash(ref)
		w.crash(ref)
		w.expect("+x +y !x +x !x")
		_, err := process.Ask(w.ctx, ref, (*worker).Life)
		isErr(t, err, process.ErrDead, errCrash)
		w.life(other)
		w.runs(root)
		root.Stop()
	})
}

// Where the context ends just when the constructor is done, there is a child or there is
// none: never one that nobody knows of.
func TestDynamicStartAtItsDeadline(t *testing.T) {
	bubble(t, func(w *world) {
		second := func(context.Context, string, int) error { time.Sleep(time.Second); return nil }
		root := w.start(w.dynamicWith(supervisor.Child{}, second))
		started := 0
		for range 100 {
			ctx, cancel := context.WithTimeout(w.ctx, time.Second)
			ref, err := Jobs.Start(ctx, "x")
			cancel()
			w.after(time.Minute)
			want := "+x -x"
			if err == nil {
				started++
				must(t, Jobs.Terminate(w.ctx, ref))
			} else {
				isErr(t, err, context.DeadlineExceeded)
			}
			if got := w.read(); got != want && (err == nil || got != "+x" && got != "") {
				t.Errorf("%v: %s", err, got)
			}
			if n := w.jobs(); n.Specs != 0 {
				t.Errorf("%v: %+v", err, n)
			}
		}
		t.Logf("%d of 100 started", started)
		root.Stop()
	})
}

const Hasty supervisor.DynamicName[hasty, int] = "hasty"

// hasty crashes in its first life, as soon as it has started.
type hasty struct{ life int }

func (h *hasty) Continue(context.Context) error {
	if h.life == 1 {
		return errCrash
	}
	return nil
}

func (h *hasty) Life(context.Context) (int, error) { return h.life, nil }

// A child that ends before its starter has learned of its start is not forgotten.
func TestDynamicChildrenThatCrashAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		var mu sync.Mutex
		lives := map[int]int{}
		root := w.start(supervisor.Child{Run: supervisor.Dynamic(Hasty, func(_ context.Context, n int) (*hasty, error) {
			mu.Lock()
			defer mu.Unlock()
			lives[n]++
			return &hasty{lives[n]}, nil
		})})
		var wg sync.WaitGroup
		for g := range 4 {
			wg.Go(func() {
				for i := range 500 {
					ref, err := Hasty.Start(w.ctx, 1000*g+i)
					if err != nil {
						t.Error(err)
						return
					}
					if life, err := process.Ask(w.ctx, ref, (*hasty).Life); life != 2 || err != nil {
						t.Errorf("life %d, %v", life, err)
						return
					}
				}
			})
		}
		wg.Wait()
		root.Stop()
	})
}

func TestDynamicChildThatStartsIsNotKnownYet(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamicWith(supervisor.Child{}, func(ctx context.Context, _ string, _ int) error {
			isErr(w, Jobs.Terminate(w.ctx, process.Self[worker](ctx)), fault.NotFound)
			return nil
		}))
		w.life(w.job("x"))
		root.Stop()
	})
}
