package changeset

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
)

// Required wants the fields to have a value: a text that is not blank, a list or map that
// is not empty, a pointer that is not nil, a time that is not zero. A number, bool or struct
// is missing if it was given empty, or if it is zero, was not given, and the changeset's
// data is T's zero value: the zero of what is stored already counts as a value. Of what
// nests ask after [Nested] and [Each].
func (cs *Changeset[T]) Required(fields ...string) *Changeset[T] {
	for _, name := range fields {
		cs.core.require(cs.core.plan.find(name))
	}
	return cs
}

// Tags validates the fields that may be set by their validate tags, as in
//
//	Name string `validate:"required,min=3,max=20"`
//
// The rules are required, omitempty, min, max, len, minbytes, maxbytes, gt, gte, lt, lte,
// oneof=a b c, email, url, uuid, slug and pattern=^[a-z]+$, which comes last. A wrong tag
// panics. What nests is validated by its own changeset.
func (cs *Changeset[T]) Tags() *Changeset[T] {
	cs.core.checkTags()
	return cs
}

// Length limits the characters of a text, as its reader counts them, or the items of a
// list or map. A character of more than 32 code points counts for each 32 of them.
func (cs *Changeset[T]) Length(field string, bounds ...Bound) *Changeset[T] {
	return cs.bound(field, false, bounds)
}

// Number limits the value of a number.
func (cs *Changeset[T]) Number(field string, bounds ...Bound) *Changeset[T] {
	return cs.bound(field, true, bounds)
}

func (cs *Changeset[T]) bound(name string, number bool, bounds []Bound) *Changeset[T] {
	i := cs.core.plan.find(name)
	t := cs.core.plan.fields[i].goType
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if isNumber := reflect.Int <= t.Kind() && t.Kind() <= reflect.Float64; isNumber != number {
		panic(fmt.Sprintf("changeset: field %q of %s is a %v: Number is for numbers, Length for texts, lists and maps", name, cs.core.plan.goType.Name(), t))
	}
	for _, b := range bounds {
		cs.core.check(i, b.word, b.arg)
	}
	return cs
}

// Format wants a text, or the text of a value, to match a pattern. The message is text,
// or "has an invalid format" if that is "".
func (cs *Changeset[T]) Format(field string, pattern *regexp.Regexp, text string) *Changeset[T] {
	if text == "" {
		text = "has an invalid format"
	}
	i := cs.core.plan.find(field)
	cs.core.states[i].notes.Pattern = pattern.String()
	return cs.words(i, Message{Text: text}, pattern.MatchString)
}

// Inclusion wants a value, by its text, to be one of some.
func (cs *Changeset[T]) Inclusion(field string, values ...string) *Changeset[T] {
	i := cs.core.plan.find(field)
	cs.core.states[i].notes.Enum = values
	m := Message{Text: "must be one of {values}", Args: map[string]string{"values": strings.Join(values, ", ")}}
	return cs.words(i, m, func(text string) bool { return slices.Contains(values, text) })
}

// Exclusion wants a value, by its text, to be none of some.
func (cs *Changeset[T]) Exclusion(field string, values ...string) *Changeset[T] {
	return cs.words(cs.core.plan.find(field), Message{Text: "is reserved"}, func(text string) bool { return !slices.Contains(values, text) })
}

func (cs *Changeset[T]) words(i int, m Message, holds func(string) bool) *Changeset[T] {
	f := &cs.core.plan.fields[i]
	if f.cast == nil || !f.cast.IsText() {
		panic(fmt.Sprintf("changeset: field %q of %s has no text", f.name, cs.core.plan.goType.Name()))
	}
	if v, ok := cs.core.live(i); ok {
		if !holds(revealed(f, v)) {
			cs.core.refuse(f.name, m)
		}
	}
	return cs
}

// revealed is the text of a value that is not nil.
func revealed(f *field, v reflect.Value) string {
	if secret, ok := v.Interface().(fault.Secret); ok {
		return secret.Reveal()
	}
	c := f.cast
	if f.goType.Kind() == reflect.Pointer {
		c = c.Elem()
	}
	text, _ := c.Text(v)
	return text
}

// Subset wants every element of a list, by its text, to be one of some.
func (cs *Changeset[T]) Subset(field string, values ...string) *Changeset[T] {
	i := cs.core.plan.find(field)
	f := &cs.core.plan.fields[i]
	if f.cast == nil || f.goType.Kind() != reflect.Slice || !f.cast.Elem().IsText() {
		panic(fmt.Sprintf("changeset: field %q of %s is no list of texts", field, cs.core.plan.goType.Name()))
	}
	cs.core.states[i].notes.Enum = values
	v, ok := cs.core.live(i)
	if !ok {
		return cs
	}
	for j := range v.Len() {
		if text, _ := f.cast.Elem().Text(v.Index(j)); !slices.Contains(values, text) {
			cs.core.refuse(field, Message{Text: "may only have {values}", Args: map[string]string{"values": strings.Join(values, ", ")}})
			break
		}
	}
	return cs
}

// Acceptance wants a parameter to be true, or "on": that the terms were accepted. It need
// not be a field of T. A fresh form is not asked.
func (cs *Changeset[T]) Acceptance(name string) *Changeset[T] {
	cs.core.extra = append(cs.core.extra, name)
	if yes, _ := cast.Bool(textOf(cs.core.params[name])); !yes && cs.core.params != nil {
		cs.core.refuse(name, Message{Text: "must be accepted"})
	}
	return cs
}

// Confirmation wants the parameter name_confirmation, which is no field of T, to be the
// same as name's, if it is given: "password_confirmation". It is an error of the former.
func (cs *Changeset[T]) Confirmation(field string) *Changeset[T] {
	i := cs.core.plan.find(field)
	name := field + "_confirmation"
	cs.core.extra = append(cs.core.extra, name)
	again, given := cs.core.params[name]
	if given && cs.core.states[i].given && normal(textOf(again)) != normal(textOf(cs.core.params[field])) {
		cs.core.refuse(name, Message{Text: "does not match"})
	}
	return cs
}

// Validate has a function look at the value as a whole. It is not called while there are
// errors.
func (cs *Changeset[T]) Validate(f func(value T) fault.Fields) *Changeset[T] {
	if !cs.Valid() {
		return cs
	}
	wrong := f(cs.now)
	for _, name := range sortedKeys(wrong) {
		for _, text := range wrong[name] {
			cs.AddError(name, Message{Text: text})
		}
	}
	return cs
}

// Check has a function look at the value of a field that was given or changed, and is
// not empty. It gives a message in English, or "". V is the field's type, or what its
// pointer leads to; another one panics.
func Check[T, V any](cs *Changeset[T], name string, f func(value V) string) *Changeset[T] {
	i := cs.core.plan.find(name)
	t := cs.core.plan.fields[i].goType
	if want := reflect.TypeFor[V](); want != t && (t.Kind() != reflect.Pointer || t.Elem() != want) {
		panic(fmt.Sprintf("changeset: field %q of %s is a %v, not a %v", name, cs.core.plan.goType.Name(), t, want))
	}
	v, ok := cs.core.live(i)
	if !ok {
		return cs
	}
	if v.Type() != reflect.TypeFor[V]() {
		v = cs.core.value(i)
	}
	if text := f(v.Interface().(V)); text != "" {
		cs.core.refuse(name, Message{Text: text})
	}
	return cs
}
