package supervisor_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

func TestRestartTable(t *testing.T) {
	ends := []struct {
		name  string
		clean bool
		end   func(w *world) error
	}{
		{"normal", true, func(w *world) error { return process.Do(w.ctx, A, (*worker).End, nil) }},
		{"shutdown", true, func(w *world) error { return process.Do(w.ctx, A, (*worker).End, process.Shutdown) }},
		{"wrapped shutdown", true, func(w *world) error {
			return process.Do(w.ctx, A, (*worker).End, fmt.Errorf("%w: left", process.Shutdown))
		}},
		{"own reason", false, func(w *world) error { return process.Do(w.ctx, A, (*worker).End, errCrash) }},
		{"crash", false, func(w *world) error { return process.Signal(w.ctx, A, (*worker).Crash) }},
		{"panic", false, func(w *world) error { return process.Signal(w.ctx, A, (*worker).Panic) }},
		{"exit", true, func(w *world) error { return process.Exit(w.ctx, A, process.Shutdown) }},
		{"kill", false, func(w *world) error { return process.Exit(w.ctx, A, process.Kill) }},
	}
	for _, restart := range []supervisor.Restart{supervisor.Permanent, supervisor.Transient, supervisor.Temporary} {
		for _, end := range ends {
			t.Run(restart.String()+" "+end.name, func(t *testing.T) {
				bubble(t, func(w *world) {
					root := w.start(supervisor.Child{Run: w.worker(A), Restart: restart}, supervisor.Child{Run: w.worker(B)})
					w.settle()
					w.read()
					if err := end.end(w); err != nil {
						t.Fatal(err)
					}
					stop := "-a"
					switch {
					case end.name == "kill":
						stop = ""
					case !end.clean:
						stop = "!a"
					}
					start, state := "", "ended"
					if restart == supervisor.Permanent || restart == supervisor.Transient && !end.clean {
						start, state = "+a", "running"
					}
					if stop != "" && start != "" {
						stop += " "
					}
					w.expect(stop + start)

					status, err := supervisor.StatusOf(w.ctx, "root")
					if err != nil {
						t.Fatal(err)
					}
					switch {
					case restart == supervisor.Temporary:
						if len(status.Children) != 1 {
							t.Errorf("it is not forgotten: %+v", status)
						}
					case status.Children[0].State != state:
						t.Errorf("got %+v", status.Children[0])
					}
					if _, err := process.Ask(w.ctx, A, (*worker).Life); (err == nil) != (start != "") {
						t.Errorf("got %v", err)
					} else if err != nil {
						isErr(t, err, process.ErrNoProcess)
					}
					if w.life(B) != 1 {
						t.Error("its sibling was restarted")
					}
					root.Stop()
				})
			})
		}
	}
}

// crashes lets A crash at those times, and gives how many restarts there were before
// the tree gave up.
func crashes(w *world, tree supervisor.Tree, at ...time.Duration) (restarts int, gaveUp bool) {
	tree.Children = []supervisor.Child{{Run: w.worker(B)}, {Run: w.worker(A)}, {Run: w.worker(C)}}
	root := w.startTree(tree)
	w.settle()
	began := time.Now()
	for _, d := range at {
		w.after(d - time.Since(began))
		w.read()
		w.crash(A)
		if got := w.read(); got == "!a -c -b" {
			err, _ := w.ended(root)
			isErr(w, err, supervisor.ErrGaveUp)
			return restarts, true
		} else if got != "!a +a" {
			w.Errorf("it happened: %s", got)
		}
		restarts++
	}
	if w.life(A) != restarts+1 {
		w.Error("it should run")
	}
	root.Stop()
	return restarts, false
}

func TestIntensity(t *testing.T) {
	const s = time.Second
	at := func(n int, d time.Duration) (all []time.Duration) {
		for range n {
			all = append(all, d)
		}
		return all
	}
	for name, c := range map[string]struct {
		tree     supervisor.Tree
		at       []time.Duration
		restarts int
		gaveUp   bool
	}{
		"below":             {supervisor.Tree{}, at(2, 0), 2, false},
		"at":                {supervisor.Tree{}, at(3, 0), 3, false},
		"above":             {supervisor.Tree{}, at(4, 0), 3, true},
		"4th within 5 s":    {supervisor.Tree{}, []time.Duration{0, s, 2 * s, 5*s - 1}, 3, true},
		"4th at 5 s":        {supervisor.Tree{}, []time.Duration{0, s, 2 * s, 5 * s}, 3, true},
		"4th after 5 s":     {supervisor.Tree{}, []time.Duration{0, s, 2 * s, 5*s + 1}, 4, false},
		"the window slides": {supervisor.Tree{}, []time.Duration{0, s, 2 * s, 5*s + 1, 6*s + 1, 7*s + 1, 10*s + 2, 11*s + 1}, 7, true},
		"for ever at the limit": {supervisor.Tree{}, func() (all []time.Duration) {
			for i := range 100 {
				all = append(all, time.Duration(i/3)*(5*s+1))
			}
			return all
		}(), 100, false},
		"no restarts":        {supervisor.Tree{Intensity: supervisor.NoRestarts}, at(1, 0), 0, true},
		"one":                {supervisor.Tree{Intensity: 1}, at(2, s), 1, true},
		"ten in a minute at": {supervisor.Tree{Intensity: 10, Period: time.Minute}, at(10, s), 10, false},
		"ten in a minute":    {supervisor.Tree{Intensity: 10, Period: time.Minute}, append(at(10, s), 61*s), 10, true},
		"ten after a minute": {supervisor.Tree{Intensity: 10, Period: time.Minute}, append(at(10, s), 61*s+1), 11, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				restarts, gaveUp := crashes(w, c.tree, c.at...)
				if restarts != c.restarts || gaveUp != c.gaveUp {
					t.Errorf("%d restarts, gave up: %v; want %d, %v", restarts, gaveUp, c.restarts, c.gaveUp)
				}
			})
		})
	}
}

func TestFailedRestartsCountToo(t *testing.T) {
	for name, c := range map[string]struct {
		open func(life int) error
		want string
	}{
		"twice":  {func(life int) error { return fail(life == 2 || life == 3) }, "+b +a !a xa xa +a"},
		"always": {func(life int) error { return fail(life > 1) }, "+b +a !a xa xa xa -b"},
		"ignore": {func(life int) error {
			if life > 1 {
				return process.Ignore
			}
			return nil
		}, "+b +a !a xa"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(w *world) {
				root := w.start(supervisor.Child{Run: w.worker(B)}, supervisor.Child{
					Run: w.worker(A, func(_ context.Context, life int) error { return c.open(life) }),
				})
				w.crash(A)
				w.expect(c.want)
				if err, ended := w.ended(root); ended != (name == "always") {
					t.Errorf("ended: %v, %v", ended, err)
				}
				root.Stop()
			})
		})
	}
}

func fail(yes bool) error {
	if yes {
		return errCrash
	}
	return nil
}

func TestTheBudgetIsTheTrees(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)}, supervisor.Child{Run: w.worker(B)})
		w.crash(A)
		w.crash(B)
		w.crash(A)
		w.expect("+a +b !a +a !b +b !a +a")
		w.crash(B)
		w.expect("!b -a")
		root.Stop()
	})
}

func TestASubtreeThatGivesUp(t *testing.T) {
	sub := func(w *world) supervisor.Tree {
		return supervisor.Tree{Name: "sub", Intensity: supervisor.NoRestarts, Children: []supervisor.Child{{Run: w.worker(A)}, w.service("s"), {Run: w.worker(B)}}}
	}
	t.Run("permanent", func(t *testing.T) {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Run: w.worker(C)}, supervisor.Child{Run: sub(w)})
			w.expect("+c +a +s +b")
			for range 3 { // each counts with its parent
				w.crash(A)
				w.expect("!a -b -s +a +s +b")
			}
			w.crash(A)
			w.expect("!a -b -s -c")
			err, _ := w.ended(root)
			isErr(t, err, supervisor.ErrGaveUp)
		})
	})
	t.Run("transient", func(t *testing.T) {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Run: w.worker(C)}, supervisor.Child{Run: sub(w), Restart: supervisor.Transient})
			w.crash(A)
			w.expect("+c +a +s +b !a -b -s")
			s, err := supervisor.StatusOf(w.ctx, "root")
			if err != nil || s.Children[1].State != "ended" || s.Children[1].Restarts != 0 || !s.Up() {
				t.Errorf("%+v, %v", s, err)
			}
			_, err = supervisor.StatusOf(w.ctx, "root/sub")
			isErr(t, err, process.ErrNoProcess)
			root.Stop()
			w.expect("-c")
		})
	})
	t.Run("with backoff", func(t *testing.T) {
		bubble(t, func(w *world) {
			root := w.start(supervisor.Child{Run: w.worker(C)}, supervisor.Child{Run: sub(w), Backoff: supervisor.Backoff{Quiet: time.Hour}})
			w.expect("+c +a +s +b")
			for i := range 20 {
				w.crash(A)
				w.after(time.Minute)
				w.expect("!a -b -s +a +s +b")
				if i == 10 {
					w.crash(C)
					w.expect("!c +c")
				}
			}
			root.Stop()
		})
	})
}

func TestCallersOfATreeThatGivesUpLearnWhy(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Backoff: supervisor.Backoff{First: time.Minute, Tries: 1}}, supervisor.Child{Run: w.worker(B)})
		w.crash(A)
		answer := make(chan error, 2)
		for range 2 {
			go func() { // it waits for A's restart, but the tree gives up before
				_, err := process.Ask(w.ctx, A, (*worker).Life)
				answer <- err
			}()
		}
		w.settle()
		for range 4 {
			w.crash(B)
		}
		for range 2 {
			isErr(t, <-answer, process.ErrDead, supervisor.ErrGaveUp)
		}
		root.Stop()
	})
}

func TestWhoIsNotRestartedDoesNotCount(t *testing.T) {
	bubble(t, func(w *world) {
		tree := supervisor.Tree{Intensity: 1}
		for _, name := range "abcdefgh" {
			tree.Children = append(tree.Children, supervisor.Child{
				Run:     w.worker(process.Name[worker](name)),
				Restart: []supervisor.Restart{supervisor.Transient, supervisor.Temporary}[name%2],
			})
		}
		root := w.startTree(tree)
		for _, name := range "abcdefgh" {
			to := process.Name[worker](name)
			if name%2 == 1 {
				w.crash(to)
			} else if err := process.Do(w.ctx, to, (*worker).End, nil); err != nil {
				t.Error(err)
			}
		}
		w.settle()
		if err, ended := w.ended(root); ended {
			t.Errorf("the tree has ended: %v", err)
		}
		root.Stop()
	})
}

func TestAChildIsPermanentByDefault(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A)})
		w.end(A)
		w.expect("+a -a +a")
		if s := w.status("root").Children[0]; s.Restart != "permanent" {
			t.Errorf("got %+v", s)
		}
		root.Stop()
	})
}

func TestATransientChildThatEndedCanBeStartedAgain(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Restart: supervisor.Transient})
		w.end(A)
		w.expectNames(" a:ended")
		must(t, w.restart("a"))
		w.expectNames(" a")
		w.crash(A)
		w.expect("+a -a +a !a +a")
		root.Stop()
	})
}

// An error that only looks like a clean reason does not make a failed start one.
func TestAStartThatFailsWithShutdownIsRetried(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Restart: supervisor.Transient, Run: w.worker(A, func(_ context.Context, life int) error {
			if life == 2 {
				return process.Shutdown
			}
			return nil
		})})
		w.crash(A)
		w.expect("+a !a xa +a")
		root.Stop()
	})
}

// A process that ends with Ignore did run: it is a crash.
func TestIgnoreAsAReasonIsACrash(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(supervisor.Child{Run: w.worker(A), Restart: supervisor.Transient})
		if err := process.Cast(w.ctx, A, (*worker).End, process.Ignore); err != nil {
			t.Error(err)
		}
		w.expect("+a !a +a")
		root.Stop()
	})
}

func TestGivingUpIsLogged(t *testing.T) {
	bubble(t, func(w *world) {
		logged := &capture{}
		w.ctx = process.NewNode(telemetry.WithLogger(w.ctx, slog.New(logged))).Context(w.Context())
		root := w.startTree(supervisor.Tree{Intensity: 1, Children: []supervisor.Child{{Run: w.worker(A)}}})
		w.crash(A)
		w.crash(A)
		w.gaveUp(root)
		if got, want := logged.read(), "child will be restarted"; strings.Count(got, want) != 1 || !strings.Contains(got, "the supervisor gives up") {
			t.Errorf("logged: %s", got)
		}
	})
}
