package process_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestRetireIdle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		k.sever = true
		if k.slot.RetireIdle(process.Normal) {
			t.Error("a running slot retired")
		}
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		is(t, process.Cast(ctx, theBox, (*box).Note, ""))
		if k.slot.RetireIdle(process.Normal) {
			t.Error("a slot with mail retired")
		}
		k.slot.Restart(ctx)
		if k.slot.RetireIdle(process.Normal) {
			t.Error("a slot that is to start retired")
		}
		processtest.Settle(t, ctx, theBox)
		fling(t, ctx, theBox, func(context.Context) error { return errSour })
		synctest.Wait()
		for range 2 {
			if !k.slot.RetireIdle(process.Normal) {
				t.Error("a vacant slot without mail should retire")
			}
		}
		is(t, process.Do(ctx, theBox, (*box).Note, ""), process.ErrNoProcess)
		is(t, k.slot.Start(ctx), fault.Conflict)
	})
}

// The owner hears of it when its stop meets its own restart.
func TestStopMeetsRestart(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for range 50 {
			k := keep(t, ctx, theBox, new(record).open)
			k.sever = true
			fling(t, ctx, theBox, func(context.Context) error { return errSour })
			synctest.Wait()
			k.slot.Restart(ctx)
			k.slot.Stop(process.Shutdown, time.Second)
			synctest.Wait()
			equal(t, k.all(), "sour", "shutdown")
		}
	})
}

func TestIdle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		processtest.Settle(t, ctx, theBox)
		synctest.Wait()
		n, _ := k.slot.Idle(0)
		if _, idle := k.slot.Idle(n); !idle || n != 1 {
			t.Errorf("%d handled, idle %v", n, idle)
		}
		release := block(t, ctx, theBox)
		if _, idle := k.slot.Idle(n); idle {
			t.Error("idle while a method runs")
		}
		release()
		synctest.Wait()
		if _, idle := k.slot.Idle(n); idle {
			t.Error("idle though it has handled more")
		}
	})
}

func TestExitIdle(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		k := keep(t, ctx, theBox, new(record).open)
		k.sever = true
		synctest.Wait()
		n, _ := k.slot.Idle(0)
		release := block(t, ctx, theBox)
		if k.slot.ExitIdle(process.Normal, n) {
			t.Error("a busy process was asked to end")
		}
		release()
		synctest.Wait()
		if k.slot.ExitIdle(process.Normal, n) {
			t.Error("a process that has handled more was asked to end")
		}
		if !k.slot.ExitIdle(errSour, n+1) {
			t.Error("an idle process should end")
		}
		synctest.Wait()
		equal(t, k.all(), "sour")
	})
}

// Retire wins over an owner who restarts at the same time.
func TestRetireMeetsRestart(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		for range 50 {
			k := keep(t, ctx, theBox, new(record).open)
			k.slot.Retire(errSour)
			is(t, process.Do(ctx, theBox, (*box).Note, ""), process.ErrNoProcess)
			synctest.Wait()
			if s := k.slot.Info().State; s != "ended" {
				t.Errorf("a retired slot is %s", s)
			}
		}
	})
}

// A message in line at a member that retires goes to the next one.
func TestLineMovesToTheNextMember(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		rec := new(record)
		h := newHost(t, ctx, rec.open, process.Mailbox{Size: 1}, process.ShutdownTime(time.Second))
		a := boxes.Of("a")
		processtest.Settle(t, ctx, a)
		is(t, process.Cast(ctx, a, func(_ *box, ctx context.Context, _ int) error { <-ctx.Done(); return nil }, 1))
		synctest.Wait()
		is(t, process.Cast(ctx, a, (*box).Note, "lost"))
		errs := make(chan error)
		go func() { errs <- process.Cast(ctx, a, (*box).Note, "cast") }()
		synctest.Wait()
		go func() { errs <- process.Do(ctx, a, (*box).Note, "call") }()
		synctest.Wait()
		h.mu.Lock()
		slot := h.slots["a"]
		delete(h.slots, "a")
		h.mu.Unlock()
		slot.Stop(process.Shutdown, time.Second)
		slot.Retire(process.Shutdown)
		is(t, <-errs)
		is(t, <-errs)
		processtest.Settle(t, ctx, a)
		lines := rec.all()
		if n := count(ctx, "process.messages.lost"); len(lines)+int(n) != 3 {
			t.Errorf("handled %q, lost %d, want 3 in all", lines, n)
		}
	})
}
