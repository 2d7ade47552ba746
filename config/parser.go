package config

import (
	"encoding"
	"errors"
	"math"
	"reflect"
	"strconv"
	"time"
)

// parser reads a text into a field of one type.
type parser struct {
	word     string // for usage
	want     string // for errors
	into     func(target reflect.Value, text string) error
	bool     bool
	explains bool // its errors are worth reading
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
	errNotFinite = errors.New("not finite")
)

func isText(t reflect.Type) bool {
	return t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textType)
}

// parserOf is the parser of a type. One that cannot be read has no into.
func parserOf(t reflect.Type) parser {
	switch {
	case isText(t):
		return parser{word: "text", want: "a " + t.String(), explains: true, into: func(target reflect.Value, text string) error {
			return target.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
		}}
	case t == durationType:
		return parser{word: "duration", want: "a duration such as 1m30s", into: func(target reflect.Value, text string) error {
			d, err := time.ParseDuration(text)
			target.SetInt(int64(d))
			return err
		}}
	}
	switch t.Kind() {
	case reflect.String:
		return parser{word: "text", want: "a text", into: func(target reflect.Value, text string) error {
			target.SetString(text)
			return nil
		}}
	case reflect.Bool:
		return parser{want: "true or false", bool: true, into: func(target reflect.Value, text string) error {
			b, err := strconv.ParseBool(text)
			target.SetBool(b)
			return err
		}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		low, high := int64(math.MinInt64)>>(64-t.Bits()), int64(math.MaxInt64)>>(64-t.Bits())
		want := "a whole number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
		return parser{word: "number", want: want, into: func(target reflect.Value, text string) error {
			n, err := strconv.ParseInt(text, 0, t.Bits())
			target.SetInt(n)
			return err
		}}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		want := "a whole number from 0 to " + strconv.FormatUint(math.MaxUint64>>(64-t.Bits()), 10)
		return parser{word: "number", want: want, into: func(target reflect.Value, text string) error {
			n, err := strconv.ParseUint(text, 0, t.Bits())
			target.SetUint(n)
			return err
		}}
	case reflect.Float32, reflect.Float64:
		return parser{word: "number", want: "a number", into: func(target reflect.Value, text string) error {
			x, err := strconv.ParseFloat(text, t.Bits())
			if err == nil && (math.IsInf(x, 0) || math.IsNaN(x)) {
				err = errNotFinite
			}
			target.SetFloat(x)
			return err
		}}
	}
	return parser{}
}
