package process

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Event is one message of a process, as Trace tells it: once before its method runs, and
// once after.
type Event struct {
	Process string
	Method  string
	Input   string // its argument, printed by fault.Inspect; "" if it has none
	Waiting int    // messages in the mailbox behind it
	Done    bool   // the method has returned, or unwound
	Took    time.Duration
	Err     error // the crash of it; of a panic only that it was one
}

// Trace calls to with every message that the process handles, in its own goroutine and
// order, over restarts, until stop is called. It costs the traced process alone; to must
// not call it.
func Trace(ctx context.Context, target Target, to func(Event)) (stop func(), err error) {
	return attach(ctx, target, &tap{tell: to})
}

// Fault is what Inject does to a message.
type Fault struct {
	Hold  <-chan struct{} // it is handled when this is closed
	Delay time.Duration   // it is handled so much later
	Drop  bool            // it is lost; who asked waits in vain
	Crash error           // the process crashes with this reason in place of handling it
}

// Inject makes the process have the faults that choose gives for its messages, until
// stop is called. It is for tests: see processtest.
func Inject(ctx context.Context, target Target, choose func(Event) Fault) (stop func(), err error) {
	return attach(ctx, target, &tap{choose: choose})
}

// tap is a trace, or a source of faults.
type tap struct {
	tell   func(Event)
	choose func(Event) Fault
}

func attach(ctx context.Context, target Target, t *tap) (stop func(), err error) {
	s, err := locateHere(ctx, target)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oddly().taps = append(slices.Clone(s.odd.taps), t)
	s.interrupt.Store(true) // a batch that is under way ends
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.odd.taps = slices.DeleteFunc(slices.Clone(s.odd.taps), func(other *tap) bool { return other == t })
	}, nil
}

// tapped reports whether somebody watches. The slot is locked.
func (s *Slot) tapped() bool { return s.odd != nil && len(s.odd.taps) > 0 }

// handleTapped is handle for one message of a process that is watched.
func (s *Slot) handleTapped(turns uint32, inc *incarnation, l *link) {
	s.mu.Lock()
	taps := s.odd.taps
	e := Event{Process: s.String(), Method: methodName(l.self), Waiting: s.waits()}
	s.mu.Unlock()
	if in := l.self.input(); in != nil {
		e.Input = fault.Inspect(in)
	}
	crash, drop := suffer(inc, taps, e)
	switch q := l.self.asked(); {
	case inc.dead.Load(): // it was abandoned while it was held up
		return
	case drop:
		if tick, ok := l.self.(interface{ missed() }); ok {
			tick.missed()
		}
		return
	case crash != nil:
		s.crashed(turns, inc, crash)
		return
	case q != nil && q.gone(): // it is skipped
		s.handle(turns, inc, l, 1)
		return
	}
	tell(taps, e)
	start := s.node.now()
	e.Done, e.Err = true, errUnwound
	defer func() {
		e.Took = s.node.now() - start
		tell(taps, e)
	}()
	err := l.self.deliver(inc)
	if e.Err = err; err == Postpone {
		e.Err = nil
	}
	if err != nil {
		s.refused(turns, inc, l, err)
	}
}

// errUnwound is what a trace knows of a panic; the rest is in the crash report.
var errUnwound = errors.New("process: the method panicked")

// suffer lets the faults happen that come before a message.
func suffer(inc *incarnation, taps []*tap, e Event) (crash error, drop bool) {
	for _, t := range taps {
		if t.choose == nil {
			continue
		}
		f := t.choose(e)
		if f.Delay > 0 || f.Hold != nil {
			inc.own.yield()
			time.Sleep(f.Delay)
			if f.Hold != nil {
				<-f.Hold
			}
		}
		if f.Crash != nil || f.Drop {
			return f.Crash, f.Drop && f.Crash == nil
		}
	}
	return nil, false
}

func tell(taps []*tap, e Event) {
	for _, t := range taps {
		if t.tell != nil {
			t.tell(e)
		}
	}
}
