package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind says whose trouble an error is. The zero Kind is Internal, so that an
// error nobody classified never blames the caller.
type Kind uint8

// The kinds. The package comment says what each one tells the other side.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Exhausted
	Timeout
	Unavailable
	Canceled
)

var names = [...]string{
	Internal:        "internal error",
	Invalid:         "invalid",
	Unauthenticated: "unauthenticated",
	Forbidden:       "forbidden",
	NotFound:        "not found",
	Conflict:        "conflict",
	Exhausted:       "exhausted",
	Timeout:         "timeout",
	Unavailable:     "unavailable",
	Canceled:        "canceled",
}

// String is the kind's name in words, as in "not found".
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return names[Internal]
}

// Error makes a Kind an error of its own, for when there is nothing to add.
func (k Kind) Error() string { return k.String() }

// Errorf makes an error of this kind. The text is for whoever asked; put what
// they must not read into the cause of [Kind.Wrap].
func (k Kind) Errorf(format string, args ...any) error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes an error of this kind from a cause. The text is for whoever asked,
// the cause for the log: [errors.Is] and [errors.As] see both.
func (k Kind) Wrap(cause error, format string, args ...any) error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...), Cause: cause}
}

// Error is an error with a kind. Make one with [Kind.Errorf] or [Kind.Wrap].
type Error struct {
	Kind   Kind
	Detail string // for whoever asked
	Fields Fields // for whoever asked, by field; may be nil
	Cause  error  // for the log; may be nil
}

// Error is the whole text, the cause's included.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Detail
	}
	return e.Detail + ": " + e.Cause.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is this error's kind.
func (e *Error) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == e.Kind
}

// Of is the kind of an error: the outermost one in its chain. A context's end is
// Timeout or Canceled; everything else that has no kind is Internal.
func Of(err error) Kind {
	var e *Error
	var k Kind
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.As(err, &k):
		return k
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	}
	return Internal
}

// Detail is the text of an error that whoever asked may read. It leaves out
// causes, and gives "internal error" for Internal.
func Detail(err error) string {
	kind := Of(err)
	var e *Error
	if kind != Internal && errors.As(err, &e) {
		return e.Detail
	}
	return kind.String()
}
