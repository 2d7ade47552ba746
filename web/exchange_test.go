package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

const (
	visitor web.Key[string] = "visitor"
	counted web.Key[int]    = "visitor" // another type, another key
)

func TestKeyIsSharedByPlugsAndHandler(t *testing.T) {
	greet := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			visitor.Put(r.Context(), "ada")
			next.ServeHTTP(w, r)
		})
	}
	type own struct{}
	router := web.NewRouter(greet)
	router.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), own{}, 1) // contexts made of the request's see the same
		if name, ok := visitor.Get(ctx); !ok || name != "ada" {
			t.Errorf("visitor = %q, %t", name, ok)
		}
		if n, ok := counted.Get(ctx); ok || n != 0 {
			t.Errorf("visits = %d, %t", n, ok)
		}
		counted.Put(ctx, 3)
		if counted.Value(r.Context()) != 3 || visitor.Value(r.Context()) != "ada" {
			t.Error("a key hides another")
		}
	})
	if res := webtest.Do(t, router, "GET /", nil); res.Status != 200 {
		t.Error(res.Status)
	}
}

func TestKeyWithoutARequest(t *testing.T) {
	if _, ok := visitor.Get(t.Context()); ok {
		t.Error("a value without a request")
	}
	if text := mustPanic(t, "Put", func() { visitor.Put(t.Context(), "x") }); !strings.Contains(text, "no request's") {
		t.Error(text)
	}
}

func TestBeforeSend(t *testing.T) {
	mark := func(name string) web.Plug {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				web.BeforeSend(r.Context(), func(h http.Header) { h.Add("Mark", name) })
				next.ServeHTTP(w, r)
			})
		}
	}
	for how, answer := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"write":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) },
		"status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(202) },
		"flush":   func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"problem": func(w http.ResponseWriter, r *http.Request) { web.Problem(w, r, nil) },
		"panic":   func(http.ResponseWriter, *http.Request) { panic("x") },
	} {
		router := web.NewRouter(web.Recover, mark("outer"), mark("inner"))
		router.HandleFunc("GET /", answer)
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if marks := strings.Join(w.Result().Header["Mark"], " "); marks != "inner outer" {
			t.Errorf("%s: %q", how, marks)
		}
	}
}

func TestBeforeSendTooLate(t *testing.T) {
	h := web.Action(func(c *web.Conn) error {
		_ = c.Text(200, "x")
		web.BeforeSend(c.Context(), func(http.Header) { t.Error("called after the answer") })
		return nil
	})
	webtest.Do(t, h, "GET /", nil)
}
