// Package rule checks values by the validate tags of their structs.
//
//	| rule                  | for                          | it says                                          |
//	|-----------------------|------------------------------|--------------------------------------------------|
//	| required              | everything                   | a text is not blank, a list or map not empty, a  |
//	|                       |                              | pointer not nil, a time not zero; of others see  |
//	|                       |                              | [Rules.Missing]                                  |
//	| omitempty             | everything                   | the rest holds for what is not zero              |
//	| min=3, max=20, len=5  | texts, lists, maps, numbers  | characters, items, the value (no len of numbers) |
//	| minbytes=1 maxbytes=9 | texts                        | bytes                                            |
//	| gt=0 gte=0 lt=9 lte=9 | numbers                      | the value                                        |
//	| oneof=a b c           | texts, whole numbers, lists  | the value, or each of the list                   |
//	| email url uuid slug   | texts, lists of texts        | each                                             |
//	| pattern=^[a-z]+$      | texts, lists of texts        | it matches; takes the rest of the tag            |
//
// A text is a string or a [fault.Secret]. Characters are those that a reader sees; of one
// that has more than 32 code points, each 32 are counted. A nil pointer that is not
// required skips the other rules. Structs, and lists, maps and pointers of structs, are
// walked by themselves; so is whatever is embedded.
//
// At most 100 messages are given, and what is nested deeper than 32 is not looked at.
package rule

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

const (
	mostMessages = 100
	deepest      = 32
)

// Rules is what the tags of a struct say, made once for a type and safe for use by many
// goroutines.
type Rules struct {
	fields []*field
	has    bool // some tag is here or below
	asks   bool // some presence cannot be seen from values
	opaque bool // decodes its own JSON
}

type field struct {
	name   string
	index  []int
	json   bool // comes from JSON: not from a path or a query
	unseen bool // required, and a value does not show whether it was there
	checks []Check
	below  *Rules // of the struct that is in it
	notes  Constraints
	goType reflect.Type
}

// Of makes the rules of a struct type; other types have the rules of the structs in
// them. nameOf gives a field's name outside, or "" for one that has none: an embedded
// struct then stands for its fields, and others must have no rules. It panics with
// "validate: …" if a tag is wrong.
func Of(t reflect.Type, nameOf func(reflect.StructField) string) *Rules {
	b := builder{nameOf, make(map[reflect.Type]*Rules)}
	root := &Rules{}
	if inner := structIn(t); inner == nil {
		return root
	} else if inner == t {
		root = b.of(t)
	} else {
		root.fields = []*field{{goType: t, below: b.of(inner), json: true}}
	}
	for changed := true; changed; {
		changed = false
		for _, r := range b.made {
			changed = r.settle() || changed
		}
	}
	root.settle()
	for _, r := range b.made {
		r.prune()
	}
	root.prune()
	return root
}

type builder struct {
	nameOf func(reflect.StructField) string
	made   map[reflect.Type]*Rules
}

// settle learns from what is below, and reports whether it learned something.
func (r *Rules) settle() bool {
	has, asks := r.has, r.asks
	for _, f := range r.fields {
		r.has = r.has || len(f.checks) > 0 || f.notes.Required || f.below != nil && f.below.has
		r.asks = r.asks || !r.opaque && f.json && (f.unseen || f.below != nil && f.below.asks)
	}
	return r.has != has || r.asks != asks
}

// prune forgets fields without rules, so that they cost nothing.
func (r *Rules) prune() {
	kept := r.fields[:0]
	for _, f := range r.fields {
		if f.below != nil && !f.below.has {
			f.below = nil
		}
		if f.below != nil || len(f.checks) > 0 || f.notes.Required {
			kept = append(kept, f)
		}
	}
	r.fields = kept
}

// structIn is the struct that a type is or holds, if any: through pointers, lists and maps.
func structIn(t reflect.Type) reflect.Type {
	for range deepest { // type list []list has no end
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		case reflect.Struct:
			if t == secretType || t == timeType {
				return nil
			}
			return t
		}
	}
	return nil
}

func (b builder) of(t reflect.Type) *Rules {
	if made := b.made[t]; made != nil {
		return made
	}
	r := &Rules{opaque: reflect.PointerTo(t).Implements(unmarshalerType)}
	b.made[t] = r
	b.fill(r, t, nil)
	return r
}

// fill adds the fields of a struct that is r's or embedded in it.
func (b builder) fill(r *Rules, t reflect.Type, index []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		tag, tagged := f.Tag.Lookup("validate")
		name := b.nameOf(f)
		if name == "" && !tagged && f.Anonymous && len(at) <= deepest {
			if inner := structIn(f.Type); inner != nil && (f.Type == inner || f.Type == reflect.PointerTo(inner)) {
				b.fill(r, inner, at)
			}
			continue
		}
		switch {
		case tagged && !f.IsExported():
			panic(fmt.Sprintf("validate: %v.%s has rules, but is not exported", t, f.Name))
		case tagged && name == "":
			panic(fmt.Sprintf("validate: %v.%s has rules, but no name outside", t, f.Name))
		case name != "" && f.IsExported():
			r.add(b.field(f, t, name, at, tag))
		}
	}
}

// add adds a field, unless it is hidden by one of its name that is less deep.
func (r *Rules) add(f *field) {
	for i, other := range r.fields {
		if other.name == f.name {
			if len(f.index) < len(other.index) {
				r.fields[i] = f
			}
			return
		}
	}
	r.fields = append(r.fields, f)
}

func (b builder) field(f reflect.StructField, in reflect.Type, name string, index []int, tag string) *field {
	_, path := f.Tag.Lookup("path")
	_, query := f.Tag.Lookup("query")
	made := &field{name: name, index: index, json: !path && !query, goType: f.Type}
	if inner := structIn(f.Type); inner != nil {
		made.below = b.of(inner)
	}
	base := f.Type
	if base.Kind() == reflect.Pointer {
		base = base.Elem()
	}
	for tag != "" {
		var rule string
		if rule, tag, _ = strings.Cut(tag, ","); strings.HasPrefix(rule, "pattern=") && tag != "" {
			rule, tag = rule+","+tag, ""
		}
		word, arg, _ := strings.Cut(strings.TrimSpace(rule), "=")
		switch word {
		case "required":
			made.notes.Required = true
			made.unseen = !isSeen(f.Type)
			continue
		case "omitempty":
			made.notes.OmitEmpty = true
			continue
		}
		c, err := Make(base, word, arg, &made.notes)
		if err != nil {
			panic(fmt.Sprintf("validate: %v.%s: %v", in, f.Name, err))
		}
		made.checks = append(made.checks, c)
	}
	return made
}

// isSeen reports whether a value of the type shows that it was not given.
func isSeen(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.String:
		return true
	}
	return t == secretType || t == timeType
}

// IsBlank reports whether there is nothing in a value: it is nil, an empty list or map, a
// blank text, the zero time, or a pointer to such. Numbers, bools and structs never are.
func IsBlank(v reflect.Value) bool {
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer:
		return v.IsNil() || IsBlank(v.Elem())
	case t.Kind() == reflect.Interface:
		return v.IsNil()
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Map:
		return v.Len() == 0
	case isText(t):
		return isBlank(textOf(v))
	case t == timeType:
		return v.Interface().(time.Time).IsZero()
	}
	return false
}

// Check says what is wrong with a value, by field, or nil.
func (r *Rules) Check(v reflect.Value) fault.Fields {
	if !r.has {
		return nil
	}
	var all fault.Fields
	r.Each(v, func(path string, m Message) {
		if all == nil {
			all = make(fault.Fields)
		}
		all.Add(path, m.String())
	})
	return all
}

// Each tells what is wrong with a value, in the order of fields.
func (r *Rules) Each(v reflect.Value, tell func(path string, m Message)) {
	if r.has {
		w := walk{tell: tell, left: mostMessages}
		w.of(r, v)
	}
}

// Field is what is checked of the field of that name outside.
func (r *Rules) Field(name string) Constraints {
	for _, f := range r.fields {
		if f.name == name {
			return f.notes
		}
	}
	return Constraints{}
}

// CheckField tells what is wrong with a field's value, not looking whether it is there.
func (r *Rules) CheckField(name string, v reflect.Value, tell func(path string, m Message)) {
	for _, f := range r.fields {
		if f.name == name && !(f.notes.OmitEmpty && v.IsZero()) {
			w := walk{tell: tell, left: mostMessages, path: []string{name}}
			w.checks(f, v)
		}
	}
}

// walk is one check of a value.
type walk struct {
	tell func(path string, m Message)
	left int
	path []string
}

func (w *walk) wrong(m Message) {
	if w.left--; w.left >= 0 {
		w.tell(strings.Join(w.path, "."), m)
	}
}

func (w *walk) of(r *Rules, v reflect.Value) {
	for _, f := range r.fields {
		if w.left <= 0 {
			return
		}
		if f.name == "" { // the whole is a list, a map or a pointer
			w.below(f.below, v)
			continue
		}
		at, ok := reach(v, f.index)
		if !ok {
			continue
		}
		w.path = append(w.path, f.name)
		w.field(f, at)
		w.path = w.path[:len(w.path)-1]
	}
}

// reach finds a field, unless it is in an embedded struct that is not there.
func reach(v reflect.Value, index []int) (reflect.Value, bool) {
	if len(index) == 1 {
		return v.Field(index[0]), true
	}
	at, err := v.FieldByIndexErr(index)
	return at, err == nil
}

func (w *walk) field(f *field, v reflect.Value) {
	switch {
	case f.notes.Required && IsBlank(v):
		w.wrong(Blank())
		return
	case f.notes.OmitEmpty && v.IsZero():
		return
	}
	w.checks(f, v)
	if f.below != nil {
		w.below(f.below, v)
	}
}

func (w *walk) checks(f *field, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	for i := range f.checks {
		c := &f.checks[i]
		if !c.each {
			if !c.Holds(v) {
				w.wrong(c.Message)
			}
			continue
		}
		for i := range v.Len() {
			if !c.Holds(v.Index(i)) {
				w.path = append(w.path, strconv.Itoa(i))
				w.wrong(c.Message)
				w.path = w.path[:len(w.path)-1]
			}
		}
	}
}

// below walks the structs that a value is or holds.
func (w *walk) below(r *Rules, v reflect.Value) {
	if len(w.path) > deepest || w.left <= 0 {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			w.below(r, v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.path = append(w.path, strconv.Itoa(i))
			w.below(r, v.Index(i))
			w.path = w.path[:len(w.path)-1]
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			w.path = append(w.path, fmt.Sprint(each.Key()))
			w.below(r, each.Value())
			w.path = w.path[:len(w.path)-1]
		}
	case reflect.Struct:
		w.of(r, v)
	}
}
