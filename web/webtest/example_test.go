package webtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

// shown stands for the *testing.T of a test, and prints what go test would.
type shown struct {
	testing.TB
	cleanups []func()
}

func (*shown) Helper()                     {}
func (*shown) Context() context.Context    { return context.Background() }
func (t *shown) Cleanup(do func())         { t.cleanups = append(t.cleanups, do) }
func (t *shown) Errorf(s string, a ...any) { fmt.Printf(s+"\n", a...) }
func (t *shown) Fatalf(s string, a ...any) { t.Errorf(s, a...); runtime.Goexit() }

func show(test func(t testing.TB)) {
	t := new(shown)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for i := range t.cleanups {
				t.cleanups[len(t.cleanups)-1-i]()
			}
		}()
		test(t)
	}()
	<-done
}

// guests is a small application: a form, and a list in a cookie.
func guests() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /new", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<h1>Who are you?</h1><form method=post action=/guests>
			<input type=hidden name=token value=t0k3n><input name=name><button>Sign</button></form>`)
	})
	mux.HandleFunc("POST /guests", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("token") != "t0k3n" {
			http.Error(w, "no token", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "guest", Value: r.FormValue("name"), Secure: true})
		http.Redirect(w, r, "/guests", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /guests", func(w http.ResponseWriter, r *http.Request) {
		guest, err := r.Cookie("guest")
		if err != nil {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<ul><li>%s</li></ul><a href="/new">Again</a>`, guest.Value)
	})
	return mux
}

// In a test, t is its *testing.T.
func Example() {
	show(func(t testing.TB) {
		c := webtest.New(t, guests())
		page := c.Get("/guests").Redirects("/new").Follow()
		fmt.Println(page.Find("h1").Text())

		page = page.Submit("form", url.Values{"name": {"Ada"}}).Redirects("/guests").Follow()
		fmt.Println(page.Find("li").Texts())
		page.Click("a").Is(200).Shows("h1", "Who")

		c.Post("/guests", url.Values{"name": {"Bob"}}).Redirects("/guests")
	})
	// Output:
	// Who are you?
	// [Ada]
	// webtest: the answer is no redirect, want one to /guests
	//
	// POST https://example.test/guests: 403 Forbidden
	// Content-Type: text/plain; charset=utf-8
	// X-Content-Type-Options: nosniff
	//
	// no token
}

func ExampleClient_Stream() {
	countdown := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := 2; n >= 0; n-- {
			fmt.Fprintf(w, "event: count\ndata: %d\n\n", n)
			w.(http.Flusher).Flush()
		}
	}
	show(func(t testing.TB) {
		s := webtest.New(t, http.HandlerFunc(countdown)).Stream("GET /countdown", nil)
		for range 2 {
			e := s.Event()
			fmt.Println(e.Type, e.Data)
		}
		fmt.Printf("%q\n", s.Rest().Body)
	})
	// Output:
	// count 2
	// count 1
	// "event: count\ndata: 0\n\n"
}

func ExampleAt() {
	h := answer(200, "application/json", `{"user": {"name": "Ada", "tags": ["a", "b"]}}`)
	show(func(t testing.TB) {
		res := webtest.Do(t, h, "GET /users/7", nil).Is(200).Equal("user.name", "Ada")
		fmt.Println(len(webtest.At[[]string](res, "user.tags")), webtest.At[string](res, "user.tags.1"))
	})
	// Output:
	// 2 b
}
