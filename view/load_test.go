package view_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/view"
)

func TestLoadErrors(t *testing.T) {
	for _, c := range []struct {
		files []string
		want  []string
		line  int
	}{
		{[]string{"a.html", "x\n{{end}}"}, []string{"a.html:2: unexpected {{end}}: there is an {{end}} too many"}, 2},
		{[]string{"a.html", "{{if .}}\n\n"}, []string{"a.html:3: unexpected EOF: an {{end}} is missing"}, 3},
		{[]string{"a.html", "\n\n{{nix}}"}, []string{`a.html:3: function "nix" not defined: give functions to view.Load`}, 3},
		{[]string{"a.html", "<a href='{{.}}>"}, []string{"a.html: ", "close each tag"}, 0},
		{[]string{"a.html", "x\n<p {{if .}}title='{{end}}>"}, []string{"a.html:2:", "close each tag, quote"}, 2},
		{[]string{"a.html", "{{. | html | print}}"}, []string{"a.html:1:", "predefined escaper"}, 1},
		{[]string{"a.html", "{{define `content`}}x{{end}}y"}, []string{"a.html: it defines content"}, 0},
		{[]string{"a.html", "{{define `x`}}1{{end}}{{define `x`}}2{{end}}"}, []string{"a.html", "multiple definition"}, 1},
		{[]string{"a.html", "{{/* layout: nix */}}"}, []string{"a.html: there is no layout layouts/nix.html"}, 0},
		{[]string{"a.html", "{{define `x`}}{{end}}", "components/x.html", ""}, []string{"a.html: x is defined in components/x.html too"}, 0},
		{[]string{"layouts/a.html", "{{block `x` .}}{{end}}", "components/x.html", ""}, []string{"layouts/a.html: x is defined in"}, 0},
		{[]string{"components/a.html", "{{define `x`}}{{end}}", "components/x.html", ""}, []string{"components/x.html: x is defined in components/a.html"}, 0},
		{[]string{"components/content.html", ""}, []string{"components/content.html: a component cannot be"}, 0},
		{[]string{"layouts/none.html", ""}, []string{"layouts/none.html: a layout cannot be called none"}, 0},
		{[]string{"a.html", "{{end}}", "b.html", "{{else}}", "c.html", "fine"}, []string{"a.html:1", "b.html:1"}, 1},
		{[]string{"a.txt", "{{end}}"}, []string{"there is no .html file", "fs.Sub"}, -1},
	} {
		templates, err := view.Load(tree(c.files...))
		if err == nil || templates != nil {
			t.Errorf("%q was loaded", c.files)
			continue
		}
		contains(t, err.Error(), c.want...)
		var at *view.Error
		if errors.As(err, &at) != (c.line >= 0) || at != nil && (at.Line() != c.line || (at.Code() != "") != (c.line > 0)) {
			t.Errorf("%q: line %d, code %q", c.files, at.Line(), at.Code())
		}
		if fault.Of(err) != fault.Internal {
			t.Error(fault.Of(err))
		}
	}
}

func TestFuncsThatAreNone(t *testing.T) {
	for _, funcs := range [][]view.Funcs{
		{{"x": 1}},
		{{"x": nil}},
		{{"x": func() {}}},
		{{"x": func() (int, int) { return 0, 0 }}},
		{{"x y": func() int { return 0 }}},
		{{"1": func() int { return 0 }}},
		{{"": func() int { return 0 }}},
		{{"slot": func() int { return 0 }}},
		{{"bennuData": func() int { return 0 }}},
		{{"x": func() int { return 0 }}, {"x": func() int { return 0 }}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was taken", funcs)
				}
			}()
			_, _ = view.Load(tree("a.html", ""), funcs...)
		}()
	}
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		if err := os.Chtimes(file, now, now); err != nil {
			t.Fatal(err)
		}
	}
	templates := view.Reload(dir, view.Funcs{"id": func(context.Context) string { return "ID" }})
	ctx := view.With(t.Context(), templates)
	contains(t, refused(t, ctx, plain.View("x")).Error(), "no .html file")
	write("plain.html", "one {{.}} {{id}}")
	want(t, render(t, ctx, plain.View("x")), "one x ID")
	write("plain.html", "two {{.}} {{id}}")
	want(t, render(t, ctx, plain.View("x")), "two x ID")
	write("layouts/app.html", "<{{template `content` .}}>")
	write("layouts/app.html", "[{{template `content` .}}]")
	want(t, render(t, ctx, plain.View("x")), "[two x ID]")

	write("plain.html", "one\n{{if}}\n")
	for range 2 {
		var at *view.Error
		if err := refused(t, ctx, plain.View("x")); !errors.As(err, &at) {
			t.Fatal(err)
		}
		want(t, at.File(), filepath.Join(dir, "plain.html"))
		want(t, at.Code(), "     1 | one\n>    2 | {{if}}\n")
	}
	write("plain.html", "right")
	want(t, render(t, ctx, plain.View("x")), "[right]")
	if err := os.Remove(filepath.Join(dir, "plain.html")); err != nil {
		t.Fatal(err)
	}
	contains(t, refused(t, ctx, plain.View("x")).Error(), "no page plain.html")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	contains(t, refused(t, ctx, plain.View("x")).Error(), "cannot be read")
}

// Nothing that is in a file makes Load or Check panic.
func FuzzLoad(f *testing.F) {
	for _, c := range []string{card, nested, corners[5], `{{/* layout: app */}}{{.Name}}{{id}}`, `{{component "x" . | id}}`,
		`{{component}}`, `{{printf "%s" component}}`, `{{component.X}}`, `{{(component "x").Y}}`, `{{$x := id}}{{$x.A.B}}`,
		`{{range $i, $x := .Tags}}{{break}}{{else}}{{continue}}{{end}}`, `{{template "x" id}}{{define "x"}}{{template "x" .}}{{end}}`,
		`{{with .Name}}{{else with $.Tags}}{{. | len}}{{end}}`, `{{nil}}`, `{{.Name.Shout "x"}}`, `{{block "content" .}}{{end}}`} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, text string) {
		templates, err := view.Load(tree("layouts/app.html", `{{template "content" .}}`, "components/x.html", `{{renderSlot}}{{.}}`,
			"users/show.html", text), withID)
		if err == nil {
			_ = templates.Check(show)
		}
	})
}

func TestMustLoad(t *testing.T) {
	if view.MustLoad(tree("a.html", "a")) == nil {
		t.Error("no templates")
	}
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "view: ") || !strings.Contains(text, "b.html") {
			t.Errorf("panic with %q", text)
		}
	}()
	view.MustLoad(tree("b.html", "{{"))
}

func TestMustLoadNothing(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "view: there is no .html file") {
			t.Errorf("panic with %q", text)
		}
	}()
	view.MustLoad(tree())
}
