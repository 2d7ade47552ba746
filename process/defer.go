package process

//lint:file-ignore ST1012 what is no failure is not called Err

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/bennu-go/bennu/fault"
)

// Deferred, returned by a method as its error, says that the answer comes later,
// from the [Reply] that [Defer] gave.
var Deferred = errors.New("process: the answer comes later")

// Reply is an answer that is still owed.
type Reply[Out any] struct {
	answer  *answer[Out]
	abroad  *answer[json.RawMessage] // in its place, for a question of another node
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
	var r Reply[Out]
	switch a := f.asked.(type) {
	case *answer[Out]:
		r.answer = a
	case *answer[json.RawMessage]:
		r.abroad = a
	default:
		return r, fault.Internal.Errorf("process: Defer[%T] in a method with another answer", *new(Out))
	}
	s := f.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	q := f.asked.(question)
	var err error
	r.release, err = f.inc.holdLocked(cleanup{do: func() { q.fail(s.gone()) }, owed: true})
	return r, err
}

// Send gives the answer. It reports whether somebody was still waiting for it.
func (r Reply[Out]) Send(out Out, err error) bool {
	switch {
	case r.answer != nil:
		r.release()
		return r.answer.settle(out, err)
	case r.abroad != nil:
		r.release()
		return r.abroad.settle(encoded(out, err))
	}
	return false
}
