package openapi

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/internal/schema"
	"github.com/bennu-go/bennu/web"
)

// call is a route as a client sees it.
type call struct {
	Operation
	fixed     bool // Describe has given the ID
	route     web.Route
	method    string
	path      string // as OpenAPI has it
	wildcards []string
	params    []param
	body      *schema.Schema // nil: none
	answer    answer
}

func (d *Document) call(route web.Route) *call {
	c := &call{route: route, method: route.Method}
	c.path, c.wildcards = template(route.Pattern)
	action := route.Action
	c.Operation = Operation{ID: baseName(route), Tag: tagOf(route.Pattern), Hidden: action == nil || action.IsPage()}
	if action != nil {
		c.Summary = action.Summary()
	}
	preset := c.ID
	if d.info.Describe != nil {
		d.info.Describe(route, &c.Operation)
	}
	c.fixed = c.ID != preset
	hasBody := action != nil && action.HasBody()
	if c.method == "" {
		c.method = http.MethodGet
		if hasBody {
			c.method = http.MethodPost
		}
	}
	if c.Hidden {
		return c
	}
	c.params = d.paramsOf(c)
	if hasBody && slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, c.method) {
		c.body = d.types.In(action.In())
	}
	c.answer = d.answerOf(c)
	return c
}

// isJSON reports whether it is an action for programs.
func (c *call) isJSON() bool { return c.route.Action != nil && !c.route.Action.IsPage() }

// source is the tag that says where an action's field comes from, or "".
func source(f reflect.StructField) string {
	for _, tag := range []string{"path", "query", "header"} {
		if _, ok := f.Tag.Lookup(tag); ok {
			return tag
		}
	}
	return ""
}

// template makes a path of OpenAPI from a pattern, and finds its wildcards. One for the
// rest of the path keeps its dots.
func template(pattern string) (path string, wildcards []string) {
	pattern = strings.TrimSuffix(pattern, "{$}")
	for _, part := range strings.Split(pattern, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			wildcards = append(wildcards, strings.TrimSuffix(name, "}"))
		}
	}
	return strings.ReplaceAll(pattern, "...}", "}"), wildcards
}

// shape is the path without the names of its wildcards: OpenAPI tells paths apart by it.
func (c *call) shape() string {
	shape := c.path
	for _, name := range c.wildcards {
		shape = strings.Replace(shape, "{"+strings.TrimSuffix(name, "...")+"}", "{}", 1)
	}
	return shape
}

func lower(s string) string { return strings.ToLower(s) }
