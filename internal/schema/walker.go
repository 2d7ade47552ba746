package schema

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[fault.Secret]()
	numberType   = reflect.TypeFor[json.Number]()

	marshaler       = reflect.TypeFor[json.Marshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// walker makes schemas of types, on their way in or out.
type walker struct {
	*Builder
	in   bool
	at   string // for a panic: where it is
	open map[reflect.Type]bool
}

// of is the schema of a type. An addressable value is one whose methods with a pointer
// receiver encoding/json finds.
func (w *walker) of(t reflect.Type, addressable bool) *Schema {
	s, null := w.bare(t, addressable)
	if null {
		return nullable(s)
	}
	return s
}

// bare is the schema of a type's values but nil, and whether nil is null.
func (w *walker) bare(t reflect.Type, addressable bool) (s *Schema, null bool) {
	switch t {
	case timeType:
		return &Schema{Type: Types{"string"}, Format: "date-time"}, false
	case durationType:
		return &Schema{Type: Types{"integer"}, Format: "int64", Description: "In nanoseconds."}, false
	case secretType:
		return &Schema{Type: Types{"string"}, Format: "password", WriteOnly: true}, false
	case numberType:
		return &Schema{Type: Types{"number"}}, false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return w.pointer(t), true
	case reflect.Interface:
		return new(Schema), false
	}
	if enumOf(t).IsValid() {
		return w.reference(t, w.in), false
	}
	if s := w.own(t, addressable); s != nil {
		return s, false
	}
	return w.kind(t)
}

// pointer is what is pointed at. A pointer type that leads to itself is anything.
func (w *walker) pointer(t reflect.Type) *Schema {
	if t.Name() == "" {
		return w.of(t.Elem(), true)
	}
	if w.open[t] {
		return new(Schema)
	}
	if w.open == nil {
		w.open = make(map[reflect.Type]bool)
	}
	w.open[t] = true
	defer delete(w.open, t)
	return w.of(t.Elem(), true)
}

// own is the schema of a type with its own way to be JSON, or nil. It is a string for
// what is text, and otherwise anything. That also goes for a value whose methods
// encoding/json finds in some places only.
func (w *walker) own(t reflect.Type, addressable bool) *Schema {
	p, text := reflect.PointerTo(t), &Schema{Type: Types{"string"}}
	switch {
	case w.in && p.Implements(unmarshaler), !w.in && p.Implements(marshaler):
		return new(Schema)
	case w.in && p.Implements(textUnmarshaler), !w.in && t.Implements(textMarshaler):
		return text
	case !w.in && p.Implements(textMarshaler):
		if addressable {
			return text
		}
		return new(Schema)
	}
	return nil
}

// kind is the schema of a type that encoding/json takes by its kind.
func (w *walker) kind(t reflect.Type) (s *Schema, null bool) {
	null = !w.in && !w.EmptyNil
	switch t.Kind() {
	case reflect.Bool:
		return &Schema{Type: Types{"boolean"}}, false
	case reflect.String:
		return &Schema{Type: Types{"string"}}, false
	case reflect.Float32:
		return &Schema{Type: Types{"number"}, Format: "float"}, false
	case reflect.Float64:
		return &Schema{Type: Types{"number"}, Format: "double"}, false
	case reflect.Slice:
		if w.isBytes(t) {
			return &Schema{Type: Types{"string"}, ContentEncoding: "base64"}, null
		}
	case reflect.Map:
	case reflect.Array, reflect.Struct:
		null = false
	default:
		if isInteger(t) {
			return integer(t), false
		}
		panic(fmt.Sprintf("schema: %s: JSON has nothing for %v", w.at, t))
	}
	if t.Name() != "" {
		return w.reference(t, w.in), null
	}
	return w.define(t), null
}

// define is the schema of a type that may become a component.
func (w *walker) define(t reflect.Type) *Schema {
	if values := enumOf(t); values.IsValid() {
		return w.enum(values)
	}
	switch t.Kind() {
	case reflect.Slice:
		return &Schema{Type: Types{"array"}, Items: w.of(t.Elem(), true)}
	case reflect.Array:
		n := t.Len()
		return &Schema{Type: Types{"array"}, MinItems: &n, MaxItems: &n, Items: w.of(t.Elem(), false)}
	case reflect.Map:
		return &Schema{Type: Types{"object"}, PropertyNames: w.keys(t), AdditionalProperties: w.of(t.Elem(), false)}
	}
	return w.object(t)
}

// keys is what a map's keys have to be, or nil for any text.
func (w *walker) keys(t reflect.Type) *Schema {
	k := t.Key()
	switch {
	case k.Kind() == reflect.String:
		return nil
	case !w.in && k.Implements(textMarshaler), w.in && reflect.PointerTo(k).Implements(textUnmarshaler):
		return nil
	case isInteger(k):
		return &Schema{Pattern: digits(k)}
	}
	panic(fmt.Sprintf("schema: %s: JSON has no keys for %v", w.at, t))
}

// isBytes reports whether a slice is written in base64.
func (w *walker) isBytes(t reflect.Type) bool {
	if t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	p := reflect.PointerTo(t.Elem())
	return w.in || !p.Implements(marshaler) && !p.Implements(textMarshaler)
}

func isInteger(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr
}

func isSigned(t reflect.Type) bool { return t.Kind() <= reflect.Int64 }

// integer is an integer with its range. The limits of 64 bits are left out: they are
// beyond what many a reader of JSON can tell apart.
func integer(t reflect.Type) *Schema {
	s := &Schema{Type: Types{"integer"}, Format: fmt.Sprintf("int%d", t.Bits())}
	s.wide = t.Kind() == reflect.Int64 || t.Kind() == reflect.Uint64
	if !isSigned(t) {
		s.Format, s.Minimum = "u"+s.Format, "0"
	}
	if t.Bits() == 64 {
		return s
	}
	if !isSigned(t) {
		s.Maximum = number(int64(1)<<t.Bits() - 1)
		return s
	}
	most := int64(1)<<(t.Bits()-1) - 1
	s.Minimum, s.Maximum = number(-most-1), number(most)
	return s
}

func number(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

func digits(t reflect.Type) string {
	if isSigned(t) {
		return "^-?[0-9]+$"
	}
	return "^[0-9]+$"
}

// enumOf calls the method Enum() []T of a type T that has one.
func enumOf(t reflect.Type) (values reflect.Value) {
	m, ok := reflect.PointerTo(t).MethodByName("Enum")
	if !ok || m.Type.NumIn() != 1 || m.Type.NumOut() != 1 {
		return values
	}
	if out := m.Type.Out(0); out.Kind() != reflect.Slice || out.Elem() != t {
		return values
	}
	return reflect.New(t).MethodByName("Enum").Call(nil)[0]
}

func (w *walker) enum(values reflect.Value) *Schema {
	s := new(Schema)
	for i := range values.Len() {
		value, err := json.Marshal(values.Index(i).Interface())
		if err != nil {
			panic(fmt.Sprintf("schema: %s.Enum: %v", w.at, err))
		}
		s.Enum = append(s.Enum, value)
	}
	all := func(first string) bool {
		return !slices.ContainsFunc(s.Enum, func(v json.RawMessage) bool { return !strings.Contains(first, string(v[:1])) })
	}
	switch {
	case all(`"`):
		s.Type = Types{"string"}
	case all("-0123456789"):
		s.Type = Types{"number"}
	}
	return s
}
