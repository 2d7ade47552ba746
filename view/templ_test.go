package view_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/bennu-go/bennu/view"
)

var _ templ.Component = view.Filled{}

// templ components and pages of html/template go into each other.
func TestTempl(t *testing.T) {
	const page view.Page[templ.Component] = "templ"
	ctx := load(t, tree("layouts/app.html", "<main>{{template `content` .}}</main>",
		"templ.html", "{{render .}}", "plain.html", "<p>{{.}}</p>"))
	hello := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "<b>"+templ.EscapeString("<hello>")+"</b>")
		return err
	})
	want(t, render(t, ctx, page.View(hello)), "<main><b>&lt;hello&gt;</b></main>")

	layout := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		children := templ.GetChildren(ctx)
		return templ.Join(templ.Raw("<body>"), children, templ.Raw("</body>")).Render(templ.ClearChildren(ctx), w)
	})
	var b strings.Builder
	child := plain.View("<you>").Layout(view.None)
	if err := layout.Render(templ.WithChildren(ctx, child), &b); err != nil {
		t.Fatal(err)
	}
	want(t, b.String(), "<body><p>&lt;you&gt;</p></body>")
}
