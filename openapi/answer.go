package openapi

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/bennu-go/bennu/internal/schema"
	"github.com/bennu-go/bennu/web"
)

// answer is what a call gives if all is well.
type answer struct {
	status string         // "200"; "2XX" if only the value knows
	schema *schema.Schema // nil: nothing
	empty  bool           // or nothing, with 204
	html   bool           // or a page
	media  string         // of a plain handler
}

var viewType = reflect.TypeFor[web.View]()

func (d *Document) answerOf(c *call) answer {
	switch {
	case c.route.Action == nil:
		return answer{status: "200", media: c.Answer}
	case c.route.Action.IsPage():
		return answer{status: "200", html: true}
	}
	t := c.route.Action.Out()
	a := answer{status: statusOf(t), html: t.Implements(viewType)}
	switch {
	case t == reflect.TypeFor[web.None]():
		return answer{status: "204"}
	case t.Kind() == reflect.Interface:
		a.empty = true
	case t.Kind() == reflect.Pointer:
		a.empty = true
		if t.Name() == "" {
			t = t.Elem()
		}
	}
	if a.status != "204" {
		a.schema = d.types.Out(t)
	}
	return a
}

type statusCoder interface{ StatusCode() int }

// statusOf asks a zero value, which may not be able to tell.
func statusOf(t reflect.Type) (status string) {
	if !t.Implements(reflect.TypeFor[statusCoder]()) {
		return "200"
	}
	const unknown = "2XX"
	defer func() {
		if recover() != nil {
			status = unknown
		}
	}()
	v := reflect.Zero(t)
	switch t.Kind() {
	case reflect.Interface:
		return unknown
	case reflect.Pointer:
		v = reflect.New(t.Elem())
	}
	code := v.Interface().(statusCoder).StatusCode()
	if code < 200 || code > 299 {
		return unknown
	}
	return strconv.Itoa(code)
}

// responses are the Response Objects of a call.
func (c *call) responses(secured bool) map[string]*response {
	all := map[string]*response{c.answer.status: c.answer.wire()}
	if c.route.Action == nil && c.answer.media == "" {
		return all
	}
	if c.answer.empty {
		all["204"] = &response{Description: http.StatusText(http.StatusNoContent)}
	}
	for _, status := range c.refusals(secured) {
		all[strconv.Itoa(status)] = problem(status)
	}
	all["default"] = problem(0)
	return all
}

// refusals are the statuses of what is refused before or around the action.
func (c *call) refusals(secured bool) []int {
	var all []int
	if secured {
		all = append(all, http.StatusUnauthorized, http.StatusForbidden)
	}
	if c.route.Action == nil {
		return all
	}
	if len(c.route.Action.Fields()) > 0 || c.body != nil {
		all = append(all, http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	if c.body != nil {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if len(c.wildcards) > 0 {
		all = append(all, http.StatusNotFound)
	}
	return all
}

func (a answer) wire() *response {
	code, _ := strconv.Atoi(a.status)
	r := &response{Description: http.StatusText(code), Content: make(map[string]media)}
	if code == 0 {
		r.Description = "Success"
	}
	if a.schema != nil {
		r.Content["application/json"] = media{a.schema}
	}
	if a.html {
		r.Content["text/html"] = media{}
	}
	if a.media != "" {
		r.Content[a.media] = media{}
	}
	return r
}
