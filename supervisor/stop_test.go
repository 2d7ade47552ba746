package supervisor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// sleeper takes that long to terminate.
type sleeper struct {
	w *world
	d time.Duration
}

func (s *sleeper) Terminate(context.Context, process.Reason) {
	time.Sleep(s.d)
	s.w.note("-sleeper")
}

func TestShutdownTime(t *testing.T) {
	open := func(w *world, d time.Duration) func(context.Context) (*sleeper, error) {
		return func(context.Context) (*sleeper, error) { return &sleeper{w, d}, nil }
	}
	process1 := func(w *world, d time.Duration) supervisor.Service {
		return supervisor.Process("sleeper", open(w, d))
	}
	service1 := func(w *world, d time.Duration) supervisor.Service {
		return &service{w: w, name: "s", ready: func(context.Context) error { return nil }, serve: func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(d)
			w.note("-sleeper")
			return nil
		}}
	}
	withOption := func(w *world, d time.Duration) supervisor.Service {
		return supervisor.Process("sleeper", open(w, d), process.ShutdownTime(20*time.Second))
	}
	inTree := func(w *world, d time.Duration) supervisor.Service {
		return supervisor.Tree{Name: "inner", Children: []supervisor.Child{{Run: supervisor.Tree{Name: "inmost", Children: []supervisor.Child{{Run: process1(w, d), Shutdown: -1}}}}}}
	}
	inFamily := func(w *world, d time.Duration) supervisor.Service {
		return supervisor.Family("sleepers", open(w, d))
	}
	for name, c := range map[string]struct {
		run       func(*world, time.Duration) supervisor.Service
		shutdown  time.Duration
		takes     time.Duration
		took      time.Duration
		abandoned int64
	}{
		"process below":          {process1, 0, 4999 * time.Millisecond, 4999 * time.Millisecond, 0},
		"process above":          {process1, 0, 5001 * time.Millisecond, 5 * time.Second, 1},
		"process own below":      {process1, time.Second, 999 * time.Millisecond, 999 * time.Millisecond, 0},
		"process own above":      {process1, time.Second, 1001 * time.Millisecond, time.Second, 1},
		"process negative":       {process1, -1, time.Hour, time.Hour, 0},
		"process option":         {withOption, 0, 19 * time.Second, 19 * time.Second, 0},
		"process option above":   {withOption, 0, 21 * time.Second, 20 * time.Second, 1},
		"the child's goes first": {withOption, time.Second, 19 * time.Second, time.Second, 1},
		"service below":          {service1, 0, 4999 * time.Millisecond, 4999 * time.Millisecond, 0},
		"service above":          {service1, 0, time.Minute, 5 * time.Second, 1},
		"service negative":       {service1, -1, time.Hour, time.Hour, 0},
		"tree waits":             {inTree, 0, time.Hour, time.Hour, 0},
		"tree with a limit":      {inTree, time.Second, time.Hour, time.Second, 3},
		"family below":           {inFamily, 0, 4999 * time.Millisecond, 4999 * time.Millisecond, 0},
		"family above":           {inFamily, 0, time.Minute, 5 * time.Second, 2},
		"family negative":        {inFamily, -1, time.Hour, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.start(
					w.service("before"),
					supervisor.Child{Name: "it", Run: c.run(w, c.takes), Shutdown: c.shutdown},
					w.service("after"),
				)
				if name[:3] == "fam" {
					for _, key := range []string{"1", "2"} {
						if err := process.Run(w.ctx, process.Family[sleeper]("sleepers").Of(key), (*sleeper).hello); err != nil {
							t.Error(err)
						}
					}
				}
				w.settle()
				w.read()
				began := time.Now()
				root.Stop()
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %v to stop, want %v", took, c.took)
				}
				want := "-after -sleeper -before"
				switch {
				case c.abandoned > 0:
					want = "-after -before"
				case name[:3] == "fam":
					want = "-after -sleeper -sleeper -before"
				}
				w.expect(want)
				if n := w.count("process.abandoned"); n != c.abandoned {
					t.Errorf("%d abandoned, want %d", n, c.abandoned)
				}
				if n := w.node.Count(); n != 0 {
					t.Errorf("%d processes are left: %v", n, w.node.Processes())
				}
				w.after(2 * time.Hour)
			})
		})
	}
}

func (s *sleeper) hello(context.Context) error { return nil }

func TestAtItsShutdownTimeOneOrTheOther(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Process("sleeper", func(context.Context) (*sleeper, error) {
			return &sleeper{w, 5 * time.Second}, nil
		})})
		began := time.Now()
		root.Stop()
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		w.settle()
	})
}

func TestStopWhileARestartIsPending(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{First: time.Hour}},
			supervisor.Child{Run: w.worker(B)},
		)
		w.crash(A)
		answer := make(chan error, 1)
		go func() {
			_, err := process.Ask(w.ctx, A, (*worker).Life)
			answer <- err
		}()
		w.settle()
		root.Stop()
		isErr(t, <-answer, process.ErrDead)
		w.after(2 * time.Hour)
		w.expect("+a +b !a -b")
	})
}

func TestStopWhileAConstructorHangs(t *testing.T) {
	for name, c := range map[string]struct {
		open func(context.Context, int) error
		took time.Duration
		want string
	}{
		"obeys": {func(ctx context.Context, life int) error {
			if life > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}, 0, "xb -a"},
		"ignores": {func(_ context.Context, life int) error {
			if life > 1 {
				time.Sleep(time.Hour)
			}
			return nil
		}, 5 * time.Second, "-a"},
		"returns": {func(_ context.Context, life int) error {
			if life > 1 {
				time.Sleep(time.Second)
			}
			return nil
		}, time.Second, "+b -b -a"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.start(supervisor.Child{Run: w.worker(A)}, supervisor.Child{Run: w.worker(B, c.open)})
				w.crash(B)
				w.expect("+a +b !b")
				began := time.Now()
				root.Stop()
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v", took)
				}
				w.expect(c.want)
				w.after(2 * time.Hour)
			})
		})
	}
}

// A tree that is abandoned, or restarted after it was, does not leave its children
// behind with their names taken.
func TestAnAbandonedTreeTakesItsChildrenAlong(t *testing.T) {
	bubble(t, func(w *world) {
		lives := 0
		open := func(context.Context) (*sleeper, error) { lives++; return &sleeper{w, time.Hour}, nil }
		root := w.start(supervisor.Child{Shutdown: time.Second, Run: supervisor.Tree{Name: "sub", Intensity: supervisor.NoRestarts, Children: []supervisor.Child{
			{Run: w.worker(A)},
			{Run: supervisor.Family(Workers, w.member())},
			{Run: supervisor.Process("sleeper", open), Shutdown: -1},
			{Run: w.worker(B)},
		}}})
		w.life(Workers.Of("1"))
		w.expect("+a +b +1")
		w.crash(B) // sub gives up, and is abandoned while it waits for the sleeper
		w.after(999 * time.Millisecond)
		w.expect("!b")
		w.after(time.Millisecond)
		w.expect("+a +b")
		if lives != 2 || w.life(A) != 2 {
			t.Errorf("the sleeper has had %d lives", lives)
		}
		if _, up := w.ended(root); up {
			t.Error("root has ended")
		}
		began := time.Now()
		root.Stop()
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %v", took)
		}
		w.after(2 * time.Hour)
		w.read()
	})
}

func TestStopFromSeveralAtOnce(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.service("s"), supervisor.Child{Run: w.worker(A)})
		done := make(chan bool)
		for range 4 {
			go func() { root.Stop(); done <- true }()
		}
		for range 4 {
			<-done
		}
		w.expect("+s +a -a -s")
	})
}

func TestStopWhileMembersStartOrWait(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.service("s"), supervisor.Child{
			Run: supervisor.Family(Workers, w.member(func(ctx context.Context, _ int) error {
				if process.Self[worker](ctx).Key() == "hangs" {
					time.Sleep(time.Hour)
				}
				return nil
			})),
			Backoff: supervisor.Backoff{First: time.Hour},
		})
		w.life(Workers.Of("waits"))
		w.crash(Workers.Of("waits"))
		answers := make(chan error, 2)
		for _, key := range []string{"hangs", "waits"} {
			go func() {
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				_, err := process.Ask(ctx, Workers.Of(key), (*worker).Life)
				answers <- err
			}()
		}
		w.expect("+s +waits !waits")
		began := time.Now()
		root.Stop()
		if took := time.Since(began); took != 5*time.Second || w.count("process.abandoned") != 1 {
			t.Errorf("took %v, %d abandoned", took, w.count("process.abandoned"))
		}
		for range 2 {
			isErr(t, <-answers, process.ErrDead)
		}
		w.after(2 * time.Hour)
		w.expect("-s +hangs") // the constructor that was abandoned has returned in the end
	})
}

func TestStopInParallel(t *testing.T) {
	bubble(t, func(w *world) {
		slow := func(name string, d time.Duration) supervisor.Child {
			return supervisor.Child{Run: supervisor.Process(process.Name[sleeper](name), func(context.Context) (*sleeper, error) { return &sleeper{w, d}, nil })}
		}
		tree := supervisor.Tree{Parallel: true, Children: []supervisor.Child{
			{Run: w.worker(A)},
			slow("x", 4*time.Second), slow("y", 3*time.Second),
			{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{slow("p", 2*time.Second), slow("q", 2*time.Second)}}},
			slow("stuck", time.Hour),
			{Run: w.worker(B), Backoff: supervisor.Backoff{First: time.Hour}},
		}}
		root := w.startTree(tree)
		w.crash(B)
		w.read()
		began := time.Now()
		root.Stop()
		if took := time.Since(began); took != process.DefaultShutdown || w.count("process.abandoned") != 1 {
			t.Errorf("took %v, %d abandoned", took, w.count("process.abandoned"))
		}
		if got := w.read(); !strings.HasPrefix(got, "-a ") || strings.Count(got, "-sleeper") != 4 {
			t.Errorf("got %s", got)
		}
		w.after(2 * time.Hour)
	})
	err := supervisor.Tree{Parallel: true, Strategy: supervisor.RestForOne}.Check()
	must(t, err, "cannot stop all at once")
}

func TestBrutalKill(t *testing.T) {
	for name, run := range map[string]func(w *world) supervisor.Service{
		"process": func(w *world) supervisor.Service { return w.worker(A) },
		"service": func(w *world) supervisor.Service { return w.service("s").Run },
		"tree": func(w *world) supervisor.Service {
			return supervisor.Tree{Name: "sub", Children: []supervisor.Child{{Run: w.worker(A)}}}
		},
	} {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Name: "it", Run: run(w), Shutdown: supervisor.BrutalKill}, supervisor.Child{Run: w.worker(B)})
			w.settle()
			w.read()
			began := time.Now()
			root.Stop()
			if took := time.Since(began); took != 0 {
				t.Errorf("%s: took %v", name, took)
			}
			w.settle()
			if got := w.read(); got != "-b" && (name != "service" || got != "-b -s") { // no Terminate
				t.Errorf("%s: %s", name, got)
			}
		})
	}
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Shutdown: supervisor.BrutalKill})
		watch := w.startTree(supervisor.Tree{Name: "watch", Children: []supervisor.Child{{Run: supervisor.Process(process.Name[watcher]("w"), func(ctx context.Context) (*watcher, error) {
			_, err := process.Monitor(ctx, A, (*watcher).down)
			return &watcher{w, "w"}, err
		})}}})
		root.Stop()
		w.expect("+a w:killed")
		watch.Stop()
	})
}

// grump fails while it terminates.
type grump struct{}

func (grump) Terminate(context.Context, process.Reason) { panic("no!") }

func TestAnEndThatFailsIsReported(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(
			supervisor.Child{Run: w.worker(A)},
			supervisor.Child{Run: supervisor.Process("grump", func(context.Context) (*grump, error) { return new(grump), nil })},
			supervisor.Child{Run: supervisor.Process("sleeper", func(context.Context) (*sleeper, error) { return &sleeper{w, time.Minute}, nil })},
		)
		root.Stop()
		w.expect("+a -a")
		if crashes, abandoned := w.count("process.crashes"), w.count("process.abandoned"); crashes != 2 || abandoned != 1 {
			t.Errorf("%d reports, %d abandoned", crashes, abandoned)
		}
		w.after(time.Minute)
	})
}

func TestAKilledTreeTakesItsChildrenAlong(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: supervisor.Tree{Name: "sub", Children: []supervisor.Child{
			{Run: w.worker(A)},
			{Run: supervisor.Family(Workers, w.member())},
			w.dynamic(supervisor.Child{}),
			w.shards(2, supervisor.Child{}),
			w.service("s"),
		}}})
		w.life(Workers.Of("k"))
		w.job("j")
		n := w.node.Count()
		w.expect("+a +0 +1 +s +k +j")
		must(t, supervisor.KillTree(w.ctx, "root/sub"))
		w.settle()
		// Nobody terminates; the service, which cannot be killed, sees the end of its context.
		if got := w.read(); strings.Replace(got+" ", "-s ", "", 1) != "+a +0 +1 +s " {
			t.Errorf("got %s", got)
		}
		if got := w.node.Count(); got != n-2 {
			t.Errorf("%d processes, want %d: %v", got, n-2, w.node.Processes())
		}
		w.life(Workers.Of("k"))
		w.job("j")
		root.Stop()
	})
}
