package process_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

const theBox process.Name[box] = "box"

func TestQueueSurvivesCrash(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		free := make(chan struct{})
		crash := make(chan error)
		go func() {
			crash <- do(ctx, theBox, func(ctx context.Context) error {
				port, err := process.Bind(ctx, (*box).Note)
				is(t, err)
				is(t, port.Send("port"))
				_, err = process.After(ctx, 0, func(b *box, ctx context.Context) error { return b.Note(ctx, "tick") })
				is(t, err)
				<-free
				panic(errSour)
			})
		}()
		synctest.Wait()
		calls := make(chan error)
		for i := range 4 {
			if i%2 == 0 {
				is(t, process.Cast(ctx, theBox, (*box).Note, fmt.Sprint("cast ", i)))
			} else {
				go func() { calls <- process.Do(ctx, theBox, (*box).Note, fmt.Sprint("call ", i)) }()
				synctest.Wait()
			}
		}
		close(free)
		err := <-crash
		is(t, err, process.ErrDead, errSour)
		if fault.Of(err) != fault.Internal {
			t.Errorf("kind %v, want internal", fault.Of(err))
		}
		is(t, <-calls)
		is(t, <-calls)
		equal(t, notes(t, ctx, theBox), "cast 0", "call 1", "cast 2", "call 3")
		equal(t, k.all(), "panic: sour")
		if i := k.slot.Info(); i.Restarts != 1 || i.State != "running" || i.Last == nil {
			t.Errorf("info %+v, want one restart", i)
		}
	})
}

func TestQueueOfUnownedFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		free := make(chan struct{})
		fling(t, ctx, ref, func(context.Context) error { <-free; return errSour })
		calls := make(chan error)
		for range 3 {
			go func() { calls <- process.Do(ctx, ref, (*box).Note, "") }()
		}
		is(t, process.Cast(ctx, ref, (*box).Note, ""))
		synctest.Wait()
		close(free)
		for range 3 {
			is(t, <-calls, process.ErrDead, errSour)
		}
		is(t, process.Cast(ctx, ref, (*box).Note, ""), process.ErrDead, errSour)
		is(t, process.Do(ctx, ref, (*box).Note, ""), process.ErrDead, errSour)
		if n := count(ctx, "process.messages.lost"); n != 1 { // who called was told
			t.Errorf("%d messages lost, want 1", n)
		}
	})
}

func TestMessagesWaitForRestart(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		k.sever = true
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		time.AfterFunc(time.Second, func() { k.slot.Restart(ctx) })
		start := time.Now()
		is(t, process.Do(ctx, theBox, (*box).Note, ""))
		took(t, start, time.Second)

		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		time.AfterFunc(time.Second, func() { k.slot.Refuse(fault.NotFound) })
		is(t, process.Do(ctx, theBox, (*box).Note, ""), fault.NotFound)
	})
}

func TestRestartFails(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		fails := 0
		k := keep(t, ctx, theBox, func(ctx context.Context) (*box, error) {
			if fails > 0 {
				fails--
				return nil, errors.New("not yet")
			}
			return new(record).open(ctx)
		})
		fails = 2
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		processtest.Settle(t, ctx, theBox)
		equal(t, k.all(), "sour", "not yet", "not yet")
		is(t, k.slot.Start(ctx), fault.Conflict)
	})
}

func TestExit(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, reason := range []process.Reason{process.Normal, process.Shutdown, errSour, fmt.Errorf("%w: left", process.Shutdown), nil} {
			for _, busy := range []time.Duration{0, time.Second} {
				var got process.Reason
				ref := spawn(t, ctx, (&staged{term: func(_ context.Context, r process.Reason) { got = r }}).start)
				finished := false
				if busy > 0 {
					fling(t, ctx, ref, func(context.Context) error { time.Sleep(busy); finished = true; return nil })
					synctest.Wait()
				}
				start := time.Now()
				is(t, process.Exit(ctx, ref, reason))
				is(t, process.Exit(ctx, ref, errors.New("second"))) // the first counts
				took(t, start, 0)
				ended, err := process.Wait(ctx, ref)
				is(t, err)
				took(t, start, busy)
				if reason == nil {
					reason = process.Normal
				}
				if ended != reason || got != reason || busy > 0 && !finished {
					t.Errorf("ended with %v, Terminate got %v, want %v", ended, got, reason)
				}
			}
		}
		is(t, process.Exit(ctx, process.Name[box]("nobody"), process.Normal), process.ErrNoProcess)
	})
}

func TestShutdownTime(t *testing.T) {
	for _, c := range []struct {
		name        string
		allowed     time.Duration
		takes, want time.Duration
		abandoned   int64
	}{
		{"below", time.Second, time.Second - 1, time.Second - 1, 0},
		{"above", time.Second, time.Second + 1, time.Second, 1},
		{"for ever", -1, time.Hour, time.Hour, 0},
		{"none", 0, time.Second, 0, 1},
	} {
		for where, start := range map[string]func(*testing.T, context.Context) process.Ref[staged]{
			"handler": func(t *testing.T, ctx context.Context) process.Ref[staged] {
				ref := spawn(t, ctx, new(staged).start, process.ShutdownTime(c.allowed))
				fling(t, ctx, ref, func(context.Context) error { time.Sleep(c.takes); return nil })
				return ref
			},
			"Continue": func(t *testing.T, ctx context.Context) process.Ref[staged] {
				s := &staged{cont: func(context.Context) error { time.Sleep(c.takes); return nil }}
				return spawn(t, ctx, s.start, process.ShutdownTime(c.allowed))
			},
			"Terminate": func(t *testing.T, ctx context.Context) process.Ref[staged] {
				s := &staged{term: func(context.Context, process.Reason) { time.Sleep(c.takes) }}
				return spawn(t, ctx, s.start, process.ShutdownTime(c.allowed))
			},
			"helper": func(t *testing.T, ctx context.Context) process.Ref[staged] {
				ref := spawn(t, ctx, new(staged).start, process.ShutdownTime(c.allowed))
				is(t, do(ctx, ref, func(ctx context.Context) error {
					return process.Go(ctx, func(context.Context) error { time.Sleep(c.takes); return nil })
				}))
				return ref
			},
		} {
			t.Run(c.name+"/"+where, func(t *testing.T) {
				roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
					ref := start(t, ctx)
					synctest.Wait()
					begin := time.Now()
					is(t, process.Exit(ctx, ref, process.Shutdown))
					reason, err := process.Wait(ctx, ref)
					is(t, err)
					took(t, begin, c.want)
					want := c.abandoned
					if c.allowed == 0 && (where == "Terminate" || where == "helper") {
						want = 0 // at once means without Terminate, and helpers are not waited for
					}
					if abandoned() != want {
						t.Errorf("%d abandoned, want %d", abandoned(), want)
					}
					if want == 1 && reason != process.Killed || want == 0 && reason != process.Shutdown {
						t.Errorf("ended with %v", reason)
					}
					time.Sleep(c.takes)
				})
			})
		}
	}
}

// The shortest of the times that a process is given counts.
func TestStopShortensTheTime(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		k := keep(t, ctx, theBox, new(record).open, process.ShutdownTime(time.Minute))
		release := block(t, ctx, theBox)
		start := time.Now()
		for range 3 {
			is(t, process.Exit(ctx, theBox, process.Shutdown))
			time.Sleep(10 * time.Second)
		}
		k.slot.Stop(process.Shutdown, 20*time.Second)
		took(t, start, 50*time.Second)
		release()
	})
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		k := keep(t, ctx, theBox, new(record).open, process.ShutdownTime(time.Minute))
		release := block(t, ctx, theBox)
		start := time.Now()
		for range 5 {
			is(t, process.Exit(ctx, theBox, process.Shutdown))
			time.Sleep(10 * time.Second)
		}
		k.slot.Stop(process.Shutdown, time.Minute)
		took(t, start, time.Minute)
		release()
	})
}

// Terminate's context ends when it is abandoned, even if it has no deadline.
func TestTerminateIsAbandoned(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		var k *keeper
		s := &staged{term: func(ctx context.Context, _ process.Reason) {
			<-ctx.Done()
			is(t, process.Do(ctx, process.Name[keeper]("x"), func(*keeper, context.Context, int) error { return nil }, 1), process.ErrDead)
		}}
		k = keep(t, ctx, "staged", s.start, process.ShutdownTime(-1))
		k.slot.Exit(process.Shutdown)
		synctest.Wait()
		start := time.Now()
		k.slot.Stop(process.Shutdown, time.Second)
		took(t, start, time.Second)
		if abandoned() != 1 {
			t.Errorf("%d abandoned, want 1", abandoned())
		}
	})
}

func TestKill(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		s := &staged{term: func(context.Context, process.Reason) { t.Error("Terminate ran") }}
		ref := spawn(t, ctx, s.start)
		processtest.Settle(t, ctx, ref)
		is(t, process.Exit(ctx, ref, process.Kill))
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, process.Killed)
		if abandoned() != 0 {
			t.Error("an idle process is not abandoned by a kill")
		}

		ref = spawn(t, ctx, s.start)
		ended := false
		fling(t, ctx, ref, func(ctx context.Context) error { <-ctx.Done(); ended = true; return nil })
		synctest.Wait()
		start := time.Now()
		is(t, process.Exit(ctx, ref, process.Kill))
		_, err = process.Wait(ctx, ref)
		is(t, err)
		took(t, start, 0)
		synctest.Wait()
		if abandoned() != 1 || !ended {
			t.Error("a busy process is abandoned by a kill, and its context ends")
		}

		ref = spawn(t, ctx, s.start)
		is(t, do(ctx, ref, func(ctx context.Context) error { return process.Stop(ctx, process.Kill) }))
		reason, _ = process.Wait(ctx, ref)
		is(t, reason, process.Killed)
	})
}

func TestAbandonedHandler(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		other := newBox(t, ctx)
		k := keep(t, ctx, theBox, new(record).open, process.ShutdownTime(time.Second))
		free, gone := make(chan struct{}), make(chan struct{})
		answer := make(chan error)
		go func() {
			_, err := process.Call(ctx, theBox, func(b *box, ctx context.Context, in int) (int, error) {
				defer close(gone)
				<-free
				is(t, ctx.Err(), context.Canceled)
				is(t, process.Cast(ctx, other, (*box).Note, "zombie"), process.ErrDead)
				is(t, process.Do(ctx, other, (*box).Note, "zombie"), process.ErrDead)
				is(t, process.Exit(ctx, other, process.Normal), process.ErrDead)
				is(t, process.Stop(ctx, process.Normal), process.ErrDead)
				is(t, process.Go(ctx, func(context.Context) error { return nil }), process.ErrDead)
				_, err := process.After(ctx, 0, (*box).Sour)
				is(t, err, process.ErrDead)
				_, err = process.Bind(ctx, (*box).Note)
				is(t, err, process.ErrDead)
				_, err = process.Monitor(ctx, other, (*box).Down)
				is(t, err, process.ErrDead)
				_, err = process.Defer[int](ctx)
				is(t, err, process.ErrDead)
				_, err = process.Spawn(ctx, new(record).open)
				is(t, err, process.ErrDead)
				if process.Self[box](ctx) != (process.Ref[box]{}) {
					t.Error("it has a Self")
				}
				return 0, nil
			}, 1)
			answer <- err
		}()
		synctest.Wait()
		is(t, process.Cast(ctx, theBox, (*box).Note, "queued"))
		is(t, process.Exit(ctx, theBox, errSour))
		is(t, <-answer, process.ErrDead, process.Killed)
		processtest.Settle(t, ctx, theBox)
		close(free)
		<-gone
		synctest.Wait()
		equal(t, notes(t, ctx, theBox), "queued")
		equal(t, notes(t, ctx, other))
		equal(t, k.all(), "killed")
		if abandoned() != 1 {
			t.Errorf("%d abandoned, want 1", abandoned())
		}
	})
}
