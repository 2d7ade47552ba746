package process

import (
	"context"
	"errors"
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
	w := &sender{m: m, in: make(chan struct{})}
	r := s.seldom()
	r.waiting = append(r.waiting, w)
	s.mu.Unlock()

	if deadline.IsZero() {
		var ok bool
		if deadline, ok = ctx.Deadline(); !ok {
			deadline = time.Now().Add(DefaultTimeout)
		}
	}
	timer := time.NewTimer(time.Until(deadline))
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
		return explain(err, s)
	}
}

// admit lets the first sender in line in. The slot is locked.
func (s *Slot) admit() {
	line := s.rare.waiting
	for len(line) > 0 {
		w := line[0]
		line[0] = nil
		if line = line[1:]; !w.left {
			s.mail.push(w.m)
			close(w.in)
			break
		}
	}
	s.rare.waiting = line
}
