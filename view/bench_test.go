package view_test

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"testing"

	"github.com/bennu-go/bennu/view"
)

type benchRow struct {
	ID          int
	Name, Email string
	Active      bool
}

type benchData struct {
	Title string
	Rows  []benchRow
}

const (
	benchLayout = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{block "title" .}}Site{{end}}</title><meta name="csrf-token" content="{{csrf}}"></head>
<body><nav><a href="/">Home</a><a href="/users">Users</a></nav><main>{{template "content" .}}</main></body>
</html>`
	benchTable = `<h1>{{.Title}}</h1>
<table><thead><tr><th>ID</th><th>Name</th><th>Email</th><th>State</th></tr></thead><tbody>
{{range .Rows}}%s{{end}}
</tbody></table>`
	benchCells = `<tr><td>{{.ID}}</td><td><a href="/users/{{.ID}}">{{.Name}}</a></td><td>{{.Email}}</td>` +
		`<td>{{if .Active}}active{{else}}gone{{end}}</td></tr>`
)

// Each row by itself, by a partial, by a partial that needs the context, in a component.
var benchRows = []struct{ name, row, partial string }{
	{"inline", benchCells, ""},
	{"partial", `{{template "row" .}}`, benchCells},
	{"context", `{{template "row" .}}`, benchCells + `{{csrf}}`},
}

func benchRowsOf(n int) benchData {
	d := benchData{Title: "Users"}
	for i := range n {
		d.Rows = append(d.Rows, benchRow{i, fmt.Sprintf("User %d <x>", i), fmt.Sprintf("u%d@example.com", i), i%2 == 0})
	}
	return d
}

func BenchmarkTable(b *testing.B) {
	const page view.Page[benchData] = "page"
	d := benchRowsOf(20)
	for _, c := range benchRows {
		table := fmt.Sprintf(benchTable, c.row)
		b.Run(c.name+"/bare", func(b *testing.B) {
			t := template.New("layout").Funcs(template.FuncMap{"csrf": func() string { return "token" }})
			template.Must(t.Parse(benchLayout))
			template.Must(t.New("row").Parse(c.partial))
			template.Must(t.New("content").Parse(table))
			template.Must(t.New("title").Parse("{{.Title}}"))
			bench(b, func(out *bytes.Buffer) error { return t.Execute(out, d) })
		})
		b.Run(c.name+"/view", func(b *testing.B) {
			ctx := load(b, tree("layouts/app.html", benchLayout, "components/row.html", c.partial,
				"page.html", `{{define "title"}}{{.Title}}{{end}}`+table), view.Funcs{"csrf": func(context.Context) string { return "token" }})
			bench(b, func(out *bytes.Buffer) error { return page.View(d).Render(ctx, out) })
		})
	}
}

func BenchmarkComponents(b *testing.B) {
	const page view.Page[benchData] = "page"
	ctx := load(b, tree("components/row.html", `<tr>{{renderSlot}}<td>{{renderSlot "state"}}</td></tr>`, "page.html", fmt.Sprintf(benchTable,
		`{{component "row" .}}<td>{{.ID}}</td><td>{{.Name}}</td><td>{{.Email}}</td>{{slot "state"}}active{{endcomponent}}`)))
	d := benchRowsOf(20)
	bench(b, func(out *bytes.Buffer) error { return page.View(d).Render(ctx, out) })
}

func bench(b *testing.B, render func(*bytes.Buffer) error) {
	var out bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		if err := render(&out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	files := []string{"layouts/app.html", benchLayout}
	for i := range 50 {
		files = append(files, fmt.Sprintf("p%d.html", i), fmt.Sprintf(benchTable, benchCells))
	}
	fsys := tree(files...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := view.Load(fsys, view.Funcs{"csrf": func(context.Context) string { return "token" }}); err != nil {
			b.Fatal(err)
		}
	}
}
