package supervisor_test

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestAnIdleMemberFallsAsleep(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family(process.Idle(time.Minute))
		m := Workers.Of("k")
		for range 3 {
			w.life(m)
			w.after(time.Minute - time.Second)
			w.expect("+k")
			w.after(31 * time.Second)
			w.expect("-k")
			if n := w.status("root").Children[0].Members; n != 0 {
				t.Errorf("%d members are awake", n)
			}
			w.after(17 * time.Second)
		}
		if w.life(m) != 4 {
			t.Error("it should be in its fourth life")
		}
		root.Stop()
	})
}

func TestWhoIsKeptAwake(t *testing.T) {
	bubble(t, func(w *world) {
		root := w.family(process.Idle(time.Minute))
		m := Workers.Of("k")
		w.life(m)
		for range 100 { // now and then is enough
			w.after(59 * time.Second)
			w.life(m)
		}
		if err := process.Cast(w.ctx, m, (*worker).Rest, time.Hour); err != nil {
			t.Error(err)
		}
		w.after(time.Hour - 1)
		w.expect("+k") // busy
		w.after(2 * time.Minute)
		w.expect("-k")
		root.Stop()

		root = w.family(process.Idle(0))
		w.life(m)
		w.after(1000 * time.Hour)
		w.expect("+k") // never
		root.Stop()
		w.expect("-k")

		root = w.start(supervisor.Child{Run: supervisor.Family(Workers, w.member(), process.Idle(time.Minute)), Backoff: supervisor.Backoff{First: time.Hour}})
		w.life(m)
		w.crash(m)
		w.after(time.Hour - 1)
		w.expect("+k !k") // waits for its restart
		w.after(16 * time.Minute)
		w.expect("+k -k")
		root.Stop()
	})
}

func TestAMessageWakesAMemberThatFallsAsleep(t *testing.T) {
	bubble(t, func(w *world) {
		const Sleepers process.Family[sleeper] = "sleepers"
		lives := 0
		root := w.start(supervisor.Child{Run: supervisor.Family(Sleepers, func(context.Context) (*sleeper, error) {
			lives++
			return &sleeper{w, time.Second}, nil
		}, process.Idle(time.Minute))})
		hello := func() {
			if err := process.Run(w.ctx, Sleepers.Of("k"), (*sleeper).hello); err != nil {
				t.Error(err)
			}
		}
		hello()
		w.after(90*time.Second + time.Millisecond) // it is in Terminate
		began := time.Now()
		hello()
		if took := time.Since(began); took >= time.Second || lives != 2 {
			t.Errorf("took %v, %d lives", took, lives)
		}
		root.Stop()
	})
}

// counting is a member that remembers outside of itself, to see what is lost.
type counting struct{ handled *atomic.Int64 }

func (c *counting) Add(ctx context.Context) error {
	for range 10 {
		runtime.Gosched()
		if err := ctx.Err(); err != nil {
			return err // it must not be handled on the way to bed
		}
	}
	c.handled.Add(1)
	return nil
}

func TestNothingIsLostOnTheWayToSleep(t *testing.T) {
	inWorld(t, func(w *world) { // real time, many goroutines
		const Counting process.Family[counting] = "counting"
		var handled, lives atomic.Int64
		root := w.start(supervisor.Child{Run: supervisor.Family(Counting, func(context.Context) (*counting, error) {
			lives.Add(1)
			return &counting{&handled}, nil
		}, process.Idle(20*time.Microsecond))})
		const senders, each = 8, 1500
		var wg sync.WaitGroup
		for i := range senders {
			wg.Go(func() {
				for j := range each {
					to := Counting.Of(strconv.Itoa(j % 3))
					var err error
					if (i+j)%4 == 0 {
						err = process.Signal(w.ctx, to, (*counting).Add)
					} else {
						err = process.Run(w.ctx, to, (*counting).Add)
					}
					if err != nil {
						t.Error(err)
						return
					}
					if j%50 == 0 { // until it falls asleep
						_, _ = process.Wait(w.ctx, to)
					}
				}
			})
		}
		wg.Wait()
		for i := range 3 { // what was sent before is handled before
			for process.Run(w.ctx, Counting.Of(strconv.Itoa(i)), (*counting).Add) != nil {
				t.Error("not answered")
			}
		}
		if got := handled.Load(); got != senders*each+3 {
			t.Errorf("%d of %d messages were handled", got, senders*each+3)
		}
		if lives.Load() < 10 {
			t.Errorf("only %d lives: nothing was tested", lives.Load())
		}
		if n := w.count("process.crashes"); n != 0 {
			t.Errorf("%d crashes", n)
		}
		root.Stop()
	})
}

func TestMonitorsOfMembers(t *testing.T) {
	bubble(t, func(w *world) {
		watch := func(name string, opts ...process.MonitorOption) supervisor.Child {
			return supervisor.Child{Run: supervisor.Process(process.Name[watcher](name), func(ctx context.Context) (*watcher, error) {
				_, err := process.Monitor(ctx, Workers.Of("k"), (*watcher).down, opts...)
				return &watcher{w, name}, err
			})}
		}
		root := w.family()
		early := w.startTree(supervisor.Tree{Name: "tree 1", Children: []supervisor.Child{watch("early")}})
		w.settle()
		if got := w.read(); got != "early:no such process(final)" {
			t.Errorf("a sleeping member: %s", got)
		}
		w.life(Workers.Of("k"))
		late := w.startTree(supervisor.Tree{Name: "tree 2", Children: []supervisor.Child{watch("once"), watch("always", process.Always)}})
		w.settle()
		w.read()
		w.crash(Workers.Of("k"))
		got := w.read()
		for _, want := range []string{"!k", "once:crash", "always:crash", "+k"} {
			if !contains(got, want) {
				t.Errorf("got %s, without %s", got, want)
			}
		}
		w.crash(Workers.Of("k"))
		w.expect("!k always:crash")
		w.after(time.Second)
		w.expect("+k")
		if err := process.Exit(w.ctx, Workers.Of("k"), process.Shutdown); err != nil {
			t.Error(err)
		}
		w.expect("-k always:shutdown always:shutdown(final)")
		w.life(Workers.Of("k"))
		w.crash(Workers.Of("k"))
		w.expect("+k !k +k") // the next member is another process
		late.Stop()
		early.Stop()
		root.Stop()
	})
}
