package web

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cast"
	"github.com/bennu-go/bennu/internal/codec"
	"github.com/bennu-go/bennu/internal/rule"
)

const formType = "application/x-www-form-urlencoded"

// formPlan is how the part of an input that comes from the body is put together from a
// form.
type formPlan struct {
	fields []formField
	rules  *rule.Rules
	err    error // why it cannot come from a form
}

type formField struct {
	index []int
	name  string
	of    *cast.Type // nil takes it as it is: changeset.Params
}

var paramsType = reflect.TypeFor[changeset.Params]()

func formPlanOf(t reflect.Type) formPlan {
	var p formPlan
	if t.Kind() != reflect.Struct {
		p.err = fmt.Errorf("%v is no struct", t)
		return p
	}
	for _, f := range cast.Fields(t) {
		if source, _ := sourceOf(t, f); source != "" {
			continue
		}
		made := formField{index: f.Index, name: cast.NameOf(f)}
		if f.Type != paramsType {
			of, err := cast.Of(f.Type)
			if err != nil {
				p.err = err
				return p
			}
			made.of = of
		}
		p.fields = append(p.fields, made)
	}
	p.rules = rule.Of(t, outside(cast.NameOf))
	return p
}

// read sets in to what the form says, and tells by field what cannot be. What was left
// empty stays as it is.
func (p *formPlan) read(params changeset.Params, in reflect.Value) (wrong fault.Fields) {
	for _, f := range p.fields {
		given, ok := params[f.name]
		v := in.FieldByIndex(f.index)
		if f.of == nil {
			v.Set(reflect.ValueOf(params.Sub(f.name)))
			continue
		}
		if text, is := given.(string); !ok || is && v.Kind() != reflect.String && strings.TrimSpace(text) == "" {
			continue
		}
		var why *cast.Error
		if err := f.of.Set(v, given); errors.As(err, &why) {
			name := strings.TrimSuffix(f.name+"."+why.Path, ".")
			wrong = codec.Merge(wrong, fault.Fields{name: {"must be " + why.Want}})
		}
	}
	return wrong
}

// postForm is the body of the request if it is a form.
func postForm(r *http.Request) (url.Values, error) {
	if mediaTypeOf(r) != formType {
		return nil, nil
	}
	if err := r.ParseForm(); err != nil {
		if isFault(err) { // of the body
			return nil, err
		}
		return nil, fault.Invalid.Wrap(err, "the form is malformed")
	}
	return r.PostForm, nil
}

// formOf is that form as parameters.
func formOf(r *http.Request) (changeset.Params, error) {
	form, err := postForm(r)
	if err != nil {
		return nil, err
	}
	return changeset.ParseForm(form)
}

// Params is all that the request says, as a [changeset.Cast] takes it: the query string,
// over it the body, a form or a JSON object, and over that the route's wildcards.
func (c *Conn) Params() (changeset.Params, error) {
	query, err := queryValues(c.r)
	if err != nil {
		return nil, err
	}
	all, err := changeset.ParseForm(query)
	if err != nil {
		return nil, err
	}
	body, err := c.bodyParams()
	if err != nil {
		return nil, err
	}
	maps.Copy(all, body)
	for name := range wildcards(c.r.Pattern) {
		all[name] = c.r.PathValue(name)
	}
	return all, nil
}

func (c *Conn) bodyParams() (changeset.Params, error) {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil, nil
	}
	switch mediaTypeOf(c.r) {
	case formType:
		return formOf(c.r)
	case "application/json":
		raw, err := io.ReadAll(c.r.Body)
		if err != nil {
			return nil, err
		}
		return changeset.FromJSON(raw)
	}
	return nil, nil
}
