package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestDynamicTerminate(t *testing.T) {
	bubble(t, func(w *world) {
		hangs := func(ctx context.Context, arg string, life int) error {
			if arg == "hangs" && life > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}
		root := w.start(w.dynamicWith(supervisor.Child{}, hangs))
		runs, waits, restarts := w.job("runs"), w.job("waits"), w.job("hangs")
		w.crash(waits)
		w.crash(waits)
		w.crash(restarts)
		w.settle()
		w.read()
		for _, ref := range []process.Ref[worker]{runs, waits, restarts} {
			must(t, Jobs.Terminate(w.ctx, ref))
			must(t, Jobs.Terminate(w.ctx, ref), fault.NotFound)
		}
		must(t, Jobs.Terminate(w.ctx, process.Ref[worker]{}), fault.NotFound)
		w.expect("-runs xhangs")
		w.after(time.Hour)
		w.expect("")
		if n := w.jobs(); n.Specs != 0 || w.count("process.abandoned") != 0 {
			t.Errorf("got %+v, %d abandoned", n, w.count("process.abandoned"))
		}
		root.Stop()
	})
}

func TestDynamicTerminateOfOthersChildren(t *testing.T) {
	bubble(t, func(w *world) {
		const Others supervisor.DynamicName[worker, string] = "others"
		root := w.start(w.dynamic(supervisor.Child{}), supervisor.Child{Run: supervisor.Dynamic(Others, func(context.Context, string) (*worker, error) {
			return &worker{&w.journal, "other", 1}, nil
		})})
		w.job("mine")
		other, err := Others.Start(w.ctx, "")
		must(t, err)
		must(t, Jobs.Terminate(w.ctx, other), fault.NotFound) // though both are the first of their supervisor
		w.expect("+mine")
		root.Stop()
	})
}

func TestDynamicTerminateWaitsForTheShutdownTime(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamic(supervisor.Child{Shutdown: time.Second}))
		stuck := make(chan struct{})
		block := func() process.Ref[worker] {
			ref := w.job("x")
			must(t, process.Cast(w.ctx, ref, (*worker).Wait, stuck))
			w.settle()
			return ref
		}
		began := time.Now()
		must(t, Jobs.Terminate(w.ctx, block()))
		if took := time.Since(began); took != time.Second || w.count("process.abandoned") != 1 {
			t.Errorf("took %v, %d abandoned", took, w.count("process.abandoned"))
		}
		// If the context ends before, it still goes.
		ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
		defer cancel()
		must(t, Jobs.Terminate(ctx, block()), context.DeadlineExceeded)
		w.after(time.Second)
		if n := w.jobs(); n.Specs != 0 {
			t.Errorf("got %+v", n)
		}
		root.Stop()
		close(stuck)
	})
}

const Ants supervisor.DynamicName[ant, int] = "ants"

// ant is a dynamic child that uses its own supervisor.
type ant struct{ n int }

func (a *ant) Split(ctx context.Context) (int, error) {
	if _, err := Ants.Start(ctx, a.n-1); err != nil {
		return 0, err
	}
	n, err := Ants.Count(ctx)
	return n.Specs, err
}

func (a *ant) Leave(ctx context.Context) error {
	return Ants.Terminate(ctx, process.Self[ant](ctx))
}

func TestDynamicChildrenUseTheirSupervisor(t *testing.T) {
	bubble(t, func(w *world) {
		var parent process.Ref[ant]
		root := w.start(supervisor.Child{Run: supervisor.Dynamic(Ants, func(ctx context.Context, n int) (*ant, error) {
			switch {
			case n == 0: // it asks who waits for it
				_, err := process.Ask(ctx, parent, (*ant).Split)
				return nil, err
			case n > 10: // a constructor may start others
				if _, err := Ants.Start(ctx, n-1); err != nil {
					return nil, err
				}
			}
			return &ant{n}, nil
		})})
		var err error
		parent, err = Ants.Start(w.ctx, 13)
		must(t, err)
		if n, err := process.Ask(w.ctx, parent, (*ant).Split); n != 7 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		parent, err = Ants.Start(w.ctx, 1)
		must(t, err)
		began := time.Now()
		_, err = process.Ask(w.ctx, parent, (*ant).Split)
		must(t, err, process.ErrCycle)
		must(t, process.Run(w.ctx, parent, (*ant).Leave), process.ErrCycle)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		root.Stop()
	})
}

func TestDynamicStopsItsChildrenInParallel(t *testing.T) {
	bubble(t, func(w *world) {
		const Beds supervisor.DynamicName[sleeper, int] = "beds"
		root := w.start(w.service("s"), supervisor.Child{Run: supervisor.Dynamic(Beds, func(_ context.Context, n int) (*sleeper, error) {
			return &sleeper{w, time.Duration(n) * time.Second}, nil
		}), Shutdown: 10 * time.Second})
		for n := range 20 {
			_, err := Beds.Start(w.ctx, n)
			must(t, err)
		}
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			_, err := Beds.Start(w.ctx, 1)
			isErr(t, err, process.ErrDead)
		}()
		root.Stop()
		if took := time.Since(began); took != 10*time.Second || w.count("process.abandoned") != 9 && w.count("process.abandoned") != 10 {
			t.Errorf("took %v, %d abandoned", took, w.count("process.abandoned"))
		}
		w.after(time.Minute)
		_, err := Beds.Start(w.ctx, 1)
		isErr(t, err, process.ErrNoProcess)
	})
}

func TestStopWhileDynamicChildrenStart(t *testing.T) {
	bubble(t, func(w *world) {
		hangs := func(ctx context.Context, _ string, _ int) error { <-ctx.Done(); return ctx.Err() }
		root := w.start(w.dynamicWith(supervisor.Child{}, hangs))
		answer := make(chan error, 1)
		go func() { _, err := Jobs.Start(w.ctx, "x"); answer <- err }()
		w.settle()
		began := time.Now()
		root.Stop()
		isErr(t, <-answer, process.ErrDead)
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v", took)
		}
		w.expect("xx")
	})
}

func TestADynamicSupervisorThatIsKilledStartsEmptyAgain(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.start(w.dynamic(supervisor.Child{Restart: supervisor.Temporary})) // its children are; it is permanent
		ref := w.job("x")
		w.settle()
		must(t, supervisor.KillMembers[string](w.ctx, "root/jobs"))
		w.settle()
		_, err := process.Ask(w.ctx, ref, (*worker).Life)
		isErr(t, err, process.ErrDead)
		if n := w.jobs(); n.Specs != 0 {
			t.Errorf("got %+v", n)
		}
		w.life(w.job("y"))
		root.Stop()
		if n := w.node.Count(); n != 0 {
			t.Errorf("%d processes are left", n)
		}
	})
}

func TestDynamicNames(t *testing.T) {
	bubble(t, func(w *world) {
		_, err := Jobs.Start(w.ctx, "x")
		must(t, err, process.ErrNoProcess, `"jobs"`)
		_, err = Jobs.Start(t.Context(), "x")
		must(t, err, process.ErrNoNode)
		root := w.start(w.dynamic(supervisor.Child{}))
		_, err = supervisor.DynamicName[worker, int]("jobs").Start(w.ctx, 1)
		must(t, err, fault.Conflict)
		_, err = supervisor.DynamicName[sleeper, string]("jobs").Children(w.ctx)
		must(t, err, fault.Conflict)
		must(t, w.startChild(supervisor.Child{Name: "again", Run: supervisor.Dynamic(supervisor.DynamicName[worker, int]("jobs"), func(context.Context, int) (*worker, error) { return nil, nil })}), fault.Conflict)
		_, err = supervisor.Tree{Name: "x", Children: []supervisor.Child{{Run: supervisor.Dynamic(Jobs, func(context.Context, string) (*worker, error) { return nil, nil }, process.Most(-1))}}}.Start(w.ctx)
		must(t, err, fault.Invalid)
		root.Stop()
		root = w.start(w.dynamic(supervisor.Child{}))
		w.job("x")
		root.Stop()
	})
}

// Starts, ends and terminations from many goroutines, while the supervisor stops.
func TestDynamicStorm(t *testing.T) {
	inWorld(t, func(w *world) {
		fast := supervisor.Backoff{Min: time.Microsecond, Max: 10 * time.Microsecond}
		for round := range 20 {
			root := w.start(w.dynamicWith(supervisor.Child{Restart: supervisor.Restart(round % 3), Backoff: fast}, func(_ context.Context, arg string, life int) error {
				n, _ := strconv.Atoi(arg)
				return fail((n+life)%7 == 6)
			}))
			var wg sync.WaitGroup
			for g := range 6 {
				wg.Go(func() {
					for i := range 200 {
						ctx := w.ctx
						if i%17 == 0 {
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*100*time.Nanosecond)
							defer cancel()
						}
						ref, err := Jobs.Start(ctx, fmt.Sprint(i))
						if err != nil {
							continue
						}
						switch (i + g) % 5 {
						case 0:
							_ = process.Signal(w.ctx, ref, (*worker).Crash)
						case 1:
							_ = process.Cast(w.ctx, ref, (*worker).End, nil)
						case 2:
							_ = process.Exit(w.ctx, ref, process.Kill)
						case 3:
							_ = process.Signal(w.ctx, ref, (*worker).Crash)
							if err := Jobs.Terminate(w.ctx, ref); err != nil && !errors.Is(err, fault.NotFound) && !errors.Is(err, process.ErrNoProcess) {
								t.Error(err)
							}
						}
						if i%50 == 0 {
							_, _ = Jobs.Count(w.ctx)
							_, _ = Jobs.Children(w.ctx)
						}
					}
				})
			}
			if round%2 == 0 {
				wg.Wait()
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
