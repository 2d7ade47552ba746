package webtest_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

func to(place string, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", place)
		w.WriteHeader(status)
	}
}

// maze has redirects of all kinds.
func maze() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q %s", r.Method, r.URL, r.Header.Get("Accept"), body, r.Header.Get("Content-Type"))
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.HandleFunc(fmt.Sprintf("/%d", status), to("end?x=1#part", status))
	}
	mux.HandleFunc("/down/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		if n > 0 {
			to(fmt.Sprint(n-1), 302)(w, r)
		}
	})
	mux.HandleFunc("/ring/a", to("/ring/b", 302))
	mux.HandleFunc("/ring/b", to("/ring/a", 302))
	mux.HandleFunc("/once", func(w http.ResponseWriter, r *http.Request) { // asks whether cookies are taken
		if r.Header.Get("Cookie") == "" {
			w.Header().Set("Set-Cookie", "seen=1")
			to("/once", 302)(w, r)
		}
	})
	mux.HandleFunc("/plain", to("https://example.test/end", 301))
	mux.HandleFunc("/away", to("//accounts.test/in", 302))
	mux.HandleFunc("/bad", to("http://[", 302))
	mux.HandleFunc("/choices", to("/end", 300))
	return mux
}

func TestFollowHasTheMethodsOfBrowsers(t *testing.T) {
	const form = ` "body" text/plain`
	c := webtest.New(t, maze())
	for request, want := range map[string]string{
		"POST /301": `GET /end?x=1 a/b "" `, "POST /302": `GET /end?x=1 a/b "" `, "POST /303": `GET /end?x=1 a/b "" `,
		"POST /307": `POST /end?x=1 a/b` + form, "POST /308": `POST /end?x=1 a/b` + form,
		"PUT /301": `PUT /end?x=1 a/b` + form, "PUT /302": `PUT /end?x=1 a/b` + form, "PUT /303": `GET /end?x=1 a/b "" `,
		"DELETE /307": `DELETE /end?x=1 a/b` + form,
	} {
		res := c.Do(request, "body", "Content-Type: text/plain", "Accept: a/b").Redirects("/end?x=1#part").Follow()
		if res.Body != want || res.URL.Path != "/end" {
			t.Errorf("%s: got %s, want %s", request, res.Body, want)
		}
	}
	c.Do("HEAD /303", nil).Follow().Is(200)
	c.Get("/once").Follow().Is(200)
	c.Origin = "http://example.test"
	if res := c.Get("/plain").Redirects("https://example.test/end").Follow(); res.URL.Scheme != "https" {
		t.Errorf("followed to %s", res.URL)
	}
}

func TestFollowEnds(t *testing.T) {
	webtest.New(t, maze()).Get("/down/9").Follow().Is(200)
	webtest.New(t, maze()).Get("/down/10").Follow().Is(200)
	for path, want := range map[string]string{
		"/down/11": "more than 10 redirects:\n  GET https://example.test/down/11\n  GET https://example.test/down/10",
		"/ring/a":  "redirects go in a circle:\n  GET https://example.test/ring/a\n  GET https://example.test/ring/b\n  GET https://example.test/ring/a",
		"/end":     "the answer is no redirect, so there is nothing to follow",
		"/choices": "the answer is no redirect",
		"/away":    `https://accounts.test/in is not on example.test; assert the way there by Redirects`,
		"/bad":     `Location: "http://[" is no URL`,
	} {
		mustSay(t, func(t testing.TB) { webtest.New(t, maze()).Get(path).Follow() }, want)
	}
	mustSay(t, func(t testing.TB) {
		webtest.New(t, maze()).Post("/307", io.MultiReader(strings.NewReader("x"))).Follow()
	}, "the body was an io.Reader, which cannot be sent again")
}

func TestRedirects(t *testing.T) {
	c := webtest.New(t, maze())
	c.Get("/away").Redirects("https://accounts.test/in")
	c.Get("/302").Redirects("end?x=1#part")
	mustSay(t, func(t testing.TB) { webtest.New(t, maze()).Get("/302").Redirects("/end") },
		"the answer redirects to https://example.test/end?x=1#part, want https://example.test/end\n\nGET https://example.test/302: 302 Found\nLocation: end?x=1#part")
	mustSay(t, func(t testing.TB) { webtest.New(t, maze()).Get("/end").Redirects("/x") }, "the answer is no redirect, want one to /x", `GET /end`)
}
