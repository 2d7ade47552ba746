package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// mark is a plug that leaves its name.
func mark(name string) web.Plug {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Mark", name)
			next.ServeHTTP(w, r)
		})
	}
}

func TestChainOrder(t *testing.T) {
	h := web.Chain(say("hi"), mark("a"), mark("b"))
	if got := strings.Join(webtest.Do(t, h, "GET /", nil).Header.Values("Mark"), ""); got != "ab" {
		t.Errorf("order = %q, want ab", got)
	}
}

func TestChainRefuses(t *testing.T) {
	for what, f := range map[string]func(){
		"nil handler":     func() { web.Chain(nil) },
		"nil plug":        func() { web.Chain(say(""), mark("a"), nil) },
		"plug that gives": func() { web.Chain(say(""), func(http.Handler) http.Handler { return nil }) },
	} {
		if text := mustPanic(t, what, f); !strings.HasPrefix(text, "web: ") {
			t.Errorf("%s: panic %q", what, text)
		}
	}
}

func TestSecureHeaders(t *testing.T) {
	for policy, want := range map[string]string{
		"":                         "base-uri 'self'; frame-ancestors 'self'",
		"default-src 'self';":      "default-src 'self'; base-uri 'self'; frame-ancestors 'self'",
		"frame-ancestors 'none'":   "frame-ancestors 'none'; base-uri 'self'",
		"base-uri 'none'; img-src": "base-uri 'none'; img-src; frame-ancestors 'self'",
	} {
		got := webtest.Do(t, web.Chain(say("hi"), web.SecureHeaders(policy)), "GET /", nil).Header
		if csp := got.Get("Content-Security-Policy"); csp != want {
			t.Errorf("%q gives %q, want %q", policy, csp, want)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Referrer-Policy") == "" {
			t.Errorf("headers = %v", got)
		}
	}
}
