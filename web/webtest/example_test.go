package webtest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/web/webtest"
)

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
	exampletest.Run(func(t testing.TB) {
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
	exampletest.Run(func(t testing.TB) {
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
	exampletest.Run(func(t testing.TB) {
		res := webtest.Do(t, h, "GET /users/7", nil).Is(200).Equal("user.name", "Ada")
		fmt.Println(len(webtest.At[[]string](res, "user.tags")), webtest.At[string](res, "user.tags.1"))
	})
	// Output:
	// 2 b
}
