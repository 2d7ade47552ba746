// Package codec reads what clients send as JSON, and says in their words what is wrong
// with it.
package codec

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
)

// Decode reads data into in. What cannot be read is fault.Invalid, with a text for the
// client; what is the name of the whole, as in "the body".
func Decode(what string, data []byte, in any) error {
	err := json.Unmarshal(data, in)
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	var when *time.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		field := wrong.Field
		if field == "" {
			field = what
		}
		return fault.Invalid.Wrap(err, "%s must be %s, not %s", field, word(wrong.Type), given(wrong.Value))
	case errors.As(err, &syntax):
		return fault.Invalid.Wrap(err, "%s is not JSON: it goes wrong after %d bytes", what, syntax.Offset)
	case errors.As(err, &when):
		return fault.Invalid.Wrap(err, "a time must be like 2026-01-31T12:00:00Z, not %.64s", when.Value)
	case errors.Is(err, fault.Invalid):
		return err
	}
	return fault.Invalid.Wrap(err, "%s has a value that is not accepted", what)
}

var secretType = reflect.TypeFor[fault.Secret]()

// word is what a Go type is called in JSON.
func word(t reflect.Type) string {
	if t == secretType {
		return "a string"
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	if t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr {
		return cast.WholeNumber(t)
	}
	return "another value"
}

// given is what encoding/json calls a value, as a reader would.
func given(value string) string {
	switch value {
	case "bool":
		return "true or false"
	case "array", "object":
		return "an " + value
	case "string", "number":
		return "a " + value
	}
	return strings.TrimPrefix(value, "number ") // one that does not fit
}
