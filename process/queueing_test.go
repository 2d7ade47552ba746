package process_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// gate postpones what it is told until it is open.
type gate struct {
	*record
	isOpen bool
}

const theGate process.Name[gate] = "gate"

func (r *record) gate(context.Context) (*gate, error) { return &gate{record: r}, nil }

func (g *gate) Pass(_ context.Context, line string) error {
	if !g.isOpen {
		return process.Postpone
	}
	g.note(line)
	return nil
}

func (g *gate) Ask(ctx context.Context, line string) (string, error) { return line, g.Pass(ctx, line) }
func (g *gate) Open(ctx context.Context) error                       { g.isOpen = true; return process.Replay(ctx) }
func (g *gate) Crash(context.Context) error                          { return errSour }
func (g *gate) Say(_ context.Context, line string) error             { g.note(line); return nil }

func TestPostpone(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.gate)
		answers := make(chan string, 10)
		for i := range 4 {
			is(t, process.Cast(ctx, ref, (*gate).Pass, fmt.Sprint("cast ", i)))
			go func() {
				out, err := process.Call(ctx, ref, (*gate).Ask, fmt.Sprint("call ", i))
				is(t, err)
				answers <- out
			}()
			synctest.Wait()
		}
		if i := slotInfo(t, ctx, ref); i.Waiting != 8 {
			t.Errorf("%d wait, want 8", i.Waiting)
		}
		time.Sleep(time.Second)
		free := make(chan struct{})
		fling(t, ctx, ref, func(context.Context) error { <-free; return nil })
		is(t, process.Signal(ctx, ref, (*gate).Open))
		is(t, process.Cast(ctx, ref, (*gate).Say, "mail")) // that came later, and before the Replay
		close(free)
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all(), "cast 0", "call 0", "cast 1", "call 1", "cast 2", "call 2", "cast 3", "call 3", "mail")
		synctest.Wait()
		if len(answers) != 4 {
			t.Error("the callers have no answers")
		}
		is(t, process.Replay(ctx), process.ErrNotHere)
	})
}

// Whose call is postponed waits until its deadline, not longer; then it is skipped.
func TestPostponedCallTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.gate)
		start := time.Now()
		_, err := process.Call(ctx, ref, (*gate).Ask, "late")
		is(t, err, process.ErrTimeout)
		took(t, start, process.DefaultTimeout)
		ctx2, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		_, err = process.Call(ctx2, ref, (*gate).Ask, "left")
		is(t, err, context.Canceled)
		is(t, process.Run(ctx, ref, (*gate).Open))
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all())
		if n := count(ctx, "process.calls.skipped"); n != 2 {
			t.Errorf("%d skipped, want 2", n)
		}
	})
}

// A postponed call sees its own deadline and trace when it runs again.
func TestPostponedCallKeepsItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		short, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		want, _ := short.Deadline()
		tries := 0
		go func() {
			time.Sleep(30 * time.Second)
			is(t, do(ctx, ref, process.Replay))
		}()
		is(t, do(short, ref, func(ctx context.Context) error {
			<-time.After(time.Second)
			if d, ok := ctx.Deadline(); !ok || !d.Equal(want) || ctx.Err() != nil {
				t.Errorf("deadline %v, %v, error %v", d, ok, ctx.Err())
			}
			select {
			case <-ctx.Done():
				t.Error("it is done")
			default:
			}
			if tries++; tries == 1 {
				return process.Postpone
			}
			return nil
		}))
		if tries != 2 {
			t.Errorf("%d tries, want 2", tries)
		}
	})
}

// Postponed mail survives a crash as all mail does, and comes first.
func TestPostponedMailSurvives(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for _, fresh := range []bool{false, true} {
			rec := new(record)
			k := keep(t, ctx, theGate, func(ctx context.Context) (*gate, error) {
				g, err := rec.gate(ctx)
				g.isOpen = len(rec.all()) > 0
				return g, err
			}, process.Mailbox{Fresh: fresh})
			is(t, process.Cast(ctx, theGate, (*gate).Pass, "one"))
			call := make(chan error, 1)
			synctest.Wait()
			go func() { _, err := process.Call(ctx, theGate, (*gate).Ask, "two"); call <- err }()
			synctest.Wait()
			rec.note("crash")
			free := make(chan struct{})
			fling(t, ctx, theGate, func(context.Context) error { <-free; return errSour })
			is(t, process.Cast(ctx, theGate, (*gate).Say, "three"))
			close(free)
			if fresh {
				is(t, <-call, process.ErrDead, errSour)
				processtest.Settle(t, ctx, theGate)
				equal(t, rec.all(), "crash")
			} else {
				is(t, <-call)
				processtest.Settle(t, ctx, theGate)
				equal(t, rec.all(), "crash", "one", "two", "three")
			}
			is(t, process.Exit(ctx, theGate, process.Normal))
			synctest.Wait()
			_ = k
		}
		// Nobody restarts this one: who waits learns that it died.
		ref := spawn(t, ctx, new(record).gate)
		call := make(chan error, 1)
		go func() { _, err := process.Call(ctx, ref, (*gate).Ask, ""); call <- err }()
		synctest.Wait()
		is(t, process.Exit(ctx, ref, errSour))
		is(t, <-call, process.ErrDead, errSour)
	})
}

// Postpone and crash in the middle of a batch: all the rest once, and in order.
func TestPostponeInABatch(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		const numbers = 150
		r := &reel{act: map[int]func(context.Context) error{}}
		tries := map[int]int{}
		for n := 0; n < numbers; n += 3 {
			r.act[n] = func(context.Context) error {
				if tries[n]++; tries[n] == 1 {
					return process.Postpone
				}
				return nil
			}
		}
		keep(t, ctx, theTape, r.open)
		queueBehind(t, ctx, numbers)()
		synctest.Wait()
		is(t, do(ctx, theTape, process.Replay))
		synctest.Wait()
		var want []string
		for _, postponed := range []bool{false, true} {
			for n := range numbers {
				if (n%3 == 0) == postponed {
					want = append(want, fmt.Sprint("1/", n))
				}
			}
		}
		equal(t, r.all(), want...)
	})
}

// What a process tells itself to do next comes before all else, in its order.
func TestNext(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec, target := new(record), newBox(t, ctx)
		ref := spawn(t, ctx, rec.open)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			_, err := process.Monitor(ctx, target, (*box).Down)
			return err
		}))
		free := make(chan struct{})
		is(t, process.Signal(ctx, ref, func(_ *box, ctx context.Context) error {
			<-free
			for i := range 3 {
				is(t, process.Next(ctx, func(b *box, ctx context.Context, n int) error {
					b.note(fmt.Sprint("next ", n))
					if n == 1 {
						return process.Next(ctx, (*box).Note, "next of next")
					}
					return nil
				}, i))
			}
			return nil
		}))
		synctest.Wait()
		is(t, process.Cast(ctx, ref, (*box).Note, "mail"))
		is(t, process.Exit(ctx, target, process.Normal))
		synctest.Wait()
		close(free)
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all(), "next 0", "next 1", "next 2", "next of next", "down normal", "mail")

		// Between its steps a stop is heard.
		steps := 0
		var step func(*box, context.Context, int) error
		step = func(_ *box, ctx context.Context, n int) error {
			if steps = n; n == 10 {
				is(t, process.Exit(ctx, process.Self[box](ctx), errSour))
			}
			return process.Next(ctx, step, n+1)
		}
		is(t, process.Cast(ctx, ref, step, 0))
		reason, err := process.Wait(ctx, ref)
		is(t, err)
		is(t, reason, errSour)
		if steps != 10 {
			t.Errorf("%d steps, want 10", steps)
		}
	})
}

func TestNextElsewhere(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, _ func() int64) {
		rec := new(record)
		is(t, process.Next(ctx, (*box).Note, "x"), process.ErrNotHere)
		ref := newBox(t, ctx)
		is(t, do(ctx, ref, func(ctx context.Context) error {
			is(t, process.Next(ctx, func(*desk, context.Context, int) error { return nil }, 1), process.ErrNotHere)
			return process.Go(ctx, func(ctx context.Context) error { return process.Next(ctx, (*box).Note, "helper") })
		}))
		synctest.Wait()
		equal(t, notes(t, ctx, ref), "helper")

		// In the constructor: after Continue, before the mail.
		st := spawn(t, ctx, (&staged{
			open: func(ctx context.Context) error {
				is(t, process.Signal(ctx, process.Self[staged](ctx), func(*staged, context.Context) error { rec.note("mail"); return nil }))
				return process.Next(ctx, func(*staged, context.Context, int) error { rec.note("next"); return nil }, 1)
			},
			cont: func(context.Context) error { rec.note("continue"); return nil },
		}).start)
		processtest.Settle(t, ctx, st)
		equal(t, rec.all(), "continue", "next", "mail")

		// An error is a crash; what was to be next goes with it, and a zombie adds nothing.
		rec = new(record)
		keep(t, ctx, theBox, rec.open, process.ShutdownTime(0))
		free := make(chan struct{})
		fling(t, ctx, theBox, func(ctx context.Context) error {
			is(t, process.Next(ctx, (*box).Note, "of the dead"))
			<-free
			is(t, process.Next(ctx, (*box).Note, "zombie"), process.ErrDead)
			is(t, process.Replay(ctx), process.ErrDead)
			return nil
		})
		synctest.Wait()
		is(t, process.Exit(ctx, theBox, errSour))
		processtest.Settle(t, ctx, theBox)
		close(free)
		is(t, do(ctx, theBox, func(ctx context.Context) error {
			is(t, process.Next(ctx, func(*box, context.Context, int) error { return errSour }, 1))
			return process.Next(ctx, (*box).Note, "after a crash")
		}))
		synctest.Wait()
		equal(t, notes(t, ctx, theBox))
		if i := slotInfo(t, ctx, theBox); i.Restarts != 2 {
			t.Errorf("%d restarts, want 2", i.Restarts)
		}
	})
}

func TestSuspend(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		keep(t, ctx, theBox, rec.open)
		for range 2 {
			is(t, process.Suspend(ctx, theBox))
		}
		errs := make(chan error, 1)
		is(t, process.Cast(ctx, theBox, (*box).Note, "cast"))
		go func() { errs <- process.Do(ctx, theBox, (*box).Note, "call") }()
		time.Sleep(time.Second)
		if i := slotInfo(t, ctx, theBox); i.State != "suspended" || i.Waiting != 2 {
			t.Errorf("info %+v", i)
		}
		equal(t, rec.all())
		is(t, process.Resume(ctx, theBox))
		is(t, <-errs)
		equal(t, rec.all(), "cast", "call")

		// In the middle of a batch: the running method ends, the rest waits.
		free := make(chan struct{})
		fling(t, ctx, theBox, func(context.Context) error { <-free; return nil })
		for i := range 5 {
			is(t, process.Cast(ctx, theBox, (*box).Note, fmt.Sprint(i)))
		}
		synctest.Wait()
		is(t, process.Suspend(ctx, theBox))
		close(free)
		time.Sleep(time.Second)
		equal(t, rec.all(), "cast", "call")
		is(t, process.Resume(ctx, theBox))
		synctest.Wait()
		equal(t, rec.all(), "cast", "call", "0", "1", "2", "3", "4")

		is(t, process.Suspend(ctx, process.Name[box]("nobody")), process.ErrNoProcess)
		dead := newBox(t, ctx)
		is(t, process.Exit(ctx, dead, process.Normal))
		synctest.Wait()
		is(t, process.Suspend(ctx, dead), process.ErrDead)
	})
}

// A suspended process can be stopped and killed, and it is suspended after a restart.
func TestStopWhileSuspended(t *testing.T) {
	roughBubble(t, func(t *testing.T, ctx context.Context, abandoned func() int64) {
		for _, reason := range []process.Reason{process.Normal, process.Shutdown, process.Kill} {
			ref := spawn(t, ctx, (&staged{}).start)
			is(t, process.Suspend(ctx, ref))
			is(t, process.Signal(ctx, ref, func(*staged, context.Context) error { t.Error("it ran"); return nil }))
			start := time.Now()
			is(t, process.Exit(ctx, ref, reason))
			_, err := process.Wait(ctx, ref)
			is(t, err)
			took(t, start, 0)
		}
		rec := new(record)
		keep(t, ctx, theBox, rec.open)
		is(t, process.Suspend(ctx, theBox))
		is(t, process.Cast(ctx, theBox, (*box).Note, "mail"))
		is(t, process.Exit(ctx, theBox, errSour))
		time.Sleep(time.Second)
		if i := slotInfo(t, ctx, theBox); i.State != "suspended" || i.Restarts != 1 || i.Waiting != 1 {
			t.Errorf("info %+v", i)
		}
		is(t, process.Resume(ctx, theBox))
		processtest.Settle(t, ctx, theBox)
		equal(t, rec.all(), "mail")
		if abandoned() != 0 {
			t.Errorf("%d abandoned", abandoned())
		}
	})
}

// A stop comes before what is queued, in a batch as out of it.
func TestStopComesBeforeTheMail(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		r := &reel{act: map[int]func(context.Context) error{2: func(ctx context.Context) error {
			return process.Exit(ctx, theTape, errors.New("enough"))
		}}}
		k := keep(t, ctx, theTape, r.open)
		queueBehind(t, ctx, 5)()
		processtest.Settle(t, ctx, theTape)
		equal(t, r.all(), "1/0", "1/1", "1/2", "2/3", "2/4")
		equal(t, k.all(), "enough")
	})
}

// What is postponed counts in the mailbox; a Replay makes room again.
func TestPostponedMailHasALimit(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		ref := spawn(t, ctx, rec.gate, process.Mailbox{Size: 3})
		is(t, process.Run(ctx, ref, func(_ *gate, ctx context.Context) error {
			_, err := process.After(ctx, time.Second, (*gate).Open)
			return err
		}))
		start := time.Now()
		for i := range 3 {
			is(t, process.Cast(ctx, ref, (*gate).Pass, fmt.Sprint(i)))
			synctest.Wait()
		}
		is(t, process.Cast(process.NoWait(ctx), ref, (*gate).Pass, "more"), process.ErrFull)
		took(t, start, 0)
		is(t, process.Cast(ctx, ref, (*gate).Pass, "3"))
		took(t, start, time.Second)
		processtest.Settle(t, ctx, ref)
		equal(t, rec.all(), "0", "1", "2", "3")
	})
}
