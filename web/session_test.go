package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

const (
	userID web.SessionKey[int64]  = "user_id"
	note   web.SessionKey[string] = "note"
	odd    web.SessionKey[func()] = "odd"
)

func keysOf(t *testing.T, secrets ...string) *token.Keys {
	t.Helper()
	all := make([]fault.Secret, len(secrets))
	for i, s := range secrets {
		all[i] = fault.NewSecret(strings.Repeat(s, 32))
	}
	keys, err := token.NewKeys(all...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// visits is a small program with sessions.
func visits(s *web.Sessions) *web.Router {
	router := web.NewRouter(web.Recover, s.Plug)
	act := func(pattern string, f func(*web.Conn) error) { router.Handle(pattern, web.Action(f)) }
	act("GET /", func(c *web.Conn) error {
		id, known := userID.Get(c.Context())
		if !web.HasSession(c.Context()) {
			return fault.Internal.Errorf("no session")
		}
		return c.Text(200, fmt.Sprint(id, known))
	})
	act("POST /login", func(c *web.Conn) error {
		if err := web.RenewSession(c.Context()); err != nil {
			return err
		}
		if err := userID.Put(c.Context(), 7); err != nil {
			return err
		}
		return c.Redirect("/")
	})
	act("POST /forget", func(c *web.Conn) error { return userID.Delete(c.Context()) })
	act("POST /logout", func(c *web.Conn) error { return web.ClearSession(c.Context()) })
	act("POST /note", func(c *web.Conn) error { return note.Put(c.Context(), c.Query("x")) })
	act("POST /odd", func(c *web.Conn) error { return odd.Put(c.Context(), func() {}) })
	act("POST /late", func(c *web.Conn) error { _ = c.Text(200, "x"); return userID.Put(c.Context(), 8) })
	act("POST /flash", func(c *web.Conn) error {
		if err := web.PutFlash(c.Context(), "info", "Saved."); err != nil {
			return err
		}
		if c.Query("stay") != "" {
			return c.Text(200, web.Flash(c.Context(), "info"))
		}
		return c.Redirect("/flash")
	})
	act("GET /flash", func(c *web.Conn) error { return c.Text(200, web.Flash(c.Context(), "info")) })
	act("GET /hop", func(c *web.Conn) error { return c.Redirect("/flash") })
	return router
}

func TestSession(t *testing.T) {
	for name, store := range map[string]web.SessionStore{"cookie": nil, "store": new(memory)} {
		t.Run(name, func(t *testing.T) {
			b := webtest.New(t, visits(&web.Sessions{Keys: keysOf(t, "a"), Store: store}))
			if res := b.Get("/").Is(200); res.Body != "0 false" || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("a stranger: %s", res)
			}
			res := b.Post("/login", nil)
			cookie := res.Cookie("session")
			if cookie == nil || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != 14*24*3600 || strings.Contains(cookie.Value, "user") {
				t.Fatalf("cookie: %v", cookie)
			}
			if res := res.Follow(); res.Body != "7 true" || res.Header.Get("Set-Cookie") != "" || res.Header.Get("Vary") != "Cookie" || res.Header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("logged in: %s", res)
			}
			b.Post("/forget", nil).Is(200)
			if res := b.Get("/"); res.Body != "0 false" {
				t.Errorf("forgotten: %s", res)
			}
			b.Post("/login", nil)
			if res := b.Post("/logout", nil).Is(200); res.Cookie("session").MaxAge >= 0 {
				t.Errorf("logged out: %s", res)
			}
			if res := b.Get("/"); res.Body != "0 false" {
				t.Errorf("logged out: %s", res)
			}
			b.Post("/odd", nil).Is(500)
			b.Post("/late", nil).Is(200)
			if res := b.Get("/"); res.Body != "0 false" {
				t.Errorf("too late: %s", res)
			}
		})
	}
}

func TestSessionSize(t *testing.T) {
	b := webtest.New(t, visits(&web.Sessions{Keys: keysOf(t, "a")}))
	b.Post("/note?x="+strings.Repeat("x", 2800), nil).Is(200)
	b.Post("/note?x="+strings.Repeat("x", 3100), nil).Is(500)
	b = webtest.New(t, visits(&web.Sessions{Keys: keysOf(t, "a"), Store: new(memory)}))
	b.Post("/note?x="+strings.Repeat("x", 10_000), nil).Is(200)
}

// raw asks with a cookie that is given, or none.
func raw(h http.Handler, request, cookie string) *http.Response {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, nil)
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: "session", Value: cookie})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func cookieOf(res *http.Response) string {
	for _, c := range res.Cookies() {
		return c.Value
	}
	return ""
}

func bodyOf(res *http.Response) string {
	var b strings.Builder
	_ = res.Write(&b)
	_, body, _ := strings.Cut(b.String(), "\r\n\r\n")
	return body
}

func TestSessionCookieIsBoundToKeysNameAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app := visits(&web.Sessions{Keys: keysOf(t, "a")})
		cookie := cookieOf(raw(app, "POST /login", ""))
		rotated := visits(&web.Sessions{Keys: keysOf(t, "b", "a")})
		for what, c := range map[string]struct {
			h      http.Handler
			cookie string
			want   string
		}{
			"as it is":       {app, cookie, "7 true"},
			"a new secret":   {rotated, cookie, "7 true"},
			"a lost secret":  {visits(&web.Sessions{Keys: keysOf(t, "b")}), cookie, "0 false"},
			"another name":   {visits(&web.Sessions{Keys: keysOf(t, "a"), Name: "other"}), cookie, "0 false"},
			"a changed byte": {app, cookie[:40] + "x" + cookie[41:], "0 false"},
			"half":           {app, cookie[:len(cookie)/2], "0 false"},
			"nonsense":       {app, "nonsense", "0 false"},
		} {
			if body := bodyOf(raw(c.h, "GET /", c.cookie)); body != c.want {
				t.Errorf("%s: %s", what, body)
			}
		}
		time.Sleep(24 * time.Hour)
		if res := raw(app, "GET /", cookie); cookieOf(res) != "" || bodyOf(res) != "7 true" {
			t.Error("written again after a day")
		}
		time.Sleep(24 * time.Hour)
		again := raw(app, "GET /", cookie)
		if cookieOf(again) == "" || again.Header.Get("Cache-Control") != "no-store" {
			t.Error("not written again after two days")
		}
		time.Sleep(12 * 24 * time.Hour)
		if body := bodyOf(raw(app, "GET /", cookie)); body != "7 true" {
			t.Errorf("at its age: %s", body)
		}
		time.Sleep(time.Second)
		old := raw(app, "GET /", cookie)
		if body := bodyOf(old); body != "0 false" || !strings.Contains(old.Header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("above its age: %s, %v", body, old.Header)
		}
		if body := bodyOf(raw(app, "GET /", cookieOf(again))); body != "7 true" {
			t.Errorf("kept in use: %s", body)
		}
	})
}

func TestSessionInStore(t *testing.T) {
	store := new(memory)
	app := visits(&web.Sessions{Keys: keysOf(t, "a"), Store: store})
	first := cookieOf(raw(app, "POST /note?x=1", ""))
	second := cookieOf(raw(app, "POST /login", first))
	if len(store.kept) != 1 || bodyOf(raw(app, "GET /", first)) != "0 false" || bodyOf(raw(app, "GET /", second)) != "7 true" {
		t.Errorf("the name before the login still counts; %d sessions", len(store.kept))
	}
	raw(app, "POST /logout", second)
	if len(store.kept) != 0 || bodyOf(raw(app, "GET /", second)) != "0 false" {
		t.Error("a session that has been ended is taken")
	}
	third := cookieOf(raw(app, "POST /login", ""))
	store.fail = fault.Unavailable.Errorf("down")
	for _, request := range []string{"GET /", "POST /login", "POST /logout"} {
		if res := raw(app, request, third); res.StatusCode != 503 {
			t.Errorf("%s: %d", request, res.StatusCode)
		}
	}
	if res := raw(app, "POST /login", ""); res.StatusCode != 503 {
		t.Errorf("a login that cannot be kept: %d", res.StatusCode)
	}
	store.fail = nil
	if bodyOf(raw(app, "GET /", third)) != "7 true" {
		t.Error("lost by a failure")
	}
}

func TestSessionMistakes(t *testing.T) {
	mustPanic(t, "no keys", func() { new(web.Sessions).Plug(say("")) })
	mustPanic(t, "a time", func() { (&web.Sessions{Keys: keysOf(t, "a"), MaxAge: -1}).Plug(say("")) })
	if web.HasSession(t.Context()) {
		t.Error("a session of no request")
	}
	h := web.Chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { userID.Get(r.Context()) }), web.Recover)
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 500 {
		t.Errorf("without Sessions: %d", res.Status)
	}
}

func TestFlash(t *testing.T) {
	if all := web.FlashesOf(t.Context()); len(all) != 0 || web.Flash(t.Context(), "info") != "" {
		t.Errorf("flashes of no request: %v", all)
	}
	b := webtest.New(t, visits(&web.Sessions{Keys: keysOf(t, "a")}))
	if res := b.Post("/flash", nil).Redirects("/flash").Follow(); res.Body != "Saved." {
		t.Errorf("after the redirect: %s", res)
	}
	if res := b.Get("/flash"); res.Body != "" {
		t.Errorf("shown twice: %s", res)
	}
	b.Post("/flash", nil)
	if res := b.Get("/hop").Follow(); res.Body != "Saved." {
		t.Errorf("over two redirects: %s", res)
	}
	if res := b.Post("/flash?stay=1", nil); res.Body != "Saved." {
		t.Errorf("on the same page: %s", res)
	}
	if res := b.Get("/flash"); res.Body != "" {
		t.Errorf("shown on the same page already: %s", res)
	}
}

func TestCSRF(t *testing.T) {
	sessions := &web.Sessions{Keys: keysOf(t, "a")}
	router := web.NewRouter(web.Recover)
	pages := router.Scope("", sessions.Plug, web.CSRF("https://admin.example.com"))
	pages.Handle("GET /form", web.Action(func(c *web.Conn) error {
		text, err := web.CSRFToken(c.Context())
		if err != nil {
			return err
		}
		return c.Text(200, text)
	}))
	pages.Handle("POST /do", web.Action(func(c *web.Conn) error { return c.Text(200, "done") }))
	pages.Handle("POST /renew", web.Action(func(c *web.Conn) error { return web.RenewSession(c.Context()) }))

	b := webtest.New(t, router)
	first, second := b.Get("/form").Body, b.Get("/form").Body
	if first == second || len(first) != 64 {
		t.Errorf("tokens %s, %s", first, second)
	}
	stranger := webtest.New(t, router).Get("/form").Body
	for _, c := range []struct {
		headers []string
		token   string
		status  int
	}{
		{[]string{"Sec-Fetch-Site: same-origin"}, "", 200},
		{[]string{"Sec-Fetch-Site: none"}, "", 200},
		{[]string{"Sec-Fetch-Site: cross-site"}, first, 403},
		{[]string{"Sec-Fetch-Site: same-site"}, first, 403},
		{[]string{"Sec-Fetch-Site: cross-site", "Origin: https://admin.example.com"}, "", 200},
		{[]string{"Origin: https://example.test"}, "", 200},
		{[]string{"Origin: https://evil.example"}, first, 403},
		{[]string{"Origin: null"}, first, 403},
		{nil, "", 403},
		{nil, first, 200},
		{nil, second, 200},
		{nil, stranger, 403},
		{nil, first[:60] + "AAAA", 403},
		{nil, "AAAA", 403},
		{[]string{"X-CSRF-Token: " + first}, "", 200},
		{[]string{"X-CSRF-Token: x"}, first, 403},
	} {
		res := b.Post("/do", url.Values{web.CSRFField: {c.token}}, c.headers...)
		if res.Status != c.status {
			t.Errorf("%v with %q: %d", c.headers, c.token, res.Status)
		}
	}
	b.Post("/renew", nil, "Sec-Fetch-Site: same-origin").Is(200)
	if res := b.Post("/do", url.Values{web.CSRFField: {first}}); res.Status != 403 {
		t.Errorf("a token from before the login: %d", res.Status)
	}
}

// memory is a store of sessions.
type memory struct {
	mu   sync.Mutex
	kept map[string][]byte
	fail error
}

func (m *memory) Load(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.kept[name]
	if !ok {
		return nil, errors.Join(m.fail, fault.NotFound)
	}
	if !json.Valid(data) {
		panic("not what was saved")
	}
	return data, m.fail
}

func (m *memory) Save(_ context.Context, name string, data []byte, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.kept == nil {
		m.kept = make(map[string][]byte)
	}
	m.kept[name] = data
	return nil
}

func (m *memory) Delete(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		delete(m.kept, name)
	}
	return m.fail
}

// A value that does not fit is refused, and what was kept before it goes out all the same.
func TestSessionKeepsWhatFits(t *testing.T) {
	router := web.NewRouter((&web.Sessions{Keys: keysOf(t, "a")}).Plug)
	router.Handle("POST /", web.Action(func(c *web.Conn) error {
		if err := userID.Put(c.Context(), 7); err != nil {
			return err
		}
		if note.Put(c.Context(), strings.Repeat("x", 5000)) == nil {
			t.Error("5,000 bytes fit into a cookie")
		}
		return nil
	}))
	router.Handle("GET /", web.Action(func(c *web.Conn) error {
		id, known := userID.Get(c.Context())
		return c.Text(200, fmt.Sprint(id, known))
	}))
	b := webtest.New(t, router)
	b.Post("/", nil).Is(200)
	if res := b.Get("/"); res.Body != "7 true" {
		t.Errorf("after a refusal: %s", res)
	}
}
