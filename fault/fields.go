package fault

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Fields is what is wrong with an input, by field: for each one or more messages that
// go on from the field's name, as in "must be at least 3 characters". What is nested is
// named by a path, as in "address.city" and "items.0.name". The messages of "" are about
// the whole.
type Fields map[string][]string

// Add notes one more message about a field.
func (f Fields) Add(field, message string) { f[field] = append(f[field], message) }

// String is all messages in one line, sorted by field.
func (f Fields) String() string {
	var parts []string
	for _, field := range slices.Sorted(maps.Keys(f)) {
		for _, message := range f[field] {
			parts = append(parts, strings.TrimPrefix(field+" "+message, " "))
		}
	}
	return strings.Join(parts, "; ")
}

// Refuse makes an error of kind [Invalid] of what is wrong with an input, or nil if
// nothing is. Doors tell it by field: HTTP with status 422, a channel in its error
// reply, a form beside its inputs.
func Refuse(fields Fields) error {
	if len(fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Detail: fields.String(), Fields: fields}
}

// FieldsOf is what an error says by field, or nil.
func FieldsOf(err error) Fields {
	var e *Error
	for errors.As(err, &e) {
		if e.Fields != nil || e.Cause == nil {
			return e.Fields
		}
		err = e.Cause
	}
	return nil
}
