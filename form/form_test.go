package form_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/web"
)

var (
	_ templ.Component = form.Form{}
	_ templ.Component = form.Input{}
	_ templ.Component = form.Button{}
)

func fresh() changeset.Form { return change(account{}, nil).Form("user") }

const plain = `<form class="form" action="/" method="post" accept-charset="utf-8">`

// What is between the braces of templ's @form.For(…) { … } is inside, after what With has.
func TestChildren(t *testing.T) {
	children := templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if err := templ.Raw("<hr>").Render(ctx, w); err != nil {
			return err
		}
		return form.Submit("Go").Render(ctx, w)
	})
	for range 2 { // the same context again
		ctx := templ.WithChildren(t.Context(), children)
		want(t, render(t, ctx, form.For("/", fresh()).With(templ.Raw("<br>"))), plain+`<br><hr><button type="submit">Go</button></form>`)
	}
	want(t, render(t, t.Context(), form.For("/", fresh())), plain+`</form>`)
}

func TestMethods(t *testing.T) {
	f := fresh()
	put := `<input type="hidden" name="_method" value="PUT">`
	for _, c := range []struct {
		form form.Form
		want string
	}{
		{form.For("/", f).Method("GET"), `<form class="form" action="/" method="get" accept-charset="utf-8"></form>`},
		{form.For("/", f).Method("post"), plain + `</form>`},
		{form.For("/", f).Attr("method", "put"), plain + put + `</form>`},
		{form.For("/?a=b&c", f).Method("PUT").Attr("enctype", "multipart/form-data"),
			`<form class="form" action="/?a=b&amp;c&amp;_method=PUT" method="post" accept-charset="utf-8" enctype="multipart/form-data"></form>`},
		{form.For("", f), `<form class="form" action="" method="post" accept-charset="utf-8"></form>`},
		{form.For("https://example.org/x", f), `<form class="form" action="https://example.org/x" method="post" accept-charset="utf-8"></form>`},
		{form.For("/", f).Attr("id", "a b").Attr("class", "tall").Flag("accept-charset", false), `<form class="form tall" action="/" method="post" id="a b"></form>`},
	} {
		want(t, render(t, t.Context(), c.form), c.want)
	}
}

// Values are not shared with those that they were made of.
func TestValues(t *testing.T) {
	in := form.Text(fresh(), "query").Attr("a", "1")
	_, _ = in.Attr("a", "2").Attr("b", "3"), in.Flag("c", true)
	want(t, render(t, t.Context(), in), `<div class="form-field"><label for="user_query">Query</label><input type="text" id="user_query" name="user[query]" a="1"></div>`)
	outer := form.For("/", fresh()).With(templ.Raw("1"), templ.Raw("2"))
	_ = outer.With(templ.Raw("3"))
	want(t, render(t, t.Context(), outer.With(templ.Raw("4"))), plain+"124</form>")
}

func TestFlags(t *testing.T) {
	f := fresh()
	got := render(t, t.Context(), form.Text(f, "name").Label("").Flag("required", false).Flag("minlength", false).Flag("autofocus", true))
	want(t, got, `<div class="form-field"><input type="text" id="user_name" name="user[name]" autofocus></div>`)
	got = render(t, t.Context(), form.Text(f, "name").Label("").Flag("required", false).Flag("required", true))
	want(t, got, `<div class="form-field"><input type="text" id="user_name" name="user[name]" minlength="3" required></div>`)
}

// A password is not shown, by whatever way it comes.
func TestPasswords(t *testing.T) {
	type login struct {
		Pin      string
		Password fault.Secret
	}
	p := changeset.Params{"pin": "hush", "password": "hush"}
	f := changeset.Cast(login{Password: fault.NewSecret("hush")}, p, "pin", "password").ShowErrors().Form("")
	for _, v := range []web.View{
		form.Password(f, "pin"), form.Text(f, "pin").Attr("type", "Password"), form.Password(f, "pin").Attr("value", "hush"),
		form.Text(f, "password"), form.Textarea(f, "password"), form.Hidden(f, "password"), form.Password(f, "password"),
	} {
		if got := render(t, t.Context(), v); strings.Contains(got, "hush") {
			t.Error(got)
		}
	}
}

func TestRefusals(t *testing.T) {
	f := fresh()
	failing := templ.ComponentFunc(func(context.Context, io.Writer) error { return errors.New("no") })
	for what, v := range map[string]web.View{
		"script":      form.For("javascript:alert(1)", f),
		"spaces":      form.For(" javascript:alert(1)", f),
		"line":        form.For("java\nscript:alert(1)", f),
		"data":        form.For("data:text/html,x", f),
		"backslash":   form.For(`/\evil.example`, f),
		"method":      form.For("/", f).Method("TRACE"),
		"inside":      form.For("/", f).With(failing),
		"event":       form.Text(f, "name").Attr("onClick", "x"),
		"event flag":  form.Text(f, "name").Flag("onfocus", true),
		"space":       form.Text(f, "name").Attr("a b", "x"),
		"empty":       form.Text(f, "name").Attr("", "x"),
		"quote":       form.Radios(f, "plan").Attr(`a"`, "x"),
		"equals":      form.Checkboxes(f, "days").Attr("a=b", "x"),
		"slash":       form.Select(f, "plan").Attr("a/", "x"),
		"angle":       form.Checkbox(f, "news").Attr("a>", "x"),
		"hidden":      form.Hidden(f, "name").Attr("a>", "x"),
		"textarea":    form.Textarea(f, "bio").Attr("ä", "x"),
		"form":        form.For("/", f).Attr("onsubmit", "x"),
		"form action": form.Submit("x").Attr("formaction", "javascript:x"),
	} {
		var b strings.Builder
		if err := v.Render(t.Context(), &b); err == nil {
			t.Errorf("%s: no error, but %s", what, b.String())
		} else if b.Len() > 0 {
			t.Errorf("%s: %s was written", what, b.String())
		}
	}
}

// A number's limits are left to the server where it lets zero pass.
func TestOmitEmpty(t *testing.T) {
	type order struct {
		Count int `validate:"omitempty,min=5"`
		Size  int `validate:"gt=0,lte=9"`
	}
	f := changeset.New(order{}, "count", "size").Tags().Form("")
	want(t, render(t, t.Context(), form.Number(f, "count").Label("")), `<div class="form-field"><input type="number" id="count" name="count" step="any"></div>`)
	want(t, render(t, t.Context(), form.Number(f, "size").Label("")), `<div class="form-field"><input type="number" id="size" name="size" min="0" max="9" step="any"></div>`)
}
