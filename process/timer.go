package process

import (
	"context"
	"log/slog"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Timer is a pending After or Every.
type Timer struct {
	inc     *incarnation
	tick    func() message
	every   time.Duration // 0: once
	due     time.Time
	clock   *time.Timer
	release func()

	// Guarded by the slot's mutex.
	idle    time.Duration // of a WhenIdle
	queued  bool
	spent   bool // it was once, and that has come
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
	t.tick = func() message { return &tickMsg[S]{timer: t, call: method} }
	s := inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.release, err = inc.holdLocked(cleanup{do: func() { t.Stop() }}); err != nil {
		return nil, err
	}
	if d > 0 {
		t.clock = time.AfterFunc(d, t.fire)
	} else { // behind what is in the mailbox, ahead of what comes
		t.queued = true
		s.put(sealed(t.tick()), nil)
	}
	return t, nil
}

// LogValue keeps what prints a state out of a timer that runs.
func (t *Timer) LogValue() slog.Value { return slog.StringValue("timer") }

// Stop takes the timer back, and reports whether it was still to run. After Stop its
// method does not run any more, unless it is running.
func (t *Timer) Stop() bool {
	s := t.inc.slot
	s.mu.Lock()
	was := !t.stopped && !t.spent
	t.stopped = true
	if t.clock != nil {
		t.clock.Stop()
	}
	if s.odd != nil && s.odd.idler == t {
		s.odd.idler = nil
	}
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
	if t.idle > 0 {
		if wait := t.early(); wait > 0 {
			t.clock.Reset(wait)
			return
		}
	}
	if !t.queued {
		t.queued = true
		s.put(sealed(t.tick()), nil)
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
func (m *tickMsg[S]) droppable() bool  { return false }

// missed is for a tick that an injected fault dropped.
func (m *tickMsg[S]) missed() {
	s := m.timer.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	m.timer.queued = false
}

func (m *tickMsg[S]) deliver(inc *incarnation) error {
	t := m.timer
	inc.slot.mu.Lock()
	t.queued = false
	run := !t.stopped
	if t.every == 0 {
		t.spent = true
		if t.idle > 0 && inc.slot.odd.idler == t {
			inc.slot.odd.idler = nil
		}
	}
	inc.slot.mu.Unlock()
	if !run {
		return nil
	}
	if t.every == 0 {
		t.release()
	}
	return notDeferred(m.call(inc.state.(*S), &inc.own))
}

// WhenIdle makes method run in this process once when it has handled nothing for d: no
// message, timer or monitor. There is one at a time; another WhenIdle takes the place of
// the one before.
func WhenIdle[S any](ctx context.Context, d time.Duration, method func(*S, context.Context) error) (*Timer, error) {
	inc, err := here[S](ctx)
	if err != nil {
		return nil, err
	}
	d = max(d, 1)
	s := inc.slot
	s.mu.Lock()
	before := s.oddly().idler
	s.mu.Unlock()
	if before != nil {
		before.Stop()
	}
	t, err := newTimer(ctx, d, 0, method)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.idle = d
	s.odd.idler, s.odd.quiet = t, time.Now()
	return t, nil
}

// early reports whether the process has had something to do, and how long its timer has
// to wait yet. The slot is locked.
func (t *Timer) early() time.Duration {
	s := t.inc.slot
	if s.busy {
		return t.idle
	}
	return t.idle - time.Since(s.odd.quiet)
}
