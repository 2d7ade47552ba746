package process

//lint:file-ignore ST1012 what is no failure is not called Err

import (
	"context"
	"errors"
)

// Postpone, returned by a method as its error, says that this message cannot be handled
// now: it is kept, its caller waits on, and after [Replay] its method runs again.
//
// A Postpone without a Replay keeps messages for good: they count in the mailbox, and
// survive a crash as all mail does, to be handled anew.
var Postpone = errors.New("process: not now")

// Replay puts the messages that were postponed ahead of all others in the mailbox, in
// their old order, when the running method has returned.
func Replay(ctx context.Context) error {
	inc, err := incarnationOf(ctx)
	if err != nil {
		return err
	}
	s := inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inc != inc {
		return ErrDead
	}
	s.oddly().replay = true
	s.rouse()
	return nil
}

// Next makes method run in this process right after the present one, before any message.
// Several run in the order in which they were asked for. An error that it returns is a
// crash. It is for work in steps between which a stop is to be heard, and for a method
// that goes on after its answer has been sent.
func Next[S, In any](ctx context.Context, method func(*S, context.Context, In) error, in In) error {
	port, err := Bind(ctx, method)
	if err != nil {
		return err
	}
	if !port.first(in, func(s *Slot) *queue { return &s.oddly().ahead }) {
		return ErrDead
	}
	return nil
}

// Suspend makes a process handle nothing until Resume: its messages wait. It can be
// stopped as ever. It is for looking at a running system, and for tests.
func Suspend(ctx context.Context, target Target) error { return pause(ctx, target, true) }

// Resume ends Suspend.
func Resume(ctx context.Context, target Target) error { return pause(ctx, target, false) }

func pause(ctx context.Context, target Target, paused bool) error {
	s, err := locateHere(ctx, target)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == retired {
		return ErrDead
	}
	s.paused = paused
	if s.inc != nil {
		s.rouse()
	}
	return nil
}
