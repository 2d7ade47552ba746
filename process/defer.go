package process

//lint:file-ignore ST1012 what is no failure is not called Err

import (
	"context"
	"errors"

	"github.com/bennu-go/bennu/fault"
)

// Deferred, returned by a method as its error, says that the answer comes later,
// from the [Reply] that [Defer] gave.
var Deferred = errors.New("process: the answer comes later")

// Reply is an answer that is still owed.
type Reply[Out any] struct {
	answer  *answer[Out]
	release func()
}

// Defer takes over the answer to the message that is being handled: keep the Reply,
// return Deferred, and Send from anywhere, once. Out is the Out of the method, or
// None where it returns an error alone. If the process ends first, whoever asked
// learns that it died.
//
// Where nobody waits (the method was cast) Send does nothing.
func Defer[Out any](ctx context.Context) (Reply[Out], error) {
	f := frameOf(ctx)
	if f == nil || f.helper {
		return Reply[Out]{}, ErrNotHere
	}
	if f.asked == nil {
		return Reply[Out]{}, nil
	}
	a, ok := f.asked.(*answer[Out])
	if !ok {
		return Reply[Out]{}, fault.Internal.Errorf("process: Defer[%T] in a method with another answer", *new(Out))
	}
	s := f.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	release, err := f.inc.holdLocked(cleanup{do: func() { a.fail(s.gone()) }, owed: true})
	return Reply[Out]{a, release}, err
}

// Send gives the answer. It reports whether somebody was still waiting for it.
func (r Reply[Out]) Send(out Out, err error) bool {
	if r.answer == nil {
		return false
	}
	r.release()
	return r.answer.settle(out, err)
}
