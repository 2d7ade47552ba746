package form_test

import (
	"net/url"
	"testing"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/form"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

type signup struct {
	Name string
	Age  int
	Tags []string
	News bool
}

func changeSignup(s signup, p changeset.Params) *changeset.Changeset[signup] {
	return changeset.Cast(s, p, "name", "age", "tags", "news").
		Required("name").
		Length("name", changeset.Min(3)).
		Subset("tags", "a", "b", "c").
		Acceptance("terms")
}

func signupForm(f changeset.Form) web.View {
	return form.For("/signup", f).Method("PUT").Attr("id", "signup").With(
		form.Text(f, "name"), form.Number(f, "age"), form.Checkboxes(f, "tags"), form.Select(f, "tags").Attr("id", "again").Flag("disabled", true),
		form.Checkbox(f, "news"), form.Checkbox(f, "terms"), form.Submit("Sign up"))
}

// app is a page with a form, and what it is sent to.
func app(t *testing.T, saved *signup, plugs ...web.Plug) *web.Router {
	keys, err := token.NewKeys(fault.NewSecret("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	router := web.NewRouter(append(plugs, web.MethodOverride, (&web.Sessions{Keys: keys}).Plug, web.CSRF())...)
	router.Handle("GET /signup", web.Action(func(c *web.Conn) error {
		return c.Render(signupForm(changeSignup(signup{News: true}, nil).Form("user")))
	}))
	router.Handle("PUT /signup", web.Action(func(c *web.Conn) error {
		params, err := c.Params()
		if err != nil {
			return err
		}
		cs := changeSignup(signup{}, params.Sub("user")).Translate(form.Messages(c.Context()))
		if *saved, err = cs.Apply(); err != nil {
			return c.Render(web.WithStatus(422, signupForm(cs.Form("user"))))
		}
		return c.Redirect("/welcome")
	}))
	return router
}

// A form is filled in with mistakes, comes back as it was typed, is corrected and saved.
func TestSubmit(t *testing.T) {
	var saved signup
	page := webtest.New(t, app(t, &saved)).Get("/signup").Is(200)
	if page.Find(".form-errors, .form-error, [aria-invalid]").Len() > 0 {
		t.Error("a fresh form shows errors")
	}
	page = page.Submit("#signup", url.Values{"user[name]": {`<"`}, "user[age]": {"abc"}, "user[tags][]": {"b", "c"}, "user[news]": nil}).Is(422).
		Shows(".form-errors", "Terms must be accepted").
		Shows("#user_name_error", "must be at least 3 characters").
		Shows("#user_age_error", "must be a whole number")
	want(t, page.Find("#user_name").Attr("value"), `<"`)
	want(t, page.Find("#user_age").Attr("value"), "abc")
	if n := page.Find("#user_news[checked]").Len(); n != 0 {
		t.Error("the box that was unticked is ticked again")
	}
	if n := page.Find("[type=checkbox][checked][value=b], [type=checkbox][checked][value=c]").Len(); n != 2 {
		t.Errorf("%d of the boxes are ticked, want 2", n)
	}
	for link := range page.Find(".form-errors a").All() {
		if n := page.Find(link.Attr("href")).Len(); n != 1 {
			t.Errorf("%s leads to %d elements", link.Attr("href"), n)
		}
	}
	page.Submit("#signup", url.Values{"user[name]": {"Ada"}, "user[age]": {"36"}, "user[tags][]": nil, "user[terms]": {"true"}}).Redirects("/welcome")
	if saved.Name != "Ada" || saved.Age != 36 || saved.Tags != nil || saved.News {
		t.Errorf("saved %+v", saved)
	}
}

// Browsers that do not say where a request comes from need the token, and bring it.
func TestToken(t *testing.T) {
	var saved signup
	c := webtest.New(t, app(t, &saved))
	token := c.Get("/signup").Find("input[name=_csrf_token]").Attr("value")
	sent := url.Values{"_method": {"PUT"}, "user[name]": {"Ada"}, "user[terms]": {"true"}}
	c.Post("/signup", sent).Is(403)
	sent.Set("_csrf_token", token)
	c.Post("/signup", sent).Redirects("/welcome")
}

// The token stays on this site, and is not needed everywhere.
func TestNoToken(t *testing.T) {
	keys, err := token.NewKeys(fault.NewSecret("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	router := web.NewRouter()
	shown := func(pattern string, v web.View) { router.Handle(pattern, show(v)) }
	shown("GET /none", form.For("/", fresh()))
	router.Scope("", (&web.Sessions{Keys: keys}).Plug).Handle("GET /some", show(form.For("/", fresh())))
	router.Scope("", (&web.Sessions{Keys: keys}).Plug).Handle("GET /get", show(form.For("/", fresh()).Method("GET")))
	router.Scope("", (&web.Sessions{Keys: keys}).Plug).Handle("GET /other", show(form.For("//other.example/", fresh())))
	for path, want := range map[string]int{"/none": 0, "/some": 1, "/get": 0, "/other": 0} {
		if got := webtest.New(t, router).Get(path).Is(200).Find("[name=_csrf_token]").Len(); got != want {
			t.Errorf("%s: %d tokens, want %d", path, got, want)
		}
	}
}
