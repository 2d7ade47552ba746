package process

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// frame is the context of a handler: its process's own, with the deadline and the
// trace of the message, and nothing else of the sender. It implements
// context.Context itself so that a message carries its frame along in one
// allocation; a standard context with a timer is made only for a handler that asks
// for Done.
type frame struct {
	inc      *incarnation
	caller   *frame // who waits for this message, if it waits in a handler
	asked    any    // the *answer of the message, if somebody waits
	trace    *telemetry.Trace
	deadline time.Time // zero: none
	helper   bool      // of a goroutine started with Go
	std      atomic.Pointer[expiring]
}

type expiring struct {
	context.Context
	cancel context.CancelFunc
}

type frameKey struct{}

func frameOf(ctx context.Context) *frame {
	f, _ := ctx.Value(frameKey{}).(*frame)
	return f
}

func (f *frame) Deadline() (time.Time, bool) { return f.deadline, !f.deadline.IsZero() }

func (f *frame) Done() <-chan struct{} {
	if s := f.std.Load(); s != nil {
		return s.Done()
	}
	if f.deadline.IsZero() {
		return f.inc.life().Done()
	}
	return f.expiring().Done()
}

func (f *frame) Err() error {
	if s := f.std.Load(); s != nil {
		return s.Err()
	}
	if err := f.inc.lifeErr(); err != nil {
		return err
	}
	if !f.deadline.IsZero() && !time.Now().Before(f.deadline) {
		return f.expiring().Err()
	}
	return nil
}

func (f *frame) Value(key any) any {
	switch key.(type) {
	case frameKey:
		return f
	case nodeKey:
		return f.inc.slot.node
	case telemetry.TraceKey:
		return f.trace
	}
	// The standard contexts know each other by a value; it must be that of the
	// context whose Done this frame gives.
	if s := f.std.Load(); s != nil {
		return s.Value(key)
	}
	if f.inc.std.Load() != nil || f.inc.lifeErr() != nil {
		return f.inc.life().Value(key)
	}
	return f.inc.slot.node.base.Value(key)
}

func (f *frame) expiring() *expiring {
	if s := f.std.Load(); s != nil {
		return s
	}
	ctx, cancel := context.WithDeadline(f.inc.life(), f.deadline)
	s := &expiring{ctx, cancel}
	if !f.std.CompareAndSwap(nil, s) {
		cancel()
	}
	return f.std.Load()
}

// release ends the timer of a frame whose handler has returned.
func (f *frame) release() {
	if s := f.std.Load(); s != nil {
		s.cancel()
	}
}

// yield is for who is about to wait: the processes that its goroutine was to run next
// get another.
func (f *frame) yield() {
	if w := f.worker(); w != nil {
		w.release()
	}
}

// worker is whose goroutine runs the handler that has this frame.
func (f *frame) worker() *worker {
	if f == nil || f.helper {
		return nil
	}
	return f.inc.slot.worker.Load()
}

// waiting is the frame if whoever has it waits, which a helper does not.
func (f *frame) waiting() *frame {
	if f == nil || f.helper {
		return nil
	}
	return f
}

// waitsFor reports whether the process of s waits in the chain of calls that led
// to f, or is f's own.
func (f *frame) waitsFor(s *Slot) bool {
	for f = f.waiting(); f != nil; f = f.caller {
		if f.inc.slot == s {
			return true
		}
	}
	return false
}

// incarnation is one life of a process, from its constructor to its end.
type incarnation struct {
	own   frame // the context of whatever has no deadline and no trace
	slot  *Slot
	state any // *S, set by the constructor
	dead  atomic.Bool
	std   atomic.Pointer[ending]

	// Below: guarded by the slot's mutex.
	ended  chan struct{} // made by the first who waits for the end
	cause  Reason        // why the life was cancelled, if it was
	things *things
}

type ending struct {
	context.Context
	cancel context.CancelCauseFunc
}

// things is what an incarnation holds and gives up at its end. Most hold nothing.
type things struct {
	helpers  int
	idle     chan struct{} // closed when the last helper is gone, if somebody waits
	children map[*Slot]struct{}
	cleanups map[*cleanup]struct{}
	links    map[*incarnation]struct{}
	trap     Port[Exited] // for the ends of links; empty: they end this one, too
	waitsFor question     // that the running handler asks
}

type cleanup struct {
	do   func()
	owed bool // a deferred answer
}

// busy reports whether something is under way that sleep would break off. The slot is
// locked.
func (t *things) busy() bool {
	if t == nil {
		return false
	}
	for c := range t.cleanups {
		if c.owed {
			return true
		}
	}
	return t.helpers > 0 || len(t.children) > 0
}

// any reports whether there is somebody to wait for. The slot is locked.
func (t *things) any() bool { return t != nil && (t.helpers > 0 || len(t.children) > 0) }

// offspring lists the children. The slot is locked.
func (t *things) offspring() (children []*Slot) {
	if t != nil {
		for c := range t.children {
			children = append(children, c)
		}
	}
	return children
}

// life is the standard context that ends with the incarnation.
func (inc *incarnation) life() context.Context {
	if l := inc.std.Load(); l != nil {
		return l
	}
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	if l := inc.std.Load(); l != nil {
		return l
	}
	ctx, cancel := context.WithCancelCause(inc.slot.node.base)
	if inc.cause != nil {
		cancel(inc.cause)
	}
	inc.std.Store(&ending{ctx, cancel})
	return inc.std.Load()
}

func (inc *incarnation) lifeErr() error {
	if l := inc.std.Load(); l != nil {
		return l.Err()
	}
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	if inc.cause != nil {
		return context.Canceled
	}
	return nil
}

// cancel ends the life: handlers, helpers and whatever else has a context of it
// are to stop.
func (inc *incarnation) cancel(cause Reason) {
	inc.slot.mu.Lock()
	if inc.cause == nil {
		inc.cause = cause
	}
	if t := inc.things; t != nil && t.waitsFor != nil {
		t.waitsFor.fail(errCanceled)
	}
	l := inc.std.Load()
	inc.slot.mu.Unlock()
	if l != nil {
		l.cancel(cause)
	}
}

// hold makes do run at the end of the incarnation, unless the function it gives is
// called before. It fails with ErrDead where the end has come.
func (inc *incarnation) hold(do func()) (release func(), err error) {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	return inc.holdLocked(cleanup{do: do})
}

func (inc *incarnation) holdLocked(c cleanup) (release func(), err error) {
	s := inc.slot
	if inc.dead.Load() || s.inc != inc {
		return nil, ErrDead
	}
	t := inc.keep()
	if t.cleanups == nil {
		t.cleanups = make(map[*cleanup]struct{})
	}
	t.cleanups[&c] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(t.cleanups, &c)
	}, nil
}

func (inc *incarnation) keep() *things {
	if inc.things == nil {
		inc.things = new(things)
	}
	return inc.things
}

// Outside gives ctx without the process it is of: the node, the deadline and the end
// stay, but Self, After and the like find nothing, and the verbs act as from outside.
// It is for code that serves others under its own process, as a web server does.
func Outside(ctx context.Context) context.Context { return outside{ctx} }

type outside struct{ context.Context }

func (c outside) Value(key any) any {
	if _, ok := key.(frameKey); ok {
		return nil
	}
	return c.Context.Value(key)
}
