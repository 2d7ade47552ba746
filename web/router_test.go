package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write([]byte(r.Method + " " + r.URL.Path + " " + r.PathValue("id")))
}

func newRouter() *web.Router {
	router := web.NewRouter(mark("router"))
	router.HandleFunc("GET /{$}", echo)
	api := router.Scope("/api", mark("api"))
	api.HandleFunc("POST /units", echo, mark("route"))
	units := api.Scope("/units/{id}", mark("unit"))
	units.HandleFunc("GET", echo)
	units.HandleFunc("DELETE", echo)
	units.HandleFunc("/log", echo)
	router.Scope("", mark("group")).Host("example.com").HandleFunc("GET /host", echo)
	api.Mount("/sub", http.HandlerFunc(echo))
	return router
}

func TestRouter(t *testing.T) {
	router := newRouter()
	for _, c := range []struct {
		request string
		status  int
		marks   string
		body    string
	}{
		{"GET /", 200, "router", "GET / "},
		{"POST /api/units", 200, "router api route", "POST /api/units "},
		{"GET /api/units/7", 200, "router api unit", "GET /api/units/7 7"},
		{"HEAD /api/units/7", 200, "router api unit", ""},
		{"DELETE /api/units/7", 200, "router api unit", "DELETE /api/units/7 7"},
		{"PUT /api/units/7/log", 200, "router api unit", "PUT /api/units/7/log 7"},
		{"GET http://example.com/host", 200, "router group", "GET /host "},
		{"GET http://example.org/host", 404, "router", ""},
		{"GET /api/sub/a/b", 200, "router api", "GET /a/b "},
		{"GET /api/sub", 307, "router", ""},
		{"GET /nowhere", 404, "router", ""},
		{"PUT /api/units/7", 405, "router", ""},
	} {
		res := webtest.Do(t, router, c.request, nil)
		if marks := strings.Join(res.Header.Values("Mark"), " "); res.Status != c.status || marks != c.marks {
			t.Errorf("%s: %d, %q", c.request, res.Status, marks)
		}
		if c.body != "" && res.Body != c.body {
			t.Errorf("%s: body %q, want %q", c.request, res.Body, c.body)
		}
	}
	res := webtest.Do(t, router, "PUT /api/units/7", nil)
	if allow := res.Header.Get("Allow"); allow != "DELETE, GET, HEAD, OPTIONS" || !strings.Contains(res.Body, `"detail":"this address takes DELETE, GET, HEAD, OPTIONS"`) {
		t.Errorf("405: %q, %s", allow, res.Body)
	}
	if res := webtest.Do(t, router, "GET /nowhere", nil, "Accept: text/html"); !strings.HasPrefix(res.Body, "<!doctype html>") {
		t.Errorf("404: %s", res.Body)
	}
	if res := webtest.Do(t, router, "GET /api/sub", nil); res.Header.Get("Location") != "/api/sub/" {
		t.Errorf("redirect to %s", res.Header.Get("Location"))
	}
}

func TestRoutes(t *testing.T) {
	got := newRouter().Scope("/x").Routes()
	want := [][3]string{
		{"GET", "", "/{$}"},
		{"POST", "", "/api/units"},
		{"GET", "", "/api/units/{id}"},
		{"DELETE", "", "/api/units/{id}"},
		{"", "", "/api/units/{id}/log"},
		{"GET", "example.com", "/host"},
		{"", "", "/api/sub/"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i, r := range got {
		if [3]string{r.Method, r.Host, r.Pattern} != want[i] {
			t.Errorf("got %v, want %v", r, want[i])
		}
	}
}

// A route may itself answer 404; that is its own business.
func TestRoutesOwnNotFound(t *testing.T) {
	router := web.NewRouter()
	router.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "mine", 404) })
	if res := webtest.Do(t, router, "GET /x", nil); res.Body != "mine\n" {
		t.Errorf("body = %q", res.Body)
	}
}

func TestWiringMistakes(t *testing.T) {
	type byID struct {
		ID int `path:"id"`
	}
	type named struct{ Name string }
	needsID := web.JSON(func(context.Context, byID) (web.None, error) { return web.None{}, nil })
	needsBody := web.JSON(func(context.Context, named) (web.None, error) { return web.None{}, nil })
	for what, c := range map[string]struct {
		wire func(*web.Router)
		text string
	}{
		"duplicate":         {func(r *web.Router) { r.Handle("GET /a", say("")); r.Handle("GET /a", say("")) }, "conflicts"},
		"clash":             {func(r *web.Router) { r.Handle("GET /{a}/b", say("")); r.Handle("GET /a/{b}", say("")) }, "conflicts"},
		"malformed":         {func(r *web.Router) { r.Handle("GET /{", say("")) }, "GET /{"},
		"no slash":          {func(r *web.Router) { r.Handle("GET a", say("")) }, "slash"},
		"empty":             {func(r *web.Router) { r.Handle("", say("")) }, "slash"},
		"method only":       {func(r *web.Router) { r.Handle("GET", say("")) }, "slash"},
		"method in small":   {func(r *web.Router) { r.Handle("get /a", say("")) }, "capitals"},
		"nil handler":       {func(r *web.Router) { r.Handle("/a", nil) }, "nil"},
		"nil func":          {func(r *web.Router) { r.HandleFunc("/a", nil) }, "nil"},
		"nil plug":          {func(r *web.Router) { r.Handle("/a", say(""), nil) }, "plug"},
		"nil mount":         {func(r *web.Router) { r.Mount("/a", nil) }, "nil"},
		"mount a wildcard":  {func(r *web.Router) { r.Mount("/{a}", say("")) }, "wildcards"},
		"mount with slash":  {func(r *web.Router) { r.Mount("/a/", say("")) }, "slash"},
		"scope sans slash":  {func(r *web.Router) { r.Scope("a") }, "slash"},
		"action sans {id}":  {func(r *web.Router) { r.Handle("GET /a", needsID) }, "{id}"},
		"action sans body":  {func(r *web.Router) { r.Handle("GET /a", needsBody) }, "Name"},
		"MaxBody below nil": {func(r *web.Router) { web.MaxBody(-1) }, "MaxBody"},
	} {
		text := mustPanic(t, what, func() { c.wire(web.NewRouter()) })
		if !strings.HasPrefix(text, "web: ") || !strings.Contains(text, c.text) || strings.Contains(text, "registered at") {
			t.Errorf("%s: panic %q", what, text)
		}
	}
	router := web.NewRouter()
	router.Scope("/a/{id}").Handle("GET", needsID)
	router.Handle("/b/{id...}", needsID)
	router.Handle("/c", needsBody) // any method: the body of those that have one
	router.Mount("", say("root"))
	if res := webtest.Do(t, router, "GET /else", nil); res.Body != "root" {
		t.Errorf("mount at the root: %d", res.Status)
	}
}
