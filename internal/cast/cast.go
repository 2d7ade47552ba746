// Package cast is the one conversion between what clients send (texts, and values as
// decoded JSON has them) and Go values. A [Type] is made once for each Go type; it is
// safe for use by many goroutines.
//
//	| Go type                    | from a text                              | besides, from a value           |
//	|----------------------------|------------------------------------------|---------------------------------|
//	| string                     | UTF-8 without NUL                        |                                 |
//	| bool                       | strconv.ParseBool's, on, off             | bool                            |
//	| ints, uints                | decimal, in range                        | whole numbers in range          |
//	| floats                     | finite                                   | finite numbers                  |
//	| time.Time                  | RFC 3339; as HTML has them, in UTC:      |                                 |
//	|                            | 2026-01-31, 2026-01-31T12:00[:05]        |                                 |
//	| time.Duration              | 1m30s                                    | nanoseconds, as encoding/json   |
//	| encoding.TextUnmarshaler   | what it takes                            | a number, as its text           |
//	| *T                         | a T                                      | nil                             |
//	| []T                        |                                          | []any                           |
//	| map[string]T               |                                          | map[string]any                  |
//	| struct                     |                                          | map[string]any, by [NameOf]     |
//
// A nil value is the zero value. There is no text for []byte.
package cast

import (
	"fmt"
	"reflect"
	"strconv"
)

// Type converts values of one Go type.
type Type struct {
	goType reflect.Type
	want   string
	set    func(v reflect.Value, text string) bool      // nil if it has no text
	value  func(v reflect.Value, x any) error           // nil: by its text
	format func(v reflect.Value) (text string, ok bool) // nil if it cannot be written
	elem   *Type                                        // of pointers, slices and maps
}

// Error says where in a value something could not be converted, and what it had to be.
// It does not repeat what it was: that may be a secret.
type Error struct {
	Path string // as in "items.0.name"; "" is the value itself
	Want string // as in "a whole number from 0 to 255"
}

func (e *Error) Error() string {
	if e.Path == "" {
		return "must be " + e.Want
	}
	return e.Path + " must be " + e.Want
}

// under gives the error of a part as one of the whole.
func under(err error, part string) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	if e.Path != "" {
		part += "." + e.Path
	}
	return &Error{part, e.Want}
}

// Of is the conversion for a type, or an error that says which type has none.
func Of(t reflect.Type) (*Type, error) { return maker{}.of(t) }

// maker keeps the types that are being made: a type may contain itself.
type maker map[reflect.Type]*Type

func (m maker) of(t reflect.Type) (*Type, error) {
	if made := m[t]; made != nil {
		return made, nil
	}
	made := &Type{goType: t}
	m[t] = made
	if scalar(made) {
		return made, nil
	}
	var err error
	switch {
	case t.Kind() == reflect.Pointer:
		err = m.pointer(made)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		err = m.list(made)
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		err = m.table(made)
	case t.Kind() == reflect.Struct:
		err = m.record(made)
	default:
		err = fmt.Errorf("a %v cannot be read from text", t)
	}
	return made, err
}

// Want says what the type takes, as in "a whole number from 0 to 255": it goes on from
// "must be".
func (c *Type) Want() string { return c.want }

// IsText reports whether the type has a text: whether SetText can succeed.
func (c *Type) IsText() bool { return c.set != nil }

// Elem is the conversion of what a pointer, a slice or a map has, otherwise nil.
func (c *Type) Elem() *Type { return c.elem }

// SetText sets v, which must be settable and of the type, to what a text says, and
// reports whether it could. If not, v is unchanged, save for what a TextUnmarshaler did.
func (c *Type) SetText(v reflect.Value, text string) bool {
	return c.set != nil && c.set(v, text)
}

// Set sets v to a value as forms or decoded JSON have it: string, bool, nil, a number
// (json.Number or Go's), []any or map[string]any. The error is an [*Error]; v is then
// unchanged, save for what a TextUnmarshaler did.
func (c *Type) Set(v reflect.Value, x any) error {
	if x == nil {
		v.SetZero()
		return nil
	}
	if c.value != nil {
		return c.value(v, x)
	}
	if text, ok := x.(string); ok && c.SetText(v, text) {
		return nil
	}
	return &Error{Want: c.want}
}

// Text is the text that SetText takes for v, or false if there is none: for a nil
// pointer, the zero time, a slice, a struct.
func (c *Type) Text(v reflect.Value) (text string, ok bool) {
	if c.format == nil {
		return "", false
	}
	if text, ok = c.format(v); !ok {
		return "", false
	}
	return text, true
}

func (m maker) pointer(made *Type) error {
	elem, err := m.of(made.goType.Elem())
	if err != nil {
		return err
	}
	if elem.goType.Kind() == reflect.Pointer {
		return fmt.Errorf("a %v cannot be read from text", made.goType)
	}
	made.elem, made.want = elem, elem.want
	made.value = func(v reflect.Value, x any) error {
		to := reflect.New(elem.goType)
		if err := elem.Set(to.Elem(), x); err != nil {
			return err
		}
		v.Set(to)
		return nil
	}
	if elem.set == nil {
		return nil
	}
	made.set = func(v reflect.Value, text string) bool {
		to := reflect.New(elem.goType)
		if !elem.set(to.Elem(), text) {
			return false
		}
		v.Set(to)
		return true
	}
	made.format = func(v reflect.Value) (string, bool) {
		if v.IsNil() {
			return "", false
		}
		return elem.Text(v.Elem())
	}
	return nil
}

func (m maker) list(made *Type) error {
	made.want = "a list"
	elem, err := m.of(made.goType.Elem())
	if err != nil {
		return err
	}
	made.elem = elem
	made.value = func(v reflect.Value, x any) error {
		all, ok := x.([]any)
		if !ok {
			return &Error{Want: made.want}
		}
		list := reflect.MakeSlice(made.goType, len(all), len(all))
		for i, x := range all {
			if err := elem.Set(list.Index(i), x); err != nil {
				return under(err, strconv.Itoa(i))
			}
		}
		v.Set(list)
		return nil
	}
	return nil
}

func (m maker) table(made *Type) error {
	made.want = "an object"
	elem, err := m.of(made.goType.Elem())
	if err != nil {
		return err
	}
	made.elem = elem
	made.value = func(v reflect.Value, x any) error {
		all, ok := x.(map[string]any)
		if !ok {
			return &Error{Want: made.want}
		}
		table := reflect.MakeMapWithSize(made.goType, len(all))
		for name, x := range all {
			if !isClean(name) {
				return &Error{Want: "an object whose names are texts"}
			}
			to := reflect.New(elem.goType).Elem()
			if err := elem.Set(to, x); err != nil {
				return under(err, name)
			}
			table.SetMapIndex(reflect.ValueOf(name).Convert(made.goType.Key()), to)
		}
		v.Set(table)
		return nil
	}
	return nil
}
