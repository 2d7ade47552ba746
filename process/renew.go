package process

import (
	"context"
	"fmt"
)

// Snapshotter is a process that can say what its next incarnation must know. Snapshot
// runs like a method, when the process is restarted on request.
type Snapshotter interface {
	Snapshot(context.Context) ([]byte, error)
}

// Restorer is a process that takes up what a Snapshot says. Restore runs after the
// constructor, before Continue and any message. An error is a failed start.
type Restorer interface {
	Restore(context.Context, []byte) error
}

// errRenewed is the reason of an incarnation that was restarted on request.
var errRenewed = fmt.Errorf("%w: restarted on request", Shutdown)

type renewal struct {
	snapshot []byte
	has      bool
}

// Restart ends the present incarnation of a process, with a reason that wraps Shutdown,
// and begins the next, after the running method and before all that is queued. It counts
// as no crash, and its supervisor does not hear of it. The state goes over if the process
// has Snapshot and Restore; else the constructor makes it anew.
//
// Restart returns when the next incarnation has been asked for. A Snapshot that fails
// leaves everything as it is. The next start, if it fails, is retried as after a crash,
// without the snapshot.
func Restart(ctx context.Context, target Target) error {
	ended, err := system(ctx, target, func(ctx context.Context, inc *incarnation) (<-chan struct{}, error) {
		var r renewal
		if by, ok := inc.state.(Snapshotter); ok {
			var err error
			if r.snapshot, err = by.Snapshot(ctx); err != nil {
				return nil, err
			}
			r.has = true
		}
		s := inc.slot
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inc != inc || s.rare.exit != nil {
			return nil, ErrDead
		}
		s.oddly().renewal = &r
		s.rare.exit = errRenewed
		s.interrupt.Store(true)
		if inc.ended == nil {
			inc.ended = make(chan struct{})
		}
		return inc.ended, nil
	})
	if err != nil {
		return err
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// restorer takes what a renewal left for the incarnation that begins. The slot is locked.
func (s *Slot) restorer() func(ctx context.Context, state any) error {
	if s.odd == nil || s.odd.renewal == nil {
		return nil
	}
	r := s.odd.renewal
	s.odd.renewal = nil
	if !r.has {
		return nil
	}
	return func(ctx context.Context, state any) error {
		if to, ok := state.(Restorer); ok {
			return to.Restore(ctx, r.snapshot)
		}
		return nil
	}
}

// systemMsg is what the runtime asks of a process. It comes ahead of the mail, room or
// not, and is for any type of state.
type systemMsg[Out any] struct {
	link
	answer[Out]
	do func(context.Context, *incarnation) (Out, error)
}

func (m *systemMsg[Out]) deliver(inc *incarnation) error {
	if !m.enter(inc) {
		return nil
	}
	return m.leave(m.do(&m.frame, inc))
}

func (m *systemMsg[Out]) system()         {}
func (m *systemMsg[Out]) method() any     { return m.do }
func (m *systemMsg[Out]) asked() question { return &m.answer }

// ofSystem reports whether a message is the runtime's own: it does not count.
func ofSystem(m message) bool {
	_, ok := m.(interface{ system() })
	return ok
}

// system asks the present incarnation of a process to do something.
func system[Out any](ctx context.Context, target Target, do func(context.Context, *incarnation) (Out, error)) (Out, error) {
	var none Out
	f := frameOf(ctx)
	s, err := locateHere(ctx, target)
	if err != nil {
		return none, err
	}
	m := &systemMsg[Out]{do: do}
	limited, err := m.prepare(ctx, f, s)
	if err != nil {
		return none, err
	}
	s.mu.Lock()
	if s.inc == nil {
		s.mu.Unlock()
		m.answer.fail(explain(ErrDead, s))
	} else {
		s.putFirst(&s.seldom().urgent, m)
		s.mu.Unlock()
	}
	f.yield()
	return m.wait(ctx, f, s, limited)
}
