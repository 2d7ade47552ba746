package webtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/web/webtest"
)

func TestDo(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "[%q,%q,%q,%q]", r.Method, r.URL, r.Header.Get("Content-Type"), body)
	})
	for _, c := range []struct {
		body any
		want [4]string
	}{
		{nil, [4]string{"PUT", "/a?b=c", "text/plain", ""}},
		{"raw", [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{[]byte("raw"), [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{strings.NewReader("raw"), [4]string{"PUT", "/a?b=c", "text/plain", "raw"}},
		{7, [4]string{"PUT", "/a?b=c", "text/plain", "7"}},
		{url.Values{"b": {"1", "2"}, "a": {"x\ny"}}, [4]string{"PUT", "/a?b=c", "text/plain", "a=x%0D%0Ay&b=1&b=2"}},
	} {
		res := webtest.Do(t, h, "PUT /a?b=c", c.body, "Content-Type: text/plain")
		var got [4]string
		res.JSON(&got)
		if res.Status != http.StatusTeapot || got != c.want {
			t.Errorf("got %d %q, want %q", res.Status, got, c.want)
		}
	}
	for want, body := range map[string]any{
		"":                                  "raw",
		"application/json":                  struct{ N int }{7},
		"application/x-www-form-urlencoded": url.Values{},
	} {
		if got := webtest.At[string](webtest.Do(t, h, "POST /", body), "2"); got != want {
			t.Errorf("the Content-Type of %v is %q, want %q", body, got, want)
		}
	}
}

func TestRequestIsAsAServerHasIt(t *testing.T) {
	var got *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r })
	show := func() string {
		return fmt.Sprint(got.Host, " ", got.URL, " ", got.RequestURI, " ", got.TLS != nil, " ", got.Header, " ", got.ContentLength)
	}
	c := webtest.New(t, h, "Accept: text/html", "X-A: 1", "X-A: 2")
	for _, x := range []struct {
		ask  func()
		want string
	}{
		{func() { c.Get("/") }, "example.test / / true map[Accept:[text/html] X-A:[1 2]] 0"},
		{func() { c.Get("//evil.test/x%2Fy?a=b+c#d", "X-A: 3") }, "example.test //evil.test/x%2Fy?a=b+c //evil.test/x%2Fy?a=b+c true map[Accept:[text/html] X-A:[3]] 0"},
		{func() { c.Post("http://other.test:81/x", "four") }, "other.test:81 /x /x false map[Accept:[text/html] X-A:[1 2]] 4"},
		{func() { c.Get("/", "Host: third.test") }, "third.test / / true map[Accept:[text/html] X-A:[1 2]] 0"},
		{func() { webtest.Do(t, h, "POST /", struct{ io.Reader }{strings.NewReader("x")}) }, "example.com / / false map[] -1"},
	} {
		if x.ask(); show() != x.want {
			t.Errorf("got  %s\nwant %s", show(), x.want)
		}
	}
	if got.Context().Err() == nil {
		t.Error("the request's context goes on after the handler")
	}
	type key struct{}
	c.Context = context.WithValue(t.Context(), key{}, "node")
	c.Origin = "http://localhost:4000"
	if c.Get("/"); got.Context().Value(key{}) != "node" || got.Host != "localhost:4000" {
		t.Errorf("got %v, %s", got.Context().Value(key{}), got.Host)
	}
}

func TestMistakesOfTheTest(t *testing.T) {
	h := answer(200, "text/plain", "")
	for want, request := range map[string]func(c *webtest.Client){
		`"GET" is not a method, a space`:              func(c *webtest.Client) { c.Do("GET", nil) },
		`"GET users" is neither a path nor a URL`:     func(c *webtest.Client) { c.Get("users") },
		`"GET ftp://x/y" is neither a path nor a URL`: func(c *webtest.Client) { c.Get("ftp://x/y") },
		`"GET /%zz" is neither a path nor a URL`:      func(c *webtest.Client) { c.Get("/%zz") },
		`"Accept:x" is not a name, a colon`:           func(c *webtest.Client) { c.Get("/", "Accept:x") },
		`the body: json: unsupported type: func()`:    func(c *webtest.Client) { c.Post("/", func() {}) },
		`the selector "p[": `:                         func(c *webtest.Client) { c.Get("/").Find("p[") },
	} {
		mustSay(t, func(t testing.TB) { request(webtest.New(t, h)) }, want)
	}
}

func TestPanicIsTheTests(t *testing.T) {
	defer func() {
		if v := recover(); v != "boom" {
			t.Errorf("recovered %v", v)
		}
	}()
	webtest.New(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })).Get("/")
}

func TestMultipart(t *testing.T) {
	res := webtest.New(t, http.HandlerFunc(echo)).Post("/up", webtest.Multipart{
		Values: url.Values{"title": {"a\nb"}},
		Files: []webtest.File{
			{Field: "doc", Name: `a "b".txt`, Type: "text/plain", Data: "12345"},
			{Field: "doc", Name: "c", Data: "1"},
		},
	})
	want := "POST example.test /up\ntitle=a%0D%0Ab\ndoc: \"a \\\"b\\\".txt\" text/plain 5\ndoc: \"c\" application/octet-stream 1"
	if res.Body != want {
		t.Errorf("got  %q\nwant %q", res.Body, want)
	}
}

func TestAnswerIsAsNetHTTPSendsIt(t *testing.T) {
	type result struct {
		status int
		body   string
		header string
		err    error
	}
	for name, c := range map[string]struct {
		request string
		h       func(w http.ResponseWriter) error
		want    result
	}{
		"nothing": {"GET /", func(w http.ResponseWriter) error { return nil }, result{200, "", "map[]", nil}},
		"sniffed": {"GET /", func(w http.ResponseWriter) error {
			w.WriteHeader(201)
			_, err := io.WriteString(w, "<html>")
			return err
		}, result{201, "<html>", "map[Content-Type:[text/html; charset=utf-8]]", nil}},
		"not sniffed": {"GET /", func(w http.ResponseWriter) error {
			w.Header()["Content-Type"] = nil
			_, err := io.WriteString(w, "<html>")
			return err
		}, result{200, "<html>", "map[Content-Type:[]]", nil}},
		"head": {"HEAD /", func(w http.ResponseWriter) error {
			w.Header().Set("Content-Length", "9")
			_, err := io.WriteString(w, "text")
			return err
		}, result{200, "", "map[Content-Length:[9] Content-Type:[text/plain; charset=utf-8]]", nil}},
		"too late": {"GET /", func(w http.ResponseWriter) error {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(404)
			w.Header().Set("X", "y")
			w.WriteHeader(200)
			return nil
		}, result{404, "", "map[]", nil}},
		"no body": {"GET /", func(w http.ResponseWriter) error {
			w.WriteHeader(204)
			_, err := io.WriteString(w, "text")
			return err
		}, result{204, "", "map[]", http.ErrBodyNotAllowed}},
		"too long": {"GET /", func(w http.ResponseWriter) error {
			w.Header().Set("Content-Length", "4")
			w.Header().Set("Content-Type", "x/y")
			_, _ = io.WriteString(w, "text")
			_, err := io.WriteString(w, "!")
			return err
		}, result{200, "text", "map[Content-Length:[4] Content-Type:[x/y]]", http.ErrContentLength}},
	} {
		var err error
		res := webtest.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { err = c.h(w) }), c.request, nil)
		if got := (result{res.Status, res.Body, fmt.Sprint(res.Header), err}); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	mustSay(t, func(t testing.TB) {
		webtest.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = io.WriteString(w, "text")
		}), "GET /", nil)
	}, "the answer has 4 bytes, but says Content-Length: 5")
}

func TestNoConnection(t *testing.T) {
	webtest.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _, err := w.(http.Hijacker).Hijack()
		if !errors.Is(err, http.ErrNotSupported) || !strings.Contains(err.Error(), "serve the handler on 127.0.0.1:0") {
			t.Errorf("Hijack: %v", err)
		}
		var _ func() (net.Conn, *bufio.ReadWriter, error) = http.NewResponseController(w).Hijack
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}), "GET /", nil)
}

func TestLateWritesAreRefused(t *testing.T) {
	late := make(chan http.ResponseWriter, 1)
	webtest.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late <- w }), "GET /", nil)
	if _, err := (<-late).Write([]byte("x")); err == nil {
		t.Error("a write after the handler's end is taken")
	}
}

func FuzzJSONPath(f *testing.F) {
	for _, seed := range [][2]string{{`{"a":[1,{"b.c":2}]}`, "a.1.b.c"}, {`[]`, "0"}, {`null`, "."}, {` 1 `, ""}, {`{"":{"":1}}`, "."}, {`{`, "a"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, body, path string) {
		got := said(t, func(t testing.TB) {
			raw := webtest.At[json.RawMessage](webtest.Do(t, answer(200, "application/json", body), "GET /", nil), path)
			if !json.Valid(raw) {
				t.Errorf("%s is no JSON", raw)
			}
		})
		if got != "" && !strings.HasPrefix(got, "webtest: ") {
			t.Error(got)
		}
	})
}
