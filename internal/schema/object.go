package schema

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// object is the schema of a struct. A blank field's doc tag is about the struct.
func (w *walker) object(t reflect.Type) *Schema {
	s := &Schema{Type: Types{"object"}}
	if blank, ok := t.FieldByName("_"); ok && len(blank.Index) == 1 {
		s.Description = blank.Tag.Get("doc")
	}
	for _, f := range fieldsOf(t) {
		if w.in && (f.sealed || w.Skip != nil && w.Skip(f.StructField)) {
			continue
		}
		optional, _ := f.leftOut()
		if isCode(f.Type) && (w.in || optional) {
			continue // encoding/json is content as long as it is not there
		}
		inner := *w
		inner.at = t.String() + "." + f.Name
		p, required := inner.property(f)
		s.Properties = append(s.Properties, Property{f.name, p})
		if required {
			s.Required = append(s.Required, f.name)
		}
	}
	slices.Sort(s.Required)
	return s
}

// property is the schema of a struct's field, and whether it has to be there, or is.
func (w *walker) property(f field) (s *Schema, required bool) {
	s, null := w.value(f)
	if w.in {
		rules := rulesOf(f.StructField)
		if !f.quoted {
			s.keep(rules, f.Type)
		}
		required, null = rules.Required, null && !rules.Required
	} else {
		optional, neverNull := f.leftOut()
		required, null = !optional, null && !neverNull
	}
	wide := s.wide
	if null {
		s = nullable(s)
	}
	s.wide = wide
	s.Description = strings.TrimSpace(f.Tag.Get("doc") + " " + s.Description)
	if example, ok := f.Tag.Lookup("example"); ok {
		s.Examples = []json.RawMessage{literal(s, example)}
	}
	return s, required
}

// value is the schema of a field's values but nil, and whether nil is null.
func (w *walker) value(f field) (s *Schema, null bool) {
	held := f.Type
	if held.Kind() == reflect.Pointer && held.Name() == "" {
		held = held.Elem()
	}
	if !f.quoted || w.own(held, held != f.Type) != nil {
		return w.bare(f.Type, false)
	}
	s = &Schema{Type: Types{"string"}}
	switch k := held.Kind(); {
	case k == reflect.Bool:
		s.Enum = []json.RawMessage{[]byte(`"true"`), []byte(`"false"`)}
	case held == numberType, k == reflect.Float32, k == reflect.Float64:
		s.Pattern = decimal
	case k == reflect.String:
		s.Description, s.Pattern = "JSON in a string.", `^".*"$`
	case isInteger(held):
		s.Format, s.Pattern = integer(held).Format, digits(held)
	}
	return s, held != f.Type
}

const decimal = `^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$`

func isCode(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return !t.Implements(marshaler) && !t.Implements(textMarshaler)
	}
	return false
}

// literal is an example as JSON: as it is, unless it is a text.
func literal(s *Schema, example string) json.RawMessage {
	if !slices.Contains(s.Type, "string") && json.Valid([]byte(example)) {
		return json.RawMessage(example)
	}
	return quote(example)
}
