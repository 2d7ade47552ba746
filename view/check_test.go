package view_test

import (
	"iter"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/view"
)

type order struct {
	ID    int
	Buyer *user
	Lines []line
	By    map[string]line
	Seq   iter.Seq[line]
	Any   any
	inner int
}

type line struct {
	What user
	N    int
}

func (o order) First() (*line, error) { return &o.Lines[0], nil }
func (o *order) Last(n int) line      { return o.Lines[o.inner] }

func TestCheck(t *testing.T) {
	const page view.Page[order] = "page"
	funcs := view.Funcs{"me": func() user { return user{} }, "some": func() []line { return nil }, "any": func() any { return 1 }}
	for _, c := range []struct{ page, want string }{
		{`{{.ID}}{{.Buyer.Name}}{{.Buyer.Shout}}{{.First.What.Name}}{{.Last 1}}{{(.Last 1).N}}{{.By.x.N}}{{.Any.Thing}}`, ""},
		{`{{range $i, $l := .Lines}}{{.N}}{{$l.N}}{{$.ID}}{{$i}}{{end}}{{range $k, $v := .By}}{{$v.N}}{{$k}}{{end}}`, ""},
		{`{{range .Seq}}{{.Whatever}}{{end}}{{range $x := .Lines}}{{$x.What.Name}}{{end}}{{me.Name}}{{any.Name}}`, ""},
		{`{{with .Buyer}}{{.Name}}{{else}}{{.ID}}{{end}}{{with $b := .Buyer}}{{$b.Name}}{{$.ID}}{{end}}{{(index .Lines 0).Nix}}`, ""},
		{`{{$x := .Buyer}}{{if .ID}}{{$x = .First}}{{end}}{{$x.N}}{{$y := .ID | printf "%d"}}{{$y.Nix}}`, ""},
		{`{{template "row" .First}}{{range .Lines}}{{template "row" .}}{{component "row" .}}{{.N}}{{endcomponent}}{{end}}{{template "row"}}`, ""},
		{`{{.Nix}}`, "page.html:1:2: at <.Nix>: view_test.order has no exported field or method Nix"},
		{`{{.inner}}`, "inner"},
		{`{{.ID.Nix}}`, "int has no exported field"},
		{`{{.Buyer.Nix}}`, "*view_test.user has no"},
		{`{{if .Buyer.Nix}}{{end}}`, "Nix"},
		{`{{if .ID}}{{else if .Nix}}{{end}}`, "Nix"},
		{`{{printf "%s" .Nix}}`, "Nix"},
		{`{{printf "%s" (.Buyer.Nix)}}`, "Nix"},
		{`{{range .Lines}}{{.Nix}}{{end}}`, "view_test.line has no"},
		{`{{range .Lines}}{{$.Nix}}{{end}}`, "order has no"},
		{`{{range .Lines}}{{else}}{{.N}}{{end}}`, "order has no"},
		{`{{range $i, $l := .Lines}}{{$l.Nix}}{{end}}`, "line has no"},
		{`{{range $l := .Lines}}{{$l.Nix}}{{end}}`, "line has no"},
		{`{{with .Buyer}}{{.ID}}{{end}}`, "user has no"},
		{`{{with $b := .Buyer}}{{$b.ID}}{{end}}`, "user has no"},
		{`{{.First.Nix}}`, "line has no"},
		{`{{(.First).Nix}}`, "line has no"},
		{`{{.By.x.Nix}}`, "line has no"},
		{`{{me.Nix}}`, "user has no"},
		{`{{range some}}{{.Nix}}{{end}}`, "line has no"},
		{`{{template "row" .Buyer}}`, "components/row.html:1:2: at <.N>: *view_test.user has no"},
		{`{{component "row" .Buyer}}{{endcomponent}}`, "components/row.html:1:2: at <.N>"},
	} {
		templates, err := view.Load(tree("components/row.html", "{{.N}}", "page.html", c.page), funcs)
		if err != nil {
			t.Fatal(err)
		}
		switch err := templates.Check(page); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.page, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", c.page, err)
		}
	}

	templates, err := view.Load(tree(append(site(), "tree.html", `{{define "n"}}{{.N}}{{range .Kids}}{{template "n" .}}{{end}}{{end}}{{template "n" .}}`)...))
	if err != nil {
		t.Fatal(err)
	}
	type node struct {
		N    int
		Kids []*node
	}
	if err := templates.Check(show, plain, view.Page[node]("tree")); err != nil {
		t.Error(err)
	}
	err = templates.Check(plain, view.Page[user]("nix"), view.Page[int]("users/show"))
	if err == nil {
		t.Fatal("wrong pages were found right")
	}
	contains(t, err.Error(), "no page nix.html", "users/show.html:1:20: at <.Name>: int has no")
	if err := view.Reload(t.TempDir()).Check(plain); err == nil {
		t.Error("no files were found right")
	}
}
