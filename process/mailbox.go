package process

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Mailbox says how many messages may wait for a process, and what becomes of one more.
// What the process is told by its own timers and monitors always has room, and a stop is
// never held up by a full mailbox.
type Mailbox struct {
	Size     int // most messages that wait; 0: 1,024
	Overflow Overflow

	// Fresh makes each incarnation begin with an empty mailbox, as in OTP: calls and
	// casts that are queued are lost with a crash, and their callers get the reason.
	// Else they survive.
	Fresh bool
}

// Overflow is what happens to a message that finds a mailbox full. Each one that is lost
// is counted: in process.messages.lost, and for its process in Info.Lost. A topic's
// message never waits.
type Overflow uint8

// The ways to deal with overflow.
const (
	// Block makes a sender from outside wait for room until its deadline, first come,
	// first served; a handler that casts gets ErrFull at once, and a topic's message is
	// lost.
	Block Overflow = iota

	// Fail gives every sender ErrFull at once.
	Fail

	// DropOldest makes room by losing the message that has waited longest. If somebody
	// waits for its answer they get ErrFull.
	DropOldest

	// DropNewest loses the message that has no room. A cast does not tell; whoever waits
	// for an answer gets ErrFull.
	DropNewest

	// Crash ends the process with ErrOverflow, and loses what is in the mailbox.
	Crash
)

const defaultMailbox = 1024

// sender waits in line for room.
type sender struct {
	m       *link
	in      chan struct{} // closed when its message is in the mailbox, or refused
	left    bool          // it has given up
	refused bool          // the process has ended for good
}

var errRetired = errors.New("process: retired")

// room reports whether the mailbox has some. The slot is locked.
func (s *Slot) room() bool {
	size := s.opts.Mailbox.Size
	if s.odd == nil || s.odd.later.n == 0 {
		return s.mail.n < size || s.mail.n-s.passed() < size
	}
	if s.waits() < size {
		return true
	}
	s.odd.later.keep(func(m message) bool { q := m.asked(); return q == nil || !q.gone() })
	return s.waits() < size
}

// put puts a message into the mailbox. The slot is locked.
func (s *Slot) put(l *link, by *worker) {
	s.mail.push(l)
	if n := s.mail.n; n > int(s.high) {
		s.high = uint32(max(int(s.high), n-s.passed()))
	}
	if s.busy && !s.node.sampling.Load() { // behind something that takes long
		s.node.beginSampling()
	}
	if s.phase == alive {
		s.wake(by)
	}
}

// putFirst puts a message into a queue that comes ahead of the mail, room or not. The slot
// is locked.
func (s *Slot) putFirst(q *queue, m message) {
	q.push(sealed(m))
	s.interrupt.Store(true)
	if s.phase == alive {
		s.wake(nil)
	}
}

// push puts a message into the mailbox. If there is no room it does as Overflow says;
// now means that the sender may not wait.
func (s *Slot) push(ctx context.Context, m message, now bool, deadline time.Time, by *worker) error {
	if to, abroad := s.opener.(stranger); abroad {
		return s.sendAbroad(ctx, to, m, deadline)
	}
	l := sealed(m)
	s.mu.Lock()
	if s.phase == retired {
		s.mu.Unlock()
		return errRetired
	}
	if s.room() && (s.rare == nil || len(s.rare.waiting) == 0) {
		s.put(l, by)
		s.mu.Unlock()
		return nil
	}
	if s.opts.Mailbox.Overflow != Block {
		return s.overflow(l, by)
	}
	if now {
		s.mu.Unlock()
		return explain(ErrFull, s)
	}
	if deadline.IsZero() {
		var ok bool
		if deadline, ok = ctx.Deadline(); !ok {
			deadline = time.Now().Add(DefaultTimeout)
		}
	}
	patience := time.Until(deadline)
	if patience <= 0 {
		s.mu.Unlock()
		return explain(ErrFull, s)
	}
	w := &sender{m: l, in: make(chan struct{})}
	r := s.seldom()
	r.waiting = append(r.waiting, w)
	s.mu.Unlock()
	return s.queueUp(ctx, w, patience)
}

// queueUp waits in line until there is room.
func (s *Slot) queueUp(ctx context.Context, w *sender, patience time.Duration) error {
	frameOf(ctx).yield()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	err := error(ErrTimeout)
	select {
	case <-w.in:
	case <-timer.C:
	case <-ctx.Done():
		if ctx.Err() != context.DeadlineExceeded {
			err = ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-w.in:
		if w.refused {
			return errRetired
		}
		return nil
	default:
		w.left = true
		r := s.rare
		r.left++
		if 2*r.left > len(r.waiting) { // a line that does not move must not grow
			r.waiting = slices.DeleteFunc(r.waiting, func(w *sender) bool { return w.left })
			r.left = 0
		}
		return explain(err, s)
	}
}

// admit lets senders in, as many as there is room for. The slot is locked.
func (s *Slot) admit() {
	r := s.rare
	for len(r.waiting) > 0 && s.room() {
		w := r.waiting[0]
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		if w.left {
			r.left--
			continue
		}
		s.put(w.m, nil)
		close(w.in)
	}
}

// miss counts a message that had no room and is not sent again, if overflow has not.
func (s *Slot) miss() {
	if s.opts.Mailbox.Overflow == Crash {
		return
	}
	s.mu.Lock()
	s.oddly().lost++
	s.mu.Unlock()
	s.node.lost.Add(1)
}

// overflow deals with a message that has no room and may not wait. The slot is locked,
// and unlocked afterwards.
func (s *Slot) overflow(l *link, by *worker) error {
	full := explain(ErrFull, s)
	s.reclaim() // what the loop has taken of the mail, and not begun, waits too
	var lost []message
	switch s.opts.Mailbox.Overflow {
	case DropOldest:
		old := s.mail.take(message.droppable)
		if old == nil { // nothing but ticks
			s.mu.Unlock()
			return full
		}
		lost = append(lost, old.self)
		s.put(l, by)
	case DropNewest:
		lost = append(lost, l.self)
	case Crash:
		for old := s.mail.take(message.droppable); old != nil; old = s.mail.take(message.droppable) {
			lost = append(lost, old.self)
		}
		lost = append(lost, l.self)
	default:
		s.mu.Unlock()
		return full
	}
	s.oddly().lost += uint64(len(lost))
	s.node.lost.Add(int64(len(lost)))
	crash := s.opts.Mailbox.Overflow == Crash && s.inc != nil && s.seldom().exit == nil
	if crash {
		s.odd.crash = crashOf(nil, ErrOverflow)
	}
	s.mu.Unlock()
	if crash {
		s.Exit(ErrOverflow)
		s.node.report(s, nil, ErrOverflow)
	}
	for _, m := range lost {
		failed(m, full)
	}
	if s.opts.Mailbox.Overflow == Crash {
		return full
	}
	return nil
}
