package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

var (
	zeroTime time.Time
	errGone  = fault.NotFound.Errorf("it is gone")
)

func TestETag(t *testing.T) {
	h := web.ETag(say("hello"))
	res := webtest.Do(t, h, "GET /", nil)
	etag := res.Header.Get("Etag")
	if res.Body != "hello" || !strings.HasPrefix(etag, `"`) || res.Header.Get("Content-Length") != "5" || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%q %v", res.Body, res.Header)
	}
	if other := webtest.Do(t, web.ETag(say("other")), "GET /", nil).Header.Get("Etag"); other == etag {
		t.Error("one ETag for all")
	}
	for known, status := range map[string]int{
		etag: 304, "W/" + etag: 304, "*": 304, `"a", "b" ,` + etag: 304, `W/"a",W/` + etag: 304, ` , ,` + etag: 304, `"a,b", ` + etag: 304,
		"": 200, `"a"`: 200, strings.Trim(etag, `"`): 200, etag[:5]: 200, `"a`: 200, `a, ` + etag: 200, "w/" + etag: 200, `""`: 200,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			res := webtest.Do(t, h, method+" /", nil, "If-None-Match: "+known)
			if res.Status != status || res.Header.Get("Etag") != etag || status == 304 && (res.Body != "" || len(res.Header) != 1) {
				t.Errorf("%s %s: %d %v", method, known, res.Status, res.Header)
			}
		}
	}
}

func TestETagSpares(t *testing.T) {
	for what, f := range map[string]http.HandlerFunc{
		"an error":  func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		"no answer": func(w http.ResponseWriter, r *http.Request) {},
		"no-store": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "No-Store")
			say("x")(w, r)
		},
		"a stream": func(w http.ResponseWriter, r *http.Request) { say("x")(w, r); w.(http.Flusher).Flush(); say("y")(w, r) },
	} {
		if res := webtest.Do(t, web.ETag(f), "GET /", nil, "If-None-Match: *"); res.Header.Get("Etag") != "" || res.Status == 304 {
			t.Errorf("%s: %d %v", what, res.Status, res.Header)
		}
	}
	if res := webtest.Do(t, web.ETag(say("x")), "POST /", nil); res.Header.Get("Etag") != "" {
		t.Errorf("POST: %v", res.Header)
	}
	head := web.ETag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "7") }))
	if res := webtest.Do(t, head, "HEAD /", nil); res.Header.Get("Etag") != "" || res.Header.Get("Content-Length") != "7" {
		t.Errorf("HEAD: %v", res.Header)
	}
}

func TestETagLimit(t *testing.T) {
	const most = 1 << 20
	for n, tagged := range map[int]bool{most - 1: true, most: true, most + 1: false} {
		for what, write := range map[string]func(http.ResponseWriter, string){
			"at once": func(w http.ResponseWriter, s string) { _, _ = io.WriteString(w, s) },
			"in two": func(w http.ResponseWriter, s string) {
				_, _ = io.WriteString(w, s[:9])
				_, _ = io.WriteString(w, s[9:])
			},
			"copied": func(w http.ResponseWriter, s string) { _, _ = io.Copy(w, strings.NewReader(s)) },
		} {
			body := strings.Repeat("x", n)
			h := web.ETag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { write(w, body) }))
			res := webtest.Do(t, h, "GET /", nil)
			if res.Body != body || (res.Header.Get("Etag") != "") != tagged {
				t.Errorf("%d bytes %s: %d, %v", n, what, len(res.Body), res.Header)
			}
		}
	}
}

func TestETagOfTheHandler(t *testing.T) {
	wrote := 0
	h := web.ETag(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `W/"v7"`)
		w.Header().Set("Cache-Control", "max-age=5")
		n, _ := io.WriteString(w, "hello")
		wrote += n
	}))
	if res := webtest.Do(t, h, "GET /", nil); res.Body != "hello" || res.Header.Get("Etag") != `W/"v7"` {
		t.Errorf("%q %v", res.Body, res.Header)
	}
	res := webtest.Do(t, h, "GET /", nil, `If-None-Match: "v7"`)
	if res.Status != 304 || res.Body != "" || res.Header.Get("Etag") != `W/"v7"` || res.Header.Get("Cache-Control") != "max-age=5" {
		t.Errorf("%d %q %v", res.Status, res.Body, res.Header)
	}
	if wrote != 10 {
		t.Errorf("the handler wrote %d bytes", wrote)
	}
}

func TestETagUnderCompress(t *testing.T) {
	h := web.Compress(web.ETag(say(script)))
	res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: br")
	etag := res.Header.Get("Etag")
	if !strings.HasPrefix(etag, `W/"`) || unpacked(t, res) != script {
		t.Errorf("%v", res.Header)
	}
	again := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: br", "If-None-Match: "+etag)
	if again.Status != 304 || again.Header.Get("Etag") != etag || again.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%d %v", again.Status, again.Header)
	}
}

func TestETagDropsWhatWasHeldBack(t *testing.T) {
	h := web.Chain(web.Action(func(c *web.Conn) error {
		_, _ = io.WriteString(c.Writer(), "half a pa")
		return errGone
	}), web.RequestID, web.ETag)
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 404 || strings.Contains(res.Body, "half") || res.Header.Get("Etag") != "" {
		t.Errorf("%d %q", res.Status, res.Body)
	}
}

func FuzzIfNoneMatch(f *testing.F) {
	h := web.ETag(say("hello"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	etag := w.Header().Get("Etag")
	for _, seed := range []string{etag, "W/" + etag, "*", `"a,b",`, `"`, `W/`, `,,`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, known string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["If-None-Match"] = []string{known}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 304 && !strings.Contains(known, etag) && !strings.Contains(known, "*") || w.Code != 304 && w.Code != 200 {
			t.Fatalf("%q: %d", known, w.Code)
		}
	})
}
