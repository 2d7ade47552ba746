package process_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// watch sets a monitor in ref; what it hears is in the channel it gives.
func watch(t testing.TB, ctx context.Context, ref process.Address[box], target process.Target, opts ...process.MonitorOption) (*process.Watch, chan process.Down) {
	t.Helper()
	downs := make(chan process.Down, 10)
	var w *process.Watch
	is(t, do(ctx, ref, func(ctx context.Context) (err error) {
		w, err = process.Monitor(ctx, target, func(_ *box, _ context.Context, d process.Down) error {
			downs <- d
			return nil
		}, opts...)
		return err
	}))
	return w, downs
}

func heard(t testing.TB, downs chan process.Down, want ...process.Down) {
	t.Helper()
	synctest.Wait()
	if len(downs) != len(want) {
		t.Errorf("%d downs, want %d", len(downs), len(want))
	}
	for i := range min(len(downs), len(want)) {
		got, want := <-downs, want[i]
		want.Started = true
		if !errors.Is(got.Reason, want.Reason) || got.Target != want.Target || got.Final != want.Final || !got.Started {
			t.Errorf("down %d is %+v, want %+v", i, got, want)
		}
	}
	for len(downs) > 0 {
		<-downs
	}
}

func TestMonitorOfUnownedProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		for _, opts := range [][]process.MonitorOption{nil, {process.Always}} {
			target := newBox(t, ctx)
			_, downs := watch(t, ctx, ref, target, opts...)
			_, twice := watch(t, ctx, ref, target, opts...)
			heard(t, downs)
			fling(t, ctx, target, func(context.Context) error { return errSour })
			heard(t, downs, process.Down{Target: target, Reason: errSour, Final: true})
			heard(t, twice, process.Down{Target: target, Reason: errSour, Final: true})

			_, late := watch(t, ctx, ref, target, opts...)
			heard(t, late, process.Down{Target: target, Reason: errSour, Final: true})
		}
		nobody := process.Name[box]("nobody")
		_, downs := watch(t, ctx, ref, nobody)
		heard(t, downs, process.Down{Target: nobody, Reason: process.ErrNoProcess, Final: true})
	})
}

func TestMonitorOverRestarts(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, name := newBox(t, ctx), process.Name[box]("box")
		keep(t, ctx, name, new(record).open)
		_, once := watch(t, ctx, ref, name)
		_, always := watch(t, ctx, ref, name, process.Always)
		down := process.Down{Target: name, Reason: errSour}
		for range 2 {
			fling(t, ctx, name, func(context.Context) error { return errSour })
			processtest.Settle(t, ctx, name)
		}
		heard(t, once, down)
		heard(t, always, down, down)
		is(t, process.Exit(ctx, name, process.Normal))
		end := process.Down{Target: name, Reason: process.Normal}
		final := end
		final.Final = true
		heard(t, always, end, final)
	})
}

// A monitor on a process that is just then being restarted.
func TestMonitorOfRestartingProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, name := newBox(t, ctx), process.Name[box]("box")
		k := keep(t, ctx, name, new(record).open)
		k.sever = true
		fling(t, ctx, name, func(context.Context) error { return errSour })
		synctest.Wait()
		down := process.Down{Target: name, Reason: errSour}
		_, once := watch(t, ctx, ref, name)
		_, always := watch(t, ctx, ref, name, process.Always)
		heard(t, once, down)
		heard(t, always, down)
		k.slot.Restart(ctx)
		synctest.Wait()
		fling(t, ctx, name, func(context.Context) error { return errSour })
		heard(t, once)
		heard(t, always, down)
		k.slot.Retire(process.Shutdown)
		heard(t, always, process.Down{Target: name, Reason: process.Shutdown, Final: true})
	})
}

// A constructor that fails at its first start leaves no monitor waiting.
func TestMonitorOfFailedStart(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		for _, opts := range [][]process.MonitorOption{nil, {process.Always}} {
			var downs chan process.Down
			var target process.Ref[box]
			_, err := process.Spawn(ctx, func(ctx context.Context) (*box, error) {
				target = process.Self[box](ctx)
				_, downs = watch(t, ctx, ref, target, opts...)
				return nil, errSour
			})
			is(t, err, errSour)
			heard(t, downs, process.Down{Target: target, Reason: errSour, Final: true})
		}
	})
}

func TestMonitorStop(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, target := newBox(t, ctx), newBox(t, ctx)
		w, downs := watch(t, ctx, ref, target, process.Always)
		w.Stop()
		w.Stop()
		is(t, process.Exit(ctx, target, process.Normal))
		heard(t, downs)
		w.Stop()
		none, _ := watch(t, ctx, ref, process.Name[box]("nobody"))
		none.Stop()
	})
}

func TestMonitorDiesWithItsOwner(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		name, target := process.Name[box]("box"), newBox(t, ctx)
		keep(t, ctx, name, new(record).open)
		_, downs := watch(t, ctx, name, target)
		fling(t, ctx, name, func(context.Context) error { return errSour })
		processtest.Settle(t, ctx, name)
		is(t, process.Exit(ctx, target, process.Normal))
		heard(t, downs)
	})
}

// A Down that was queued when its process crashed goes with the incarnation.
func TestDownsBelongToTheIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		name, target := process.Name[box]("box"), newBox(t, ctx)
		keep(t, ctx, name, new(record).open)
		_, downs := watch(t, ctx, name, target)
		free := make(chan struct{})
		fling(t, ctx, name, func(context.Context) error { <-free; return errSour })
		synctest.Wait()
		is(t, process.Exit(ctx, target, process.Normal))
		synctest.Wait()
		close(free)
		heard(t, downs)
	})
}

func TestDownComesAheadOfTheMail(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, target := newBox(t, ctx, process.Mailbox{Size: 1}), newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Monitor(ctx, target, (*box).Down)
			return err
		}))
		release := block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, "mail"))
		is(t, process.Exit(ctx, target, process.Normal))
		synctest.Wait()
		release()
		equal(t, notes(t, ctx, ref), "down normal", "mail")
	})
}

func TestWait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := process.Wait(short, ref)
		is(t, err, context.DeadlineExceeded)
		time.AfterFunc(time.Hour, func() { is(t, process.Exit(ctx, ref, errSour)) })
		start := time.Now()
		for range 2 { // while it runs, and afterwards
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, errSour)
			took(t, start, time.Hour)
		}
		_, err = process.Wait(ctx, process.Name[box]("nobody"))
		is(t, err, process.ErrNoProcess)
		_, err = process.Wait(ctx, process.Ref[box]{})
		is(t, err, process.ErrNoProcess)
	})
}

// Alive asks, and wakes nobody.
func TestAlive(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		const nobody process.Name[box] = "nobody"
		if process.Alive(ctx, nobody) || process.Alive(t.Context(), nobody) || process.Alive(ctx, process.Ref[box]{}) {
			t.Error("nobody is alive")
		}
		ref := newBox(t, ctx)
		if !process.Alive(ctx, ref) {
			t.Error("it should be alive")
		}
		is(t, process.Exit(ctx, ref, process.Normal))
		synctest.Wait()
		if process.Alive(ctx, ref) {
			t.Error("it should have ended")
		}
	})
}

// n monitors give n downs; what Stop takes back does not come, queued or not.
func TestMonitorsStack(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec, target := new(record), newBox(t, ctx)
		ref := spawn(t, ctx, rec.open)
		const n = 10
		var watches []*process.Watch
		is(t, do(ctx, ref, func(ctx context.Context) error {
			for range n {
				w, err := process.Monitor(ctx, target, (*box).Down)
				is(t, err)
				watches = append(watches, w)
			}
			return nil
		}))
		watches[0].Stop()
		release := block(t, ctx, ref)
		is(t, process.Exit(ctx, target, errSour))
		synctest.Wait()
		for _, w := range watches[1:4] { // their downs are in the mailbox
			w.Stop()
		}
		release()
		synctest.Wait()
		if lines := rec.all(); len(lines) != n-4 || lines[0] != "down sour" {
			t.Errorf("it heard %q, want %d downs", lines, n-4)
		}
	})
}

// A monitor is of one process: the others live on, and it may be the process itself.
func TestMonitorGoesOneWay(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref, target := newBox(t, ctx), newBox(t, ctx)
		_, _ = watch(t, ctx, ref, target)
		is(t, process.Exit(ctx, ref, errSour))
		synctest.Wait()
		processtest.Settle(t, ctx, target)
		_, downs := watch(t, ctx, target, target)
		is(t, process.Exit(ctx, target, errSour))
		heard(t, downs) // nobody is there to hear it
	})
}

// What is told of an end comes before the mail of the ended that was sent before: of two
// senders nothing is promised, of one neither.
func TestDownOvertakesTheMail(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec, target := new(record), newBox(t, ctx)
		ref := spawn(t, ctx, rec.open)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Monitor(ctx, target, (*box).Down)
			return err
		}))
		release := block(t, ctx, ref)
		is(t, do(ctx, target, func(ctx context.Context) error {
			is(t, process.Cast(ctx, ref, (*box).Note, "last words"))
			return process.Stop(ctx, nil)
		}))
		synctest.Wait()
		release()
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all(), "down normal", "last words")
	})
}
