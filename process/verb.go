package process

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// DefaultTimeout is how long a verb waits whose context has no deadline.
const DefaultTimeout = 5 * time.Second

// Call runs a method of another process and waits for its answer.
//
// An error that the method returns is the answer, and the process lives. Others say
// that there was none: ErrNoProcess, ErrDead (it ended, perhaps with this very
// call), ErrCycle, or ErrTimeout. After ErrTimeout the method may still run.
func Call[S, In, Out any](ctx context.Context, to Address[S], method func(*S, context.Context, In) (Out, error), in In) (Out, error) {
	m := &callMsg[S, In, Out]{call: method, in: in}
	return ask(ctx, to, m, &m.answer)
}

// Ask is Call for a method without an input.
func Ask[S, Out any](ctx context.Context, to Address[S], method func(*S, context.Context) (Out, error)) (Out, error) {
	m := &askMsg[S, Out]{call: method}
	return ask(ctx, to, m, &m.answer)
}

// Do is Call for a method that returns an error alone.
func Do[S, In any](ctx context.Context, to Address[S], method func(*S, context.Context, In) error, in In) error {
	m := &doMsg[S, In]{call: method, in: in}
	_, err := ask(ctx, to, m, &m.answer)
	return err
}

// Run is Do for a method without an input.
func Run[S any](ctx context.Context, to Address[S], method func(*S, context.Context) error) error {
	m := &runMsg[S]{call: method}
	_, err := ask(ctx, to, m, &m.answer)
	return err
}

// Cast runs a method of another process and does not wait for it. An error that the
// method returns is a crash of that process: there is nobody to give it to.
//
// So a method that refuses input is not for Cast: check before, or cast to a method that
// handles the refusal itself.
//
// Cast waits for room in the mailbox, at most until the context's deadline (5 s if
// it has none). From inside a handler, and with [NoWait], it never waits: no room is
// ErrFull at once.
func Cast[S, In any](ctx context.Context, to Address[S], method func(*S, context.Context, In) error, in In) error {
	f := frameOf(ctx)
	return send(ctx, f, to, &castMsg[S, In]{trace: traceOf(ctx, f), call: method, in: in})
}

// NoWait gives ctx for casts that must not wait for room, as in a loop that serves many:
// where a mailbox is full they fail at once with ErrFull.
func NoWait(ctx context.Context) context.Context {
	ctx, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	cancel()
	return ctx
}

// Signal is Cast for a method without an input.
func Signal[S any](ctx context.Context, to Address[S], method func(*S, context.Context) error) error {
	f := frameOf(ctx)
	return send(ctx, f, to, &signalMsg[S]{trace: traceOf(ctx, f), call: method})
}

// Stop ends the process whose context is given, after the method that runs; its
// answer is still sent. From a helper it ends the helper's owner.
func Stop(ctx context.Context, reason Reason) error {
	f := frameOf(ctx)
	if f == nil {
		return ErrNotHere
	}
	s := f.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inc != f.inc {
		return ErrDead
	}
	if r := s.seldom(); r.exit == nil {
		r.exit = orNormal(reason)
		if reason == Kill {
			r.exit, r.brutal = Killed, true
		}
	}
	s.rouse()
	return nil
}

// Exit asks another process to end, and does not wait: see Slot.Exit. A process
// under a supervisor is restarted as its restart type says.
func Exit(ctx context.Context, to Target, reason Reason) error {
	if f := frameOf(ctx); f != nil && f.inc.dead.Load() {
		return errDeadCaller
	}
	s, err := locateHere(ctx, to)
	if err != nil {
		return err
	}
	s.Exit(reason)
	return nil
}

// errDeadCaller is for an abandoned handler: it may not act beside its successor.
var errDeadCaller = fmt.Errorf("%w: it may not act any more", ErrDead)

func traceOf(ctx context.Context, f *frame) *telemetry.Trace {
	if f != nil && (f.trace != nil || ctx == context.Context(f)) {
		return f.trace
	}
	return telemetry.TraceOf(ctx)
}

func ask[Out any](ctx context.Context, to Target, m message, a *answer[Out]) (Out, error) {
	var none Out
	f := frameOf(ctx)
	s, err := to.locate(ctx, awaited)
	if err != nil {
		return none, err
	}
	limited, err := a.prepare(ctx, f, s)
	if err != nil {
		return none, err
	}
	if err := deliver(ctx, f, to, s, m, a.deadline); err != nil {
		a.fail(err)
	}
	a.caller.yield()
	return a.wait(ctx, f, s, limited)
}

// prepare makes the question ready to be sent to s.
func (a *answer[Out]) prepare(ctx context.Context, f *frame, s *Slot) (limited bool, err error) {
	if f.waitsFor(s) {
		return false, fmt.Errorf("%w: %s", ErrCycle, s)
	}
	a.trace = traceOf(ctx, f)
	a.caller = f.waiting()
	a.by = s.node.waiters.Get().(*waiter)
	// The clock of the waiter is for what no standard context does: the default time,
	// and a handler's own context.
	var ok bool
	a.deadline, ok = ctx.Deadline()
	limited = !ok || a.caller != nil && ctx == context.Context(f)
	if limited {
		now, d := s.node.now(), DefaultTimeout
		if ok {
			d = a.deadline.Sub(s.node.epoch) - now
		} else {
			a.deadline = s.node.epoch.Add(now + d)
		}
		a.by.limit(a, now, d)
	}
	return limited, nil
}

func send(ctx context.Context, f *frame, to Target, m message) error {
	s, err := to.locate(ctx, awake)
	if err != nil {
		return err
	}
	return deliver(ctx, f, to, s, m, noTime)
}

var noTime time.Time

// deliver puts a message into the mailbox of s. A member of a family may fall asleep
// between being found and being sent to; then it is found, and woken, again.
func deliver(ctx context.Context, f *frame, to Target, s *Slot, m message, deadline time.Time) error {
	if f != nil && f.inc.dead.Load() {
		return errDeadCaller
	}
	var by *worker // a question gets a goroutine at once: who asks is about to wait
	if deadline.IsZero() {
		by = f.worker()
	}
	for range 100 {
		err := s.push(ctx, m, f.waiting() != nil && deadline.IsZero(), deadline, by)
		if err != errRetired {
			return err
		}
		next, err := to.locate(ctx, awake)
		if err != nil {
			return err
		}
		if next == s {
			break
		}
		s = next
	}
	return s.gone()
}

// gone is the error for a process that has ended for good.
func (s *Slot) gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &hasEnded{s, s.rare.last}
}

// explain says whose mailbox or answer an error was about.
func explain(err error, s *Slot) error { return fmt.Errorf("%s: %w", s, err) }
