package web

import (
	"context"
	"fmt"
	"net/http"
	"reflect"

	"github.com/bennu-go/bennu/fault"
)

// None is the input or output of an action that has none.
type None = struct{}

// JSON makes a handler of a typed function. In is a struct: a field tagged
// `path:"id"` is taken from the pattern's {id}, one tagged `query:"from"` from the
// query string, and the other fields from the JSON body of a POST, PUT or PATCH. In
// may also be a slice or a map, which is then the whole body. If In has a method
// Validate() error, it is called last; an error of no kind is then fault.Invalid and
// its text the client's.
//
// Path and query fields are strings, numbers, bools, [time.Duration], types with
// UnmarshalText (such as [time.Time], RFC 3339), and in the query pointers to those
// (nil if the parameter is absent; the others are then zero) or slices (one element
// for each time it is given).
//
// Out is sent as JSON with status 200, or that of its method StatusCode() int. A nil
// pointer or interface, or [None], is an empty answer with status 204; a nil slice is
// [] and a nil map {}. An error is a [Problem], always as JSON.
//
// It panics if In cannot be decoded, and [Router] panics if a pattern and In do not
// belong together: a path field without its wildcard, body fields without a body.
func JSON[In, Out any](f func(context.Context, In) (Out, error)) http.Handler {
	if f == nil {
		panic("web: JSON of a nil function")
	}
	if out := reflect.TypeFor[Out](); !out.Implements(statusCoderType) && reflect.PointerTo(out).Implements(statusCoderType) {
		panic(fmt.Sprintf("web: StatusCode of %v needs a value as its receiver, not a pointer", out))
	}
	return &action{
		plan: planOf(reflect.TypeFor[In]()),
		call: func(ctx context.Context, decode func(any) error) (any, error) {
			var in In
			if err := decode(&in); err != nil {
				return nil, err
			}
			return f(ctx, in)
		},
	}
}

type statusCoder interface{ StatusCode() int }

var statusCoderType = reflect.TypeFor[statusCoder]()

// action is what [JSON] makes: untyped but for the one closure.
type action struct {
	plan *plan
	call func(ctx context.Context, decode func(any) error) (any, error)
}

func (a *action) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := a.call(r.Context(), func(in any) error { return a.decode(w, r, in) })
	if err == nil {
		err = answer(w, out)
	}
	if err != nil {
		problem(w, r, err, false)
	}
}

func (a *action) decode(w http.ResponseWriter, r *http.Request, in any) error {
	if a.plan.body != "" && hasBody(r.Method) {
		if err := readJSON(w, r, in); err != nil {
			return err
		}
	}
	if err := a.plan.decode(r, reflect.ValueOf(in).Elem()); err != nil {
		return err
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

// answer encodes before it writes, so that what cannot be encoded is a clean 500.
func answer(w http.ResponseWriter, out any) error {
	status := http.StatusOK
	v := reflect.ValueOf(out)
	switch v.Kind() {
	case reflect.Invalid:
		status = http.StatusNoContent
	case reflect.Pointer:
		if v.IsNil() {
			out, status = nil, http.StatusNoContent
		}
	case reflect.Slice, reflect.Map:
		out = notNull(out, v)
	case reflect.Struct:
		if _, none := out.(None); none {
			out, status = nil, http.StatusNoContent
		}
	}
	if s, ok := out.(statusCoder); ok {
		if status = s.StatusCode(); status < 200 || status > 599 {
			return fault.Internal.Errorf("%T has the impossible status %d", out, status)
		}
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return nil
	}
	body, err := encodeJSON(out)
	if err != nil {
		return fault.Internal.Wrap(err, "cannot encode %T", out)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone if it fails
	return nil
}

func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// misfit says why an action cannot stand behind a pattern, or "".
func (a *action) misfit(method, path string) string {
	for _, f := range a.plan.fields {
		if f.source == "path" && !hasWildcard(path, f.name) {
			return fmt.Sprintf("it has no {%s}, which the action's input needs", f.name)
		}
	}
	if a.plan.body != "" && method != "" && !hasBody(method) {
		return fmt.Sprintf("a %s has no body, but %s of the action's input is neither path nor query", method, a.plan.body)
	}
	return ""
}
