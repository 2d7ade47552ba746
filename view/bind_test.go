package view_test

import (
	"context"
	"fmt"
	"html/template"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/view"
)

type everything struct {
	User user
	List []user
	Map  map[string]int
	Fn   func(string) string
	Nil  *user
	Any  any
}

const all view.Page[*everything] = "page"

var partials = map[string]string{
	"row":     `{{.Name}}{{id}}{{.Shout}};`,
	"deep":    `{{template "row" .}}`,
	"nothing": `{{.}}{{id}}`,
	"bare":    `{{.}}{{printf "%s" .}}`,
}

// bare is the same page by html/template alone.
func bare(t *testing.T, text, id string) *template.Template {
	t.Helper()
	tmpl := template.New("page.html").Funcs(template.FuncMap{
		"id":   func() string { return id },
		"join": func(some ...string) (string, error) { return strings.Join(some, id), nil },
		"obj":  func() *user { return &user{Name: id} },
	})
	for name, text := range partials {
		template.Must(tmpl.New(name).Parse(text))
	}
	return template.Must(tmpl.Parse(text))
}

type idKey struct{}

func idOf(ctx context.Context) string { return ctx.Value(idKey{}).(string) }

var withID = view.Funcs{
	"id":   idOf,
	"join": func(ctx context.Context, some ...string) (string, error) { return strings.Join(some, idOf(ctx)), nil },
	"obj":  func(ctx context.Context) *user { return &user{Name: idOf(ctx)} },
}

// Rewriting a template changes nothing but what its functions get.
func TestBoundTemplates(t *testing.T) {
	d := &everything{User: user{"bob", []string{"t", "<u>"}}, List: []user{{Name: "l0"}, {Name: "l1"}},
		Map: map[string]int{"a": 1}, Fn: strings.ToLower}
	for _, text := range []string{
		`{{id}} {{printf "%s-%s" id .User.Name}} {{id | printf "%s+%s" "x"}} {{"a" | join "b"}} {{join "b" id id}} {{join}}`,
		`{{range $i, $u := .List}}{{$i}}{{.Name}}{{$u.Name}}{{$.User.Name}}{{id}}{{template "deep" .}}{{end}}`,
		`{{with .User}}{{.Name}}{{$.User.Name}}{{id}}{{with $x := .Tags}}{{len .}}{{index $x 0}}{{end}}{{else}}no{{end}}`,
		`{{with .Nil}}no{{else}}{{.User.Name}}{{end}}{{if and .User.Name id (eq id "ID")}}yes{{end}}`,
		`{{with .Nil}}no{{else with .User}}{{.Name}}{{id}}{{end}}{{if .Nil}}{{else if .User}}{{.User.Name}}{{end}}`,
		`{{template "row" .User}} {{template "row" $.User}} {{template "nothing"}} {{template "nothing" .Nil}}`,
		`{{template "nothing" $x := id}} {{template "nothing" .Any}} {{template "nothing" "text"}} {{template "nothing" 3}} {{template "bare" id}}`,
		`{{obj.Name}} {{(obj).Name}} {{(obj).Shout}} {{call .Fn id}} {{id | call .Fn}} {{.Map.a}} {{$m := .Map}}{{$m.a}}{{$m.b}} {{.Any}}`,
		`{{range $k, $v := .Map}}{{id}}{{$k}}={{$v}}{{break}}{{else}}none{{end}}{{$y := id}}{{$y}}{{$y = "z"}}{{$y}}`,
		`{{range .Any}}{{else}}{{.User.Name}}{{id}}{{end}}{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{id}}{{end}}`,
		`{{(index .List 0).Shout}}{{.User.Shout}}{{id}}{{with $.List}}{{(index . 1).Name}}{{end}}{{block "own" .User}}{{.Shout}}{{id}}{{end}}`,
		`<a href="/{{id}}?{{.User.Name}}" onclick="f({{.User}}, {{id}})" title={{id}}>{{html id}}</a><script>{{id}}{{.User.Tags}}</script>`,
	} {
		files := []string{"page.html", text}
		for name, text := range partials {
			files = append(files, "components/"+name+".html", text)
		}
		ctx := load(t, tree(files...), withID)
		for _, id := range []string{"ID", "<i>&'"} { // one set, two requests
			var b strings.Builder
			if err := bare(t, text, id).Execute(&b, d); err != nil {
				t.Fatal(text, err)
			}
			want(t, render(t, context.WithValue(ctx, idKey{}, id), all.View(d)), b.String())
		}
	}
}

// Errors tell of the template as it was written.
func TestErrorsOfBoundTemplates(t *testing.T) {
	for _, c := range []struct{ page, want string }{
		{`{{id}}{{.User.Nmae}}`, `page.html:1:13: at <.User.Nmae>: can't evaluate field Nmae in type view_test.user: the value here`},
		{`{{id}}{{.Nil.Name}}`, `page.html:1:12: at <.Nil.Name>: nil pointer evaluating *view_test.user.Name: ask for it by {{with}}`},
		{`{{id}}{{index .List 7}}`, `page.html:1:8: at <index .List 7>: error calling index`},
		{`{{id}}{{eq .User.Name 7}}`, `: compare with a value`},
	} {
		ctx := context.WithValue(load(t, tree("page.html", c.page), withID), idKey{}, "ID")
		contains(t, refused(t, ctx, all.View(&everything{})).Error(), c.want)
	}
}

func TestNoData(t *testing.T) {
	const nothing view.Page[any] = "page"
	for _, page := range []string{`{{.}}`, `{{.}}{{id}}`, `{{with .}}no{{else}}none{{id}}{{end}}`} {
		ctx := context.WithValue(load(t, tree("page.html", page), withID), idKey{}, "ID")
		var b strings.Builder
		if err := bare(t, page, "ID").Execute(&b, nil); err != nil {
			t.Fatal(err)
		}
		want(t, render(t, ctx, nothing.View(nil)), b.String())
	}
}

func ExampleFuncs() {
	funcs := view.Funcs{"lang": func(ctx context.Context) string { return "en" }}
	templates, err := view.Load(tree("hello.html", `<p lang={{lang}}>Hello {{.}}</p>`), funcs)
	if err != nil {
		fmt.Println(err)
		return
	}
	const hello view.Page[string] = "hello"
	var b strings.Builder
	err = hello.View("Bob & Eve").Render(view.With(context.Background(), templates), &b)
	fmt.Println(b.String(), err)
	// Output: <p lang=en>Hello Bob &amp; Eve</p> <nil>
}
