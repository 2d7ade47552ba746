package web_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// whence says where the request seems to come from.
var whence = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s", r.RemoteAddr, r.URL.Scheme)
})

func from(addr string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = addr
		h.ServeHTTP(w, r)
	})
}

func TestRealIP(t *testing.T) {
	h := web.Chain(whence, web.RealIP("10.0.0.0/8", "::1", "192.0.2.9"))
	for _, c := range []struct{ peer, forwarded, proto, want string }{
		{"203.0.113.7:5", "", "", "203.0.113.7:5 "},
		{"203.0.113.7:5", "198.51.100.1", "https", "203.0.113.7:5 "},
		{"10.1.2.3:5", "198.51.100.1", "", "198.51.100.1:0 "},
		{"10.1.2.3:5", "198.51.100.1", "HTTPS", "198.51.100.1:0 https"},
		{"[::1]:5", "198.51.100.1, 10.9.9.9", "http", "198.51.100.1:0 http"},
		{"[::ffff:10.1.2.3]:5", "2001:db8::1", "", "[2001:db8::1]:0 "},
		{"192.0.2.9:5", "1.1.1.1, 198.51.100.1", "", "198.51.100.1:0 "}, // who wrote 1.1.1.1 is unknown
		{"192.0.2.9:5", "unknown, 10.0.0.1", "", "10.0.0.1:0 "},
		{"192.0.2.9:5", "198.51.100.1:80", "", "192.0.2.9:0 "},
		{"192.0.2.9:5", "", "gopher", "192.0.2.9:0 "},
		{"192.0.2.8:5", "1.1.1.1", "", "192.0.2.8:5 "},
		{"@", "1.1.1.1", "", "@ "},
	} {
		headers := []string{}
		if c.forwarded != "" {
			headers = append(headers, "X-Forwarded-For: "+c.forwarded)
		}
		if c.proto != "" {
			headers = append(headers, "X-Forwarded-Proto: "+c.proto)
		}
		if res := webtest.Do(t, from(c.peer, h), "GET /", nil, headers...); res.Body != c.want {
			t.Errorf("%+v: %s", c, res.Body)
		}
	}
	twice := webtest.Do(t, from("10.0.0.1:1", h), "GET /", nil, "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2, 10.0.0.2")
	if twice.Body != "2.2.2.2:0 " {
		t.Error(twice.Body)
	}
	mustPanic(t, "nobody", func() { web.RealIP() })
	mustPanic(t, "no address", func() { web.RealIP("proxy.example.com") })
}

func TestHTTPS(t *testing.T) {
	h := web.Chain(say("safe"), web.RealIP("10.0.0.0/8"), web.HTTPS{}.Plug)
	res := webtest.Do(t, h, "GET http://example.com:8080/a%20b?c=d", nil)
	if res.Status != 301 || res.Header.Get("Location") != "https://example.com/a%20b?c=d" || res.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("%d %v", res.Status, res.Header)
	}
	if res := webtest.Do(t, h, "POST http://example.com/", "x"); res.Status != 308 {
		t.Error(res.Status)
	}
	res = webtest.Do(t, from("10.0.0.1:1", h), "GET http://example.com/", nil, "X-Forwarded-Proto: https")
	if res.Body != "safe" || res.Header.Get("Strict-Transport-Security") != "max-age=31536000" {
		t.Errorf("%d %v", res.Status, res.Header)
	}
	own := web.HTTPS{MaxAge: -1, Subdomains: true, Host: "example.org"}.Plug(say(""))
	if res := webtest.Do(t, own, "GET http://evil.example/x", nil); res.Header.Get("Location") != "https://example.org/x" {
		t.Error(res.Header)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = new(tls.ConnectionState)
	w := httptest.NewRecorder()
	own.ServeHTTP(w, r)
	if w.Header().Get("Strict-Transport-Security") != "max-age=0; includeSubDomains" {
		t.Error(w.Header())
	}
}

func TestNonce(t *testing.T) {
	router := web.NewRouter(web.SecureHeaders("default-src 'self'; script-src 'self' 'nonce'"))
	router.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, web.Nonce(r.Context())) })
	seen := map[string]bool{}
	for range 3 {
		res := webtest.Do(t, router, "GET /", nil)
		policy := res.Header.Get("Content-Security-Policy")
		if len(res.Body) < 22 || !strings.Contains(policy, "script-src 'self' 'nonce-"+res.Body+"'") || seen[res.Body] {
			t.Errorf("%q in %s", res.Body, policy)
		}
		seen[res.Body] = true
	}
	if web.Nonce(t.Context()) != "" {
		t.Error("a nonce of no request")
	}
}

func TestCORS(t *testing.T) {
	plug := web.CORS{Origins: []string{"https://app.example.com", "https://*.example.org"}, Credentials: true}.Plug
	router := web.NewRouter(plug)
	router.HandleFunc("GET /x", say("x"))
	for origin, ok := range map[string]bool{
		"https://app.example.com":        true,
		"https://APP.example.com":        true,
		"http://app.example.com":         false,
		"https://app.example.com:8443":   false,
		"https://a.example.org":          true,
		"https://a.b.example.org":        false,
		"https://.example.org":           false,
		"https://evil.com/.example.org":  false,
		"https://evil@.example.org":      false,
		"https://a.example.org.evil.com": false,
		"null":                           false,
	} {
		res := webtest.Do(t, router, "GET /x", nil, "Origin: "+origin)
		leave := res.Header.Get("Access-Control-Allow-Origin")
		if res.Body != "x" || res.Header.Get("Vary") != "Origin" || ok && (leave != origin || res.Header.Get("Access-Control-Allow-Credentials") != "true") || !ok && leave != "" {
			t.Errorf("%s: %d %v", origin, res.Status, res.Header)
		}
		pre := webtest.Do(t, router, "OPTIONS /x", nil, "Origin: "+origin, "Access-Control-Request-Method: PUT")
		if ok && (pre.Status != 204 || !strings.Contains(pre.Header.Get("Access-Control-Allow-Methods"), "PUT") || pre.Header.Get("Access-Control-Max-Age") != "600") || !ok && pre.Status != 403 {
			t.Errorf("asked by %s: %d %v", origin, pre.Status, pre.Header)
		}
	}
	if res := webtest.Do(t, router, "GET /x", nil); res.Header.Get("Access-Control-Allow-Origin") != "" || res.Header.Get("Vary") != "Origin" {
		t.Error(res.Header)
	}
	if res := webtest.Do(t, router, "OPTIONS /x", nil, "Origin: https://a.example.org"); res.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Error(res.Header)
	}
	all := web.Chain(say("x"), web.CORS{Origins: []string{"*"}}.Plug)
	if res := webtest.Do(t, all, "GET /", nil, "Origin: https://any.example"); res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Vary") != "" {
		t.Error(res.Header)
	}
	for what, c := range map[string]web.CORS{
		"nobody": {}, "everybody's cookies": {Origins: []string{"*"}, Credentials: true}, "a path": {Origins: []string{"https://a.example/x"}},
		"no scheme": {Origins: []string{"example.com"}}, "two stars": {Origins: []string{"https://*.*.example.com"}},
	} {
		mustPanic(t, what, func() { c.Plug(say("")) })
	}
}

func TestBasicAuth(t *testing.T) {
	const who web.Key[string] = "who"
	h := web.Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, who.Value(r.Context())) }),
		web.BasicAuth("staff", func(ctx context.Context, user string, password fault.Secret) error {
			switch {
			case user == "down":
				return fault.Unavailable.Errorf("the directory is down")
			case password.Reveal() != "pass:word":
				return fault.Unauthenticated.Errorf("name and password do not fit")
			}
			who.Put(ctx, user)
			return nil
		}))
	for _, c := range []struct {
		user, password string
		status         int
		body           string
	}{
		{"", "", 401, ""}, {"ada", "pass:word", 200, "ada"}, {"ada", "wrong", 401, ""}, {"down", "", 503, ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if c.user != "" {
			r.SetBasicAuth(c.user, c.password)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		asks := w.Header().Get("WWW-Authenticate") == `Basic realm="staff", charset="UTF-8"`
		if w.Code != c.status || asks != (c.status == 401) || c.status == 200 && w.Body.String() != c.body {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	mustPanic(t, "no check", func() { web.BasicAuth("x", nil) })
	mustPanic(t, "a quote", func() {
		web.BasicAuth("\"", func(context.Context, string, fault.Secret) error { return nil })
	})
}

func TestMethodOverride(t *testing.T) {
	router := web.NewRouter(web.MethodOverride)
	router.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, r.PostFormValue("a")) })
	const form = "Content-Type: application/x-www-form-urlencoded; charset=utf-8"
	for _, c := range []struct{ request, body, contentType, want string }{
		{"POST /", "_method=delete&a=1", form, "DELETE1"},
		{"POST /", "_method=PATCH", form, "PATCH"},
		{"POST /", "a=1", form, "POST1"},
		{"POST /?_method=PUT", "x", "Content-Type: text/plain", "PUT"},
		{"POST /", "_method=PUT", "Content-Type: text/plain", "POST"},
		{"GET /?_method=DELETE", "", form, "GET"},
	} {
		if res := webtest.Do(t, router, c.request, c.body, c.contentType); res.Body != c.want {
			t.Errorf("%+v: %d %s", c, res.Status, res.Body)
		}
	}
	for body, status := range map[string]int{"_method=GET": 400, "_method=CONNECT": 400, "%zz": 400, "a=" + strings.Repeat("x", 1<<20): 413} {
		if res := webtest.Do(t, router, "POST /", body, form); res.Status != status {
			t.Errorf("%.20s: %d", body, res.Status)
		}
	}
}

func TestObserve(t *testing.T) {
	var seen []web.Observation
	router := web.NewRouter(web.Recover, web.Observe(func(_ context.Context, o web.Observation) {
		if o.Duration < 0 || o.Duration > time.Minute {
			t.Error(o.Duration)
		}
		o.Duration = 0
		seen = append(seen, o)
	}))
	router.HandleFunc("GET /users/{id}", say("four"))
	router.HandleFunc("GET /none", func(http.ResponseWriter, *http.Request) {})
	router.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("x") })
	for _, request := range []string{"GET /users/7", "GET /none", "GET /panic", "GET /else"} {
		webtest.Do(t, router, request, nil)
	}
	want := "[{GET /users/{id} 200 4 0s} {GET /none 200 0 0s} {GET /panic 0 0 0s} {GET  404 "
	if got := fmt.Sprint(seen); !strings.HasPrefix(got, want) {
		t.Errorf("got %s", got)
	}
}

// A scope's CORS is asked by the browser before the scope has a route for OPTIONS.
func TestCORSOfAScope(t *testing.T) {
	router := web.NewRouter()
	api := router.Scope("/api", web.CORS{Origins: []string{"https://app.example.com"}}.Plug, web.BasicAuth("api", func(context.Context, string, fault.Secret) error { return nil }))
	called := false
	api.HandleFunc("PUT /units/{id}", func(http.ResponseWriter, *http.Request) { called = true })
	router.HandleFunc("PUT /open", func(http.ResponseWriter, *http.Request) { called = true })
	router.HandleFunc("OPTIONS /mine", say("mine"))
	const origin, asks = "Origin: https://app.example.com", "Access-Control-Request-Method: PUT"
	for _, c := range []struct {
		request string
		headers []string
		status  int
		leave   string
	}{
		{"OPTIONS /api/units/7", []string{origin, asks}, 204, "https://app.example.com"},
		{"OPTIONS /api/units/7", []string{"Origin: https://evil.example", asks}, 403, ""},
		{"OPTIONS /api/units/7", []string{origin, "Access-Control-Request-Method: DELETE"}, 204, ""},
		{"OPTIONS /api/units/7", []string{origin}, 204, ""},
		{"OPTIONS /api/units/7", nil, 204, ""},
		{"OPTIONS /api/none", []string{origin, asks}, 404, ""},
		{"OPTIONS /open", []string{origin, asks}, 204, ""},
		{"OPTIONS /mine", []string{origin, asks}, 200, ""},
	} {
		res := webtest.Do(t, router, c.request, nil, c.headers...)
		if res.Status != c.status || res.Header.Get("Access-Control-Allow-Origin") != c.leave || called {
			t.Errorf("%+v: %d %v", c, res.Status, res.Header)
		}
		if c.status == 204 && !strings.Contains(res.Header.Get("Allow"), "PUT") && c.leave == "" {
			t.Errorf("%+v: Allow is %q", c, res.Header.Get("Allow"))
		}
	}
	if res := webtest.Do(t, router, "PUT /api/units/7", nil, origin); res.Status != 401 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("%d %v", res.Status, res.Header)
	}
}
