package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/codec"
	"github.com/bennu-go/bennu/internal/rule"
)

// plan is how an action's input is put together. It is made once for each action.
type plan struct {
	in     reflect.Type
	fields []field
	query  bool   // some field comes from the query string
	body   string // the name of a field that comes from the body, or ""
	rules  *rule.Rules
	form   formPlan
}

type field struct {
	index  []int
	source string // "path", "query" or "header"
	name   string
	many   bool
	must   bool       // be given, which its value does not show
	of     *cast.Type // of each, if there are many
}

func planOf(t reflect.Type) *plan {
	p := &plan{in: t}
	switch t.Kind() {
	case reflect.Struct:
		p.addFields(t)
	case reflect.Slice, reflect.Map:
		p.body = t.String()
	default:
		panic(fmt.Sprintf("web: the input of an action is a struct, a slice or a map, not %v", t))
	}
	p.rules, p.form = rule.Of(t, outside(codec.NameOf)), formPlanOf(t)
	for i := range p.fields {
		f := &p.fields[i]
		f.must = f.source != "path" && !f.many && p.rules.Field(f.name).Required
	}
	return p
}

func (p *plan) addFields(t reflect.Type) {
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
}

// outside is what a client calls a field: by its tag of path, query or header, else by
// what it is called in the body.
func outside(inBody func(reflect.StructField) string) func(reflect.StructField) string {
	return func(f reflect.StructField) string {
		if source, name := sourceOf(f.Type, f); source != "" {
			return name
		}
		return inBody(f)
	}
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
func (p *plan) read(r *http.Request, in any) error {
	v := reflect.ValueOf(in).Elem()
	rules := p.rules
	var wrong fault.Fields
	if p.body != "" && hasBody(r.Method) {
		if mediaTypeOf(r) == formType && p.form.err == nil {
			params, err := formOf(r)
			if err != nil {
				return err
			}
			rules, wrong = p.form.rules, p.form.read(params, v)
		} else {
			raw, err := readJSON(r, in)
			if err != nil {
				return err
			}
			wrong = p.rules.Missing(raw)
		}
	}
	if len(p.fields) > 0 {
		missing, err := p.decode(r, v)
		if err != nil {
			return err
		}
		wrong = codec.Merge(wrong, missing)
	}
	if wrong = codec.Merge(wrong, rules.Check(v)); wrong != nil {
		return fault.Refuse(wrong)
	}
	return codec.Validate(in)
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
	var err error
	made.of, err = cast.Of(f.Type)
	if made.many = err == nil && source != "path" && f.Type.Kind() == reflect.Slice && !made.of.IsText(); made.many {
		made.of = made.of.Elem()
	}
	if err != nil || !made.of.IsText() || source == "path" && f.Type.Kind() == reflect.Pointer {
		wrong(fmt.Sprintf("is a %v, which cannot come from the %s", f.Type, source))
	}
	p.fields = append(p.fields, made)
}

// decode sets every field that has a tag, also to zero: the body must not be able
// to set them.
func (p *plan) decode(r *http.Request, in reflect.Value) (missing fault.Fields, err error) {
	var query url.Values
	if p.query {
		if query, err = queryValues(r); err != nil {
			return nil, err
		}
	}
	for i := range p.fields {
		f := &p.fields[i]
		v := in.FieldByIndex(f.index)
		v.SetZero()
		if f.source == "path" {
			if !f.of.SetText(v, r.PathValue(f.name)) {
				return nil, f.refused()
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
				if !f.of.SetText(v.Index(i), s) {
					return nil, f.refused()
				}
			}
		case len(given) > 1:
			return nil, fault.Invalid.Errorf("%s in the %s may be given once", f.name, f.source)
		case len(given) == 1:
			if !f.of.SetText(v, given[0]) {
				return nil, f.refused()
			}
		case f.must:
			missing = codec.Merge(missing, fault.Fields{f.name: {rule.Blank().String()}})
		}
	}
	return missing, nil
}

func queryValues(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.Invalid.Wrap(err, "the query string is malformed")
	}
	return query, nil
}

// refused does not repeat the value: it may be a secret, and errors are logged.
func (f *field) refused() error {
	return fault.Invalid.Errorf("%s in the %s must be %s", f.name, f.source, f.of.Want())
}

// isFault reports whether somebody has given an error its kind.
func isFault(err error) bool {
	return fault.Of(err) != fault.Internal || errors.Is(err, fault.Internal)
}
