package webtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

func TestIsAndHas(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Add("Vary", "Accept, Cookie")
		w.Header().Add("Vary", "Origin")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src *")
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "1", HttpOnly: true})
		w.WriteHeader(422)
		fmt.Fprint(w, "<h1>No</h1>")
		w.Header().Set("X-Late", "1")
	})
	res := webtest.New(t, h).Get("/").Is(422).
		Has("content-type", "text/html").Has("Content-Type", "text/html; charset=utf-8").
		Has("Vary", "Accept").Has("Vary", "Cookie").Has("Vary", "Origin").
		Has("Content-Security-Policy", "default-src 'self'; img-src *")
	if !res.Cookie("sid").HttpOnly {
		t.Error("the cookie lost its attributes")
	}
	for want, assert := range map[string]func(r *webtest.Response){
		"the status is 422 Unprocessable Entity, want 200 OK":                                       func(r *webtest.Response) { r.Is(200) },
		`the header Content-Type is ["text/html; charset=utf-8"], want "text"`:                      func(r *webtest.Response) { r.Has("Content-Type", "text") },
		`the header X-Late is [], want "1"`:                                                         func(r *webtest.Response) { r.Has("X-Late", "1") },
		`no cookie "id" is set, but ["sid"]`:                                                        func(r *webtest.Response) { r.Cookie("id") },
		"GET https://example.test/: 422 Unprocessable Entity\nContent-Security-Policy: default-src": func(r *webtest.Response) { r.Is(0) },
	} {
		mustSay(t, func(t testing.TB) { assert(webtest.New(t, h).Get("/")) }, want, "\n\n<h1>No</h1>")
	}
}

func TestShownAnswerIsBounded(t *testing.T) {
	const most = 4 << 10
	for size, want := range map[int]string{most - 1: "xx", most: "xx", most + 1: "x… (1 bytes more)"} {
		res := webtest.Do(t, answer(200, "text/plain", strings.Repeat("x", size)), "GET /", nil)
		if got := res.String(); !strings.HasSuffix(got, want) {
			t.Errorf("%d bytes end with %q", size, got[len(got)-30:])
		}
	}
	if got := webtest.Do(t, answer(200, "text/plain", strings.Repeat("ä", most)), "GET /", nil).String(); !strings.HasSuffix(got, "ä… (4096 bytes more)") {
		t.Errorf("it ends with %q", got[len(got)-30:])
	}
	if got := webtest.Do(t, answer(200, "image/png", "\xff\xfe"), "GET /", nil).String(); !strings.HasSuffix(got, "\n\n(2 bytes of image/png)") {
		t.Errorf("got %q", got)
	}
}

func TestJSON(t *testing.T) {
	const text = `{"user": {"name": "Ada", "tags": ["x", {"n": 1.0}], "big": 9007199254740993, "none": null},
		"errors": {"address.city": ["is empty"], "address": {"zip": 1}}, "list": []}`
	ask := func(t testing.TB, text string) *webtest.Response {
		return webtest.Do(t, answer(200, "application/json", text), "GET /", nil)
	}
	res := ask(t, text)
	res.Equal("user.name", "Ada").Equal("user.tags.1", map[string]int{"n": 1}).Equal("user.none", nil).
		Equal("user.big", int64(9007199254740993)).Equal("list", []int{}).
		Equal("errors.address.city.0", "is empty").Equal("errors.address.zip", 1)
	ask(t, " 7 ").Equal("", 7.0)
	if got := webtest.At[[]string](res, "errors.address.city"); len(got) != 1 || got[0] != "is empty" {
		t.Errorf("got %q", got)
	}
	if got := webtest.At[int64](res, "user.big"); got != 9007199254740993 {
		t.Errorf("got %d", got)
	}
	for want, assert := range map[string]func(r *webtest.Response){
		`"user.name" is "Ada", want "Bob"`:                                     func(r *webtest.Response) { r.Equal("user.name", "Bob") },
		`"user.big" is 9007199254740993, want 9007199254740992`:                func(r *webtest.Response) { r.Equal("user.big", 9007199254740992) },
		`"user.none" is null, want 0`:                                          func(r *webtest.Response) { r.Equal("user.none", 0) },
		`nothing is at "user.nam": "user" has ["big" "name" "none" "tags"]`:    func(r *webtest.Response) { r.Equal("user.nam", 1) },
		`nothing is at "users": the answer has ["errors" "list" "user"]`:       func(r *webtest.Response) { r.Equal("users", 1) },
		`nothing is at "user.tags.2": "user.tags" is a list of 2`:              func(r *webtest.Response) { r.Equal("user.tags.2", 1) },
		`nothing is at "user.tags.-1": "user.tags" is a list of 2`:             func(r *webtest.Response) { r.Equal("user.tags.-1", 1) },
		`nothing is at "user.name.first": "user.name" is "Ada"`:                func(r *webtest.Response) { r.Equal("user.name.first", 1) },
		`"user.name" is not for a int: json: cannot unmarshal string into Go`:  func(r *webtest.Response) { webtest.At[int](r, "user.name") },
		`the answer (status 200) is not JSON for a *int: json: cannot unmarsh`: func(r *webtest.Response) { r.JSON(new(int)) },
		`what is wanted: json: unsupported type: func()`:                       func(r *webtest.Response) { r.Equal("user", func() {}) },
	} {
		mustSay(t, func(t testing.TB) { assert(ask(t, text)) }, want)
	}
	mustSay(t, func(t testing.TB) { ask(t, "<p>").Equal("a", 1) }, "the answer is not JSON", "<p>")
}
