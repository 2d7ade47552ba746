package process

import "context"

// Port is a process and one of its methods: an address that whatever must reach the
// process later can keep. Timers, monitors and subscriptions are made of it.
//
// A port is of one incarnation: after a restart it leads nowhere, and the
// constructor makes a new one.
type Port[T any] struct {
	inc      *incarnation
	envelope func(T) message
}

// Bind makes a Port of the process whose context is given. method must be one of
// its own; else Bind fails with ErrNotHere.
func Bind[S, T any](ctx context.Context, method func(*S, context.Context, T) error) (Port[T], error) {
	inc, err := here[S](ctx)
	if err != nil {
		return Port[T]{}, err
	}
	return Port[T]{inc, func(v T) message { return &portMsg[S, T]{inc: inc, call: method, v: v} }}, nil
}

// Send queues the value for the method. It never blocks: ErrFull says that the
// mailbox has no room, ErrDead that the incarnation has ended. An error that the
// method returns is a crash.
func (p Port[T]) Send(v T) error { return p.post(v, nil) }

// SendIn is Send for one of many that are sent to: see [Burst].
func (p Port[T]) SendIn(b *Burst, v T) error { return p.post(v, b.worker) }

// Hook is an owner that is no process: fn is called with each end, by the goroutine that the
// process ended on. It must not block.
func Hook(fn func(Down)) Port[Down] {
	return Port[Down]{envelope: func(d Down) message { fn(d); return nil }}
}

// set reports whether the port leads anywhere.
func (p Port[T]) set() bool { return p.envelope != nil }

// OnEnd makes do run when the port's incarnation has ended, unless release is
// called before. It fails with ErrDead where it has ended already.
func (p Port[T]) OnEnd(do func()) (release func(), err error) {
	if p.inc == nil {
		return nil, ErrNotHere
	}
	return p.inc.hold(do)
}

// urgent queues the value ahead of all mail, room or not.
func (p Port[T]) urgent(v T) {
	if p.inc == nil && p.set() {
		p.envelope(v) // a Hook
		return
	}
	p.first(v, func(s *Slot) *queue { return &s.seldom().urgent }) // to a dead process, as in OTP: nothing
}

// first queues the value ahead of all mail.
func (p Port[T]) first(v T, in func(*Slot) *queue) bool {
	if p.inc == nil {
		return false
	}
	s := p.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inc != p.inc {
		return false
	}
	s.putFirst(in(s), p.envelope(v))
	return true
}

func (p Port[T]) post(v T, by *worker) error {
	if p.inc == nil {
		return ErrNotHere
	}
	s := p.inc.slot
	s.mu.Lock()
	if s.inc != p.inc {
		s.mu.Unlock()
		return ErrDead
	}
	l := sealed(p.envelope(v))
	if s.room() {
		s.put(l, by)
		s.mu.Unlock()
		return nil
	}
	return s.overflow(l, by)
}

type portMsg[S, T any] struct {
	link
	inc   *incarnation
	call  func(*S, context.Context, T) error
	v     T
	named any // the method, where call is only a way to it
}

func (m *portMsg[S, T]) of() *incarnation { return m.inc }

func (m *portMsg[S, T]) method() any {
	if m.named != nil {
		return m.named
	}
	return m.call
}

func (m *portMsg[S, T]) input() any { return m.v }

func (m *portMsg[S, T]) deliver(inc *incarnation) error {
	return notDeferred(m.call(inc.state.(*S), &inc.own, m.v))
}
