package process

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Mailbox says how many messages may wait for a process. When it is full, a sender
// from outside waits for room, first come, first served; a handler that casts gets
// ErrFull at once; a topic's message is lost and counted. What the process is told
// by its own timers and monitors always has room.
type Mailbox struct {
	Size int // most messages that wait; 0: 1,024
}

const defaultMailbox = 1024

// sender waits in line for room.
type sender struct {
	m       message
	in      chan struct{} // closed when its message is in the mailbox, or refused
	left    bool          // it has given up
	refused bool          // the process has ended for good
}

var errRetired = errors.New("process: retired")

// push puts a message into the mailbox. If there is no room it waits in line, or
// fails with ErrFull if it may not wait.
func (s *Slot) push(ctx context.Context, m message, now bool, deadline time.Time) error {
	s.mu.Lock()
	if s.phase == retired {
		s.mu.Unlock()
		return errRetired
	}
	if s.mail.n < s.opts.Mailbox.Size && (s.rare == nil || len(s.rare.waiting) == 0) {
		s.mail.push(m)
		if s.phase == alive {
			s.wake()
		}
		s.mu.Unlock()
		return nil
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
	w := &sender{m: m, in: make(chan struct{})}
	r := s.seldom()
	r.waiting = append(r.waiting, w)
	s.mu.Unlock()

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
	for len(r.waiting) > 0 && s.mail.n < s.opts.Mailbox.Size {
		w := r.waiting[0]
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		if w.left {
			r.left--
			continue
		}
		s.mail.push(w.m)
		close(w.in)
	}
}
