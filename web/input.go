package web

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

// plan is how an action's input is put together. It is made once for each action.
type plan struct {
	in     reflect.Type
	fields []field
	query  bool   // some field comes from the query string
	body   string // the name of a field that comes from the body, or ""
}

type field struct {
	index  []int
	source string // "path", "query" or "header"
	name   string
	many   bool
	want   string
	set    setter
}

// setter puts a text into a value, and reports whether it could.
type setter func(v reflect.Value, text string) bool

func planOf(t reflect.Type) *plan {
	switch t.Kind() {
	case reflect.Struct:
	case reflect.Slice, reflect.Map:
		return &plan{in: t, body: t.String()}
	default:
		panic(fmt.Sprintf("web: the input of an action is a struct, a slice or a map, not %v", t))
	}
	p := &plan{in: t}
	if reflect.PointerTo(t).Implements(unmarshalerType) {
		p.body = t.String()
	}
	for _, f := range reflect.VisibleFields(t) {
		source, name := sourceOf(t, f)
		switch {
		case source == "header":
			p.add(t, f, source, http.CanonicalHeaderKey(name))
		case source != "":
			p.add(t, f, source, name)
			p.query = p.query || source == "query"
		case f.IsExported() && f.Tag.Get("json") != "-" && !(f.Anonymous && f.Type.Kind() == reflect.Struct):
			p.body = f.Name
		}
	}
	return p
}

// sourceOf is the one tag that says where a field comes from, and its name there.
func sourceOf(t reflect.Type, f reflect.StructField) (source, name string) {
	for _, tag := range []string{"path", "query", "header"} {
		value, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		if source != "" {
			panic(fmt.Sprintf("web: %v.%s has both a %s and a %s tag", t, f.Name, source, tag))
		}
		source, name = tag, value
	}
	return source, name
}

// read fills in from the request, and has it validated.
func (p *plan) read(w http.ResponseWriter, r *http.Request, in any) error {
	if p.body != "" && hasBody(r.Method) {
		if err := readJSON(w, r, in); err != nil {
			return err
		}
	}
	if len(p.fields) > 0 {
		if err := p.decode(r, reflect.ValueOf(in).Elem()); err != nil {
			return err
		}
	}
	v, ok := in.(interface{ Validate() error })
	if !ok {
		return nil
	}
	err := v.Validate()
	if err != nil && !isFault(err) {
		return fault.Invalid.Errorf("%v", err)
	}
	return err
}

func (p *plan) add(t reflect.Type, f reflect.StructField, source, name string) {
	wrong := func(why string) { panic(fmt.Sprintf("web: %v.%s %s", t, f.Name, why)) }
	if !f.IsExported() {
		wrong("has a " + source + " tag, but is not exported")
	}
	if name == "" {
		wrong("has an empty " + source + " tag")
	}
	for outer, i := t, 0; i < len(f.Index)-1; i++ {
		if outer = outer.Field(f.Index[i]).Type; outer.Kind() == reflect.Pointer {
			wrong("is in a struct that is embedded by pointer; embed it by value")
		}
	}
	made := field{index: f.Index, source: source, name: name}
	text := f.Type
	if source != "path" && text.Kind() == reflect.Slice && !isTextual(text) {
		made.many, text = true, text.Elem()
	} else if source != "path" && text.Kind() == reflect.Pointer {
		text = text.Elem()
	}
	made.set, made.want = setterOf(text)
	if made.set == nil || made.many && text.Kind() == reflect.Uint8 {
		wrong(fmt.Sprintf("is a %v, which cannot come from the %s", f.Type, source))
	}
	if !made.many && f.Type != text {
		value := made.set
		made.set = func(v reflect.Value, s string) bool {
			v.Set(reflect.New(text))
			return value(v.Elem(), s)
		}
	}
	p.fields = append(p.fields, made)
}

// decode sets every field that has a tag, also to zero: the body must not be able
// to set them.
func (p *plan) decode(r *http.Request, in reflect.Value) error {
	var query url.Values
	if p.query {
		var err error
		if query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			return fault.Invalid.Wrap(err, "the query string is malformed")
		}
	}
	for i := range p.fields {
		f := &p.fields[i]
		v := in.FieldByIndex(f.index)
		v.SetZero()
		if f.source == "path" {
			if !f.set(v, r.PathValue(f.name)) {
				return f.refused()
			}
			continue
		}
		given := query[f.name]
		if f.source == "header" {
			given = r.Header[f.name]
		}
		switch {
		case f.many && len(given) > 0:
			v.Set(reflect.MakeSlice(v.Type(), len(given), len(given)))
			for i, s := range given {
				if !f.set(v.Index(i), s) {
					return f.refused()
				}
			}
		case len(given) > 1:
			return fault.Invalid.Errorf("%s in the %s may be given once", f.name, f.source)
		case len(given) == 1:
			if !f.set(v, given[0]) {
				return f.refused()
			}
		}
	}
	return nil
}

// refused does not repeat the value: it may be a secret, and errors are logged.
func (f *field) refused() error {
	return fault.Invalid.Errorf("%s in the %s must be %s", f.name, f.source, f.want)
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

func isTextual(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// setterOf is the setter for a type and words for what it takes, or nil.
func setterOf(t reflect.Type) (set setter, want string) {
	if isTextual(t) {
		want = "a well-formed " + strings.ToLower(t.Name())
		if t == timeType {
			want = "a time like 2026-01-31T12:00:00Z"
		}
		return func(v reflect.Value, s string) bool {
			return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) == nil
		}, want
	}
	if t == durationType {
		return func(v reflect.Value, s string) bool {
			d, err := time.ParseDuration(s)
			v.SetInt(int64(d))
			return err == nil
		}, "a duration like 1m30s"
	}
	switch t.Kind() {
	case reflect.String:
		return func(v reflect.Value, s string) bool { v.SetString(s); return true }, "a text"
	case reflect.Bool:
		return func(v reflect.Value, s string) bool {
			b, err := strconv.ParseBool(s)
			v.SetBool(b)
			return err == nil
		}, "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(v reflect.Value, s string) bool {
			n, err := strconv.ParseInt(s, 10, t.Bits())
			v.SetInt(n)
			return err == nil
		}, codec.WholeNumber(t)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value, s string) bool {
			n, err := strconv.ParseUint(s, 10, t.Bits())
			v.SetUint(n)
			return err == nil
		}, codec.WholeNumber(t)
	case reflect.Float32, reflect.Float64:
		return func(v reflect.Value, s string) bool {
			x, err := strconv.ParseFloat(s, t.Bits())
			v.SetFloat(x)
			return err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
		}, "a number"
	}
	return nil, ""
}

// isFault reports whether somebody has given an error its kind.
func isFault(err error) bool {
	return fault.Of(err) != fault.Internal || errors.Is(err, fault.Internal)
}
