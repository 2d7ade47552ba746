package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

// Error is why a join, a call or a cast failed. It wraps an error of package fault, so
// that fault.Of, fault.Detail and fault.FieldsOf tell of it. The kind of a refusal is the
// one that the server says. One of Phoenix says none: then it is the one whose plain text
// the reason is, or else Invalid.
type Error struct {
	Topic, Event string
	Status       string       // the server's "error", which is also what is too long for it; or "timeout", "canceled", "closed"
	Reason       string       // in words
	Fields       fault.Fields // what is wrong by field, if the server said so
	Response     []byte       // the server's whole answer: JSON, or the bytes of a binary reply
	cause        error
}

// The words that Status may have.
const (
	statusOK       = "ok"
	statusError    = "error"
	statusTimeout  = "timeout"
	statusCanceled = "canceled"
	statusClosed   = "closed"
)

// Error says what failed and why.
func (e *Error) Error() string {
	return fmt.Sprintf("client: %s on %s: %s", e.Event, e.Topic, e.Reason)
}

// Unwrap gives the error of package fault.
func (e *Error) Unwrap() error { return e.cause }

// refusal is the error of a reply that is not ok.
func refusal(topic, event, status string, response raw) *Error {
	var told struct {
		Reason string          `json:"reason"`
		Kind   json.RawMessage `json:"kind"`
		Errors json.RawMessage `json:"errors"`
	}
	e := &Error{Topic: topic, Event: event, Status: status, Response: response.data}
	if !response.binary && json.Unmarshal(response.data, &told) == nil {
		e.Reason = told.Reason
		if json.Unmarshal(told.Errors, &e.Fields) != nil {
			e.Fields = nil
		}
	}
	if e.Reason == "" {
		e.Reason = "the server answered " + status
	}
	e.cause = &fault.Error{Kind: kindOf(told.Kind, e.Reason), Detail: e.Reason, Fields: e.Fields}
	return e
}

// unmatched is the reason of replies about a topic that is not joined, or not there.
const unmatched = "unmatched topic"

// kindOf is the kind that the server says, as JSON, or the one of the reason.
func kindOf(said []byte, reason string) fault.Kind {
	var word string
	if json.Unmarshal(said, &word) == nil {
		if k, ok := wire.KindOf(word); ok {
			return k
		}
	}
	if reason == unmatched {
		return fault.NotFound
	}
	if k, ok := wire.KindOf(reason); ok {
		return k
	}
	return fault.Invalid
}

// failure is the error of what got no reply.
func failure(topic, event, status string, cause error) *Error {
	return &Error{Topic: topic, Event: event, Status: status, Reason: fault.Detail(cause), cause: cause}
}

// canceled is the error of what its context ended.
func canceled(topic, event string, ctx context.Context) *Error {
	cause := context.Cause(ctx)
	return failure(topic, event, statusCanceled, fault.Of(ctx.Err()).Wrap(cause, "%s before there was an answer", fault.Of(ctx.Err())))
}
