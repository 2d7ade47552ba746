package process

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// waiter is what a caller waits with; a node keeps those that are free.
//
// Its clock is not set anew for each question: it strikes at or before the time of the
// present one, fails that if it is due, and is set again if not.
type waiter struct {
	node  *Node
	done  chan struct{} // with room for one
	clock *time.Timer
	asked question
	due   atomic.Int64 // when asked is to fail, in the node's time; 0: never
	set   atomic.Int64 // when the clock will strike; 0: it will not
}

func newWaiter(n *Node) *waiter {
	w := &waiter{node: n, done: make(chan struct{}, 1)}
	w.clock = time.AfterFunc(time.Hour, w.strike)
	w.clock.Stop()
	return w
}

// limit makes the question fail in d, at now + d in the node's time.
func (w *waiter) limit(q question, now, d time.Duration) {
	w.asked = q
	due := max(int64(now+d), 1)
	w.due.Store(due)
	if set := w.set.Load(); set == 0 || set > due {
		w.set.Store(due)
		w.clock.Reset(d)
	}
}

func (w *waiter) strike() {
	for {
		w.set.Store(0)
		due := w.due.Load()
		if due == 0 {
			return
		}
		if left := time.Duration(due) - w.node.now(); left > 0 {
			if w.set.CompareAndSwap(0, due) {
				w.clock.Reset(left)
			}
			return
		}
		if w.due.CompareAndSwap(due, 0) {
			w.asked.fail(ErrTimeout)
			return
		}
	}
}

// free gives the waiter back, unless its clock has struck for this very question and
// may still hold it.
func (w *waiter) free(limited bool) {
	if limited && w.due.Swap(0) == 0 {
		return
	}
	w.asked = nil
	w.node.waiters.Put(w)
}

// errCanceled stands for context.Canceled until it is said of whom.
var errCanceled = errors.New("process: canceled")

// wait waits for the answer, or for the end of the caller's context.
func (a *answer[Out]) wait(ctx context.Context, f *frame, s *Slot, limited bool) (Out, error) {
	switch {
	case f.waitFor(ctx, a): // the end of its process reaches the question by itself
		<-a.by.done
		f.inc.hasWaited()
	case ctx.Done() == nil:
		<-a.by.done
	default:
		select {
		case <-a.by.done:
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				a.fail(ErrTimeout)
			} else {
				a.fail(errCanceled)
			}
			<-a.by.done // whichever came first, that answer or this one
		}
	}
	a.by.free(limited)
	switch a.err {
	case ErrTimeout:
		a.err = s.tooLate()
	case errCanceled:
		a.err = explain(context.Canceled, s)
	}
	return a.out, a.err
}

// waitFor makes the end of the frame's process fail q, and reports whether it will. It
// is for a handler that waits with its own context.
func (f *frame) waitFor(ctx context.Context, q question) bool {
	if f == nil || f.helper || ctx != context.Context(f) {
		return false
	}
	s := f.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	t := f.inc.keep()
	if t.waitsFor != nil || f.inc.cause != nil { // somebody else uses it, too; or it is for the end
		return false
	}
	t.waitsFor = q
	return true
}

func (inc *incarnation) hasWaited() {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	inc.things.waitsFor = nil
}

// tooLate is the error for who waited in vain: it tells a process that is down from one
// that is slow.
func (s *Slot) tooLate() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == vacant || s.phase == opening {
		return fault.Unavailable.Wrap(ErrTimeout, "%s is being restarted; try again", s)
	}
	return explain(ErrTimeout, s)
}
