package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestSignUp(t *testing.T) { onBoth(t, testSignUp) }

func testSignUp(t *testing.T, w *world) {
	w.user("Ada")
	page := w.browser().Get("/signup").Submit("form#signup", url.Values{
		"user[name]": {"ada lovelace"}, "user[email]": {"nobody"}, "user[password]": {"short"}, "user[password_confirmation]": {"shorter"},
	}).Is(422)
	page.Shows("#user_name_error", "without spaces").Shows("#user_email_error", "must be an e-mail address").
		Shows("#user_password_error", "must be at least 10 characters").Shows("#user_password_confirmation_error", "does not match")
	if strings.Contains(page.Body, "short") {
		t.Error("the page shows the password")
	}
	// ＡＤＡ is ada, who is here already.
	page.Submit("form#signup", url.Values{
		"user[name]": {"ＡＤＡ"}, "user[email]": {"a@example.com"}, "user[password]": {password}, "user[password_confirmation]": {password},
	}).Is(422).Shows("#user_name_error", "has already been taken")
	if u, err := data.Get[User](w.ctx, w.site.repo, "ada"); err != nil || !strings.HasPrefix(u.Hash, "$argon2id$") || strings.Contains(u.Hash, password) {
		t.Errorf("the user is %+v, %v", u, err)
	}
}

func TestPasswords(t *testing.T) {
	w := start(t)
	kept, err := hash(w.ctx, fault.NewSecret("caf\u00e9 au lait"))
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]bool{"caf\u00e9 au lait": true, "cafe\u0301 au lait": true, "cafe au lait": false, "": false} {
		if ok, err := fits(w.ctx, fault.NewSecret(given), kept); ok != want || err != nil {
			t.Errorf("%q fits: %v, %v", given, ok, err)
		}
	}
	for _, broken := range []string{"", "$argon2i$v=19$m=1,t=1,p=1$AA$AA", "$argon2id$v=18$m=1,t=1,p=1$AA$AA", "$argon2id$v=19$m=1,t=1,p=1$!$AA"} {
		if ok, err := fits(w.ctx, fault.NewSecret(""), broken); ok || fault.Of(err) != fault.Internal {
			t.Errorf("%q: %v, %v", broken, ok, err)
		}
	}
}

func logIn(c *webtest.Client, name, password string) *webtest.Response {
	return c.Get("/login").Submit("form#login", url.Values{"login[name]": {name}, "login[password]": {password}})
}

func TestLogIn(t *testing.T) {
	for _, where := range []string{"cookie", "db"} {
		t.Run(where, func(t *testing.T) {
			w := start(t, "-sessions="+where)
			w.user("ada")
			c := w.browser()
			c.Get("/notices/new").Redirects("/login").Follow().Shows("#flash-error", "Please log in first")
			for _, wrong := range [][2]string{{"ada", "wrong password"}, {"nobody", password}, {"no body", password}} {
				logIn(c, wrong[0], wrong[1]).Is(422).Shows(".form-errors", "the name or the password is wrong")
			}
			page := logIn(c, "Ada", password).Redirects("/notices/new").Follow().Shows(".user", "ada")
			page.Submit(".account form", nil).Redirects("/notices").Follow().Shows(".account", "Log in")
			c.Get("/notices/new").Redirects("/login")
		})
	}
}

func TestForeignForm(t *testing.T) {
	w := start(t)
	ada := w.user("ada")
	fill := url.Values{"_method": {"delete"}}
	ada.Post("/login", fill, "Sec-Fetch-Site: cross-site", "Origin: https://evil.test").Is(403)
	ada.Post("/login", fill).Is(403) // an old browser, without the form's token
	ada.Get("/notices").Shows(".user", "ada").Submit(".account form", nil).Redirects("/notices")
}

func TestRateLimit(t *testing.T) {
	w := start(t)
	c := w.browser()
	page := c.Get("/login")
	for range 10 {
		page.Submit("form#login", nil).Is(422)
	}
	page.Submit("form#login", nil).Is(429).Shows("h1", "too often")
	w.program().Post("/api/tokens", map[string]string{"name": "ada", "password": password}).Is(429) // the doors count together
}

func TestLanguage(t *testing.T) {
	w := start(t)
	w.browser("Accept-Language: de-AT").Get("/notices").Is(200).Has("Content-Language", "de").Shows("h1", "Aushänge")
	c := w.browser()
	c.Get("/notices").Shows("h1", "Notices").Click("nav a[lang=de]").Shows("h1", "Aushänge")
	page := c.Get("/login").Shows("h1", "Anmelden") // it is kept
	page.Submit("form#login", nil).Is(422).Shows("#login_name_error", "muss ausgefüllt werden").Shows(".form-errors", "Etwas stimmt nicht")
	c.Get("/nowhere").Is(404).Shows("h1", "Hier ist nichts.")
	c.Get("/notices?lang=xx").Shows("h1", "Aushänge")
}

func TestAdmin(t *testing.T) {
	w := start(t)
	page := notice(w.user("ada"), "Spam")
	c := w.browser()
	c.Get("/admin").Is(401).Has("WWW-Authenticate", `Basic realm="notices", charset="UTF-8"`)
	c.Get("/admin", "Authorization: Basic YWRtaW46d3Jvbmc=").Is(401)
	c.Header.Set("Authorization", "Basic YWRtaW46b3BlbiBzZXNhbWU=") // admin:open sesame
	admin := c.Get("/admin").Is(200).Shows("td", "Spam").Shows("section", "1 user")
	if !strings.Contains(admin.Body, "GET /notices/{id}") {
		t.Error("the page does not tell of the traffic")
	}
	admin.Submit("#remove-1", nil).Redirects("/admin").Follow().Shows("#flash-info", "gone")
	c.Get(page.URL.Path).Is(404)
}
