package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func unpack(t *testing.T, coding string, packed io.Reader) io.Reader {
	t.Helper()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		return z
	case "br":
		return brotli.NewReader(packed)
	case "zstd":
		z, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(z.Close)
		return z
	}
	return packed
}

func unpacked(t *testing.T, res *webtest.Response) string {
	t.Helper()
	text, err := io.ReadAll(unpack(t, res.Header.Get("Content-Encoding"), strings.NewReader(res.Body)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCompressChooses(t *testing.T) {
	page := strings.Repeat("<p>hello", 500)
	h := web.Compress(say(page))
	for accept, coding := range map[string]string{
		"gzip, deflate, br, zstd":      "zstd",
		"gzip, deflate, br":            "gzip",
		"br":                           "br",
		"BR;q=1.0, gzip;q=0.8":         "br",
		"gzip;q=0.1, br;Q=0.2":         "br",
		"*":                            "zstd",
		"*;q=0.5, zstd;q=0":            "gzip",
		"gzip;q=0":                     "",
		"gzip;q=2":                     "",
		"gzip;q=NaN":                   "",
		"identity":                     "",
		"identity, gzip;q=0.5":         "",
		"identity;q=0.5, gzip;q=0.5":   "gzip",
		"deflate, compress, exi, x-gz": "",
		",;,=;q":                       "",
		"":                             "",
	} {
		res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: "+accept)
		if got := res.Header.Get("Content-Encoding"); got != coding || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %q, Vary %q", accept, got, res.Header.Get("Vary"))
		}
		if body := unpacked(t, res); body != page {
			t.Errorf("%q: %d bytes", accept, len(body))
		}
		if ct := res.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
			t.Errorf("%q: guessed %q", accept, ct)
		}
	}
}

func TestCompressSpares(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for what, f := range map[string]func(http.ResponseWriter){
		"an image":            func(w http.ResponseWriter) { w.Header().Set("Content-Type", "image/png") },
		"a font":              func(w http.ResponseWriter) { w.Header().Set("Content-Type", "font/woff2") },
		"a zip":               func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/zip") },
		"events":              func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/event-stream") },
		"no type":             func(w http.ResponseWriter) { w.Header()["Content-Type"] = nil },
		"what is packed":      func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br") },
		"no-transform":        func(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public, No-Transform") },
		"a range":             func(w http.ResponseWriter) { w.WriteHeader(206) },
		"a range by header":   func(w http.ResponseWriter) { w.Header().Set("Content-Range", "bytes 0-1/2") },
		"a sniffed PNG":       func(w http.ResponseWriter) { _, _ = io.WriteString(w, "\x89PNG\x0D\x0A\x1A\x0A") },
		"a PDF, in two bytes": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "%P"); _, _ = io.WriteString(w, "DF-1") },
	} {
		h := web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f(w)
			_, _ = io.WriteString(w, long)
		}))
		res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip")
		if !strings.HasSuffix(res.Body, long) || res.Header.Get("Content-Encoding") == "gzip" || res.Header.Get("Vary") != "" {
			t.Errorf("%s: %v", what, res.Header)
		}
	}
	for _, status := range []int{204, 304} {
		h := web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		if res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip"); res.Status != status || len(res.Header) != 0 {
			t.Errorf("%d: %d %v", status, res.Status, res.Header)
		}
	}
}

func TestCompressLimit(t *testing.T) {
	for _, declared := range []bool{false, true} {
		for n, packed := range map[int]bool{0: false, 1: false, 1023: false, 1024: true, 1025: true} {
			h := web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain")
				if declared {
					w.Header().Set("Content-Length", strconv.Itoa(n))
				}
				for range n {
					_, _ = w.Write([]byte("x"))
				}
			}))
			res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip")
			if got := res.Header.Get("Content-Encoding") == "gzip"; got != packed || unpacked(t, res) != strings.Repeat("x", n) {
				t.Errorf("%d bytes, declared %v: packed %v, %q", n, declared, got, res.Body)
			}
			if got := res.Header.Get("Content-Length"); packed && got != "" {
				t.Errorf("%d bytes: Content-Length %s", n, got)
			}
		}
	}
}

func TestCompressHeaders(t *testing.T) {
	h := web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Vary", "Accept, accept-encoding")
		http.ServeContent(w, taggedRequest(w, r), "", zeroTime, strings.NewReader(script))
	}))
	get := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip")
	head := webtest.Do(t, h, "HEAD /", nil, "Accept-Encoding: gzip")
	for _, res := range []*webtest.Response{get, head} {
		want := http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Content-Encoding": {"gzip"}, "Etag": {`W/"one"`}, "Vary": {"Accept, accept-encoding"}}
		if fmt.Sprint(res.Header) != fmt.Sprint(want) {
			t.Errorf("%v", res.Header)
		}
	}
	if head.Body != "" || unpacked(t, get) != script {
		t.Errorf("%q, %q", head.Body, get.Body)
	}
	for known, etag := range map[string]string{`W/"one"`: `W/"one"`, `"one"`: `"one"`} {
		res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip", "If-None-Match: "+known)
		if res.Status != 304 || res.Header.Get("Etag") != etag {
			t.Errorf("%s: %d %v", known, res.Status, res.Header)
		}
	}
	part := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip", "Range: bytes=0-6")
	if part.Status != 206 || part.Body != "console" || part.Header.Get("Content-Encoding") != "" || part.Header.Get("Etag") != `"one"` {
		t.Errorf("a range: %d %q %v", part.Status, part.Body, part.Header)
	}
}

func taggedRequest(w http.ResponseWriter, r *http.Request) *http.Request {
	w.Header().Set("Etag", `"one"`)
	return r
}

func TestCompressDropsWhatWasHeldBack(t *testing.T) {
	h := web.Chain(web.Action(func(c *web.Conn) error {
		_, _ = io.WriteString(c.Writer(), "half a pa")
		return errGone
	}), web.RequestID, web.Compress)
	if res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip"); res.Status != 404 || strings.Contains(res.Body, "half") {
		t.Errorf("%d %q", res.Status, res.Body)
	}
	h = web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "all")
		w.WriteHeader(201) // too late
	}))
	if res := webtest.Do(t, h, "GET /", nil); res.Status != 200 || res.Body != "all" {
		t.Errorf("%d %q", res.Status, res.Body)
	}
}

func TestCompressOnTheWire(t *testing.T) {
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.(http.Flusher).Flush()
		for i := range 3 {
			fmt.Fprintf(w, "line %d\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Set("Content-Length", "5000")
		_, _ = io.WriteString(w, strings.Repeat("x", 2000))
	})
	mux.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.URL.Query().Get("type"))
		_, _ = io.Copy(w, io.LimitReader(strings.NewReader(script), 2000))
	})
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
		conn.Close()
	})
	srv := httptest.NewServer(web.Compress(mux))
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
	get := func(path, accept string) *http.Response {
		t.Helper()
		r, _ := http.NewRequestWithContext(context.Background(), "GET", srv.URL+path, nil)
		r.Header.Set("Accept-Encoding", accept)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	for _, coding := range []string{"gzip", "br", "zstd", ""} {
		res := get("/flush", coding)
		lines := bufio.NewReader(unpack(t, coding, res.Body))
		for i := range 3 { // each arrives before the next is written
			if line, err := lines.ReadString('\n'); err != nil || line != fmt.Sprintf("line %d\n", i) {
				t.Errorf("%s: %q, %v", coding, line, err)
			}
			next <- struct{}{}
		}
		res.Body.Close()
	}
	r, _ := http.NewRequestWithContext(context.Background(), "GET", srv.URL+"/short", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	if res, err := client.Do(r); err == nil {
		if _, err := io.ReadAll(res.Body); err == nil {
			t.Error("a short answer looks whole")
		}
		res.Body.Close()
	}
	for kind, coding := range map[string]string{"text/plain": "gzip", "image/png": ""} {
		res := get("/copy?type="+kind, "gzip")
		text, err := io.ReadAll(unpack(t, coding, res.Body))
		if err != nil || string(text) != script[:2000] || res.Header.Get("Content-Encoding") != coding {
			t.Errorf("%s: %v %v", kind, res.Header, err)
		}
		res.Body.Close()
	}
	res := get("/hijack", "gzip")
	if text, _ := io.ReadAll(res.Body); string(text) != "hi" {
		t.Errorf("%q", text)
	}
	res.Body.Close()
}

func TestCompressAfterAPanic(t *testing.T) {
	h := web.Recover(web.Compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("oh")
	})))
	if res := webtest.Do(t, h, "GET /", nil, "Accept-Encoding: gzip"); res.Status != 500 || strings.Contains(res.Body, "half") {
		t.Errorf("%d %q", res.Status, res.Body)
	}
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, seed := range []string{"gzip, br;q=0.5", "*;q=0", "identity;q=1, *;q=0.5", ";;,,q=", "gzip;q=1e999"} {
		f.Add(seed)
	}
	page := strings.Repeat("text ", 500)
	h := web.Compress(say(page))
	f.Fuzz(func(t *testing.T, accept string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Accept-Encoding"] = []string{accept}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		coding := w.Header().Get("Content-Encoding")
		if coding != "" && !strings.Contains(strings.ToLower(accept), coding) && !strings.Contains(accept, "*") {
			t.Fatalf("%q: %s", accept, coding)
		}
		if got, err := io.ReadAll(unpack(t, coding, w.Body)); err != nil || string(got) != page {
			t.Fatalf("%q: %v", accept, err)
		}
	})
}

func BenchmarkCompress(b *testing.B) {
	page := bytes.Repeat([]byte(script), 10)
	for _, kind := range []string{"text/html", "image/png"} {
		h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = []string{kind}
			_, _ = w.Write(page)
		}))
		for _, coding := range []string{"none", "zstd", "gzip", "br"} {
			b.Run(kind+"/"+coding, func(b *testing.B) {
				h := h
				if coding != "none" {
					h = web.Compress(h)
				}
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Accept-Encoding", coding)
				b.ReportAllocs()
				for b.Loop() {
					w := sink{make(http.Header)}
					h.ServeHTTP(w, r)
				}
			})
		}
	}
}

type sink struct{ header http.Header }

func (d sink) Header() http.Header         { return d.header }
func (d sink) Write(p []byte) (int, error) { return len(p), nil }
func (d sink) WriteHeader(int)             {}
