package web

import (
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
)

// Route is one line of a router's table.
type Route struct {
	Method  string // "" is any
	Host    string // "" is any
	Pattern string // the path, as in "/units/{id}"
	Handler string // the function behind it, as in "main.showUnit", or the handler's type
	Action  *Typed // nil if the handler is none that [JSON] or [Page] has made
}

// Routes is the whole router's table, in the order of wiring.
func (rt *Router) Routes() []Route { return slices.Clone(rt.table.routes) }

// String is the whole router's table, a line a route.
func (rt *Router) String() string {
	var out strings.Builder
	lines := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, r := range rt.table.routes {
		method := r.Method
		if method == "" {
			method = "*"
		}
		fmt.Fprintf(lines, "%s\t%s\t%s\n", method, r.Host+r.Pattern, r.Handler)
	}
	_ = lines.Flush() // a builder does not fail
	return out.String()
}

// handlerName is what a handler is called in its source.
func handlerName(h http.Handler) string {
	name := reflect.TypeOf(h).String()
	switch h := h.(type) {
	case *Typed:
		name = h.name
	case *action:
		name = h.name
	case *mounted:
		return handlerName(h.whole)
	case http.HandlerFunc:
		name = nameOf(h)
	}
	return strings.TrimSuffix(path.Base(name), "-fm") // a method's value
}

// Field is one thing that an action takes from the request.
type Field struct {
	Source string // path, query or header
	Name   string
	Field  reflect.StructField
}

// In is the type of the action's input.
func (t *Typed) In() reflect.Type { return t.plan.in }

// Out is the type of the action's output.
func (t *Typed) Out() reflect.Type { return t.out }

// IsPage reports whether the action answers with a page: see [Page].
func (t *Typed) IsPage() bool { return t.page }

// Summary is what [Typed.Doc] was given.
func (t *Typed) Summary() string { return t.summary }

// Name is the action's function, as in "main.showUnit".
func (t *Typed) Name() string { return t.name }

// Fields is what the action takes from path, query and header.
func (t *Typed) Fields() []Field {
	fields := make([]Field, len(t.plan.fields))
	for i, f := range t.plan.fields {
		fields[i] = Field{f.source, f.name, t.plan.in.FieldByIndex(f.index)}
	}
	return fields
}

// HasBody reports whether some of the action's input comes from the body.
func (t *Typed) HasBody() bool { return t.plan.body != "" }
