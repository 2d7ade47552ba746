package process_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/telemetry"
)

// A line that was handed over is looked after like any: a second long handler in it holds up
// nobody.
func TestHandedLineIsLookedAfter(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		slow := newBox(t, ctx)
		quick := newBox(t, ctx)
		first := newBox(t, ctx)
		hour := func(*box, context.Context) error { time.Sleep(time.Hour); return nil }
		var start time.Time
		var after atomic.Int64
		fling(t, ctx, first, func(ctx context.Context) error {
			start = time.Now()
			is(t, process.Signal(ctx, slow, hour))
			is(t, process.Signal(ctx, quick, func(*box, context.Context) error { after.Store(int64(time.Since(start))); return nil }))
			time.Sleep(time.Hour)
			return nil
		})
		time.Sleep(3 * time.Hour)
		if d := time.Duration(after.Load()); d > 2*time.Millisecond {
			t.Errorf("it ran after %v", d)
		}
	})
}

// So is what a handler shared with another goroutine.
func TestSharedLineIsLookedAfter(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var worst atomic.Int64
		refs := make([]process.Ref[box], 200)
		for i := range refs {
			refs[i] = newBox(t, ctx)
		}
		is(t, do(ctx, newBox(t, ctx), func(ctx context.Context) error {
			start := time.Now()
			for i, to := range refs {
				is(t, process.Signal(ctx, to, func(*box, context.Context) error {
					if i%64 == 0 {
						time.Sleep(time.Hour)
						return nil
					}
					worst.Store(max(worst.Load(), int64(time.Since(start))))
					return nil
				}))
			}
			return nil
		}))
		time.Sleep(10 * time.Hour)
		if d := time.Duration(worst.Load()); d > 10*time.Millisecond {
			t.Errorf("the last ran after %v", d)
		}
	})
}

// The loop has taken a batch; its oldest message is the one to be lost all the same.
func TestDropOldestInABatch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 4, Overflow: process.DropOldest})
		release := block(t, ctx, ref)
		free := make(chan struct{})
		fling(t, ctx, ref, func(context.Context) error { <-free; return nil })
		for i := range 3 {
			is(t, process.Cast(ctx, ref, (*box).Note, fmt.Sprint(i)))
		}
		release()
		synctest.Wait() // the first of a batch of four blocks; 0, 1 and 2 wait
		is(t, process.Cast(ctx, ref, (*box).Note, "3"))
		is(t, process.Cast(ctx, ref, (*box).Note, "4"))
		close(free)
		synctest.Wait()
		equal(t, rec.all(), "1", "2", "3", "4")
	})
}

// Ticks in the batch are spared.
func TestDropOldestWithTicksInTheBatch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.open, process.Mailbox{Size: 2, Overflow: process.DropOldest})
		is(t, do(ctx, ref, func(ctx context.Context) error {
			for range 3 {
				_, err := process.After(ctx, time.Second, func(*box, context.Context) error { return nil })
				is(t, err)
			}
			return nil
		}))
		release := block(t, ctx, ref)
		free := make(chan struct{})
		fling(t, ctx, ref, func(context.Context) error { <-free; return nil })
		is(t, process.Cast(ctx, ref, (*box).Note, "0"))
		time.Sleep(2 * time.Second)
		release()
		synctest.Wait()
		is(t, process.Cast(ctx, ref, (*box).Note, "1"))
		close(free)
		synctest.Wait()
		equal(t, rec.all(), "1")
	})
}

// A crash by overflow loses the batch as well.
func TestOverflowCrashInABatch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		keep(t, ctx, theBox, rec.open, process.Mailbox{Size: 4, Overflow: process.Crash})
		release := block(t, ctx, theBox)
		fling(t, ctx, theBox, func(ctx context.Context) error { <-ctx.Done(); return nil })
		for range 3 {
			is(t, process.Cast(ctx, theBox, (*box).Note, "old"))
		}
		release()
		synctest.Wait()
		is(t, process.Cast(ctx, theBox, (*box).Note, "old"))
		is(t, process.Cast(ctx, theBox, (*box).Note, "new"), process.ErrFull)
		processtest.Settle(t, ctx, theBox)
		equal(t, rec.all())
	})
}

// An overflow and the error of a helper are crashes to be told of.
func TestLastCrashOfOverflowAndHelper(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open, process.Mailbox{Size: 1, Overflow: process.Crash})
		fling(t, ctx, theBox, func(ctx context.Context) error { <-ctx.Done(); return nil })
		synctest.Wait()
		is(t, process.Cast(ctx, theBox, (*box).Note, ""))
		is(t, process.Cast(ctx, theBox, (*box).Note, ""), process.ErrFull)
		synctest.Wait()
		c, err := process.LastCrash(ctx, theBox)
		is(t, err)
		is(t, c.Reason, process.ErrOverflow)

		keep(t, ctx, "other", new(record).open)
		is(t, do(ctx, process.Name[box]("other"), func(ctx context.Context) error {
			return process.Go(ctx, func(context.Context) error { return errSour })
		}))
		synctest.Wait()
		c, err = process.LastCrash(ctx, process.Name[box]("other"))
		is(t, err)
		is(t, c.Reason, errSour)
	})
}

// Who asks for the state of a process that then crashes hears of it, with Fresh too.
func TestFreshAnswersSystemQuestions(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open, process.Mailbox{Fresh: true})
		free := make(chan struct{})
		fling(t, ctx, theBox, func(context.Context) error { <-free; return errSour })
		synctest.Wait()
		errs := make(chan error, 1)
		start := time.Now()
		go func() { _, err := process.State(ctx, theBox); errs <- err }()
		synctest.Wait()
		close(free)
		is(t, <-errs, process.ErrDead)
		took(t, start, 0)
	})
}

// A stop that comes in the Terminate of a process that is restarted on request stops it.
func TestStopDuringRenewal(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		p.terminate = func(context.Context) { time.Sleep(time.Second) }
		ref := spawn(t, ctx, p.open)
		go func() { _ = process.Restart(ctx, ref) }()
		synctest.Wait()
		is(t, process.Exit(ctx, ref, errSour))
		time.Sleep(2 * time.Second)
		if process.Alive(ctx, ref) || p.lives != 1 {
			t.Errorf("it lives its life %d", p.lives)
		}
	})
}

// So does one that comes between the two incarnations, here in OnEnd.
func TestStopBetweenIncarnations(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		p := new(plan)
		ref := spawn(t, ctx, p.open)
		is(t, do(ctx, ref, func(own context.Context) error {
			port, err := process.Bind(own, (*meter).Add)
			is(t, err)
			_, err = port.OnEnd(func() { is(t, process.Exit(ctx, ref, errSour)) })
			return err
		}))
		is(t, process.Restart(ctx, ref))
		synctest.Wait()
		if process.Alive(ctx, ref) || p.lives != 1 {
			t.Errorf("it lives its life %d", p.lives)
		}
	})
}

// A tick can be postponed.
func TestPostponedTick(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		ran := 0
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.After(ctx, time.Second, func(*box, context.Context) error {
				if ran++; ran == 1 {
					return process.Postpone
				}
				return nil
			})
			return err
		}))
		time.Sleep(2 * time.Second)
		is(t, do(ctx, ref, process.Replay))
		synctest.Wait()
		if ran != 2 {
			t.Errorf("it ran %d times, want 2", ran)
		}
	})
}

// A method that panics with its context's error when its process is asked to end fails its
// caller at once.
func TestPanicWithCanceled(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		errs := make(chan error, 1)
		start := time.Now()
		go func() {
			errs <- do(ctx, ref, func(ctx context.Context) error { <-ctx.Done(); panic(ctx.Err()) })
		}()
		synctest.Wait()
		is(t, process.Exit(ctx, ref, process.Shutdown))
		is(t, <-errs, process.ErrDead)
		took(t, start, 0)
	})
}

// An Every whose tick an injected fault drops ticks on.
func TestDroppedTickDoesNotEndEvery(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		ticks := 0
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Every(ctx, time.Second, func(*box, context.Context) error { ticks++; return nil })
			return err
		}))
		drop := true
		stop, err := process.Inject(ctx, ref, func(process.Event) process.Fault {
			f := process.Fault{Drop: drop}
			drop = false
			return f
		})
		is(t, err)
		defer stop()
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		if ticks != 4 {
			t.Errorf("%d ticks, want 4", ticks)
		}
	})
}

// What an injected Hold held is not handled by an incarnation that was abandoned meanwhile.
func TestHeldCastOfAnAbandonedProcess(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		rec := new(record)
		keep(t, ctx, theBox, rec.open, process.ShutdownTime(time.Second))
		hold := make(chan struct{})
		stop, err := process.Inject(ctx, theBox, func(process.Event) process.Fault { return process.Fault{Hold: hold} })
		is(t, err)
		is(t, process.Cast(ctx, theBox, (*box).Note, "held"))
		synctest.Wait()
		stop()
		is(t, process.Exit(ctx, theBox, errSour))
		time.Sleep(2 * time.Second)
		processtest.Settle(t, ctx, theBox)
		close(hold)
		synctest.Wait()
		equal(t, rec.all())
	})
}

// A message that comes while nobody looks any more raises its alarm.
func TestMailboxAlarmOfALateMessage(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		n, err := process.NodeOf(ctx)
		is(t, err)
		n.SetAlarms(process.Alarms{Mailbox: 10 * time.Second})
		ref := newBox(t, ctx)
		release := block(t, ctx, ref)
		time.Sleep(time.Second)
		is(t, process.Cast(ctx, ref, (*box).Note, "waits"))
		time.Sleep(time.Minute)
		if a := count(ctx, "process.alarms"); a != 1 {
			t.Errorf("%d alarms after a minute, want 1", a)
		}
		release()
	})
}

// A method that answers later can be called from another node.
func TestRemoteDefer(t *testing.T) {
	twoNodes(t, func(t *testing.T, ctx, there context.Context, _ *record) {
		out, err := process.Call(there, theShop, (*shop).Later, 1)
		is(t, err)
		if out != 2 {
			t.Errorf("at home: got %d", out)
		}
		out, err = process.Call(ctx, theShop, (*shop).Later, 1)
		is(t, err)
		if out != 2 {
			t.Errorf("from another node: got %d", out)
		}
	})
}

// Busy grows while one method runs for long and nothing else happens.
func TestBusyOfAStuckMethod(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		release := block(t, ctx, ref)
		time.Sleep(time.Minute)
		near(t, "Busy", slotInfo(t, ctx, ref).Busy, time.Minute)
		release()
		synctest.Wait()
		near(t, "Busy", slotInfo(t, ctx, ref).Busy, time.Minute)
	})
}

// What has been launched and has not begun counts as running for those who wait for its end.
func TestLaunchedIsThere(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		slow := func(context.Context) (*box, error) { time.Sleep(time.Second); return &box{new(record)}, errSour }
		for range 20 {
			ref, err := process.Launch(ctx, slow)
			is(t, err)
			reason, err := process.Wait(ctx, ref)
			is(t, err)
			is(t, reason, errSour)

			watcher := newBox(t, ctx)
			downs := make(chan process.Down, 2)
			is(t, do(ctx, watcher, func(ctx context.Context) error {
				ref, err = process.Launch(ctx, slow)
				is(t, err)
				_, err = process.Monitor(ctx, ref, func(_ *box, _ context.Context, d process.Down) error { downs <- d; return nil })
				return err
			}))
			is(t, (<-downs).Reason, errSour)

			is(t, do(ctx, watcher, func(ctx context.Context) error {
				ref, err = process.Launch(ctx, new(record).open)
				is(t, err)
				return process.Link(ctx, ref)
			}))
			synctest.Wait()
			if !process.Alive(ctx, watcher) {
				t.Error("a link to what was launched ended it")
			}
		}
	})
}

// keepsTimer keeps in its state what this package gave it, as most processes do.
type keepsTimer struct {
	Tick *process.Timer
	Self process.Ref[keepsTimer]
}

// A state with a timer in it can be printed while the timer runs (with -race).
func TestStateWithTimers(t *testing.T) {
	ctx := processtest.Node(t)
	ref := spawn(t, ctx, func(ctx context.Context) (*keepsTimer, error) {
		timer, err := process.Every(ctx, time.Microsecond, func(*keepsTimer, context.Context) error { return nil })
		return &keepsTimer{timer, process.Self[keepsTimer](ctx)}, err
	})
	for range 1000 {
		s, err := process.State(ctx, ref)
		is(t, err)
		if len(s) > 300 {
			t.Fatalf("the state is shown as %s", s)
		}
	}
}

// A listing and a process that starts children do not meet (with -race).
func TestListingMeetsSpawn(t *testing.T) {
	ctx := processtest.Node(t)
	node, err := process.NodeOf(ctx)
	is(t, err)
	var done atomic.Bool
	listed := make(chan struct{})
	go func() {
		defer close(listed)
		for !done.Load() {
			_ = node.Processes()
		}
	}()
	ref := newBox(t, ctx)
	for range 300 {
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Exit(ctx, spawn(t, ctx, new(record).open), process.Normal)
		}))
	}
	done.Store(true)
	<-listed
}

// A process may be killed while it sets a monitor (with -race).
func TestMonitorMeetsKill(t *testing.T) {
	bubbleless := telemetry.WithLogger(t.Context(), slog.New(slog.DiscardHandler))
	node := process.NewNode(bubbleless)
	ctx := node.Context(bubbleless)
	target := newBox(t, ctx)
	for range 30 {
		ref := newBox(t, ctx)
		started := make(chan struct{})
		fling(t, ctx, ref, func(ctx context.Context) error {
			close(started)
			for {
				if _, err := process.Monitor(ctx, target, (*box).Down); err != nil {
					return nil
				}
			}
		})
		<-started
		is(t, process.Exit(ctx, ref, process.Kill))
	}
	node.Close()
}

// A suspended process can be looked at.
func TestStateOfASuspendedProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		is(t, process.Suspend(ctx, ref))
		start := time.Now()
		_, err := process.State(ctx, ref)
		is(t, err)
		took(t, start, 0)
	})
}

// What CastAll loses is counted once, whatever the policy.
func TestCastAllCounts(t *testing.T) {
	for o, want := range map[process.Overflow]uint64{process.Block: 1, process.Fail: 1, process.DropNewest: 1, process.Crash: 2} {
		bubble(t, func(t *testing.T, ctx context.Context) {
			ref, _ := join(t, ctx, process.Mailbox{Size: 1, Overflow: o})
			fling(t, ctx, ref, func(ctx context.Context) error { <-ctx.Done(); return nil })
			synctest.Wait()
			is(t, process.Cast(ctx, ref, (*box).Note, ""))
			_ = process.CastAll(ctx, crew, (*box).Note, "")
			if i, err := process.InfoOf(ctx, ref); err != nil || i.Lost != want {
				t.Errorf("policy %d: Info.Lost is %d, want %d; %v", o, i.Lost, want, err)
			}
			if n := count(ctx, "process.messages.lost"); n != int64(want) {
				t.Errorf("policy %d: %d lost in all, want %d", o, n, want)
			}
		})
	}
}

// The release of an earlier incarnation leaves the name to the present one.
func TestStaleRelease(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var releases []func()
		keep(t, ctx, theBox, func(ctx context.Context) (*box, error) {
			release, err := process.Register(ctx, process.Name[box]("alias"))
			releases = append(releases, release)
			return &box{new(record)}, err
		})
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		processtest.Settle(t, ctx, theBox)
		releases[0]()
		is(t, process.Do(ctx, process.Name[box]("alias"), (*box).Note, ""))
	})
}

// Peers that a constructor linked hear of its failure, and so does the starter of a Launch.
func TestLaunchedAndLinkedFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, parent := newBox(t, ctx), newBox(t, ctx)
		trap(t, ctx, a)
		trap(t, ctx, parent)
		is(t, do(ctx, parent, func(ctx context.Context) error {
			_, err := process.Launch(ctx, func(ctx context.Context) (*box, error) {
				is(t, process.Link(ctx, a))
				return nil, errSour
			}, process.Linked)
			return err
		}))
		synctest.Wait()
		if n := notes(t, ctx, a); len(n) != 1 {
			t.Errorf("the peer heard %q", n)
		}
		if n := notes(t, ctx, parent); len(n) != 1 {
			t.Errorf("the starter heard %q", n)
		}
	})
}
