package web

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/bennu-go/bennu/internal/cast"
)

// Path is the address of a route, with the type of its parameters. Paths are
// constants, so routes and links are written from one word, and the compiler checks
// the parameters of each link:
//
//	type PostRef struct {
//		User int64  `path:"user"`
//		Post string `path:"post"`
//		Page int    `query:"page"`
//	}
//
//	const (
//		UserPath web.Path[int64]   = "/users/{id}"
//		PostPath web.Path[PostRef] = "/users/{user}/posts/{post}"
//	)
//
//	UserPath.Handle(router, "GET", web.JSON(showUser))
//	UserPath.URL(42)                                   // /users/42
//	PostPath.URL(PostRef{User: 42, Post: "a b", Page: 2}) // /users/42/posts/a%20b?page=2
//
// P is a struct with path tags for the wildcards and query tags for what else may be
// said, such as the input of the action; or, where there is one wildcard, its type. A
// query parameter that is zero is left out. A wildcard's text must not be empty, nor, for
// browsers, "." or "..", which they resolve also where they are escaped. An address
// without parameters is a constant string.
type Path[P any] string

// Handle wires a route to the address: with the router's plugs, and within its prefix,
// which the path has, too. It panics if the path is outside of the prefix, or the
// wildcards and P do not belong together.
func (p Path[P]) Handle(rt *Router, method string, h http.Handler, plugs ...Plug) {
	p.plan()
	rest, ok := strings.CutPrefix(string(p), rt.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		panic(fmt.Sprintf("web: path %q is outside of the scope %q", string(p), rt.prefix))
	}
	rt.add(method, string(p), h, plugs)
}

// URL is the address with its parameters. It panics if the wildcards and P do not
// belong together, which Handle finds at start.
func (p Path[P]) URL(params P) string { return p.plan().url(reflect.ValueOf(params)) }

// addresses keeps what has been made of each path, as encoding/json does of types.
var addresses sync.Map // pathKey → *address

type pathKey struct {
	path string
	of   reflect.Type
}

func (p Path[P]) plan() *address {
	key := pathKey{string(p), reflect.TypeFor[P]()}
	if made, ok := addresses.Load(key); ok {
		return made.(*address)
	}
	made, err := addressOf(key)
	if err != nil {
		panic(fmt.Sprintf("web: path %q: %v", string(p), err))
	}
	addresses.Store(key, made)
	return made
}

// address is how the parameters of a path are put into it.
type address struct {
	parts []param // of the path, one after the other
	query []param
}

// param is a text, and a parameter that follows it.
type param struct {
	before string
	name   string
	index  []int      // nil is the parameters as a whole
	of     *cast.Type // nil if there is none; of each, if there are many
	many   bool
}

func addressOf(key pathKey) (*address, error) {
	a := new(address)
	rest := key.path
	for {
		before, after, ok := strings.Cut(rest, "{")
		if !ok {
			a.parts = append(a.parts, param{before: before})
			break
		}
		var name string
		if name, rest, ok = strings.Cut(after, "}"); !ok {
			return nil, fmt.Errorf("a wildcard has no end")
		}
		if name == "$" {
			a.parts = append(a.parts, param{before: before})
			continue
		}
		part := param{before: before}
		part.name, part.many = strings.CutSuffix(name, "...")
		if part.index, part.of = paramOf(key.of, part.name); part.of == nil {
			return nil, fmt.Errorf("%v has no parameter for {%s}", key.of, part.name)
		}
		a.parts = append(a.parts, part)
	}
	return a, a.check(key)
}

// check refuses what is said twice, or that the path has no place for.
func (a *address) check(key pathKey) error {
	if textOf(key.of) != nil {
		if used := strings.Count(key.path, "{") - strings.Count(key.path, "{$}"); used != 1 {
			return fmt.Errorf("a %v is the one wildcard, but there are %d", key.of, used)
		}
		return nil
	}
	for _, f := range reflect.VisibleFields(key.of) {
		if name, ok := f.Tag.Lookup("path"); ok && !hasWildcard(key.path, name) {
			return fmt.Errorf("it has no {%s}, which %v has", name, key.of)
		}
		name, ok := f.Tag.Lookup("query")
		if !ok {
			continue
		}
		part := param{name: name, index: f.Index, of: textOf(f.Type)}
		if part.of == nil && f.Type.Kind() == reflect.Slice {
			part.of, part.many = textOf(f.Type.Elem()), true
		}
		if part.of == nil {
			return fmt.Errorf("%v.%s cannot stand in a query", key.of, f.Name)
		}
		a.query = append(a.query, part)
	}
	return nil
}

// paramOf is where the parameters have a wildcard's text.
func paramOf(t reflect.Type, name string) ([]int, *cast.Type) {
	if of := textOf(t); of != nil {
		return nil, of
	}
	if t.Kind() != reflect.Struct {
		return nil, nil
	}
	for _, f := range reflect.VisibleFields(t) {
		if f.Tag.Get("path") == name {
			return f.Index, textOf(f.Type)
		}
	}
	return nil, nil
}

// textOf is how a type is written as text, or nil.
func textOf(t reflect.Type) *cast.Type {
	if of, err := cast.Of(t); err == nil && of.IsText() {
		return of
	}
	return nil
}

func (a *address) url(params reflect.Value) string {
	var out strings.Builder
	for _, part := range a.parts {
		out.WriteString(part.before)
		if part.of == nil {
			continue
		}
		text, _ := part.of.Text(part.value(params))
		if !part.many {
			out.WriteString(escapePart(text))
			continue
		}
		for i, piece := range strings.Split(text, "/") {
			if i > 0 {
				out.WriteByte('/')
			}
			out.WriteString(escapePart(piece))
		}
	}
	if query := a.values(params); query != nil {
		out.WriteString("?" + query.Encode())
	}
	return out.String()
}

func (p *param) value(params reflect.Value) reflect.Value {
	if p.index == nil {
		return params
	}
	return params.FieldByIndex(p.index)
}

func (a *address) values(params reflect.Value) (query url.Values) {
	for _, part := range a.query {
		v := part.value(params)
		if v.IsZero() {
			continue
		}
		if query == nil {
			query = make(url.Values)
		}
		if !part.many {
			text, _ := part.of.Text(v)
			query.Add(part.name, text)
			continue
		}
		for i := range v.Len() {
			text, _ := part.of.Text(v.Index(i))
			query.Add(part.name, text)
		}
	}
	return query
}

// escapePart writes a part of a path. Dots alone would be taken for a way to elsewhere.
func escapePart(text string) string {
	if text == "." || text == ".." {
		return strings.ReplaceAll(text, ".", "%2E")
	}
	return url.PathEscape(text)
}

// wildcards are the names of a pattern's wildcards.
func wildcards(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, part := range strings.Split(pattern, "{")[1:] {
			name, _, _ := strings.Cut(part, "}")
			if name = strings.TrimSuffix(name, "..."); name != "$" && !yield(name) {
				return
			}
		}
	}
}
