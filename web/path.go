package web

import (
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"reflect"
	"strings"

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
// query parameter that is zero is left out. An address without parameters is a constant
// string.
type Path[P any] string

// Handle wires a route to the address: with the router's plugs, and within its prefix,
// which the path has, too. It panics if the path is outside of the prefix, or the
// wildcards and P do not belong together.
func (p Path[P]) Handle(rt *Router, method string, h http.Handler, plugs ...Plug) {
	if _, err := p.build(reflect.New(reflect.TypeFor[P]()).Elem(), true); err != nil {
		panic(fmt.Sprintf("web: path %q: %v", string(p), err))
	}
	rest, ok := strings.CutPrefix(string(p), rt.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		panic(fmt.Sprintf("web: path %q is outside of the scope %q", string(p), rt.prefix))
	}
	rt.add(method, string(p), h, plugs)
}

// URL is the address with its parameters. It panics if the wildcards and P do not
// belong together, which Handle finds at start.
func (p Path[P]) URL(params P) string {
	address, err := p.build(reflect.ValueOf(params), false)
	if err != nil {
		panic(fmt.Sprintf("web: path %q: %v", string(p), err))
	}
	return address
}

// build puts the parameters into the path. With check it does not mind missing ones.
func (p Path[P]) build(params reflect.Value, check bool) (string, error) {
	var out strings.Builder
	var used int
	rest := string(p)
	for {
		before, after, ok := strings.Cut(rest, "{")
		out.WriteString(before)
		if !ok {
			break
		}
		var name string
		if name, rest, ok = strings.Cut(after, "}"); !ok {
			return "", fmt.Errorf("a wildcard has no end")
		}
		if name == "$" {
			continue
		}
		name, many := strings.CutSuffix(name, "...")
		text, err := paramText(params, name)
		if err != nil {
			return "", err
		}
		used++
		if many {
			parts := strings.Split(text, "/")
			for i := range parts {
				parts[i] = url.PathEscape(parts[i])
			}
			out.WriteString(strings.Join(parts, "/"))
		} else {
			out.WriteString(url.PathEscape(text))
		}
	}
	if params.Kind() != reflect.Struct || formatOf(params.Type()) != nil {
		if check && used != 1 {
			return "", fmt.Errorf("a %v is the one wildcard, but there are %d", params.Type(), used)
		}
		return out.String(), nil
	}
	if check {
		if err := noStray(params.Type(), string(p)); err != nil {
			return "", err
		}
	}
	if query := queryOf(params); len(query) > 0 {
		out.WriteString("?" + query.Encode())
	}
	return out.String(), nil
}

// paramText is the wildcard's parameter as text.
func paramText(params reflect.Value, name string) (string, error) {
	if format := formatOf(params.Type()); format != nil {
		return format(params), nil
	}
	if params.Kind() == reflect.Struct {
		for _, f := range reflect.VisibleFields(params.Type()) {
			if f.Tag.Get("path") != name {
				continue
			}
			if format := formatOf(f.Type); format != nil {
				return format(params.FieldByIndex(f.Index)), nil
			}
		}
	}
	return "", fmt.Errorf("%v has no parameter for {%s}", params.Type(), name)
}

// noStray refuses path tags that the path has no wildcard for.
func noStray(t reflect.Type, path string) error {
	for _, f := range reflect.VisibleFields(t) {
		if name, ok := f.Tag.Lookup("path"); ok && !hasWildcard(path, name) {
			return fmt.Errorf("it has no {%s}, which %v has", name, t)
		}
	}
	return nil
}

func queryOf(params reflect.Value) url.Values {
	var query url.Values
	for _, f := range reflect.VisibleFields(params.Type()) {
		name, ok := f.Tag.Lookup("query")
		v := params.FieldByIndex(f.Index)
		if !ok || v.IsZero() {
			continue
		}
		if query == nil {
			query = make(url.Values)
		}
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		if format := formatOf(v.Type()); format != nil {
			query.Add(name, format(v))
		} else if v.Kind() == reflect.Slice {
			for i := range v.Len() {
				query.Add(name, formatOf(v.Type().Elem())(v.Index(i)))
			}
		}
	}
	return query
}

// formatOf is how a type is written as text, or nil.
func formatOf(t reflect.Type) func(reflect.Value) string {
	of, err := cast.Of(t)
	if err != nil || !of.IsText() {
		return nil
	}
	return func(v reflect.Value) string {
		text, _ := of.Text(v)
		return text
	}
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
