package process

import (
	"context"
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
