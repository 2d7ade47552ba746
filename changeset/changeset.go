package changeset

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Changeset is a change to a value of the struct T: what was given, what it makes of the
// value, and what is wrong with it. Make one with [Cast] or [New]. It is for one
// goroutine; its methods give it back, to be chained.
type Changeset[T any] struct{ *typed[T] }

// typed is behind a pointer, so that a copy of a changeset prints nothing either.
type typed[T any] struct {
	old, now T
	core     *core
}

// Cast makes a changeset of a value, new (its zero value) or not, and sets the named
// fields, and no others, to what is given for them. A name is that of the form tag, else
// of the json tag, else the field's name in snake_case; one that T does not have, or that
// takes no input, panics. What cannot be cast is an error of the field.
//
// A field that is not given stays as it is. One that is given as nil, as white space or as
// an empty list is set to its zero value; validations but [Changeset.Required] pass it
// over. Empty texts in lists are left out. Texts are brought to Unicode's form NFC; one
// that is not UTF-8, or has a NUL, is refused. nil params are those of a fresh form.
func Cast[T any](data T, params Params, fields ...string) *Changeset[T] {
	c := &typed[T]{old: data, now: data}
	c.core = newCore(reflect.ValueOf(&c.old).Elem(), reflect.ValueOf(&c.now).Elem(), params)
	c.core.cast(fields)
	return &Changeset[T]{c}
}

// New is a changeset of a value to which nothing was given: for a fresh form, or for
// changes by [Changeset.Change]. fields are those that its form has.
func New[T any](data T, fields ...string) *Changeset[T] { return Cast(data, nil, fields...) }

// Data is the value as it was.
func (cs *Changeset[T]) Data() T { return cs.old }

// Value is the value with the changes, also while there are errors: a field that could
// not be cast is as it was.
func (cs *Changeset[T]) Value() T { return cs.now }

// Changed reports whether a field differs from what it was. An unknown name panics.
func (cs *Changeset[T]) Changed(field string) bool { return cs.core.changed(cs.core.plan.find(field)) }

// Changes names the fields that differ from what they were, in the order of the struct.
func (cs *Changeset[T]) Changes() []string { return cs.core.changes() }

// ChangedFields are the struct's fields that differ from what they were, in its order: for
// who stores them. Their Index is that of reflect.Value.FieldByIndex.
func (cs *Changeset[T]) ChangedFields() []reflect.StructField {
	var fields []reflect.StructField
	for i, f := range cs.core.plan.fields {
		if cs.core.changed(i) {
			field := cs.core.plan.goType.FieldByIndex(f.index)
			field.Index = slices.Clone(f.index)
			fields = append(fields, field)
		}
	}
	return fields
}

// Change has a function change the value further: a slug from the title, a hash from the
// password. It is not called while there are errors. What slices, maps and pointers lead
// to is the original's too: replace it, do not write into it.
func (cs *Changeset[T]) Change(f func(value *T)) *Changeset[T] {
	if cs.Valid() {
		f(&cs.now)
	}
	return cs
}

// Valid reports whether there are no errors.
func (cs *Changeset[T]) Valid() bool { return len(cs.core.problems) == 0 }

// AddError notes an error of a field, "" being the whole. The first part of a path must
// be a field of T, or a parameter that was confirmed or accepted; otherwise it panics.
func (cs *Changeset[T]) AddError(field string, m Message) *Changeset[T] {
	first, _, _ := strings.Cut(field, ".")
	if first != "" && !slices.Contains(cs.core.extra, first) {
		cs.core.plan.find(first)
	}
	cs.core.refuse(field, m)
	return cs
}

// Problems are all errors, in the order they were found, for translation.
func (cs *Changeset[T]) Problems() []Problem { return slices.Clone(cs.core.problems) }

// Errors are all errors by field as texts, or nil.
func (cs *Changeset[T]) Errors() fault.Fields { return cs.core.errors() }

// Translate has a function say the messages of [Changeset.Errors], of forms and of
// [Changeset.Apply]; where it gives "", they are in English.
func (cs *Changeset[T]) Translate(f func(Message) string) *Changeset[T] {
	cs.core.translate = f
	return cs
}

// ShowErrors has forms show errors from now on. A fresh form shows none; Apply calls it.
func (cs *Changeset[T]) ShowErrors() *Changeset[T] {
	cs.core.shown = true
	return cs
}

// Apply gives the value with the changes, or an error of [fault.Refuse], which is Invalid
// and tells the errors by field. Forms show errors from now on.
func (cs *Changeset[T]) Apply() (T, error) {
	cs.ShowErrors()
	if !cs.Valid() {
		var none T
		return none, fault.Refuse(cs.Errors())
	}
	return cs.now, nil
}

// String tells which fields have changed and what is wrong, and no values.
func (cs Changeset[T]) String() string {
	if cs.typed == nil {
		return "changeset.Changeset(nil)"
	}
	return fmt.Sprintf("changeset.Changeset[%v]{Changes: %v, Errors: %q}", cs.core.plan.goType, cs.core.changes(), cs.core.errors().String())
}

// GoString is String: values may be secret.
func (cs Changeset[T]) GoString() string { return cs.String() }

// LogValue is String.
func (cs Changeset[T]) LogValue() slog.Value { return slog.StringValue(cs.String()) }
