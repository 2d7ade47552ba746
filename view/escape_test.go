package view_test

import (
	"context"
	"html/template"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bennu-go/bennu/view"
)

var hostile = []string{
	`"><script>alert(1)</script>`,
	`' onx=alert(1) x='`,
	` onx=alert(1) `,
	"`onx=alert(1)",
	`javascript:alert(1)`,
	`</textarea></style></title></script><img src=x onx=alert(1)>`,
	`<component>`,
	`{{.}} {{me}} {{range}}`,
	`<!--`,
	`\u003cscript\u003e`,
	"\x00<b>\xff",
	`*/ expression(alert(1)) /*`,
}

var corners = []string{
	"layouts/app.html", `<body data-x={{.}} data-y="{{me}}">{{template "content" .}}</body>`,
	"components/box.html", `<div title="{{.}}" class="{{renderSlot}}" id={{renderSlot "a"}}>{{renderSlot "a"}}{{.}}` +
		`<textarea>{{renderSlot "a"}}</textarea><script>let s = {{renderSlot "a"}}</script></div>`,
	"plain.html", `<a href="{{.}}">{{.}}</a><a href={{.}}>x</a><script>let x = {{.}}, y = "{{.}}", z = {{me}}</script>` +
		`<style>p { color: {{.}} }</style><textarea>{{.}}</textarea><p onclick="f({{.}})">{{me}}</p><!-- {{.}} -->` +
		`{{component "box" .}}{{.}}{{slot "a"}}<b title="{{.}}">{{me}}</b>{{endcomponent}}`,
}

// skeleton is what a browser would make of it, without the texts.
func skeleton(t *testing.T, page string) []string {
	var found []string
	z := html.NewTokenizer(strings.NewReader(page))
	for z.Next() != html.ErrorToken {
		if token := z.Token(); token.Type != html.TextToken {
			found = append(found, token.Type.String()+" "+token.Data)
			for _, a := range token.Attr {
				found = append(found, "  "+a.Key)
				if a.Key == "href" && strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") {
					t.Errorf("%q in\n%s", a.Val, page)
				}
			}
		}
	}
	return found
}

// Whatever is in the data, it makes no tag and no attribute.
func TestHostile(t *testing.T) {
	evil := ""
	ctx := load(t, tree(corners...), view.Funcs{"me": func(context.Context) string { return evil }})
	evil = "harmless"
	want := skeleton(t, render(t, ctx, plain.View(evil)))
	for _, evil = range hostile {
		got := render(t, ctx, plain.View(evil))
		if !slices.Equal(skeleton(t, got), want) {
			t.Errorf("%q made of the page\n%s", evil, got)
		}
	}
}

func FuzzEscaping(f *testing.F) {
	for _, evil := range hostile {
		f.Add(evil)
	}
	evil := "harmless"
	ctx := load(f, tree(corners...), view.Funcs{"me": func(context.Context) string { return evil }})
	want := render(f, ctx, plain.View(evil))
	f.Fuzz(func(t *testing.T, text string) {
		evil = text
		got := render(t, ctx, plain.View(text))
		if !slices.Equal(skeleton(t, got), skeleton(t, want)) {
			t.Errorf("%q made of the page\n%s", text, got)
		}
	})
}

// A rewritten template is escaped as html/template escapes it bare.
func TestAsBare(t *testing.T) {
	text := corners[5][:strings.Index(corners[5], "{{component")]
	for _, evil := range hostile {
		me := func() string { return evil }
		bare := template.Must(template.New("x").Funcs(template.FuncMap{"me": me}).Parse(text))
		var b strings.Builder
		if err := bare.Execute(&b, evil); err != nil {
			t.Fatal(err)
		}
		ctx := load(t, tree("plain.html", text), view.Funcs{"me": func(context.Context) string { return me() }})
		want(t, render(t, ctx, plain.View(evil)), b.String())
	}
}
