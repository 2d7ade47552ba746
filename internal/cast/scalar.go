package cast

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	stringerType    = reflect.TypeFor[fmt.Stringer]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// scalar fills in the conversion of a type that is one text, and reports whether it is.
func scalar(made *Type) bool {
	t := made.goType
	switch {
	case t == timeType:
		instant(made)
	case reflect.PointerTo(t).Implements(unmarshalerType) && t.Kind() != reflect.Pointer:
		textual(made)
	case t == durationType:
		duration(made)
	case t.Kind() == reflect.String:
		made.want = "a text"
		made.set = func(v reflect.Value, s string) bool {
			if !isClean(s) {
				return false
			}
			v.SetString(s)
			return true
		}
		made.format = func(v reflect.Value) (string, bool) { return v.String(), true }
	case t.Kind() == reflect.Bool:
		boolean(made)
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64:
		signed(made)
	case reflect.Uint <= t.Kind() && t.Kind() <= reflect.Uint64:
		unsigned(made)
	case t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64:
		float(made)
	default:
		return false
	}
	return true
}

// isClean reports whether a text is one that every database and client can hold.
func isClean(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// instant reads times also as HTML's date and datetime-local have them, which know no
// zone: they are UTC.
func instant(made *Type) {
	made.want = "a time like 2026-01-31T12:00:00Z"
	made.set = func(v reflect.Value, s string) bool {
		to := v.Addr().Interface().(*time.Time)
		layout := ""
		switch len(s) {
		case len("2006-01-02"):
			layout = "2006-01-02"
		case len("2006-01-02T15:04"):
			layout = "2006-01-02T15:04"
		case len("2006-01-02T15:04:05"):
			layout = "2006-01-02T15:04:05"
		}
		at, err := time.Time{}, error(nil)
		if layout == "" {
			err = at.UnmarshalText([]byte(s))
		} else {
			at, err = time.Parse(layout, s)
		}
		if err != nil {
			return false
		}
		*to = at
		return true
	}
	made.format = func(v reflect.Value) (string, bool) {
		at := v.Interface().(time.Time)
		return at.Format(time.RFC3339Nano), !at.IsZero()
	}
}

func textual(made *Type) {
	made.want = "a well-formed " + strings.ToLower(made.goType.Name())
	made.set = func(v reflect.Value, s string) bool {
		return isClean(s) && v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) == nil
	}
	made.value = func(v reflect.Value, x any) error {
		s, ok := x.(string)
		if number, is := x.(json.Number); is {
			s, ok = number.String(), true
		}
		if !ok || !made.set(v, s) {
			return &Error{Want: made.want}
		}
		return nil
	}
	switch t := made.goType; {
	case t.Implements(marshalerType):
		made.format = func(v reflect.Value) (string, bool) {
			text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
			return string(text), err == nil
		}
	case reflect.PointerTo(t).Implements(marshalerType):
		made.format = func(v reflect.Value) (string, bool) {
			to := reflect.New(t)
			to.Elem().Set(v)
			text, err := to.Interface().(encoding.TextMarshaler).MarshalText()
			return string(text), err == nil
		}
	case t.Implements(stringerType):
		made.format = func(v reflect.Value) (string, bool) { return v.Interface().(fmt.Stringer).String(), true }
	}
}

func duration(made *Type) {
	made.want = "a duration like 1m30s"
	made.set = func(v reflect.Value, s string) bool {
		d, err := time.ParseDuration(s)
		if err == nil {
			v.SetInt(int64(d))
		}
		return err == nil
	}
	made.value = func(v reflect.Value, x any) error {
		if s, ok := x.(string); ok && made.set(v, s) {
			return nil
		}
		if n, ok := whole(x); ok {
			v.SetInt(n)
			return nil
		}
		return &Error{Want: made.want}
	}
	made.format = func(v reflect.Value) (string, bool) { return time.Duration(v.Int()).String(), true }
}

func boolean(made *Type) {
	made.want = "true or false"
	made.set = func(v reflect.Value, s string) bool {
		b, ok := Bool(s)
		if ok {
			v.SetBool(b)
		}
		return ok
	}
	made.value = func(v reflect.Value, x any) error {
		switch x := x.(type) {
		case bool:
			v.SetBool(x)
			return nil
		case string:
			if made.set(v, x) {
				return nil
			}
		}
		return &Error{Want: made.want}
	}
	made.format = func(v reflect.Value) (string, bool) { return strconv.FormatBool(v.Bool()), true }
}

// Bool is what a text says: on is what browsers send of a checkbox.
func Bool(s string) (value, ok bool) {
	switch s {
	case "on":
		return true, true
	case "off":
		return false, true
	}
	b, err := strconv.ParseBool(s)
	return b, err == nil
}
