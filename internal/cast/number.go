package cast

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// WholeNumber names an integer type's range, unless nobody would exceed it.
func WholeNumber(t reflect.Type) string {
	if t.Kind() < reflect.Uint && t.Bits() == 64 {
		return "a whole number"
	}
	if t.Kind() >= reflect.Uint {
		return fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	}
	most := int64(math.MaxInt64) >> (64 - t.Bits())
	return fmt.Sprintf("a whole number from %d to %d", -most-1, most)
}

func signed(made *Type) {
	made.want = WholeNumber(made.goType)
	bits := made.goType.Bits()
	made.set = func(v reflect.Value, s string) bool {
		n, err := strconv.ParseInt(s, 10, bits)
		if err == nil {
			v.SetInt(n)
		}
		return err == nil
	}
	made.value = func(v reflect.Value, x any) error {
		if s, ok := x.(string); ok && made.set(v, s) {
			return nil
		}
		if n, ok := whole(x); ok && !v.OverflowInt(n) {
			v.SetInt(n)
			return nil
		}
		return &Error{Want: made.want}
	}
	made.format = func(v reflect.Value) (string, bool) { return strconv.FormatInt(v.Int(), 10), true }
}

func unsigned(made *Type) {
	made.want = WholeNumber(made.goType)
	bits := made.goType.Bits()
	made.set = func(v reflect.Value, s string) bool {
		n, err := strconv.ParseUint(s, 10, bits)
		if err == nil {
			v.SetUint(n)
		}
		return err == nil
	}
	made.value = func(v reflect.Value, x any) error {
		switch x := x.(type) {
		case string:
			if made.set(v, x) {
				return nil
			}
		case json.Number:
			if made.set(v, x.String()) {
				return nil
			}
		default:
			if given := reflect.ValueOf(x); given.CanUint() && !v.OverflowUint(given.Uint()) {
				v.SetUint(given.Uint())
				return nil
			}
			if n, ok := whole(x); ok && n >= 0 && !v.OverflowUint(uint64(n)) {
				v.SetUint(uint64(n))
				return nil
			}
		}
		return &Error{Want: made.want}
	}
	made.format = func(v reflect.Value) (string, bool) { return strconv.FormatUint(v.Uint(), 10), true }
}

func float(made *Type) {
	made.want = "a number"
	bits := made.goType.Bits()
	made.set = func(v reflect.Value, s string) bool {
		f, err := strconv.ParseFloat(s, bits)
		if err != nil || !isFinite(f) {
			return false
		}
		v.SetFloat(f)
		return true
	}
	made.value = func(v reflect.Value, x any) error {
		switch x := x.(type) {
		case string:
			if made.set(v, x) {
				return nil
			}
		case json.Number:
			if made.set(v, x.String()) {
				return nil
			}
		default:
			if f, ok := real(x); ok && isFinite(f) && !v.OverflowFloat(f) {
				v.SetFloat(f)
				return nil
			}
		}
		return &Error{Want: made.want}
	}
	made.format = func(v reflect.Value) (string, bool) {
		f := v.Float()
		style := byte('f')
		if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
			style = 'e'
		}
		return strconv.FormatFloat(f, style, -1, bits), isFinite(f)
	}
}

func isFinite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// whole is the whole number that a value is.
func whole(x any) (int64, bool) {
	switch x := x.(type) {
	case json.Number:
		n, err := strconv.ParseInt(x.String(), 10, 64)
		return n, err == nil
	case float64:
		const exact = 1 << 53 // beyond it, a float64 stands for several numbers
		return int64(x), math.Trunc(x) == x && math.Abs(x) <= exact
	case int:
		return int64(x), true
	}
	v := reflect.ValueOf(x)
	switch {
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), v.Uint() <= math.MaxInt64
	}
	return 0, false
}

// real is the number that a Go value is.
func real(x any) (float64, bool) {
	v := reflect.ValueOf(x)
	switch {
	case v.CanFloat():
		return v.Float(), true
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	}
	return 0, false
}
