package process_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// near checks a time that is sampled.
func near(t testing.TB, what string, got, want time.Duration) {
	t.Helper()
	if got < want-20*time.Millisecond || got > want+20*time.Millisecond {
		t.Errorf("%s is %v, want about %v", what, got, want)
	}
}

func TestBusyAndSince(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		info := func() process.Info {
			t.Helper()
			i, err := process.InfoOf(ctx, ref)
			is(t, err)
			return i
		}
		if i := info(); i.Busy != 0 || i.Since != 0 || i.Method != "" {
			t.Errorf("info %+v", i)
		}
		release := block(t, ctx, ref)
		time.Sleep(time.Second)
		near(t, "Since", info().Since, time.Second)
		time.Sleep(time.Hour)
		near(t, "Since", info().Since, time.Hour+time.Second)
		release()
		synctest.Wait()
		near(t, "Busy", info().Busy, time.Hour+time.Second)
		if i := info(); i.Since != 0 || i.Method != "" {
			t.Errorf("info %+v", i)
		}
		time.Sleep(time.Hour) // idle
		near(t, "Busy", info().Busy, time.Hour+time.Second)
		// Half of the time.
		for range 100 {
			is(t, do(ctx, ref, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }))
			time.Sleep(100 * time.Millisecond)
		}
		if b := info().Busy - time.Hour - time.Second; b < 9*time.Second || b > 11*time.Second {
			t.Errorf("it was busy for %v of 20 s, want about 10 s", b)
		}
	})
}

// Busy is right for the process that works, not for its neighbour in line.
func TestBusyOfNeighbours(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		a, b := newBox(t, ctx), newBox(t, ctx)
		fling(t, ctx, a, func(ctx context.Context) error {
			fling(t, ctx, b, func(context.Context) error { time.Sleep(3 * time.Second); return nil })
			time.Sleep(time.Second)
			return nil
		})
		time.Sleep(10 * time.Second)
		near(t, "Busy of a", slotInfo(t, ctx, a).Busy, time.Second)
		near(t, "Busy of b", slotInfo(t, ctx, b).Busy, 3*time.Second)
	})
}

// A zombie that unwinds does not disturb what is known of its successor.
func TestSinceOfASuccessor(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		keep(t, ctx, theBox, new(record).open, process.ShutdownTime(0))
		free := make(chan struct{})
		fling(t, ctx, theBox, func(context.Context) error { <-free; panic("zombie") })
		synctest.Wait()
		is(t, process.Exit(ctx, theBox, errSour))
		processtest.Settle(t, ctx, theBox)
		release := block(t, ctx, theBox)
		time.Sleep(time.Second)
		close(free)
		time.Sleep(time.Second)
		near(t, "Since", slotInfo(t, ctx, theBox).Since, 2*time.Second)
		release()
		synctest.Wait()
		near(t, "Busy", slotInfo(t, ctx, theBox).Busy, 2*time.Second)
	})
}

func TestInfoOf(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		k.sever = true
		_, err := process.InfoOf(ctx, process.Name[box]("nobody"))
		is(t, err, process.ErrNoProcess)
		for range 3 {
			is(t, process.Cast(ctx, theBox, (*box).Note, ""))
		}
		processtest.Settle(t, ctx, theBox)
		synctest.Wait()
		i, err := process.InfoOf(ctx, theBox)
		is(t, err)
		if i.Name != "box" || i.Handled != 4 || i.Waiting != 0 || i.State != "running" || i.Last != nil {
			t.Errorf("info %+v", i)
		}
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		i, err = process.InfoOf(ctx, theBox)
		is(t, err)
		if i.State != "vacant" || i.Last != errSour || i.Handled != 5 {
			t.Errorf("info %+v", i)
		}
		k.slot.Retire(process.Normal)
		if i := k.slot.Info(); i.State != "ended" {
			t.Errorf("info %+v", i)
		}
	})
}

func TestLastCrash(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open)
		_, err := process.LastCrash(ctx, theBox)
		is(t, err, fault.NotFound)
		_, err = process.LastCrash(ctx, process.Name[box]("nobody"))
		is(t, err, process.ErrNoProcess)
		time.Sleep(time.Minute)
		is(t, process.Cast(ctx, theBox, (*box).fail, secret))
		processtest.Settle(t, ctx, theBox)
		c, err := process.LastCrash(ctx, theBox)
		is(t, err)
		is(t, c.Reason, errSour)
		if c.Method != "(*box).fail" || c.Input == "" || !c.At.Equal(time.Now()) {
			t.Errorf("crash %+v", c)
		}
		// A clean end changes nothing; another crash does.
		is(t, process.Restart(ctx, theBox))
		time.Sleep(time.Minute)
		again, err := process.LastCrash(ctx, theBox)
		is(t, err)
		if again != c {
			t.Errorf("crash %+v", again)
		}
		is(t, process.Do(ctx, theBox, func(*box, context.Context, login) error { panic(1) }, login{"bob", fault.NewSecret(secret)}), process.ErrDead)
		synctest.Wait()
		c, err = process.LastCrash(ctx, theBox)
		is(t, err)
		if !strings.Contains(c.Input, "bob") || strings.Contains(c.Input, secret) || !c.At.Equal(time.Now()) {
			t.Errorf("crash %+v", c)
		}
	})
}

// vault is a process with a secret in its state.
type vault struct {
	Owner    string
	Password fault.Secret
	PIN      string `bennu:"secret"`
}

func TestState(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := spawn(t, ctx, func(context.Context) (*vault, error) {
			return &vault{"bob", fault.NewSecret(secret), secret}, nil
		}, process.Mailbox{Size: 1})
		s, err := process.State(ctx, ref)
		is(t, err)
		data, err := process.StateData(ctx, ref)
		is(t, err)
		encoded, err := json.Marshal(data)
		is(t, err)
		for _, shown := range []string{s, string(encoded)} {
			if !strings.Contains(shown, "bob") || strings.Contains(shown, secret) {
				t.Errorf("the state is shown as %s", shown)
			}
		}
		// Between two methods, ahead of the mail, and not while one runs.
		free := make(chan struct{})
		fling(t, ctx, ref, func(context.Context) error { <-free; return nil })
		synctest.Wait()
		is(t, process.Run(process.NoWait(ctx), ref, func(v *vault, _ context.Context) error { return nil }), process.ErrTimeout)
		states := make(chan string, 1)
		go func() {
			s, err := process.State(ctx, ref)
			is(t, err)
			states <- s
		}()
		synctest.Wait()
		close(free)
		<-states
		// From a handler of its own it is a cycle.
		is(t, process.Run(ctx, ref, func(_ *vault, ctx context.Context) error {
			_, err := process.State(ctx, process.Self[vault](ctx))
			is(t, err, process.ErrCycle)
			return process.Stop(ctx, nil)
		}))
		synctest.Wait()
		_, err = process.State(ctx, ref)
		is(t, err, process.ErrDead)
		_, err = process.StateData(ctx, process.Name[box]("nobody"))
		is(t, err, process.ErrNoProcess)
	})
}

// Each kind of alarm is raised once for what is stuck.
func TestAlarms(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		n, err := process.NodeOf(ctx)
		is(t, err)
		alarms := func() int64 { return count(ctx, "process.alarms") }
		ref := newBox(t, ctx)

		// A handler that takes long: 10 s by default.
		release := block(t, ctx, ref)
		time.Sleep(9900 * time.Millisecond)
		if a := alarms(); a != 0 {
			t.Errorf("%d alarms after 9.9 s", a)
		}
		time.Sleep(200 * time.Millisecond)
		if a := alarms(); a != 1 {
			t.Errorf("%d alarms after 10.1 s, want 1", a)
		}
		time.Sleep(time.Hour)
		if a := alarms(); a != 1 {
			t.Errorf("%d alarms after an hour, want 1", a)
		}
		release()
		synctest.Wait()

		// Another one is another alarm.
		n.SetAlarms(process.Alarms{Handler: time.Second})
		release = block(t, ctx, ref)
		time.Sleep(time.Minute)
		release()
		synctest.Wait()
		if a := alarms(); a != 2 {
			t.Errorf("%d alarms, want 2", a)
		}

		// Mail that waits for long while others are handled.
		n.SetAlarms(process.Alarms{Mailbox: time.Second})
		var handled atomic.Int64
		for range 30 {
			is(t, process.Signal(ctx, ref, func(*box, context.Context) error { time.Sleep(50 * time.Millisecond); handled.Add(1); return nil }))
		}
		time.Sleep(900 * time.Millisecond)
		if a := alarms(); a != 2 {
			t.Errorf("%d alarms before its time", a)
		}
		time.Sleep(time.Minute)
		if a := alarms(); a != 3 || handled.Load() != 30 {
			t.Errorf("%d alarms, want 3; %d handled", a, handled.Load())
		}

		// None, when none is asked for.
		n.SetAlarms(process.Alarms{})
		release = block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, ""))
		time.Sleep(time.Hour)
		release()
		synctest.Wait()
		if a := alarms(); a != 3 {
			t.Errorf("%d alarms, want 3", a)
		}
	})
}

// Short messages in any number raise none.
func TestNoAlarm(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		for range 1000 {
			is(t, do(ctx, ref, func(context.Context) error { time.Sleep(100 * time.Millisecond); return nil }))
		}
		if a := count(ctx, "process.alarms"); a != 0 {
			t.Errorf("%d alarms", a)
		}
	})
}
