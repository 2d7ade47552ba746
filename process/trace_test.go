package process_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// events is what a trace hears.
type events struct {
	mu  sync.Mutex
	all []process.Event
}

func (e *events) add(ev process.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func (e *events) heard() []process.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// lines gives one line for each event, and forgets them.
func (e *events) lines() (lines []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ev := range e.all {
		line := ev.Method + " " + ev.Input
		if ev.Done {
			line = fmt.Sprint("done ", ev.Method, " ", ev.Took)
		}
		if ev.Err != nil {
			line += " " + ev.Err.Error()
		}
		lines = append(lines, line)
	}
	e.all = nil
	return lines
}

func (b *box) Slow(context.Context) error { time.Sleep(time.Second); return nil }

func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		keep(t, ctx, theBox, new(record).open)
		var e events
		stop, err := process.Trace(ctx, theBox, e.add)
		is(t, err)
		is(t, process.Do(ctx, theBox, (*box).Note, "a"))
		synctest.Wait()
		if ev := e.heard(); len(ev) != 2 || ev[0].Process != "box" || ev[0].Waiting != 0 || ev[0].Done {
			t.Errorf("events %+v", ev)
		}
		equal(t, e.lines(), `(*box).Note "a"`, "done (*box).Note 0s")
		is(t, process.Signal(ctx, theBox, (*box).Slow))
		synctest.Wait() // it runs
		is(t, process.Signal(ctx, theBox, (*box).Slow))
		is(t, process.Signal(ctx, theBox, (*box).Sour))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if ev := e.heard(); len(ev) != 6 || ev[0].Waiting != 0 || ev[2].Waiting != 1 || ev[4].Waiting != 0 {
			t.Errorf("events %+v", ev)
		}
		equal(t, e.lines(), "(*box).Slow ", "done (*box).Slow 1s", "(*box).Slow ", "done (*box).Slow 1s", "(*box).Sour ", "done (*box).Sour 0s sour")
		// Over restarts, and where a method unwinds.
		is(t, process.Run(ctx, theBox, (*box).Burst), process.ErrDead)
		synctest.Wait()
		if ev := e.heard(); len(ev) != 2 || ev[1].Method != "(*box).Burst" || !ev[1].Done || ev[1].Err == nil {
			t.Errorf("events %+v", ev)
		}
		_ = e.lines()
		// An answer is no crash.
		is(t, process.Run(ctx, theBox, (*box).Sour), errSour)
		synctest.Wait()
		equal(t, e.lines(), "(*box).Sour ", "done (*box).Sour 0s")
		for range 2 {
			stop()
		}
		is(t, process.Do(ctx, theBox, (*box).Note, "b"))
		equal(t, e.lines())
		_, err = process.Trace(ctx, process.Name[box]("nobody"), e.add)
		is(t, err, process.ErrNoProcess)
	})
}

// A trace that is set or taken away while a batch runs hears of what comes then, in order.
func TestTraceInABatch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		var e events
		var stop func()
		r := &reel{act: map[int]func(context.Context) error{
			10: func(context.Context) (err error) { stop, err = process.Trace(ctx, theTape, e.add); return err },
			20: func(context.Context) error { stop(); return nil },
			25: func(context.Context) error { return errSour },
		}}
		keep(t, ctx, theTape, r.open)
		queueBehind(t, ctx, 30)()
		processtest.Settle(t, ctx, theTape)
		var want []string
		for n := 11; n <= 20; n++ {
			want = append(want, fmt.Sprint("(*tape).Play ", n), "done (*tape).Play 0s")
		}
		equal(t, e.lines(), want...)
		equal(t, r.all(), livesOf(30, 25)...)
	})
}

// Two traces hear the same; one is set while the process is down.
func TestTraceOfARestartingProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		k.sever = true
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		var a, b events
		stop, err := process.Trace(ctx, theBox, a.add)
		is(t, err)
		defer stop()
		is(t, process.Cast(ctx, theBox, (*box).Note, "mail"))
		stopB, err := process.Trace(ctx, theBox, b.add)
		is(t, err)
		defer stopB()
		k.slot.Restart(ctx)
		synctest.Wait()
		equal(t, a.lines(), `(*box).Note "mail"`, "done (*box).Note 0s")
		equal(t, b.lines(), `(*box).Note "mail"`, "done (*box).Note 0s")
	})
}

// login has a secret.
type login struct {
	User     string
	Password fault.Secret
}

func (b *box) Login(context.Context, login) error { return nil }

func TestTraceHidesSecrets(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		var e events
		stop, err := process.Trace(ctx, ref, e.add)
		is(t, err)
		defer stop()
		is(t, process.Do(ctx, ref, (*box).Login, login{"bob", fault.NewSecret(secret)}))
		synctest.Wait()
		lines := strings.Join(e.lines(), "\n")
		if strings.Contains(lines, secret) || !strings.Contains(lines, "bob") {
			t.Errorf("traced %s", lines)
		}
	})
}

func TestInject(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		k := keep(t, ctx, theBox, rec.open)
		var next process.Fault
		stop, err := process.Inject(ctx, theBox, func(e process.Event) process.Fault {
			if e.Input == `"hit"` {
				return next
			}
			return process.Fault{}
		})
		is(t, err)

		next = process.Fault{Delay: time.Second}
		start := time.Now()
		is(t, process.Do(ctx, theBox, (*box).Note, "hit"))
		took(t, start, time.Second)

		hold := make(chan struct{})
		next = process.Fault{Hold: hold}
		time.AfterFunc(time.Second, func() { close(hold) })
		is(t, process.Do(ctx, theBox, (*box).Note, "hit"))
		took(t, start, 2*time.Second)

		next = process.Fault{Drop: true}
		is(t, process.Cast(ctx, theBox, (*box).Note, "hit"))
		is(t, process.Do(ctx, theBox, (*box).Note, "hit"), process.ErrTimeout)
		took(t, start, 7*time.Second)

		next = process.Fault{Crash: errSour}
		is(t, process.Do(ctx, theBox, (*box).Note, "hit"), process.ErrDead, errSour)
		took(t, start, 7*time.Second)
		processtest.Settle(t, ctx, theBox)
		c, err := process.LastCrash(ctx, theBox)
		is(t, err)
		is(t, c.Reason, errSour)
		if c.Method != "(*box).Note" {
			t.Errorf("crashed in %s", c.Method)
		}

		stop()
		is(t, process.Do(ctx, theBox, (*box).Note, "hit"))
		equal(t, rec.all(), "hit", "hit", "hit")
		equal(t, k.all(), "sour")
	})
}

// A fault in the middle of the mail touches its own message alone.
func TestInjectKeepsTheOrder(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		r := &reel{}
		keep(t, ctx, theTape, r.open)
		release := queueBehind(t, ctx, 10)
		stop, err := process.Inject(ctx, theTape, func(e process.Event) process.Fault {
			switch e.Input {
			case "2":
				return process.Fault{Delay: time.Second}
			case "4":
				return process.Fault{Drop: true}
			case "6":
				return process.Fault{Crash: errSour}
			}
			return process.Fault{}
		})
		is(t, err)
		release()
		time.Sleep(2 * time.Second)
		stop()
		processtest.Settle(t, ctx, theTape)
		equal(t, r.all(), "1/0", "1/1", "1/2", "1/3", "1/5", "2/7", "2/8", "2/9")
	})
}

// A message that is held can be abandoned: its caller learns, the next goes on.
func TestStopWhileHeld(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		rec := new(record)
		keep(t, ctx, theBox, rec.open, process.ShutdownTime(time.Second))
		hold := make(chan struct{})
		stop, err := process.Inject(ctx, theBox, func(process.Event) process.Fault { return process.Fault{Hold: hold} })
		is(t, err)
		errs := make(chan error, 1)
		go func() { errs <- process.Do(ctx, theBox, (*box).Note, "held") }()
		synctest.Wait()
		stop()
		start := time.Now()
		is(t, process.Exit(ctx, theBox, errSour))
		is(t, <-errs, process.ErrDead)
		took(t, start, time.Second)
		is(t, process.Do(ctx, theBox, (*box).Note, "next"))
		close(hold)
		synctest.Wait()
		equal(t, rec.all(), "next")
		if abandoned() != 1 {
			t.Errorf("%d abandoned, want 1", abandoned())
		}
	})
}
