package process

import (
	"context"
	"errors"
	"time"
)

// The loop of a process. It runs on a goroutine that exists only while there is
// something to do. A panic or a runtime.Goexit in user code unwinds one turn; the
// next one goes on from the slot's phase.

// wake makes sure that somebody runs the loop: the worker by, if it can, or another. The
// slot is locked.
func (s *Slot) wake(by *worker) {
	if !s.busy {
		s.busy = true
		if by == nil || !by.take(s) {
			s.node.employ(s)
		}
	}
}

// rouse is wake for what must not wait until the mail has been handled. The slot is
// locked.
func (s *Slot) rouse() {
	s.interrupt.Store(true)
	s.wake(nil)
}

// turn runs the process until there is nothing left to do, or others are to have their
// turn, or until user code unwinds it: then it reports true, to be called again.
func (s *Slot) turn(w *worker, turns uint32) (again bool) {
	var inc *incarnation
	done := false
	defer func() {
		if done {
			return
		}
		value := recover()
		s.crashed(turns, inc, caught(value))
		if again = true; value == nil {
			w.resume(job{s, turns}) // Goexit: this goroutine is about to end
		}
	}()
	if s.worker.Load() != w {
		s.worker.Store(w)
	}
	for ran := false; ; {
		s.mu.Lock()
		if s.turns != turns {
			s.mu.Unlock()
			done = true
			return false
		}
		s.settle()
		inc = s.inc
		switch {
		case s.phase == vacant && s.want:
			ctx := s.begin()
			inc = s.inc
			restore := s.restorer()
			s.mu.Unlock()
			inc.linkToParent()
			state, err := s.opener.open(ctx)
			if err == nil && restore != nil {
				err = restore(ctx, state)
			}
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
			s.cursor.Store(sealed(new(continuing)))
			s.mu.Unlock()
			if err := inc.state.(Continuer).Continue(&inc.own); err != nil {
				s.crashed(turns, inc, err)
			}
		default:
			l := s.claim(ran, w)
			if l == nil {
				s.mu.Unlock()
				done = true
				return false
			}
			ran = true
			n, tapped := int(s.batch), s.tapped()
			s.mu.Unlock()
			if tapped {
				s.handleTapped(turns, inc, l)
			} else {
				s.handle(turns, inc, l, n)
			}
		}
	}
}

// claim gives the next message, and with it, the batch that follows: what the process
// told itself first, then what is urgent, then the mail. When it gives nil, the worker is
// done with the slot: there is nothing, or others in line have their turn now. The slot
// is locked.
func (s *Slot) claim(ran bool, w *worker) *link {
	if s.phase != alive {
		s.rest()
		return nil
	}
	if s.paused {
		l := s.claimSystem()
		if l == nil {
			s.rest()
		}
		return l
	}
	if s.interrupt.Load() {
		if l := s.claimFirst(); l != nil {
			return l
		}
	}
	if s.mail.n == 0 {
		s.rest()
		return nil
	}
	if ran && w.others() && w.take(s) {
		return nil
	}
	s.batch = uint16(min(s.mail.n, batch))
	if s.tapped() {
		s.batch = 1
	}
	s.cursor.Store(s.mail.head)
	return s.mail.head
}

// claimSystem is all that a suspended process handles.
func (s *Slot) claimSystem() *link {
	if s.rare == nil {
		return nil
	}
	l := s.rare.urgent.take(ofSystem)
	if l != nil {
		s.cursor.Store(l)
	}
	return l
}

func (s *Slot) claimFirst() *link {
	s.interrupt.Store(false)
	var l *link
	more := 0
	if o := s.odd; o != nil {
		if o.replay {
			o.replay = false
			s.mail.prepend(o.later)
			o.later = queue{}
		}
		l = o.ahead.pop()
		more = o.ahead.n
	}
	if r := s.rare; r != nil {
		if l == nil {
			l = r.urgent.pop()
		}
		more += r.urgent.n
	}
	if l != nil {
		s.interrupt.Store(more > 0)
		s.cursor.Store(l)
	}
	return l
}

// handle runs l and the messages of its batch, n in all.
func (s *Slot) handle(turns uint32, inc *incarnation, l *link, n int) {
	for {
		if !s.node.sampling.Load() {
			s.node.beginSampling()
		}
		if err := l.self.deliver(inc); err != nil {
			s.refused(turns, inc, l, err)
			return
		}
		if n--; n <= 0 || s.interrupt.Load() {
			return
		}
		next := l.next
		if !s.cursor.CompareAndSwap(l, next) {
			return // it was abandoned
		}
		l = next
	}
}

// refused is for a message whose method returned an error that nobody waits for.
func (s *Slot) refused(turns uint32, inc *incarnation, l *link, err error) {
	if err != Postpone {
		s.crashed(turns, inc, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turns == turns && s.inc == inc {
		s.settle()
		l.next = nil
		s.oddly().later.push(l)
	}
}

// settle takes what has been handled out of the mail. The slot is locked.
func (s *Slot) settle() {
	at := s.cursor.Load()
	if at == nil {
		return
	}
	s.cursor.Store(nil)
	s.measure(at.self.envelope())
	if s.batch == 0 {
		if !ofSystem(at.self) {
			s.handled++
		}
		return
	}
	s.batch = 0
	for l := s.mail.pop(); ; l = s.mail.pop() {
		s.handled++
		if l == at {
			break
		}
	}
	if s.rare != nil && len(s.rare.waiting) > 0 {
		s.admit()
	}
}

// passed is how many of the mail have been handled, or are being handled: they are still
// in the list. The slot is locked.
func (s *Slot) passed() int {
	at := s.cursor.Load()
	if at == nil || s.batch == 0 {
		return 0
	}
	n := 1
	for l := s.mail.head; l != at; l = l.next {
		n++
	}
	return n
}

// waits is how many messages wait. The slot is locked.
func (s *Slot) waits() int {
	n := s.mail.n - s.passed()
	if s.odd != nil {
		n += s.odd.later.n
	}
	return n
}

// rest ends the work for a slot that has nothing to do. The slot is locked.
func (s *Slot) rest() {
	s.busy = false
	if o := s.odd; o != nil && o.idler != nil && o.quietAt != s.handled {
		o.quiet, o.quietAt = time.Now(), s.handled
	}
}

// current is the message that is being handled, or nil.
func (s *Slot) current() message {
	if l := s.cursor.Load(); l != nil {
		return l.self
	}
	return nil
}

// begin makes an incarnation and gives the context of its constructor. The slot is
// locked.
func (s *Slot) begin() context.Context {
	s.phase = opening
	s.lives++
	var inc *incarnation
	if s.odd != nil {
		inc, s.odd.next = s.odd.next, nil
	}
	if inc == nil {
		inc = &incarnation{slot: s}
	}
	inc.own.inc = inc
	s.inc = inc
	s.want = false
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
	owner := r.owner
	renew := reason == errRenewed && s.odd != nil && s.odd.renewal != nil && !s.doomed
	if !renew && s.odd != nil {
		s.odd.renewal = nil
	}
	s.want = renew
	final := owner.inc == nil && !renew
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
	if owner.inc != nil && !renew && (started || !waited) {
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
