package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func fail(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { web.Problem(w, r, err) }
}

func TestStatusOf(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		title  string
		detail string
	}{
		{fault.Invalid.Errorf("lat"), 400, "Bad Request", "lat"},
		{fault.Unauthenticated, 401, "Unauthorized", "unauthenticated"},
		{fault.Forbidden, 403, "Forbidden", "forbidden"},
		{fmt.Errorf("x: %w", fault.NotFound.Errorf("no unit")), 404, "Not Found", "no unit"},
		{fault.Conflict, 409, "Conflict", "conflict"},
		{fault.Exhausted, 429, "Too Many Requests", "exhausted"},
		{context.Canceled, 499, "Client Closed Request", "canceled"},
		{io.EOF, 500, "Internal Server Error", "internal error"},
		{fault.Kind(200), 500, "Internal Server Error", "internal error"},
		{fault.Unavailable.Wrap(io.EOF, "no store"), 503, "Service Unavailable", "no store"},
		{context.DeadlineExceeded, 504, "Gateway Timeout", "timeout"},
	} {
		if got := web.StatusOf(c.err); got != c.status {
			t.Errorf("StatusOf(%v) = %d, want %d", c.err, got, c.status)
		}
		res := webtest.Do(t, fail(c.err), "GET /", nil)
		var p map[string]any
		res.JSON(&p)
		if res.Status != c.status || p["status"] != float64(c.status) || p["title"] != c.title || p["detail"] != c.detail || p["type"] != "about:blank" {
			t.Errorf("%v: %d %v", c.err, res.Status, p)
		}
		if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("Content-Type = %s", got)
		}
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if wait := c.status == 429 || c.status == 503; wait != (err == nil) || wait && (after < 1 || after > 5) {
			t.Errorf("%d: Retry-After = %q", c.status, res.Header.Get("Retry-After"))
		}
	}
	if web.StatusOf(nil) != 200 {
		t.Error("no error is not 200")
	}
	if res := webtest.Do(t, fail(nil), "GET /", nil); res.Status != 500 {
		t.Errorf("a problem of nil: %d", res.Status)
	}
}

func TestProblemForm(t *testing.T) {
	h := fail(fault.NotFound.Errorf("<b>"))
	for _, c := range []struct {
		target, accept string
		page           bool
	}{
		{"/", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", true},
		{"/", "*/*", false},
		{"/", "application/json", false},
		{"/", "application/json, text/html", false},
		{"/", "application/json;q=0.5, text/*", true},
		{"/", "text/html;q=0, */*;q=0.1", false},
		{"/", "image/png", false},
	} {
		res := webtest.Do(t, h, "GET "+c.target, nil, "Accept: "+c.accept)
		if page := strings.HasPrefix(res.Header.Get("Content-Type"), "text/html"); page != c.page {
			t.Errorf("%v: %s", c, res.Header.Get("Content-Type"))
		} else if page && (!strings.Contains(res.Body, "<h1>404 Not Found</h1>\n<p>&lt;b&gt;</p>")) {
			t.Errorf("page = %s", res.Body)
		}
	}
}

func TestProblemHeaders(t *testing.T) {
	res := webtest.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"x"`)
		w.Header().Set("Content-Length", "7")
		w.Header().Set("Retry-After", "60")
		web.Problem(w, r, fault.Exhausted)
	}), "GET /", nil)
	if h := res.Header; h.Get("Etag") != "" || h.Get("Content-Length") == "7" || h.Get("Retry-After") != "60" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers = %v", h)
	}
}

func TestInternalErrorsAreLoggedInFull(t *testing.T) {
	err := fault.Internal.Wrap(errors.New("hunter2"), "database")
	h, inLine := guarded(fail(err), slog.LevelInfo)
	webtest.Do(t, h, "GET /", nil)
	if l := inLine.lines(t, "request"); len(l) != 1 || l[0]["error"] != "database: hunter2" {
		t.Errorf("log = %v", l)
	}
	alone := new(book)
	r, _ := http.NewRequestWithContext(alone.context(t.Context(), slog.LevelInfo), "GET", "/", nil)
	web.Problem(discard{}, r, err)
	if l := alone.lines(t, "request failed"); len(l) != 1 || l[0]["error"] != "database: hunter2" {
		t.Errorf("log without Log = %v", l)
	}
}

func TestProblemAfterTheAnswerBegan(t *testing.T) {
	h, book := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		web.Problem(w, r, io.ErrUnexpectedEOF)
	}), slog.LevelInfo)
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 200 || res.Body != "half" {
		t.Errorf("answer = %d %s", res.Status, res.Body)
	}
	if l := book.lines(t, "request")[0]; l["error"] != "unexpected EOF" {
		t.Errorf("log = %v", l)
	}
}

// discard is a writer that keeps nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header {
	if d.header == nil {
		return http.Header{}
	}
	return d.header
}
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
