package fault

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ask has a value say itself what is shown of it: a string, a slog.Value, or nil. Of the
// methods called, only String could tell what the walk leaves out, so it is called on
// nothing that has parts. v has an address; a method that panics says nothing.
func ask(v reflect.Value) (said any) {
	defer func() {
		if recover() != nil {
			said = nil
		}
	}()
	switch x := v.Addr().Interface().(type) {
	case *slog.Value:
		return *x
	case slog.LogValuer:
		return x.LogValue()
	case error:
		return x.Error()
	case encoding.TextMarshaler:
		if text, err := x.MarshalText(); err == nil {
			return string(text)
		}
	case fmt.Stringer:
		if isText(v.Type()) || isScalar(v.Kind()) {
			return x.String()
		}
	}
	return nil
}

// text is the leaf of a text.
func text(s string) shape {
	masked := mask(cut(s, 4*longestText))
	shown := cut(masked, longestText)
	more := ""
	if len(s) > 4*longestText || len(masked) > longestText {
		more = "…"
	}
	return shape{text: strconv.Quote(shown) + more, value: strings.ToValidUTF8(shown, "\uFFFD") + more}
}

// octets is the leaf of bytes: a text if they are a short one.
func octets(b []byte) shape {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) }
	if len(b) <= longestBytes && utf8.Valid(b) && strings.IndexFunc(string(b), unprintable) < 0 {
		return text(string(b))
	}
	return mark("[" + strconv.Itoa(len(b)) + " bytes]")
}

// numeral is the leaf of a number that is kept as its text.
func numeral(n json.Number) shape {
	if !json.Valid([]byte(n)) || len(n) > 64 {
		return text(string(n))
	}
	return shape{text: string(n), value: n}
}

// scalar is the leaf of a bool or a number.
func scalar(v reflect.Value) shape {
	const safe = 1<<53 - 1 // what a JavaScript number can hold
	switch {
	case v.Kind() == reflect.Bool:
		return shape{text: strconv.FormatBool(v.Bool()), value: v.Bool()}
	case v.CanInt():
		n, digits := v.Int(), strconv.FormatInt(v.Int(), 10)
		if n > safe || n < -safe {
			return mark(digits)
		}
		return shape{text: digits, value: n}
	case v.CanUint():
		n, digits := v.Uint(), strconv.FormatUint(v.Uint(), 10)
		if n > safe {
			return mark(digits)
		}
		return shape{text: digits, value: n}
	case v.CanFloat():
		digits := strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
		n, err := strconv.ParseFloat(digits, 64) // 0.1 of a float32 stays 0.1
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return mark(digits)
		}
		return shape{text: digits, value: n}
	}
	return mark(strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()))
}

func isScalar(k reflect.Kind) bool { return reflect.Bool <= k && k <= reflect.Complex128 }

// isText reports whether a type is of texts or of bytes.
func isText(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String:
		return true
	case reflect.Slice, reflect.Array:
		return t.Elem().Kind() == reflect.Uint8
	}
	return false
}

// isShared reports whether a struct holds a lock or an atomic: it is made to be written
// by others at any time.
func isShared(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i).Type
		for f.Kind() == reflect.Pointer || f.Kind() == reflect.Slice || f.Kind() == reflect.Array {
			f = f.Elem()
		}
		if path := f.PkgPath(); path == "sync" || path == "sync/atomic" {
			return true
		}
	}
	return false
}

// isMachinery reports whether a struct is a part of Go itself: whatever it has in it, the
// program did not put it there to be read, and in crypto's it is keys.
func isMachinery(t reflect.Type) bool {
	switch path := t.PkgPath(); path {
	case "context", "reflect", "runtime", "sync", "sync/atomic":
		return true
	default:
		return strings.HasPrefix(path, "internal/") || strings.HasPrefix(path, "crypto/") ||
			strings.HasPrefix(path, "golang.org/x/crypto/")
	}
}

// typeName is a type's name, without what is inside it if it has none.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(strings.ReplaceAll(t.String(), "interface {}", "any"), " {")
	return cut(name, longestText)
}

// ownName is a type's name without its type arguments.
func ownName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}
