package schema

import (
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// field is a struct's field as encoding/json has it.
type field struct {
	reflect.StructField
	name      string
	tagged    bool // the name is the tag's
	index     []int
	omitEmpty bool
	omitZero  bool
	quoted    bool
	maybe     bool // it is in a struct that is embedded by pointer, and gone with it
	sealed    bool // it cannot be read: that pointer is to an unexported struct
}

// embedded is a struct whose fields are to be found.
type embedded struct {
	typ    reflect.Type
	index  []int
	times  int // how often it is at this depth
	maybe  bool
	sealed bool
}

// fieldsOf are the fields that encoding/json sees in a struct, in its order: those of
// embedded structs are promoted, the least deep one has a name, then the one with a
// tag, and if that leaves two, none has it.
func fieldsOf(t reflect.Type) []field {
	found := make(map[string][]field)
	seen := make(map[reflect.Type]bool)
	for level := []embedded{{typ: t, times: 1}}; len(level) > 0; {
		var next []embedded
		for _, e := range level {
			if seen[e.typ] {
				continue
			}
			seen[e.typ] = true
			for i := range e.typ.NumField() {
				f, inner := e.look(i)
				if inner != nil {
					next = enter(next, *inner)
				} else if f.name != "" {
					found[f.name] = prefer(found[f.name], f, e.times)
				}
			}
		}
		level = next
	}
	var all []field
	for _, best := range found {
		if len(best) == 1 {
			all = append(all, best[0])
		}
	}
	slices.SortFunc(all, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return all
}

// look is the i-th field, or the struct that is embedded there, or a field with no name
// if there is none for JSON.
func (e embedded) look(i int) (field, *embedded) {
	f := field{
		StructField: e.typ.Field(i),
		index:       append(slices.Clone(e.index), i),
		maybe:       e.maybe,
		sealed:      e.sealed,
	}
	held, byPointer := f.Type, false
	if held.Kind() == reflect.Pointer && held.Name() == "" {
		held, byPointer = held.Elem(), true
	}
	tag := f.Tag.Get("json")
	isStruct := held.Kind() == reflect.Struct
	if tag == "-" || !f.IsExported() && !(f.Anonymous && isStruct) {
		return field{}, nil
	}
	name, options, _ := strings.Cut(tag, ",")
	if isName(name) {
		f.name, f.tagged = name, true
	} else if f.Anonymous && isStruct {
		return field{}, &embedded{
			typ: held, index: f.index, times: 1,
			maybe:  f.maybe || byPointer,
			sealed: f.sealed || byPointer && !f.IsExported(),
		}
	} else {
		f.name = f.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		f.omitEmpty = f.omitEmpty || option == "omitempty"
		f.omitZero = f.omitZero || option == "omitzero"
		f.quoted = f.quoted || option == "string" && isQuotable(held)
	}
	return f, nil
}

func enter(next []embedded, e embedded) []embedded {
	for i := range next {
		if next[i].typ == e.typ {
			next[i].times++
			return next
		}
	}
	return append(next, e)
}

// prefer keeps the best fields of a name: one, or more that exclude each other.
func prefer(best []field, f field, times int) []field {
	if len(best) > 0 {
		b := best[0]
		switch {
		case len(b.index) < len(f.index), len(b.index) == len(f.index) && b.tagged && !f.tagged:
			return best
		case len(b.index) > len(f.index), f.tagged && !b.tagged:
			best = nil
		}
	}
	for range times {
		best = append(best, f)
	}
	return best
}

func isName(s string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) {
			return false
		}
	}
	return s != ""
}

func isQuotable(t reflect.Type) bool {
	return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Float64 || t.Kind() == reflect.String
}

type zeroer interface{ IsZero() bool }

// leftOut reports whether the tag leaves out of what is written some value, and
// whether it leaves out all that would be null.
func (f *field) leftOut() (optional, neverNull bool) {
	own := reflect.PointerTo(f.Type).Implements(reflect.TypeFor[zeroer]())
	switch f.Type.Kind() {
	case reflect.Pointer, reflect.Interface:
		return f.maybe || f.omitEmpty || f.omitZero, f.omitEmpty || f.omitZero
	case reflect.Slice, reflect.Map:
		return f.maybe || f.omitEmpty || f.omitZero, f.omitEmpty || f.omitZero && !own
	case reflect.Struct:
		return f.maybe || f.omitZero, false
	case reflect.Array:
		return f.maybe || f.omitZero || f.omitEmpty && f.Type.Len() == 0, false
	}
	return f.maybe || f.omitZero || f.omitEmpty, false
}
