package supervisor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// Messages that meet a family while it starts find nothing, or a family that is whole.
func TestMessagesWhileAFamilyStarts(t *testing.T) {
	inWorld(t, func(w *world) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var answered atomic.Int64
		for range 4 {
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					_, err := process.Ask(w.ctx, Workers.Of(strconv.Itoa(i%50)), (*worker).Life)
					if err == nil {
						answered.Add(1)
					} else if !errors.Is(err, process.ErrNoProcess) && !errors.Is(err, process.ErrDead) {
						t.Error(err)
						return
					}
				}
			})
		}
		for i := 0; i < 40 || answered.Load() == 0 && i < 100_000; i++ {
			root := w.family()
			w.life(Workers.Of("x"))
			root.Stop()
			if n := w.node.Count(); n != 0 {
				t.Errorf("%d processes are left", n)
			}
			w.read()
		}
		close(stop)
		wg.Wait()
		if answered.Load() == 0 {
			t.Error("none was answered: nothing was tested")
		}
	})
}

// Everything at once: crashes, clean ends, calls and casts to processes, members and
// services, while the tree is stopped.
func TestStorm(t *testing.T) {
	inWorld(t, func(w *world) {
		fast := supervisor.Backoff{Min: time.Microsecond, Max: 10 * time.Microsecond}
		for range 20 {
			root := w.start(
				supervisor.Child{Run: w.worker(A), Backoff: fast},
				supervisor.Child{Run: supervisor.Family(Workers, w.member(func(ctx context.Context, life int) error {
					if process.Self[worker](ctx).Key() == "0" {
						return fault.NotFound
					}
					return fail(life%7 == 6)
				}), process.Idle(100*time.Microsecond)), Backoff: fast},
				supervisor.Child{Name: "s", Run: supervisor.Func(func(context.Context) error { return errCrash }), Backoff: fast},
				supervisor.Child{Run: supervisor.Tree{Name: "sub", Intensity: 1, Children: []supervisor.Child{{Run: w.worker(B)}, {Run: w.worker(C)}}}, Backoff: fast},
			)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for range 300 {
						to := []process.Address[worker]{A, B, C, Workers.Of("0"), Workers.Of("1"), Workers.Of("2")}[rand.IntN(6)]
						var err error
						switch rand.IntN(8) {
						case 0:
							err = process.Signal(w.ctx, to, (*worker).Crash)
						case 1:
							err = process.Run(w.ctx, to, (*worker).Panic)
						case 2:
							err = process.Cast(w.ctx, to, (*worker).End, nil)
						case 3:
							err = process.Exit(w.ctx, to, process.Shutdown)
						case 4:
							err = process.Exit(w.ctx, to, process.Kill)
						default:
							_, err = process.Ask(w.ctx, to, (*worker).Life)
						}
						if errors.Is(err, process.ErrTimeout) || errors.Is(err, process.ErrCycle) || errors.Is(err, process.ErrFull) {
							t.Errorf("to %v: %v", to, err)
							return
						}
					}
				})
			}
			if rand.IntN(2) == 0 {
				wg.Wait()
			}
			root.Stop()
			if n := w.node.Count(); n != 0 {
				t.Errorf("%d processes are left", n)
			}
			wg.Wait()
			w.read()
		}
	})
}

// A service that was started is served, even if it is told to stop at that moment: else
// what Start took, as a port, would never be given back.
func TestServeRunsAfterEveryStart(t *testing.T) {
	inWorld(t, func(w *world) {
		for i := range 300 {
			var taken atomic.Int64
			s := &service{w: w, name: "s",
				ready: func(context.Context) error { taken.Add(1); return nil },
				serve: func(ctx context.Context) error { <-ctx.Done(); taken.Add(-1); return nil },
			}
			children := []supervisor.Child{{Name: "s", Run: s}}
			if i%2 == 0 {
				children = append(children, supervisor.Child{Run: w.worker(A, func(context.Context, int) error { return errCrash })})
			}
			root, err := supervisor.Tree{Children: children}.Start(w.ctx)
			if (err != nil) != (i%2 == 0) {
				t.Fatal(err)
			}
			if err == nil {
				root.Stop()
			}
			if n := taken.Load(); n != 0 {
				t.Fatalf("start %d: %d taken", i, n)
			}
		}
	})
}

func TestServeRunsAfterAStartThatWasAbandoned(t *testing.T) {
	bubble(t, func(w *world) {
		s := &service{w: w, name: "s", ready: func(context.Context) error { time.Sleep(time.Minute); return nil }}
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := supervisor.Tree{Children: []supervisor.Child{{Name: "s", Run: s}}}.Start(ctx)
		isErr(t, err, context.DeadlineExceeded)
		w.after(time.Minute)
		w.expect("+s -s")
	})
}

// Children are added, stopped, started and removed while they crash and are restarted.
func TestManageStorm(t *testing.T) {
	inWorld(t, func(w *world) {
		fast := supervisor.Backoff{Min: time.Microsecond, Max: 10 * time.Microsecond}
		names := []process.Name[worker]{A, B, C, D, "e", "f"}
		child := func(i int) supervisor.Child {
			c := supervisor.Child{Restart: supervisor.Restart(i % 3), Run: w.worker(names[i], func(_ context.Context, life int) error { return fail(life%9 == 8) })}
			if i%2 == 0 {
				c.Backoff = fast
			}
			if i == 3 {
				c.Lifetime = 50 * time.Microsecond
			}
			return c
		}
		for round := range 18 {
			tree := supervisor.Tree{Strategy: supervisor.Strategy(round % 3), Intensity: 1_000_000}
			for i := range 4 {
				tree.Children = append(tree.Children, child(i))
			}
			root := w.startTree(tree)
			var wg sync.WaitGroup
			for range 6 {
				wg.Go(func() {
					for range 100 {
						i := rand.IntN(len(names))
						name := string(names[i])
						var err error
						switch rand.IntN(8) {
						case 0:
							err = w.startChild(child(i))
						case 1:
							err = w.terminate(name)
						case 2:
							err = w.restart(name)
						case 3:
							err = w.delete(name)
						case 4:
							_, err = supervisor.StatusOf(w.ctx, "root")
						case 5:
							_, err = process.Ask(w.ctx, names[i], (*worker).Life)
						default:
							err = process.Signal(w.ctx, names[i], (*worker).Crash)
						}
						if errors.Is(err, process.ErrTimeout) || errors.Is(err, process.ErrCycle) {
							t.Errorf("%s: %v", name, err)
							return
						}
					}
				})
			}
			if round%4 > 0 {
				wg.Wait()
				w.sane()
			}
			root.Stop()
			wg.Wait()
			if n := w.node.Count(); n != 0 {
				t.Fatalf("%d processes are left: %v", n, w.node.Processes())
			}
			w.read()
		}
	})
}

// sane waits until all restarts are done: nobody may be forgotten.
func (w *world) sane() {
	for range 10_000 {
		busy := false
		all, err := supervisor.WhichChildren(w.ctx, "root")
		if err != nil {
			w.Error(err)
			return
		}
		for _, c := range all {
			busy = busy || c.State != "running" && c.State != "ended"
		}
		if !busy {
			return
		}
		runtime.Gosched()
	}
	w.Errorf("it does not come to rest: %+v", w.status("root"))
}
