package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

// gone serves in a goroutine of its own, which the handler may end.
func gone(h http.Handler, w http.ResponseWriter, r *http.Request) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		h.ServeHTTP(w, r)
	}()
	<-done
}

func TestGoexitIsNoSuccess(t *testing.T) {
	leave := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })
	for how, plug := range map[string]web.Plug{"plain": web.Quiet, "timed": web.Timeout(time.Minute)} {
		h, book := guarded(plug(leave), slog.LevelInfo)
		gone(h, httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		lines := book.lines(t, "request")
		if len(lines) != 1 || lines[0]["level"] != "ERROR" || lines[0]["status"] == 200.0 {
			t.Errorf("%s: %v", how, lines)
		}
	}
}

// A client that does not read its answer must not hold the time up.
// A body over its limit is found by the handler's goroutine while the other one answers:
// both would change the header.
func TestReadFromOfABrokenSourceBeginsNoAnswer(t *testing.T) {
	h := web.Action(func(c *web.Conn) error {
		_, err := io.Copy(c.Writer(), iotest.ErrReader(errors.New("broken")))
		return err
	})
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 500 {
		t.Errorf("got %d", res.Status)
	}
	whole := strings.Repeat("0123456789", 500)
	copied := web.Action(func(c *web.Conn) error {
		n, err := io.Copy(c.Writer(), struct{ io.Reader }{strings.NewReader(whole)})
		if n != int64(len(whole)) {
			t.Errorf("%d bytes", n)
		}
		return err
	})
	if res := webtest.Do(t, copied, "GET /", nil); res.Body != whole {
		t.Errorf("%d bytes", len(res.Body))
	}
}

func TestImpossibleStatusIsAnInternalError(t *testing.T) {
	e, book, client, _ := serve(t, &web.Endpoint{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) })})
	res, err := client.Get(e.URL())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := len(book.lines(t, "panic in a handler")); res.StatusCode != 500 || n != 1 {
		t.Errorf("%d, %d panics", res.StatusCode, n)
	}
}

// withContext is what many middlewares do: they serve a copy of the request.
func withContext(next http.Handler) http.Handler {
	type key struct{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
	})
}

func TestCopiesOfTheRequestKeepTheRoute(t *testing.T) {
	for how, plug := range map[string]web.Plug{
		"a middleware": withContext, "real ip": web.RealIP("192.0.2.0/24"), "override": web.MethodOverride, "time-out": web.Timeout(time.Minute),
		"nested": func(next http.Handler) http.Handler { return web.Timeout(time.Minute)(withContext(next)) },
	} {
		var seen string
		router := web.NewRouter(web.Observe(func(_ context.Context, o web.Observation) { seen = o.Route }), plug)
		router.HandleFunc("PUT /users/{id}", say("x"))
		h, book := guarded(router, slog.LevelInfo)
		method := "PUT"
		if how == "override" {
			method = "POST"
		}
		webtest.Do(t, h, method+" /users/7?_method=PUT", nil)
		if line := book.lines(t, "request")[0]; line["status"] != 200.0 || line["route"] != "/users/{id}" || seen != "/users/{id}" {
			t.Errorf("%s: observed %q, logged %v", how, seen, line)
		}
	}
}

func TestRouterInARouterRedirectsBelowItsPrefix(t *testing.T) {
	leaf := web.NewRouter()
	leaf.HandleFunc("GET /tree/", say("tree"))
	middle := web.NewRouter()
	middle.Mount("/v1", leaf)
	outer := web.NewRouter()
	outer.Mount("/ü", middle)
	for request, want := range map[string]string{
		"GET /%C3%BC/v1":          "/%C3%BC/v1/",
		"GET /%C3%BC/v1/tree?x=1": "/%C3%BC/v1/tree/?x=1",
	} {
		if res := webtest.Do(t, outer, request, nil); res.Header.Get("Location") != want {
			t.Errorf("%s: %d, Location %s, want %s", request, res.Status, res.Header.Get("Location"), want)
		}
	}
	if res := webtest.Do(t, outer, "GET /%C3%BC/v1/tree/", nil); res.Body != "tree" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

func TestRouterBehindAnotherContext(t *testing.T) {
	router := web.NewRouter(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r.WithContext(t.Context())) })
	})
	router.HandleFunc("GET /", say("x"))
	if res := webtest.Do(t, router, "GET /", nil); res.Body != "x" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

func TestHostsWildcardIsNotThePaths(t *testing.T) {
	tenants := web.NewRouter().Host("{tenant}.example.com")
	mustPanic(t, "the same name twice", func() { tenants.HandleFunc("GET /x/{tenant}", say("")) })
	router := web.NewRouter()
	router.Host("{tenant}.example.com").HandleFunc("GET /own", say("own"))
	router.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%q", r.PathValue("tenant")) })
	if res := webtest.Do(t, router, "GET http://acme.example.com/", nil); res.Body != `""` {
		t.Errorf("a route of any host has the tenant %s", res.Body)
	}
}

func TestFilesOfAFormAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	file, _ := parts.CreateFormFile("f", "f.txt")
	_, _ = file.Write(make([]byte, 20<<10))
	_ = parts.Close()
	router := web.NewRouter(withContext)
	router.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseMultipartForm(1)
		kept, _ := os.ReadDir(os.TempDir())
		fmt.Fprint(w, len(kept), err)
	}, web.Timeout(time.Minute))
	if res := webtest.Do(t, router, "POST /", &form, "Content-Type: "+parts.FormDataContentType()); res.Body != "1 <nil>" {
		t.Errorf("%d %s", res.Status, res.Body)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// brokenPage is a view with a bug.
type brokenPage struct{}

func (brokenPage) Render(context.Context, io.Writer) error { panic("no page") }

func TestErrorPageThatPanics(t *testing.T) {
	router := web.NewRouter(web.ErrorPages(func(context.Context, web.ProblemDetails) web.View { return brokenPage{} }))
	h, book := guarded(router, slog.LevelInfo)
	res := webtest.Do(t, h, "GET /none", nil, "Accept: text/html")
	if res.Status != 404 || !strings.Contains(res.Body, "404 Not Found") || len(book.lines(t, "the page of an error cannot be rendered")) != 1 {
		t.Errorf("%d %s", res.Status, res.Body)
	}
}

// holding is a plug that keeps the answer until its handler has returned.
func holding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		held := httptest.NewRecorder()
		next.ServeHTTP(held, r)
		held.Header().Set("Held", "1")
		for name, values := range held.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(held.Code)
		_, _ = w.Write(held.Body.Bytes())
	})
}

func TestRecoverInsideOfAnotherWriter(t *testing.T) {
	router := web.NewRouter()
	router.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) { panic("x") }, holding, web.Recover)
	router.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) {
		web.BeforeSend(r.Context(), func(h http.Header) { h.Set("Hook", h.Get("Held")) })
		w.WriteHeader(303)
	}, holding, web.Recover)
	if res := webtest.Do(t, router, "GET /", nil); res.Status != 500 || res.Header.Get("Held") != "1" {
		t.Errorf("%d %v", res.Status, res.Header)
	}
	if res := webtest.Do(t, router, "GET /moved", nil); res.Status != 303 || res.Header.Get("Hook") != "1" {
		t.Errorf("before the answer begins: %d %v", res.Status, res.Header)
	}
}

func TestBeforeSendThatPanicsIsAnInternalError(t *testing.T) {
	for how, answer := range map[string]http.HandlerFunc{"empty": func(http.ResponseWriter, *http.Request) {}, "written": say("x")} {
		w := httptest.NewRecorder()
		h, book := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			web.BeforeSend(r.Context(), func(http.Header) { panic("no store") })
			answer(w, r)
		}), slog.LevelInfo)
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		lines := book.lines(t, "request")
		if len(book.lines(t, "panic in a handler")) != 1 || len(lines) != 1 || lines[0]["level"] != "ERROR" || w.Code != 500 {
			t.Errorf("%s: %d, %v", how, w.Code, lines)
		}
	}
}

func TestLogOfAHugeMethod(t *testing.T) {
	h, book := guarded(say("x"), slog.LevelInfo)
	r := httptest.NewRequest("GET", "/", nil)
	r.Method = strings.Repeat("M", 10<<10)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if method := book.lines(t, "request")[0]["method"].(string); len(method) > 300 {
		t.Errorf("%d bytes of a method in the log", len(method))
	}
}

func TestLogOfAHugeRedirect(t *testing.T) {
	h, book := guarded(web.Action(func(c *web.Conn) error { return c.Redirect("//" + c.Query("to")) }), slog.LevelInfo)
	webtest.Do(t, h, "GET /?to="+strings.Repeat("x", 10<<10), nil)
	if text := book.lines(t, "request")[0]["error"].(string); len(text) > 500 {
		t.Errorf("%d bytes of an address in the log", len(text))
	}
}

// state prints as a word, but is read as a number.
type state int

func (state) String() string { return "a word" }

func TestPathOfATypeWithAString(t *testing.T) {
	const path web.Path[state] = "/states/{state}"
	if got := path.URL(3); got != "/states/3" {
		t.Error(got)
	}
}

// What a handler leaves running may use its context for ever.
func TestContextAfterTheAnswer(t *testing.T) {
	const number web.Key[int] = "number"
	done := make(chan bool, 8)
	router := web.NewRouter()
	router.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		for i := range cap(done) {
			go func() {
				ctx := r.Context()
				number.Put(ctx, i)
				web.BeforeSend(ctx, func(http.Header) {})
				_, ok := number.Get(context.WithoutCancel(ctx))
				done <- ok
			}()
		}
		_, _ = io.WriteString(w, "x")
	})
	webtest.Do(t, router, "GET /", nil)
	for range cap(done) {
		if !<-done {
			t.Error("a value is lost")
		}
	}
}

func TestRateLimitOfHugeKeys(t *testing.T) {
	var before, after runtime.MemStats
	limit := &web.RateLimit{Requests: 1, Per: time.Hour, Key: func(r *http.Request) string { return r.Header.Get("Key") }}
	h := limit.Plug(say("x"))
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 500 {
		key := fmt.Sprint(i, strings.Repeat("k", 60<<10))
		for n, want := range []int{200, 429} {
			w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Key", key)
			if h.ServeHTTP(w, r); w.Code != want {
				t.Fatalf("request %d: %d", n, w.Code)
			}
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 5<<20 {
		t.Errorf("500 keys hold %d KiB", grown>>10)
	}
	runtime.KeepAlive(limit)
}

func TestSchemeOfTheTargetIsNotBelieved(t *testing.T) {
	absolute := func() *http.Request {
		r := httptest.NewRequest("GET", "https://example.com/x", nil)
		r.TLS = nil // a plain connection, on which anybody may write https
		return r
	}
	for how, h := range map[string]http.Handler{
		"alone":          web.HTTPS{}.Plug(say("secret")),
		"behind a proxy": web.Chain(say("secret"), web.RealIP("192.0.2.0/24"), web.HTTPS{}.Plug),
	} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, absolute()); w.Code != 301 || w.Header().Get("Location") != "https://example.com/x" {
			t.Errorf("%s: %d %v", how, w.Code, w.Header())
		}
	}
}

func TestHTTPSWithOddHosts(t *testing.T) {
	for host, want := range map[string]string{
		"example.com:80": "https://example.com/x", "[2001:db8::1]:4000": "https://[2001:db8::1]/x", "[2001:db8::1]": "https://[2001:db8::1]/x", "": "", ":80": "",
	} {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Host = host
		w := httptest.NewRecorder()
		web.HTTPS{}.Plug(say("")).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); got != want || want == "" && w.Code != 400 {
			t.Errorf("%q: %d %q", host, w.Code, got)
		}
	}
	odd := httptest.NewRequest("GET", "/", nil)
	odd.URL.Opaque, odd.URL.Path = ".evil.example/x", "" // GET http:.evil.example/x
	w := httptest.NewRecorder()
	web.HTTPS{}.Plug(say("")).ServeHTTP(w, odd)
	if got := w.Header().Get("Location"); got != "https://example.com/" {
		t.Errorf("an opaque target: %d %q", w.Code, got)
	}
}

// A plain handler that reads too far has words for the client, too.
func TestBodyOverItsLimitIsTold(t *testing.T) {
	h := web.Action(func(c *web.Conn) error {
		_, err := io.ReadAll(c.Request().Body)
		var over *http.MaxBytesError
		if !errors.As(err, &over) || over.Limit != 3 {
			t.Errorf("error = %v", err)
		}
		return err
	})
	res := webtest.Do(t, web.MaxBody(3)(h), "POST /", "four")
	if res.Status != 413 || !strings.Contains(res.Body, `"detail":"the body is larger than 3 bytes"`) || res.Header.Get("Connection") != "close" {
		t.Errorf("%d %v %s", res.Status, res.Header, res.Body)
	}
}
