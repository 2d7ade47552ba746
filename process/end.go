package process

import (
	"context"
	"errors"
	"time"
)

// How an incarnation ends: by a crash, by a stop, or abandoned.

// crashed ends an incarnation whose user code failed with reason.
func (s *Slot) crashed(turns uint32, inc *incarnation, reason Reason) {
	s.mu.Lock()
	if s.turns != turns || s.inc != inc {
		s.mu.Unlock()
		return
	}
	m := s.current()
	s.mu.Unlock()
	var report CrashInfo
	if !Clean(reason) {
		report = crashOf(m, reason)
	}
	s.mu.Lock()
	if s.turns != turns || s.inc != inc { // it was abandoned meanwhile
		s.mu.Unlock()
		return
	}
	s.settle()
	r := s.seldom()
	if report.Reason != nil {
		s.oddly().crash = report
	}
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
			reason = r.exit
			s.mu.Unlock()
			if m != nil {
				failed(m, died(s, reason))
			}
			return
		}
		r.exit = reason
	case closing: // Terminate itself failed; the end keeps its reason
		reason = &terminateFailed{reason}
	}
	s.mu.Unlock()
	s.node.report(s, m, reason)
	if m != nil {
		failed(m, died(s, reason))
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
	var helpers chan struct{}
	var children []*Slot
	if t := inc.things; t != nil {
		if t.helpers > 0 {
			t.idle = make(chan struct{})
			helpers = t.idle
		}
		children = t.offspring()
	}
	brutal := s.rare.brutal
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
		if terminator != nil && !brutal {
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

// past is closed when the latest incarnation has ended in all its parts; nil: it has. The
// slot is locked.
func (s *Slot) past() <-chan struct{} {
	if s.rare == nil || !s.rare.finishing {
		return nil
	}
	if s.rare.ended == nil {
		s.rare.ended = make(chan struct{})
	}
	return s.rare.ended
}

// ended gives a channel that is closed when the present incarnation has ended, or the
// latest one if there is none; nil: there is nothing to wait for.
func (s *Slot) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	inc := s.present()
	if inc == nil {
		return s.past()
	}
	if inc.ended == nil {
		inc.ended = make(chan struct{})
	}
	return inc.ended
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
	var m message
	if at := s.forsake(); at != nil {
		m = at.self
	}
	inUse := s.phase == opening ||
		s.phase == alive && m != nil && (m.asked() == nil || !m.asked().over()) ||
		s.phase == closing && (s.rare.leave != nil || inc.things.any())
	s.turns++
	turns := s.turns
	s.busy = true // nobody starts a loop before finish has made the slot vacant
	r := s.seldom()
	if r.exit == nil || inUse {
		r.exit = Killed
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
		failed(m, died(s, reason))
	}
	s.finish(turns, inc, reason)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns == turns {
		s.busy = false
		if s.want {
			s.wake(nil)
		}
	}
}

// reclaim takes the rest of a batch back from the loop, which goes on after the message that
// it is at. The slot is locked.
func (s *Slot) reclaim() {
	for s.batch > 0 {
		at := s.cursor.Load()
		if !s.cursor.CompareAndSwap(at, &link{self: at.self}) {
			continue
		}
		s.passOver(at)
		s.handled-- // it is being handled
	}
}

// forsake leaves the message that is being handled, and those before it in its batch, to
// the goroutine that is at it, and keeps the rest. It gives that message. The slot is
// locked.
func (s *Slot) forsake() *link {
	s.interrupt.Store(true)
	at := s.cursor.Swap(nil)
	if at == nil {
		return nil
	}
	if s.batch == 0 {
		s.handled++
		return at
	}
	s.passOver(at)
	return at
}

// passOver ends a batch and takes it out of the mail up to at, without touching the links:
// the loop may be reading them. The slot is locked.
func (s *Slot) passOver(at *link) {
	s.batch = 0
	for l := (*link)(nil); l != at; {
		l = s.mail.head
		if s.mail.head = l.next; s.mail.head == nil {
			s.mail.tail = nil
		}
		s.mail.n--
		s.handled++
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
	s.fresh = false
	s.interrupt.Store(false)
	inc.dead.Store(true)
	r := s.rare
	if reason == errRenewed {
		reason = r.exit // it may have been told to stop meanwhile
	}
	r.exit, r.brutal = nil, false
	r.last = reason
	r.leave = nil
	if r.clock != nil {
		r.clock.Stop()
		r.clock = nil
	}
	start := s.starter
	s.starter = nil
	waited := start != nil && start.done != nil
	renew := reason == errRenewed && s.odd != nil && s.odd.renewal != nil && !s.doomed
	if !renew && s.odd != nil {
		s.odd.renewal = nil
	}
	s.want = renew
	final := !s.owned() && !renew
	var watchers []*Watch
	if started {
		for w := range r.watchers {
			watchers = append(watchers, w)
			if !w.always || final {
				delete(r.watchers, w)
			}
		}
	}
	var lost []message
	for l := r.urgent.pop(); l != nil; l = r.urgent.pop() {
		if l.self.asked() != nil {
			lost = append(lost, l.self)
		}
	}
	if s.opts.Mailbox.Fresh && !renew {
		lost = append(lost, s.drain()...)
	} else {
		if s.odd != nil {
			s.mail.prepend(s.odd.later)
			s.odd.ahead, s.odd.later, s.odd.replay = queue{}, queue{}, false
		}
		s.mail.keep(func(m message) bool { return m.of() == nil })
		if !final {
			s.admit()
		}
	}
	r.ended, r.finishing = inc.ended, true
	var cleanups []func()
	if inc.things != nil {
		for c := range inc.things.cleanups {
			cleanups = append(cleanups, c.do)
		}
		inc.things.cleanups = nil
	}
	links := inc.takeLinks()
	var knows *incarnation // its starter, which has the error
	if waited && !started {
		knows = r.parent
	}
	s.mu.Unlock()

	inc.cancel(reason)
	for _, m := range lost {
		failed(m, died(s, reason))
	}
	for _, do := range cleanups {
		s.cleanUp(do)
	}
	if final {
		s.retire(reason, died)
	}
	for _, w := range watchers {
		w.fire(reason, final)
	}
	for _, peer := range links {
		if peer == knows {
			peer.unlink(inc)
		} else {
			peer.linkEnded(inc, reason)
		}
	}
	s.mu.Lock()
	r.finishing = false
	if r.ended != nil {
		close(r.ended)
	}
	s.mu.Unlock()
	if waited {
		start.done <- reason
	}
	if s.owned() && !renew && (started || !waited) {
		s.owner.urgent(Down{Target: s, Reason: reason, Started: started})
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
