package web_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// misplaced is an error that knows its place, as those of templates do.
type misplaced struct{ error }

func (misplaced) File() string { return "debug_test.go" }
func (misplaced) Line() int    { return 1 }

var seats map[string]int // that nobody has made

func TestDebugPage(t *testing.T) {
	router := web.NewRouter(web.Recover, web.Debug)
	act := func(pattern string, f func() error) {
		router.Handle(pattern, web.Action(func(*web.Conn) error { return f() }))
	}
	act("GET /nil", func() error { seats["x"] = 1; return nil })
	act("GET /error", func() error { return fault.Internal.Wrap(errors.New("<the cause>"), "it failed") })
	act("GET /place", func() error { return misplaced{errors.New("a template")} })
	act("GET /fields", func() error { return fault.Refuse(fault.Fields{"email": {"must be an address"}}) })
	near := from("127.0.0.1:9", router)
	const page = "Accept: text/html"
	for request, wants := range map[string][]string{
		"GET /nil?a=b&token=hunter2": {"500 Internal Server Error", "assignment to entry in nil map", "make(map", "debug_test.go", `class="here"`, "seats[&#34;x&#34;] = 1", "goroutine", "/nil", "[secret]"},
		"GET /error":                 {"it failed: &lt;the cause&gt;", "*errors.errorString"},
		"GET /place":                 {"a template", "debug_test.go:1", "package web_test", "of no kind"},
		"GET /fields":                {"422", "must be an address"},
		"GET /nowhere":               {"404", "GET  /place", "compare the address"},
	} {
		res := webtest.Do(t, near, request, nil, page)
		for _, want := range wants {
			if !strings.Contains(res.Body, want) {
				t.Errorf("%s: %q is missing in\n%s", request, want, res.Body)
			}
		}
		if strings.Contains(res.Body, "hunter2") {
			t.Errorf("%s shows a secret", request)
		}
		far := webtest.Do(t, from("192.0.2.1:9", router), request, nil, page)
		if strings.Contains(far.Body, "goroutine") || strings.Contains(far.Body, "cause") || strings.Contains(far.Body, "debug_test") || far.Status != res.Status {
			t.Errorf("%s from afar: %s", request, far.Body)
		}
		if api := webtest.Do(t, near, request, nil); api.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(api.Body, "goroutine") {
			t.Errorf("%s for a program: %s", request, api.Body)
		}
	}
}

func TestDebugPageOfAView(t *testing.T) {
	h := web.Chain(web.Page(func(context.Context, web.None) (web.View, error) { return page(""), nil }), web.Debug)
	if res := webtest.Do(t, from("[::1]:1", h), "GET /", nil); res.Status != http.StatusInternalServerError || !strings.Contains(res.Body, "a secret") {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}
