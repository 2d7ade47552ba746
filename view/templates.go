package view

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"
)

// Templates is a tree of html/template files. Load or Reload makes it. It is safe for
// concurrent use.
type Templates struct {
	current func() (*library, error)
	buffers sync.Pool
}

// Load reads and compiles all .html files of a tree, which is usually embedded. The
// error has all files that are wrong, each an *[Error] with its line. Load panics if a
// function for the templates is none, or is given twice.
//
// Each page is compiled with the layout that it is in when nobody says otherwise; with
// another one when it is first rendered in it.
func Load(fsys fs.FS, all ...Funcs) (*Templates, error) {
	f := newFuncs(all)
	lib, err := newLibrary(fsys, "", f)
	if err != nil {
		return nil, err
	}
	return &Templates{current: func() (*library, error) { return lib, nil }}, nil
}

// MustLoad is [Load] for files that are embedded: what is wrong with them shows at the
// first start, as a panic.
func MustLoad(fsys fs.FS, all ...Funcs) *Templates {
	templates, err := Load(fsys, all...)
	if err != nil {
		panic("view: " + strings.TrimPrefix(err.Error(), "view: "))
	}
	return templates
}

// With gives a context in which pages are rendered by these templates.
func With(ctx context.Context, t *Templates) context.Context {
	return context.WithValue(ctx, templatesKey{}, t)
}

// Plug is a plug for the router whose pages are rendered by these templates.
func (t *Templates) Plug(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(With(r.Context(), t)))
	})
}

func (t *Templates) render(ctx context.Context, w io.Writer, f Filled) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view: %s was not rendered: %w", f.page, err)
	}
	lib, err := t.current()
	if err != nil {
		return err
	}
	s, err := lib.set(f.page, lib.layoutOf(ctx, f))
	if err != nil {
		return err
	}
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth >= maxDepth {
		return fmt.Errorf("view: %s is inside itself, %d deep: let an {{if}} end it", f.page, maxDepth)
	}
	out, _ := t.buffers.Get().(*output)
	if out == nil {
		out = new(output)
	}
	defer func() {
		if out.reset(); cap(out.bytes) <= maxKept {
			t.buffers.Put(out)
		}
	}()
	out.ctx = ctx
	if err := s.execute(ctx, out, f.data, depth+1); err != nil {
		return lib.explain(err, f.page+ext)
	}
	_, err = w.Write(out.bytes)
	return err
}
