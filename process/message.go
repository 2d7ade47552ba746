package process

import (
	"context"
	"encoding/json"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/bennu-go/bennu/telemetry"
)

// message is an envelope: a method and its argument. What it is called is looked up
// only when a report or a listing asks.
type message interface {
	envelope() *link
	deliver(*incarnation) error // runs the method; an error is a crash, or Postpone
	asked() question            // nil: nobody waits for an answer
	of() *incarnation           // the one life it is for; nil: survives a crash
	method() any                // for reports and listings
	input() any                 // likewise; nil: none
	from() *telemetry.Trace     // the sender's trace, likewise; may be nil
	droppable() bool            // may be lost when the mailbox overflows
}

// question is the part of a message that somebody waits for.
type question interface {
	fail(error) // no process will ever answer it
	gone() bool // whoever waited has left, or has an answer
	over() bool // its method has returned
	accept(json.RawMessage) error
}

// link is what all envelopes have in common.
type link struct {
	next *link
	self message // the envelope, from when it is queued
}

func (l *link) envelope() *link        { return l }
func (l *link) asked() question        { return nil }
func (l *link) of() *incarnation       { return nil }
func (l *link) input() any             { return nil }
func (l *link) droppable() bool        { return true }
func (l *link) from() *telemetry.Trace { return nil }

func failed(m message, err error) {
	if q := m.asked(); q != nil {
		q.fail(err)
	}
}

// sealed gives the link of an envelope that is about to be queued.
func sealed(m message) *link {
	l := m.envelope()
	l.self = m
	return l
}

// queue is a list of messages, linked through themselves.
type queue struct {
	head, tail *link
	n          int
}

func (q *queue) push(l *link) {
	if q.tail == nil {
		q.head = l
	} else {
		q.tail.next = l
	}
	q.tail = l
	q.n++
}

func (q *queue) pop() *link {
	l := q.head
	if l == nil {
		return nil
	}
	if q.head = l.next; q.head == nil {
		q.tail = nil
	}
	l.next = nil
	q.n--
	return l
}

// prepend puts all of first ahead.
func (q *queue) prepend(first queue) {
	if first.n == 0 {
		return
	}
	first.tail.next = q.head
	if q.tail == nil {
		q.tail = first.tail
	}
	q.head = first.head
	q.n += first.n
}

// take removes the first message that ok accepts.
func (q *queue) take(ok func(message) bool) *link {
	var before *link
	for l := q.head; l != nil; before, l = l, l.next {
		if !ok(l.self) {
			continue
		}
		if before == nil {
			return q.pop()
		}
		if before.next = l.next; l.next == nil {
			q.tail = before
		}
		l.next = nil
		q.n--
		return l
	}
	return nil
}

// keep drops the messages that ok refuses, and gives how many.
func (q *queue) keep(ok func(message) bool) (dropped int) {
	var kept queue
	for l := q.pop(); l != nil; l = q.pop() {
		if ok(l.self) {
			kept.push(l)
		} else {
			dropped++
		}
	}
	*q = kept
	return dropped
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

// enter makes the frame of a message that is about to be handled, unless nobody waits
// for it any more.
func (a *answer[Out]) enter(inc *incarnation) bool {
	if a.settled.Load() {
		inc.slot.node.skipped.Add(1)
		return false
	}
	a.inc, a.asked = inc, a
	if a.std.Load() != nil {
		a.std.Store(nil) // it was postponed
	}
	return true
}

func (a *answer[Out]) leave(out Out, err error) error {
	a.release()
	switch err {
	case Postpone:
		return err
	case Deferred:
		a.returned.Store(true)
	default:
		a.returned.Store(true)
		a.settle(out, err)
	}
	return nil
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
	if !m.enter(inc) {
		return nil
	}
	return m.leave(m.call(inc.state.(*S), &m.frame, m.in))
}

func (m *askMsg[S, Out]) deliver(inc *incarnation) error {
	if !m.enter(inc) {
		return nil
	}
	return m.leave(m.call(inc.state.(*S), &m.frame))
}

func (m *doMsg[S, In]) deliver(inc *incarnation) error {
	if !m.enter(inc) {
		return nil
	}
	return m.leave(None{}, m.call(inc.state.(*S), &m.frame, m.in))
}

func (m *runMsg[S]) deliver(inc *incarnation) error {
	if !m.enter(inc) {
		return nil
	}
	return m.leave(None{}, m.call(inc.state.(*S), &m.frame))
}

func (m *castMsg[S, In]) deliver(inc *incarnation) error {
	return notDeferred(m.call(inc.state.(*S), inc.traced(m.trace), m.in))
}

func (m *signalMsg[S]) deliver(inc *incarnation) error {
	return notDeferred(m.call(inc.state.(*S), inc.traced(m.trace)))
}

// notDeferred is for messages that nobody waits for: there a later answer is none.
func notDeferred(err error) error {
	if err == Deferred {
		return nil
	}
	return err
}

func (m *callMsg[S, In, Out]) method() any { return m.call }
func (m *askMsg[S, Out]) method() any      { return m.call }
func (m *doMsg[S, In]) method() any        { return m.call }
func (m *runMsg[S]) method() any           { return m.call }
func (m *castMsg[S, In]) method() any      { return m.call }
func (m *signalMsg[S]) method() any        { return m.call }

func (m *callMsg[S, In, Out]) input() any { return m.in }
func (m *doMsg[S, In]) input() any        { return m.in }
func (m *castMsg[S, In]) input() any      { return m.in }

func (m *callMsg[S, In, Out]) from() *telemetry.Trace { return m.trace }
func (m *askMsg[S, Out]) from() *telemetry.Trace      { return m.trace }
func (m *doMsg[S, In]) from() *telemetry.Trace        { return m.trace }
func (m *runMsg[S]) from() *telemetry.Trace           { return m.trace }
func (m *castMsg[S, In]) from() *telemetry.Trace      { return m.trace }
func (m *signalMsg[S]) from() *telemetry.Trace        { return m.trace }

func (m *callMsg[S, In, Out]) asked() question { return &m.answer }
func (m *askMsg[S, Out]) asked() question      { return &m.answer }
func (m *doMsg[S, In]) asked() question        { return &m.answer }
func (m *runMsg[S]) asked() question           { return &m.answer }

// continuing stands for Continue in reports and listings.
type continuing struct{ link }

func (*continuing) deliver(*incarnation) error { return nil }
func (*continuing) method() any                { return Continuer.Continue }

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
