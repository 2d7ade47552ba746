package process_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// block keeps a process busy until the function it gives is called.
func block(t testing.TB, ctx context.Context, ref process.Address[box]) (release func()) {
	t.Helper()
	free := make(chan struct{})
	fling(t, ctx, ref, func(context.Context) error { <-free; return nil })
	synctest.Wait()
	return func() { close(free) }
}

func TestMailboxLimit(t *testing.T) {
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				ref := newBox(t, ctx, process.Mailbox{Size: size})
				release := block(t, ctx, ref)
				start := time.Now()
				for i := range size {
					is(t, process.Cast(ctx, ref, (*box).Note, fmt.Sprint(i)))
				}
				took(t, start, 0)
				// Above the limit, senders wait in line: first come, first served.
				errs := make(chan error)
				for i := size; i < size+3; i++ {
					go func() { errs <- process.Cast(ctx, ref, (*box).Note, fmt.Sprint(i)) }()
					synctest.Wait()
				}
				go func() { errs <- process.Do(ctx, ref, (*box).Note, fmt.Sprint(size+3)) }()
				synctest.Wait()
				time.Sleep(time.Second)
				release()
				for range 4 {
					is(t, <-errs)
				}
				lines, err := process.Ask(ctx, ref, (*box).Get)
				is(t, err)
				var want []string
				for i := range size + 4 {
					want = append(want, fmt.Sprint(i))
				}
				equal(t, lines, want...)
			})
		})
	}
}

func TestMailboxDefaultSize(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		release := block(t, ctx, ref)
		for range 1024 {
			is(t, process.Cast(ctx, ref, (*box).Note, "x"))
		}
		start := time.Now()
		is(t, process.Cast(ctx, ref, (*box).Note, "x"), process.ErrTimeout)
		took(t, start, process.DefaultTimeout)
		release()
	})
}

func TestMailboxRefusesSize(t *testing.T) {
	ctx := processtest.Node(t)
	_, err := process.Spawn(ctx, new(record).open, process.Mailbox{Size: -1})
	is(t, err, fault.Invalid)
}

// Whoever gives up while in line leaves no trace, and holds nobody up.
func TestSenderLeavesTheLine(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx, process.Mailbox{Size: 1})
		release := block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, "first"))

		cancelled, cancel := context.WithCancel(ctx)
		errs := make(chan error)
		for range 2 {
			go func() { errs <- process.Cast(cancelled, ref, (*box).Note, "cancelled") }()
		}
		go func() { errs <- do(cancelled, ref, func(context.Context) error { return errSour }) }()
		synctest.Wait()
		patient := make(chan error)
		go func() { patient <- process.Cast(ctx, ref, (*box).Note, "patient") }()
		synctest.Wait()
		start := time.Now()
		short, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		is(t, process.Cast(short, ref, (*box).Note, "late"), process.ErrTimeout)
		is(t, process.Do(short, ref, (*box).Note, "late"), process.ErrFull) // and no time is left
		took(t, start, time.Second)
		cancel()
		for range 3 {
			is(t, <-errs, context.Canceled)
		}
		release()
		is(t, <-patient)
		lines, err := process.Ask(ctx, ref, (*box).Get)
		is(t, err)
		equal(t, lines, "first", "patient")
	})
}

func TestRetireWhileInLine(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx, process.Mailbox{Size: 1})
		release := block(t, ctx, ref)
		errs := make(chan error)
		for range 4 {
			go func() { errs <- process.Do(ctx, ref, (*box).Note, "x") }()
		}
		cast := make(chan error)
		synctest.Wait()
		go func() { cast <- process.Cast(ctx, ref, (*box).Note, "x") }()
		synctest.Wait()
		is(t, process.Exit(ctx, ref, fmt.Errorf("%w: enough", process.Shutdown)))
		release()
		for range 4 {
			is(t, <-errs, process.ErrDead, process.Shutdown)
		}
		is(t, <-cast, process.ErrDead, process.Shutdown)
	})
}

// A handler that casts never waits, not even for itself.
func TestHandlerCastsToFullMailbox(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		full := newBox(t, ctx, process.Mailbox{Size: 1})
		release := block(t, ctx, full)
		is(t, process.Cast(ctx, full, (*box).Note, "x"))
		ref := newBox(t, ctx, process.Mailbox{Size: 1})
		start := time.Now()
		is(t, do(ctx, ref, func(ctx context.Context) error {
			is(t, process.Cast(ctx, full, (*box).Note, "x"), process.ErrFull, fault.Exhausted)
			self := process.Self[box](ctx)
			is(t, process.Signal(ctx, self, func(*box, context.Context) error { return nil }))
			is(t, process.Signal(ctx, self, func(*box, context.Context) error { return nil }), process.ErrFull)
			port, err := process.Bind(ctx, (*box).Note)
			is(t, err)
			is(t, port.Send("x"), process.ErrFull)
			derived, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			is(t, process.Cast(derived, full, (*box).Note, "x"), process.ErrFull)
			return nil
		}))
		took(t, start, 0)
		// A helper waits, as from outside.
		is(t, do(ctx, ref, func(ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error { return process.Cast(ctx, full, (*box).Note, "helper") })
		}))
		synctest.Wait()
		release()
		processtest.Settle(t, ctx, full)
		lines, err := process.Ask(ctx, full, (*box).Get)
		is(t, err)
		equal(t, lines, "x", "helper")
	})
}

// What the crashed incarnation left in its own mailbox makes room for those in line.
func TestCrashMakesRoom(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, "box", new(record).open, process.Mailbox{Size: 2})
		name := process.Name[box]("box")
		free := make(chan struct{})
		fling(t, ctx, name, func(ctx context.Context) error {
			port, err := process.Bind(ctx, (*box).Note)
			is(t, err)
			is(t, port.Send("lost"))
			is(t, port.Send("lost"))
			<-free
			return errSour
		})
		synctest.Wait()
		start := time.Now()
		errs := make(chan error)
		for i := range 3 {
			go func() { errs <- process.Cast(ctx, name, (*box).Note, fmt.Sprint(i)) }()
			synctest.Wait()
		}
		close(free)
		for range 3 {
			is(t, <-errs)
		}
		took(t, start, 0)
		lines, err := process.Ask(ctx, name, (*box).Get)
		is(t, err)
		equal(t, lines, "0", "1", "2")
		equal(t, k.all(), errSour.Error())
	})
}

// Ticks always have room; the line moves only when there is room again.
func TestTicksAboveTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx, process.Mailbox{Size: 1})
		is(t, do(ctx, ref, func(ctx context.Context) error {
			for i := range 3 {
				_, err := process.After(ctx, time.Millisecond, func(b *box, ctx context.Context) error { return b.Note(ctx, fmt.Sprint("tick ", i)) })
				is(t, err)
			}
			return nil
		}))
		release := block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, "first"))
		cast := make(chan error)
		go func() { cast <- process.Cast(ctx, ref, (*box).Note, "second") }()
		time.Sleep(time.Second)
		if w := slotInfo(t, ctx, ref).Waiting; w != 4 {
			t.Errorf("%d wait, want the cast and three ticks", w)
		}
		release()
		is(t, <-cast)
		lines, err := process.Ask(ctx, ref, (*box).Get)
		is(t, err)
		equal(t, lines[:1], "first")
		equal(t, lines[4:], "second")
	})
}

// A line that does not move must not grow with those who have left it.
func TestManyGiveUp(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx, process.Mailbox{Size: 1})
		release := block(t, ctx, ref)
		is(t, process.Cast(ctx, ref, (*box).Note, "first"))
		last := make(chan error)
		for i := range 100 {
			short, stop := context.WithTimeout(ctx, time.Duration(i%7)*time.Millisecond)
			go func() {
				defer stop()
				_ = process.Cast(short, ref, (*box).Note, "late")
			}()
			if i == 50 {
				go func() { last <- process.Cast(ctx, ref, (*box).Note, "last") }()
			}
		}
		time.Sleep(time.Second)
		release()
		is(t, <-last)
		lines, err := process.Ask(ctx, ref, (*box).Get)
		is(t, err)
		equal(t, lines, "first", "last")
	})
}

func slotInfo(t testing.TB, ctx context.Context, to process.Target) process.Info {
	t.Helper()
	n, err := process.NodeOf(ctx)
	is(t, err)
	for _, i := range n.Processes() {
		if i.Name == to.String() {
			return i
		}
	}
	t.Fatalf("%s is not listed", to)
	return process.Info{}
}

// Where there is room, a cast takes it; where there is none, it does not wait.
func TestNoWait(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx, process.Mailbox{Size: 2})
		release := block(t, ctx, ref)
		start := time.Now()
		hurry := process.NoWait(ctx)
		is(t, process.Cast(hurry, ref, (*box).Note, "one"))
		is(t, process.Cast(hurry, ref, (*box).Note, "two"))
		is(t, process.Cast(hurry, ref, (*box).Note, "three"), process.ErrFull)
		took(t, start, 0)
		release()
		lines, err := process.Ask(ctx, ref, (*box).Get)
		is(t, err)
		if fmt.Sprint(lines) != "[one two]" {
			t.Errorf("got %v", lines)
		}
	})
}

// Who waits in vain learns whether the process is slow or down.
func TestDownOrSlow(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		ref := newBox(t, ctx)
		release := block(t, ctx, ref)
		err := process.Do(ctx, ref, (*box).Note, "slow")
		is(t, err, process.ErrTimeout, fault.Timeout)
		release()
		slot, err := process.NewSlot(ctx, process.Port[process.Down]{}, process.Name[box]("down"), new(record).open)
		is(t, err)
		err = process.Do(ctx, process.Name[box]("down"), (*box).Note, "down")
		is(t, err, process.ErrTimeout, fault.Unavailable)
		slot.Retire(process.Normal)
	})
}
