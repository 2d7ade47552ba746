package main

import (
	"io"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web/webtest"
)

const password = "correct horse battery"

// user gives somebody an account, with the program's own command.
func (w *world) user(db, name, password string) {
	w.Helper()
	w.Setenv("FLEET_PASSWORD", password)
	if err := account([]string{db, "-name=" + name}, io.Discard); err != nil {
		w.Fatal(err)
	}
}

// browser is that of somebody who is not logged in.
func (w *world) browser() *webtest.Client {
	c := webtest.New(w, w.endpoint().Handler, "Accept: text/html")
	c.Context = w.ctx
	return c
}

func logIn(c *webtest.Client, name, password string) *webtest.Response {
	return c.Get("/login").Submit("#login", url.Values{"name": {name}, "password": {password}})
}

// Without users and without a key everybody is let in; with the first user nobody else is.
func TestLogin(t *testing.T) { datatest.EachURL(t, testLogin) }

func testLogin(t *testing.T, url string) {
	db := "-db=" + url
	w := start(t, db)
	c := w.browser()
	c.Get("/").Is(200).Shows("#watchers label", "Your name")
	w.send("a", noon, 1)

	w.user(db, "Ada", password)
	c.Get("/").Redirects("/login")
	c.Get("/api/units").Is(401)
	if _, err := w.connect(); err == nil {
		t.Error("the socket takes somebody without a name")
	}
	w.send("a", noon, 1) // devices are not asked
	for _, wrong := range [][2]string{{"ada", "wrong horse battery"}, {"eve", password}, {"no body", password}, {"ada", ""}, {"", ""}} {
		logIn(c, wrong[0], wrong[1]).Is(422).Shows("[role=alert]", "the name or the password is wrong")
	}
	in := logIn(c, "ADA", password).Redirects("/")
	in.Follow().Shows("#watchers form", "You are ada")
	c.Get("/api/units").Is(200)

	// On the socket she goes by her name.
	w.cookie = in.Cookie("session")
	s := w.socket()
	defer s.hangUp()
	s.join("agency:city", AgencyParams{"Eve"}, nil)
	if state := string(s.event("agency:city", "presence_state").payload); !strings.Contains(state, `"ada"`) {
		t.Errorf("she is known as %s", state)
	}
	if r := s.push("agency:city", "rename", AgencyParams{"Eve"}); r.Status != "ok" {
		t.Errorf("rename: %s %s", r.Status, r.Response)
	}

	// A page of another site cannot log her out; she can, and her connections end with it.
	c.Post("/logout", nil, "Sec-Fetch-Site: cross-site").Is(403)
	c.Get("/").Submit("#watchers form", nil).Redirects("/login")
	c.Get("/").Redirects("/login")
	for range s.frames { // until it is closed
	}

	// A new password ends the sessions of the old one, and an account that is gone all of them.
	logIn(c, "ada", password).Redirects("/")
	w.user(db, "ada", "another "+password)
	c.Get("/").Redirects("/login")
	logIn(c, "ada", password).Is(422)
	logIn(c, "ada", "another "+password).Redirects("/")
	if err := account([]string{db, "-name=ada", "-remove"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	c.Get("/").Is(200).Shows("#watchers label", "Your name")
}

// With a key there is no page without a user, and programs show the key.
func TestLoginWithAKey(t *testing.T) {
	db := file(t)
	w := start(t, db, "-key=K")
	c := w.browser()
	c.Get("/").Redirects("/login")
	c.Get("/?key=K").Redirects("/login")
	c.Get("/api/units").Is(401)
	c.Get("/api/units?key=k").Is(401)
	c.Get("/api/units?key=K").Is(200)
	w.user(db, "ada", password)
	logIn(c, "ada", password).Redirects("/")
	c.Get("/").Is(200)
	c.Get("/api/units").Is(200)
	c.Get("/osmand?id=a&lat=1&lon=2").Is(403)
}

func TestGuesses(t *testing.T) {
	c := start(t).browser()
	for range 10 {
		logIn(c, "ada", "wrong").Is(422)
	}
	logIn(c, "ada", "wrong").Is(429)
}

func TestAccount(t *testing.T) {
	db := file(t)
	t.Setenv("FLEET_PASSWORD", "123456789")
	for args, want := range map[string]string{
		db:                                       "-name",
		db + " -name=" + strings.Repeat("x", 65): "-name",
		db + " -name=ada":                        "10 characters or more",
		db + " -name=ada -remove":                "there is no user ada",
		"-db=nowhere -name=ada":                  "sqlite:PATH",
		db + " -name=ada -password=x":            "-password",
	} {
		if err := account(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
	os.Unsetenv("FLEET_PASSWORD")
	var out strings.Builder
	if err := account([]string{db, "-name=Ada"}, &out); err != nil {
		t.Fatal(err)
	}
	made, ok := strings.CutPrefix(strings.TrimSpace(out.String()), "ada logs in with ")
	if !ok || len(made) < 20 {
		t.Fatalf("it says %q", out.String())
	}
	logIn(start(t, db).browser(), "ada", made).Redirects("/")
}

// A password is the same however its accents are typed, and is kept as argon2id.
func TestHash(t *testing.T) {
	kept := hash(fault.NewSecret("caf\u00e9 au lait"), "salt")
	for given, want := range map[string]bool{"caf\u00e9 au lait": true, "cafe\u0301 au lait": true, "cafe au lait": false, "": false} {
		if got := hash(fault.NewSecret(given), "salt") == kept; got != want {
			t.Errorf("%q is the same: %v", given, got)
		}
	}
	if hash(fault.NewSecret("caf\u00e9 au lait"), "tlas") == kept {
		t.Error("the salt makes no difference")
	}
}
