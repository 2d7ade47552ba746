package web_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestActionAnswers(t *testing.T) {
	router := web.NewRouter()
	add := func(path string, f func(*web.Conn) error) { router.Handle("GET "+path, web.Action(f)) }
	add("/text/{name}", func(c *web.Conn) error { return c.Text(201, c.Path("name")+c.Query("q")) })
	add("/html", func(c *web.Conn) error { return c.HTML(200, "<p>") })
	add("/json", func(c *web.Conn) error { return c.JSON(200, []string{"<"}) })
	add("/bad", func(c *web.Conn) error { return c.JSON(200, func() {}) })
	add("/error", func(*web.Conn) error { return fault.Conflict.Errorf("taken") })
	add("/away", func(c *web.Conn) error { return c.Redirect("/html?a=b#c") })
	for request, want := range map[string]struct {
		status      int
		contentType string
		body        string
	}{
		"GET /text/a%2Fb?q=1": {201, "text/plain; charset=utf-8", "a/b1"},
		"GET /html":           {200, "text/html; charset=utf-8", "<p>"},
		"GET /json":           {200, "application/json", `["\u003c"]`},
		"GET /bad":            {500, "application/problem+json", `{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"internal error"}`},
		"GET /error":          {409, "application/problem+json", `{"type":"about:blank","title":"Conflict","status":409,"detail":"taken"}`},
		"GET /away":           {303, "", ""},
	} {
		res := webtest.Do(t, router, request, nil)
		if res.Status != want.status || res.Header.Get("Content-Type") != want.contentType || res.Body != want.body {
			t.Errorf("%s: %d %s %s", request, res.Status, res.Header.Get("Content-Type"), res.Body)
		}
	}
	mustPanic(t, "no function", func() { web.Action(nil) })
}

func TestConnIsPrintedWithoutSecrets(t *testing.T) {
	const user web.Key[struct{ Name, Password string }] = "user"
	var text string
	h := web.Action(func(c *web.Conn) error {
		user.Put(c.Context(), struct{ Name, Password string }{"ada", "hunter2"})
		c.Header().Set("Set-Cookie", "session=hunter2")
		text = fmt.Sprintf("%v\n%+v\n%s", c, c, c)
		return nil
	})
	webtest.Do(t, h, "GET /login?token=hunter2&page=2", nil, "Cookie: session=hunter2", "Authorization: Bearer hunter2", "Accept: text/x")
	if strings.Contains(text, "hunter2") {
		t.Errorf("a secret is shown: %s", text)
	}
	for _, want := range []string{"GET", "/login", "text/x", "ada", `"2"`, "[secret]"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

func TestRedirectsRefuseForeignHosts(t *testing.T) {
	for address, ok := range map[string]bool{
		"/":                           true,
		"/a?b=c#d":                    true,
		"/a//b":                       true,
		"/ä b":                        true,
		"":                            false,
		"a":                           false,
		"//evil.example":              false,
		`/\evil.example`:              false,
		`\/evil.example`:              false,
		"/\t/evil.example":            false,
		"/a\r\nSet-Cookie: x=y":       false,
		"https://evil.example/":       false,
		"javascript:alert(1)":         false,
		"/%2f/evil":                   true,
		"/\x00":                       false,
		"/%zz":                        false,
		"/\x7f":                       false,
		`/a\b`:                        false,
		"///evil.example":             false,
		" /a":                         false,
		"/:80@evil.example":           true,
		"/.//evil.example":            true,
		"/redirect?to=//evil.example": true,
	} {
		res := webtest.Do(t, web.Action(func(c *web.Conn) error { return c.Redirect(address) }), "GET /", nil)
		if got := res.Status == 303; got != ok {
			t.Errorf("%q: status %d", address, res.Status)
		}
		if location := res.Header.Get("Location"); !ok && location != "" || strings.ContainsAny(location, "\r\n\t ä") {
			t.Errorf("%q: Location %q", address, location)
		}
	}
	for address, ok := range map[string]bool{
		"https://example.com/a": true,
		"http://example.com":    true,
		"/a":                    false,
		"javascript:alert(1)":   false,
		"https:///a":            false,
		"https://a b/":          false,
		"data:text/html,x":      false,
	} {
		res := webtest.Do(t, web.Action(func(c *web.Conn) error { return c.Render(web.RedirectOut(address)) }), "GET /", nil)
		if got := res.Status == 303; got != ok {
			t.Errorf("out to %q: status %d", address, res.Status)
		}
	}
}

func TestMaxBodyByDefault(t *testing.T) {
	read := web.Action(func(c *web.Conn) error {
		data, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.Text(200, fmt.Sprint(len(data)))
	})
	for _, c := range []struct {
		h      http.Handler
		size   int
		status int
	}{
		{read, 1 << 20, 200},
		{read, 1<<20 + 1, 413},
		{web.Chain(read, web.MaxBody(10)), 10, 200},
		{web.Chain(read, web.MaxBody(10)), 11, 413},
		{web.Chain(read, web.MaxBody(10), web.MaxBody(2<<20)), 2 << 20, 200},
		{web.Chain(read, web.MaxBody(0)), 1, 413},
		{web.Chain(read, web.MaxBody(0)), 0, 200},
	} {
		if res := webtest.Do(t, c.h, "POST /", strings.Repeat("x", c.size)); res.Status != c.status {
			t.Errorf("%d bytes: %d %s", c.size, res.Status, res.Body)
		}
	}
}
