package process

import (
	"context"
	"errors"
	"time"
)

// The loop of a process. It runs on a goroutine that exists only while there is
// something to do. A panic or a runtime.Goexit in user code unwinds one turn; the
// next one goes on from the slot's phase.

// wake makes sure that somebody runs the loop. The slot is locked.
func (s *Slot) wake() {
	if !s.busy {
		s.busy = true
		go s.loop(s.turns)
	}
}

func (s *Slot) loop(turns uint32) {
	for s.turn(turns) {
	}
}

// turn runs the process until there is nothing left to do, or until user code
// unwinds it: then it reports true, to be called again.
func (s *Slot) turn(turns uint32) (again bool) {
	var inc *incarnation
	done := false
	defer func() {
		if done {
			return
		}
		value := recover()
		s.crashed(turns, inc, caught(value))
		if again = true; value == nil {
			go s.loop(turns) // Goexit: this goroutine is about to end
		}
	}()
	for {
		s.mu.Lock()
		if s.turns != turns {
			s.mu.Unlock()
			done = true
			return false
		}
		inc = s.inc
		switch {
		case s.phase == vacant && s.want:
			ctx := s.begin()
			inc = s.inc
			s.mu.Unlock()
			state, err := s.opener.open(ctx)
			s.opened(turns, inc, state, err)
		case s.phase == alive && s.rare != nil && s.rare.exit != nil, s.phase == closing:
			first := s.phase == alive
			s.phase = closing
			reason := s.rare.exit
			s.mu.Unlock()
			if first {
				s.close(turns, inc, reason)
			} else { // Terminate unwound
				s.finish(turns, inc, reason)
			}
		case s.phase == alive && s.fresh:
			s.fresh = false
			s.current = continuing{}
			s.mu.Unlock()
			if err := inc.state.(Continuer).Continue(&inc.own); err != nil {
				s.crashed(turns, inc, err)
			}
		default:
			m := s.take()
			if m == nil {
				s.busy = false
				s.mu.Unlock()
				done = true
				return false
			}
			s.current = m
			s.mu.Unlock()
			err := m.deliver(inc)
			s.handled.Add(1)
			if err != nil && err != Deferred { // cast: nobody waits for the answer
				s.crashed(turns, inc, err)
			}
		}
	}
}

// take gives the next message, urgent ones first, and lets the next sender in.
// The slot is locked.
func (s *Slot) take() message {
	s.current = nil
	if s.phase != alive {
		return nil
	}
	if s.rare != nil {
		if m := s.rare.urgent.pop(); m != nil {
			return m
		}
	}
	for {
		m := s.mail.pop()
		if m == nil {
			return nil
		}
		if s.rare != nil && len(s.rare.waiting) > 0 {
			s.admit()
		}
		if of := m.of(); of != nil && of != s.inc {
			continue // of an earlier life, and gone with it
		}
		if m.gone() {
			s.node.skipped.Add(1)
			continue
		}
		return m
	}
}

// begin makes an incarnation and gives the context of its constructor. The slot is
// locked.
func (s *Slot) begin() context.Context {
	s.want = false
	s.phase = opening
	s.lives++
	inc := &incarnation{slot: s}
	inc.own.inc = inc
	s.inc = inc
	if s.starter != nil && s.starter.frame != nil {
		return &frame{inc: inc, caller: s.starter.frame}
	}
	return &inc.own
}

// opened takes what the constructor gave.
func (s *Slot) opened(turns uint32, inc *incarnation, state any, err error) {
	if err != nil {
		s.crashed(turns, inc, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns != turns {
		return
	}
	inc.state = state
	s.phase = alive
	_, s.fresh = state.(Continuer)
	s.tellStarter(nil)
}

// crashed ends an incarnation whose user code failed with reason.
func (s *Slot) crashed(turns uint32, inc *incarnation, reason Reason) {
	s.mu.Lock()
	if s.turns != turns || s.inc != inc {
		s.mu.Unlock()
		return
	}
	m := s.current
	s.current = nil
	r := s.seldom()
	switch s.phase {
	case opening:
		s.phase = closing
		r.exit = reason
		s.mu.Unlock()
		if _, panicked := reason.(*Panic); panicked {
			s.node.report(s, nil, reason)
		}
		s.close(turns, inc, reason) // it may have helpers and children already
		return
	case alive:
		if r.exit != nil && errors.Is(reason, context.Canceled) { // it stops because it was asked to
			s.mu.Unlock()
			return
		}
		r.exit = reason
	case closing: // Terminate itself failed; the end keeps its reason
		reason = &terminateFailed{reason}
	}
	s.mu.Unlock()
	s.node.report(s, m, reason)
	if m != nil {
		m.fail(died(s, reason))
	}
}

type terminateFailed struct{ err error }

func (e *terminateFailed) Error() string { return "in Terminate: " + e.err.Error() }
func (e *terminateFailed) Unwrap() error { return e.err }

// close takes an incarnation to its end: its helpers and children stop, then
// Terminate runs.
func (s *Slot) close(turns uint32, inc *incarnation, reason Reason) {
	terminator, _ := inc.state.(Terminator)
	s.mu.Lock()
	if s.turns != turns {
		s.mu.Unlock()
		return
	}
	s.current = nil
	var helpers chan struct{}
	var children []*Slot
	if t := inc.things; t != nil {
		if t.helpers > 0 {
			t.idle = make(chan struct{})
			helpers = t.idle
		}
		children = t.offspring()
	}
	now := s.opts.Shutdown == 0 && s.rare.clock == nil
	if s.rare.clock == nil && s.opts.Shutdown > 0 && (terminator != nil || helpers != nil || children != nil) {
		s.abandonIn(s.opts.Shutdown, inc)
	}
	s.mu.Unlock()

	inc.cancel(reason)
	for _, c := range children {
		c.Exit(Shutdown)
	}
	if !now {
		for _, c := range children {
			if ended := c.ended(); ended != nil {
				<-ended
			}
		}
		if helpers != nil {
			<-helpers
		}
		if terminator != nil && reason != Kill {
			s.terminate(turns, inc, terminator, reason)
		}
	}
	s.finish(turns, inc, reason)
}

// terminate runs Terminate with a context that ends when a tenth of the time is left:
// what gives up when its context ends is not abandoned.
func (s *Slot) terminate(turns uint32, inc *incarnation, t Terminator, reason Reason) {
	f := &frame{inc: inc}
	s.mu.Lock()
	if s.turns != turns {
		s.mu.Unlock()
		return
	}
	var ctx context.Context
	var cancel context.CancelFunc
	if s.rare.clock != nil {
		f.deadline = s.rare.due.Add(-time.Until(s.rare.due) / 10)
		ctx, cancel = context.WithDeadline(s.node.base, f.deadline)
	} else {
		ctx, cancel = context.WithCancel(s.node.base)
	}
	defer cancel()
	f.std.Store(&expiring{ctx, cancel})
	s.rare.leave = cancel
	s.mu.Unlock()
	t.Terminate(f, reason)
}

// ended gives a channel that is closed when the present incarnation has ended, or the
// latest one if there is none; nil if there was none.
func (s *Slot) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inc == nil {
		if s.rare == nil {
			return nil
		}
		return s.rare.ended
	}
	if s.inc.ended == nil {
		s.inc.ended = make(chan struct{})
	}
	return s.inc.ended
}

// abandon gives an incarnation up that has not ended in its time: it is dead from
// now on, and the slot goes on without it.
func (s *Slot) abandon(inc *incarnation) {
	s.mu.Lock()
	if s.inc != inc {
		s.mu.Unlock()
		return
	}
	s.giveUp(inc)
}

// giveUp is abandon for a slot that is locked; it unlocks it.
func (s *Slot) giveUp(inc *incarnation) {
	inUse := s.phase == opening ||
		s.phase == alive && s.current != nil && !s.current.over() ||
		s.phase == closing && (s.rare.leave != nil || inc.things.any())
	m := s.current
	s.turns++
	turns := s.turns
	s.busy = true // nobody starts a loop before finish has made the slot vacant
	r := s.seldom()
	if r.exit == nil || inUse {
		r.exit = Kill
	}
	inc.dead.Store(true)
	reason := r.exit
	children := inc.things.offspring()
	leave := r.leave
	s.mu.Unlock()
	inc.cancel(reason)
	if leave != nil {
		leave()
	}
	for _, c := range children {
		c.Exit(Shutdown)
	}
	if inUse {
		s.node.late.Add(1)
		s.node.report(s, m, errAbandoned)
	}
	if m != nil {
		m.fail(died(s, reason))
	}
	s.finish(turns, inc, reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns == turns {
		s.busy = false
		if s.want {
			s.wake()
		}
	}
}

var errAbandoned = errors.New("it did not end within its shutdown time and was abandoned")

// finish is the end of an incarnation.
func (s *Slot) finish(turns uint32, inc *incarnation, reason Reason) {
	s.mu.Lock()
	if s.turns != turns || s.inc != inc {
		s.mu.Unlock()
		return
	}
	started := inc.state != nil
	s.phase = vacant
	s.inc = nil
	s.current = nil
	s.fresh = false
	inc.dead.Store(true)
	r := s.rare
	r.exit = nil
	r.last = reason
	r.ends++
	r.leave = nil
	if r.clock != nil {
		r.clock.Stop()
		r.clock = nil
	}
	start := s.starter
	s.starter = nil
	waited := start != nil && start.done != nil
	owner := r.owner
	final := owner.inc == nil
	var watchers []*Watch
	if started {
		for w := range r.watchers {
			watchers = append(watchers, w)
			if !w.always || final {
				delete(r.watchers, w)
			}
		}
	}
	s.mail.keep(func(m message) bool { return m.of() == nil })
	r.urgent = queue{}
	if !final {
		s.admit()
	}
	if inc.ended == nil {
		inc.ended = make(chan struct{})
	}
	r.ended = inc.ended
	var cleanups []func()
	if inc.things != nil {
		for c := range inc.things.cleanups {
			cleanups = append(cleanups, c.do)
		}
		inc.things.cleanups = nil
	}
	s.mu.Unlock()

	inc.cancel(reason)
	for _, do := range cleanups {
		s.cleanUp(do)
	}
	if final {
		s.retire(reason, died(s, reason))
	}
	for _, w := range watchers {
		w.fire(reason, final)
	}
	close(inc.ended)
	if waited {
		start.done <- reason
	}
	if owner.inc != nil && (started || !waited) {
		owner.urgent(Down{Target: s, Reason: reason, Started: started})
	}
}

// cleanUp runs what was given to OnEnd. The end of a process must go on if it panics.
func (s *Slot) cleanUp(do func()) {
	defer func() {
		if value := recover(); value != nil {
			s.node.report(s, nil, caught(value))
		}
	}()
	do()
}
