package web

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/codec"
)

// None is the input or output of an action that has none.
type None = struct{}

// JSON makes a handler of a function of the shape that every door has. In is a struct,
// filled by tags:
//
//	type Rename struct {
//		ID    int64  `path:"id"`
//		Draft bool   `query:"draft"`
//		Agent string `header:"User-Agent"`
//		Name  string `json:"name" validate:"required,max=80"`
//	}
//
// What has no tag of path, query or header comes from the body of a POST, PUT or
// PATCH: JSON, or a form, by its Content-Type. In may also be a slice or a map, which
// is then the whole body, in JSON.
//
// Path, query and header fields are strings, numbers, bools, [time.Duration], types with
// UnmarshalText (such as [time.Time], RFC 3339), and but for the path pointers to those
// (nil if it is absent; the others are then zero) or slices (one element for each time
// it is given).
//
// Then the input is validated, by its validate tags and by its method Validate() error if
// it has one. What the tags refuse, and a [fault.Refuse] from Validate, is answered with
// status 422 and the messages by field; an error of no kind is fault.Invalid, and its
// text the client's.
//
// Out is sent as JSON with status 200, or that of its method StatusCode() int. A nil
// pointer or interface, or [None], is an empty answer with status 204; a nil slice is
// [] and a nil map {}. An Out that is also a [View] is sent as a page to a client that
// prefers HTML. An error is a [Problem] as JSON.
//
// It panics if In cannot be decoded, and [Router] panics if a pattern and In do not
// belong together: a path field without its wildcard, body fields without a body.
func JSON[In, Out any](f func(context.Context, In) (Out, error)) *Typed {
	return typed(f, false)
}

// Page makes a handler of a function that answers with a view: [JSON] for people. What
// is wrong is a [Problem] as a page. The status is 200, or what [WithStatus] says;
// [RedirectTo] is a view, too. A form that is to come back with its errors is taken as a
// field of type changeset.Params, and cast by the action: validate tags would answer with
// the page of an error.
func Page[In any](f func(context.Context, In) (View, error)) *Typed {
	return typed(f, true)
}

// Typed is the handler of a typed function, with what can be said about it.
type Typed struct {
	plan    *plan
	call    func(r *http.Request) (any, error)
	serve   http.Handler
	page    bool
	out     reflect.Type
	name    string
	summary string
}

// Doc says what the action does, in a line, for the document of the API.
func (t *Typed) Doc(summary string) *Typed {
	t.summary = summary
	return t
}

func typed[In, Out any](f func(context.Context, In) (Out, error), page bool) *Typed {
	if f == nil {
		panic("web: the function of an action is nil")
	}
	out := reflect.TypeFor[Out]()
	if !out.Implements(statusCoderType) && reflect.PointerTo(out).Implements(statusCoderType) {
		panic(fmt.Sprintf("web: StatusCode of %v needs a value as its receiver, not a pointer", out))
	}
	t := &Typed{plan: planOf(reflect.TypeFor[In]()), page: page, out: out, name: nameOf(f)}
	t.call = func(r *http.Request) (any, error) {
		in := new(In)
		if err := t.plan.read(r, in); err != nil {
			return nil, err
		}
		return f(r.Context(), *in)
	}
	t.serve = within(t.respond)
	return t
}

func nameOf(f any) string { return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() }

type statusCoder interface{ StatusCode() int }

var statusCoderType = reflect.TypeFor[statusCoder]()

// ServeHTTP answers a request.
func (t *Typed) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.serve.ServeHTTP(w, r) }

func (t *Typed) respond(_ *exchange, w http.ResponseWriter, r *http.Request) {
	out, err := t.call(r)
	if err == nil {
		err = t.answer(w, r, out)
	}
	if err != nil {
		problem(w, r, err, t.page)
	}
}

func (t *Typed) answer(w http.ResponseWriter, r *http.Request, out any) error {
	view, ok := out.(View)
	if t.page {
		return show(w, r, view)
	}
	if ok && !isNil(out) {
		varyBy(w.Header(), "Accept")
		if wants(r, "json", "html") == "html" {
			return show(w, r, view)
		}
	}
	return answerJSON(w, out)
}

func isNil(v any) bool {
	of := reflect.ValueOf(v)
	return of.Kind() == reflect.Pointer && of.IsNil()
}

// answerJSON encodes before it writes, so that what cannot be encoded is a clean 500.
func answerJSON(w http.ResponseWriter, out any) error {
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
		out = codec.NotNull(out)
	case reflect.Struct:
		if _, none := out.(None); none {
			out, status = nil, http.StatusNoContent
		}
	}
	status, err := statusOf(out, status)
	if err != nil {
		return err
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return nil
	}
	return writeJSON(w, status, out)
}

// statusOf is the status that an output asks for, else the usual one.
func statusOf(out any, usual int) (int, error) {
	s, ok := out.(statusCoder)
	if !ok {
		return usual, nil
	}
	status := s.StatusCode()
	if status < 200 || status > 599 {
		return 0, fault.Internal.Errorf("%T has the impossible status %d", out, status)
	}
	return status, nil
}

func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// misfit says why an action cannot stand behind a pattern, or "".
func (t *Typed) misfit(method, path string) string {
	for _, f := range t.plan.fields {
		if f.source == "path" && !hasWildcard(path, f.name) {
			return fmt.Sprintf("it has no {%s}, which the action's input needs", f.name)
		}
	}
	if t.plan.body != "" && method != "" && !hasBody(method) {
		return fmt.Sprintf("a %s has no body, but %s of the action's input is neither path, query nor header", method, t.plan.body)
	}
	return ""
}
