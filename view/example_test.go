package view_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing/fstest"

	"github.com/bennu-go/bennu/view"
)

// A page, its layout and a component. In a program the files are embedded.
var files = fstest.MapFS{
	"layouts/app.html": {Data: []byte(`<title>{{block "title" .}}Fleet{{end}}</title>
<body data-csrf="{{csrf}}">
{{template "content" .}}
</body>`)},
	"components/card.html": {Data: []byte(`<div class="card"><h2>{{renderSlot "header"}}</h2>{{renderSlot}}</div>`)},
	"units/show.html": {Data: []byte(`{{define "title"}}Unit {{.Name}}{{end -}}
{{component "card"}}
	{{range .Crew}}<li>{{.}}</li>{{end}}
{{slot "header"}}
	{{.Name}}
{{endcomponent}}`)},
}

type Unit struct {
	Name string
	Crew []string
}

const ShowUnit view.Page[Unit] = "units/show"

type tokenKey struct{}

func Example() {
	templates, err := view.Load(files, view.Funcs{
		"csrf": func(ctx context.Context) string { return ctx.Value(tokenKey{}).(string) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := templates.Check(ShowUnit); err != nil {
		fmt.Println(err)
		return
	}
	handler := templates.Plug(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := ShowUnit.View(Unit{Name: "A<1>", Crew: []string{"Ann", "Bob & Eve"}})
		if err := page.Render(r.Context(), w); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
		}
	}))

	r := httptest.NewRequest("GET", "/units/1", nil)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, "t0k3n")))
	fmt.Println(w.Body)
	// Output:
	// <title>Unit A&lt;1&gt;</title>
	// <body data-csrf="t0k3n">
	// <div class="card"><h2>A&lt;1&gt;</h2><li>Ann</li><li>Bob &amp; Eve</li></div>
	// </body>
}
