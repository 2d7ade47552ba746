package view_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/view"
)

type user struct {
	Name string
	Tags []string
}

func (u *user) Shout() string { return strings.ToUpper(u.Name) }

const (
	show  view.Page[user]   = "users/show"
	plain view.Page[string] = "plain"
	admin view.Layout       = "admin"
)

func site() []string {
	return []string{
		"layouts/app.html", `<title>{{block "title" .}}Site{{end}}</title><main>{{template "content" .}}</main>`,
		"layouts/admin.html", `<h1>Admin</h1>{{template "content" .}}`,
		"users/show.html", `{{define "title"}}{{.Name}}{{end}}<p>{{.Name}}</p>`,
		"plain.html", `hello {{.}}`,
	}
}

func TestLayouts(t *testing.T) {
	ctx := load(t, tree(append(site(),
		"said.html", "{{- /* layout: admin */ -}}\nsaid",
		"bare.html", "{{/* layout: none */}}bare",
		"whole.html", ` {{define "content"}}whole{{end}} `)...))
	bob := show.View(user{Name: "Bob"})
	want(t, render(t, ctx, bob), `<title>Bob</title><main><p>Bob</p></main>`)
	want(t, render(t, ctx, plain.View("you")), `<title>Site</title><main>hello you</main>`)
	want(t, render(t, ctx, bob.Layout(admin)), `<h1>Admin</h1><p>Bob</p>`)
	want(t, render(t, admin.With(ctx), bob), `<h1>Admin</h1><p>Bob</p>`)
	want(t, render(t, admin.With(ctx), bob.Layout(view.None)), `<p>Bob</p>`)
	want(t, render(t, view.None.With(ctx), bob), `<p>Bob</p>`)
	want(t, render(t, ctx, view.Page[int]("said").View(0)), `<h1>Admin</h1>said`)
	want(t, render(t, view.None.With(ctx), view.Page[int]("said").View(0)), `<h1>Admin</h1>said`)
	want(t, render(t, ctx, view.Page[int]("bare").View(0)), `bare`)
	want(t, render(t, ctx, view.Page[int]("whole").View(0)), `<title>Site</title><main>whole</main>`)

	contains(t, refused(t, ctx, bob.Layout("nix")).Error(), "users/show.html", "no layout layouts/nix.html")
	contains(t, refused(t, ctx, view.Page[int]("users/nix").View(0)).Error(), "no page users/nix.html", "users/show")
	contains(t, refused(t, t.Context(), bob).Error(), "no templates", "view.With")

	ctx = load(t, tree("plain.html", "{{.}}"))
	want(t, render(t, ctx, plain.View("no layout at all")), "no layout at all")
}

func TestPlugs(t *testing.T) {
	templates, err := view.Load(tree(site()...))
	if err != nil {
		t.Fatal(err)
	}
	h := templates.Plug(admin.Plug(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := plain.View("you").Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	want(t, w.Body.String(), "<h1>Admin</h1>hello you")
}

func TestNothingIsSentOfHalfAPage(t *testing.T) {
	boom := fault.NotFound.Errorf("no such thing")
	ctx := load(t, tree("plain.html", "a\n<p>{{.}}</p>\n{{fail}}"),
		view.Funcs{"fail": func() (string, error) { return "", boom }})
	err := refused(t, ctx, plain.View("x"))
	if !errors.Is(err, fault.NotFound) || fault.Detail(err) != "no such thing" {
		t.Errorf("the function's error is lost: %v", err)
	}
	var at *view.Error
	if !errors.As(err, &at) || at.File() != "plain.html" || at.Line() != 3 {
		t.Errorf("%v", err)
	}
	want(t, at.Code(), "     1 | a\n     2 | <p>{{.}}</p>\n>    3 | {{fail}}\n")

	ctx = load(t, tree("plain.html", "{{boom}}"), view.Funcs{"boom": func() string { panic("boom") }})
	contains(t, refused(t, ctx, plain.View("x")).Error(), "plain.html:1:2", "boom")
}

func TestContextEnds(t *testing.T) {
	const list view.Page[[]int] = "list"
	ctx, cancel := context.WithCancel(load(t, tree("list.html", `{{range $i, $x := .}}0123456789{{if eq $i 5}}{{cancel}}{{end}}{{end}}`),
		view.Funcs{"cancel": func(ctx context.Context) string { ctx.Value(cancelKey{}).(context.CancelFunc)(); return "" }}))
	ctx = context.WithValue(ctx, cancelKey{}, cancel)
	err := refused(t, ctx, list.View(make([]int, 100_000)))
	if fault.Of(err) != fault.Canceled {
		t.Error(err)
	}
	err = refused(t, ctx, list.View(nil))
	if fault.Of(err) != fault.Canceled {
		t.Error(err)
	}
}

type cancelKey struct{}

type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestWriterFails(t *testing.T) {
	ctx := load(t, tree("plain.html", "x"))
	if err := plain.View("").Render(ctx, badWriter{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// templ components and pages go into each other.
func TestOtherViews(t *testing.T) {
	type box struct {
		Chart interface {
			Render(context.Context, io.Writer) error
		}
	}
	const page view.Page[box] = "box"
	ctx := load(t, tree("box.html", `<b>{{render .Chart}}</b><i title="{{render .Chart}}"></i>`, "plain.html", "<u>{{.}}</u>"))
	want(t, render(t, ctx, page.View(box{plain.View("<")})), `<b><u>&lt;</u></b><i title="&lt;"></i>`)
	want(t, render(t, ctx, page.View(box{})), `<b></b><i title=""></i>`)
	contains(t, refused(t, ctx, page.View(box{view.Page[int]("nix").View(0)})).Error(), "no page nix")

	self := page.View(box{})
	self = page.View(box{renderer(func(ctx context.Context, w io.Writer) error { return self.Render(ctx, w) })})
	contains(t, refused(t, ctx, self).Error(), "inside itself")
}

type renderer func(context.Context, io.Writer) error

func (r renderer) Render(ctx context.Context, w io.Writer) error { return r(ctx, w) }

func TestAtTheSameTime(t *testing.T) {
	type key struct{}
	ctx := load(t, tree(append(site(),
		"components/box.html", `[{{renderSlot}}{{id}}]`,
		"many.html", `{{range .Tags}}{{component "box"}}{{.}}{{id}}{{endcomponent}}{{end}}`)...),
		view.Funcs{"id": func(ctx context.Context) string { return ctx.Value(key{}).(string) }})
	const many view.Page[user] = "many"
	var wg sync.WaitGroup
	for _, id := range strings.Split("abcdefgh", "") {
		wg.Go(func() {
			ctx := context.WithValue(ctx, key{}, id)
			for range 50 {
				got := render(t, ctx, many.View(user{Tags: []string{"1", "2"}}).Layout(admin))
				want(t, got, "<h1>Admin</h1>[1"+id+id+"][2"+id+id+"]")
			}
		})
	}
	wg.Wait()
}
