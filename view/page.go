package view

import (
	"context"
	"io"
	"net/http"
	"reflect"
)

// A Page names a page, and the type of its data. It is a constant:
//
//	const Show view.Page[User] = "users/show" // users/show.html
type Page[T any] string

// View is the page with its data, ready to be rendered, by the templates and in the
// layout of the context that Render is given.
func (p Page[T]) View(data T) Filled { return Filled{page: string(p), data: data} }

func (p Page[T]) name() string       { return string(p) }
func (p Page[T]) data() reflect.Type { return reflect.TypeFor[T]() }

// Filled is a page with its data. It is a view: an action returns it, and a templ
// component may have it as a child. It is a value, to be rendered any number of times,
// also at the same time if nobody writes the data.
type Filled struct {
	page   string
	data   any
	layout Layout
}

// Layout puts the page into that layout, whatever the page itself or the context say.
func (f Filled) Layout(l Layout) Filled {
	f.layout = l
	return f
}

// Render writes the page to w, at once and only if there was no error. An error in a
// template is an *[Error]; errors.Is and fault.Of find what a function or a method that
// the template called has returned, and the end of the context.
func (f Filled) Render(ctx context.Context, w io.Writer) error {
	t, ok := ctx.Value(templatesKey{}).(*Templates)
	if !ok {
		return errNoTemplates
	}
	return t.render(ctx, w, f)
}

// A Layout names what is around a page: the constant "admin" is the file
// layouts/admin.html. In a layout
//
//	{{template "content" .}}
//
// is the page. A layout gets the page's data. Which layout a page is in is said, the
// first that says so counts, by [Filled.Layout], by the page's first line
//
//	{{/* layout: admin */}}
//
// by the context, and otherwise it is "app" if there is a layouts/app.html, or else None.
type Layout string

// None is no layout: the page alone, as for what is put into a page in the browser.
const None Layout = "none"

// With gives a context in which pages are in this layout.
func (l Layout) With(ctx context.Context) context.Context {
	return context.WithValue(ctx, layoutKey{}, l)
}

// Plug is a plug for a router or a scope whose pages are in this layout.
func (l Layout) Plug(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(l.With(r.Context())))
	})
}

type (
	templatesKey struct{}
	layoutKey    struct{}
)
