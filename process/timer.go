package process

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Timer is a pending After or Every.
type Timer struct {
	inc     *incarnation
	tick    message
	every   time.Duration // 0: once
	due     time.Time
	clock   *time.Timer
	release func()

	// Guarded by the slot's mutex.
	queued  bool
	stopped bool
}

// After makes method run in this process after d. Like every timer it belongs to the
// incarnation that set it. An error that the method returns is a crash.
func After[S any](ctx context.Context, d time.Duration, method func(*S, context.Context) error) (*Timer, error) {
	return newTimer(ctx, d, 0, method)
}

// Every makes method run in this process every d, for the first time after d. At
// most one tick of it is in the mailbox: a process that is slower than its ticks
// misses some, and the next comes at its regular time.
func Every[S any](ctx context.Context, d time.Duration, method func(*S, context.Context) error) (*Timer, error) {
	if d <= 0 {
		return nil, fault.Internal.Errorf("process: Every needs a time above zero, got %v", d)
	}
	return newTimer(ctx, d, d, method)
}

func newTimer[S any](ctx context.Context, d, every time.Duration, method func(*S, context.Context) error) (*Timer, error) {
	inc, err := here[S](ctx)
	if err != nil {
		return nil, err
	}
	t := &Timer{inc: inc, every: every, due: time.Now().Add(d)}
	t.tick = &tickMsg[S]{timer: t, call: method}
	inc.slot.mu.Lock()
	t.clock = time.AfterFunc(d, t.fire)
	t.release, err = inc.holdLocked(cleanup{do: func() { t.Stop() }})
	inc.slot.mu.Unlock()
	if err != nil {
		t.clock.Stop()
		return nil, err
	}
	return t, nil
}

// Stop takes the timer back, and reports whether it was still to run. After Stop its
// method does not run any more, unless it is running.
func (t *Timer) Stop() bool {
	s := t.inc.slot
	s.mu.Lock()
	was := !t.stopped
	t.stopped = true
	t.clock.Stop()
	s.mu.Unlock()
	if was {
		t.release()
	}
	return was
}

func (t *Timer) fire() {
	s := t.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.stopped || s.inc != t.inc {
		return
	}
	if !t.queued {
		t.queued = true
		s.mail.push(t.tick)
		if s.phase == alive {
			s.wake()
		}
	}
	if t.every > 0 {
		now := time.Now()
		for t.due = t.due.Add(t.every); !t.due.After(now); {
			t.due = t.due.Add(t.every * (1 + now.Sub(t.due)/t.every))
		}
		t.clock.Reset(t.due.Sub(now))
	}
}

type tickMsg[S any] struct {
	link
	timer *Timer
	call  func(*S, context.Context) error
}

func (m *tickMsg[S]) of() *incarnation { return m.timer.inc }
func (m *tickMsg[S]) method() any      { return m.call }

func (m *tickMsg[S]) deliver(inc *incarnation) error {
	t := m.timer
	inc.slot.mu.Lock()
	t.queued = false
	run := !t.stopped
	if t.every == 0 {
		t.stopped = true
	}
	inc.slot.mu.Unlock()
	if !run {
		return nil
	}
	if t.every == 0 {
		t.release()
	}
	return m.call(inc.state.(*S), &inc.own)
}
