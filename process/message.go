package process

import (
	"context"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// message is an envelope: a method and its argument. What it is called is looked up
// only when a report or a listing asks.
type message interface {
	next() *message             // the link of the queue it is in
	deliver(*incarnation) error // runs the method; an error is a crash
	fail(error)                 // no process will ever take it
	gone() bool                 // whoever waited for it has left
	over() bool                 // its method has returned
	of() *incarnation           // the one life it is for; nil: survives a crash
	method() any                // the method, for reports
	from() *telemetry.Trace     // the sender's trace, for reports; may be nil
}

// link is what all envelopes have in common.
type link struct{ after message }

func (l *link) next() *message   { return &l.after }
func (l *link) fail(error)       {}
func (l *link) gone() bool       { return false }
func (l *link) over() bool       { return false }
func (l *link) of() *incarnation { return nil }

func (l *link) from() *telemetry.Trace { return nil }

// queue is a list of messages, linked through themselves.
type queue struct {
	head, tail message
	n          int
}

func (q *queue) push(m message) {
	if q.tail == nil {
		q.head = m
	} else {
		*q.tail.next() = m
	}
	q.tail = m
	q.n++
}

func (q *queue) pop() message {
	m := q.head
	if m == nil {
		return nil
	}
	link := m.next()
	if q.head = *link; q.head == nil {
		q.tail = nil
	}
	*link = nil
	q.n--
	return m
}

// keep drops the messages that ok refuses.
func (q *queue) keep(ok func(message) bool) {
	var kept queue
	for m := q.pop(); m != nil; m = q.pop() {
		if ok(m) {
			kept.push(m)
		}
	}
	*q = kept
}

// answer is the part of an envelope that somebody waits for.
type answer[Out any] struct {
	frame
	settled  atomic.Bool
	returned atomic.Bool // the method, which may be after somebody else settled it
	by       *waiter
	out      Out
	err      error
}

// settle gives the answer. Only the first one counts; it reports whether this was
// it.
func (a *answer[Out]) settle(out Out, err error) bool {
	if !a.settled.CompareAndSwap(false, true) {
		return false
	}
	a.out, a.err = out, err
	a.by.done <- struct{}{}
	return true
}

func (a *answer[Out]) fail(err error) {
	var none Out
	a.settle(none, err)
}

func (a *answer[Out]) gone() bool { return a.settled.Load() }
func (a *answer[Out]) over() bool { return a.returned.Load() }

// enter makes the frame of a message that is about to be handled.
func (a *answer[Out]) enter(inc *incarnation) context.Context {
	a.inc, a.asked = inc, a
	return &a.frame
}

func (a *answer[Out]) leave(out Out, err error) {
	a.release()
	a.returned.Store(true)
	if err != Deferred {
		a.settle(out, err)
	}
}

// None is the In or the Out of a method that has none.
type None = struct{}

// The envelopes: one for each shape of method, and for those that return an error
// alone, one to wait for and one not to.
type (
	callMsg[S, In, Out any] struct {
		link
		answer[Out]
		call func(*S, context.Context, In) (Out, error)
		in   In
	}
	askMsg[S, Out any] struct {
		link
		answer[Out]
		call func(*S, context.Context) (Out, error)
	}
	doMsg[S, In any] struct {
		link
		answer[None]
		call func(*S, context.Context, In) error
		in   In
	}
	runMsg[S any] struct {
		link
		answer[None]
		call func(*S, context.Context) error
	}
	castMsg[S, In any] struct {
		link
		trace *telemetry.Trace
		call  func(*S, context.Context, In) error
		in    In
	}
	signalMsg[S any] struct {
		link
		trace *telemetry.Trace
		call  func(*S, context.Context) error
	}
)

func (m *callMsg[S, In, Out]) deliver(inc *incarnation) error {
	out, err := m.call(inc.state.(*S), m.enter(inc), m.in)
	m.leave(out, err)
	return nil
}

func (m *askMsg[S, Out]) deliver(inc *incarnation) error {
	out, err := m.call(inc.state.(*S), m.enter(inc))
	m.leave(out, err)
	return nil
}

func (m *doMsg[S, In]) deliver(inc *incarnation) error {
	m.leave(None{}, m.call(inc.state.(*S), m.enter(inc), m.in))
	return nil
}

func (m *runMsg[S]) deliver(inc *incarnation) error {
	m.leave(None{}, m.call(inc.state.(*S), m.enter(inc)))
	return nil
}

func (m *castMsg[S, In]) deliver(inc *incarnation) error {
	return m.call(inc.state.(*S), inc.traced(m.trace), m.in)
}

func (m *signalMsg[S]) deliver(inc *incarnation) error {
	return m.call(inc.state.(*S), inc.traced(m.trace))
}

func (m *callMsg[S, In, Out]) method() any { return m.call }
func (m *askMsg[S, Out]) method() any      { return m.call }
func (m *doMsg[S, In]) method() any        { return m.call }
func (m *runMsg[S]) method() any           { return m.call }
func (m *castMsg[S, In]) method() any      { return m.call }
func (m *signalMsg[S]) method() any        { return m.call }

func (m *callMsg[S, In, Out]) from() *telemetry.Trace { return m.trace }
func (m *askMsg[S, Out]) from() *telemetry.Trace      { return m.trace }
func (m *doMsg[S, In]) from() *telemetry.Trace        { return m.trace }
func (m *runMsg[S]) from() *telemetry.Trace           { return m.trace }
func (m *castMsg[S, In]) from() *telemetry.Trace      { return m.trace }
func (m *signalMsg[S]) from() *telemetry.Trace        { return m.trace }

func (m *callMsg[S, In, Out]) fail(err error) { m.answer.fail(err) }
func (m *askMsg[S, Out]) fail(err error)      { m.answer.fail(err) }
func (m *doMsg[S, In]) fail(err error)        { m.answer.fail(err) }
func (m *runMsg[S]) fail(err error)           { m.answer.fail(err) }

func (m *callMsg[S, In, Out]) gone() bool { return m.answer.gone() }
func (m *askMsg[S, Out]) gone() bool      { return m.answer.gone() }
func (m *doMsg[S, In]) gone() bool        { return m.answer.gone() }
func (m *runMsg[S]) gone() bool           { return m.answer.gone() }

func (m *callMsg[S, In, Out]) over() bool { return m.answer.over() }
func (m *askMsg[S, Out]) over() bool      { return m.answer.over() }
func (m *doMsg[S, In]) over() bool        { return m.answer.over() }
func (m *runMsg[S]) over() bool           { return m.answer.over() }

// continuing stands for Continue in reports and listings.
type continuing struct{ *link }

func (continuing) deliver(*incarnation) error { return nil }
func (continuing) method() any                { return Continuer.Continue }

// traced is the context for a message that nobody waits for.
func (inc *incarnation) traced(t *telemetry.Trace) context.Context {
	if t == nil {
		return &inc.own
	}
	return &frame{inc: inc, trace: t}
}

// methodName is a method's name as a reader knows it: "(*Room).Post".
func methodName(m message) string {
	if m == nil {
		return ""
	}
	f := runtime.FuncForPC(reflect.ValueOf(m.method()).Pointer())
	if f == nil {
		return "?"
	}
	name := f.Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	if _, method, ok := strings.Cut(name, "."); ok {
		name = method
	}
	return strings.TrimSuffix(name, "-fm")
}

// waiter is what a caller waits with; a node keeps those that are free. Its clock
// fails the question when time is up, so that the caller waits for one thing only.
type waiter struct {
	done  chan struct{} // with room for one
	clock *time.Timer
	asked interface{ fail(error) }
}

func newWaiter() *waiter {
	w := &waiter{done: make(chan struct{}, 1)}
	w.clock = time.AfterFunc(time.Hour, func() { w.asked.fail(ErrTimeout) })
	w.clock.Stop()
	return w
}

// wait waits for the answer, or for the end of the caller's context.
func (a *answer[Out]) wait(ctx context.Context, s *Slot, timed bool) (Out, error) {
	if ended := ctx.Done(); ended == nil {
		<-a.by.done
	} else {
		select {
		case <-a.by.done:
		case <-ended:
			err := error(ErrTimeout)
			if ctx.Err() != context.DeadlineExceeded {
				err = explain(ctx.Err(), s)
			}
			a.fail(err)
			<-a.by.done // whichever came first, that answer or this one
		}
	}
	if !timed || a.by.clock.Stop() {
		a.by.asked = nil
		s.node.waiters.Put(a.by)
	}
	if a.err == ErrTimeout {
		a.err = s.tooLate()
	}
	return a.out, a.err
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
