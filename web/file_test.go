package web_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"
	"unicode"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

func TestConnFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "report.txt")
	if err := os.WriteFile(name, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	changed := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(name, changed, changed); err != nil {
		t.Fatal(err)
	}
	last := changed.Format(http.TimeFormat)
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for what, h := range map[string]http.Handler{
		"File":     web.Action(func(c *web.Conn) error { return c.File(name) }),
		"SendFile": web.Action(func(c *web.Conn) error { return c.SendFile(root.FS(), "report.txt") }),
	} {
		for _, c := range []struct {
			header string
			status int
			body   string
		}{
			{"X: y", 200, "0123456789"},
			{"Range: bytes=2-4", 206, "234"},
			{"Range: bytes=-2", 206, "89"},
			{"Range: bytes=99-", 416, ""},
			{"If-Modified-Since: " + last, 304, ""},
			{"If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT", 200, "0123456789"},
			{"If-Unmodified-Since: Mon, 01 Jan 2024 00:00:00 GMT", 412, ""},
		} {
			res := webtest.Do(t, h, "GET /", nil, c.header)
			if res.Status != c.status || c.status < 300 && (res.Body != c.body || res.Header.Get("Content-Type") != "text/plain; charset=utf-8") {
				t.Errorf("%s, %s: %d %q %v", what, c.header, res.Status, res.Body, res.Header)
			}
		}
		for ifRange, status := range map[string]int{last: 206, "Mon, 01 Jan 2024 00:00:00 GMT": 200, `"other"`: 200} {
			if res := webtest.Do(t, h, "GET /", nil, "Range: bytes=0-1", "If-Range: "+ifRange); res.Status != status || res.Header.Get("Last-Modified") != last {
				t.Errorf("%s, If-Range %s: %d %v", what, ifRange, res.Status, res.Header)
			}
		}
	}
	for _, none := range []string{"none.txt", filepath.Dir(name)} {
		h := web.Action(func(c *web.Conn) error { return c.File(none) })
		if res := webtest.Do(t, h, "GET /", nil); res.Status != 404 {
			t.Errorf("%s: %d", none, res.Status)
		}
	}
}

// bare is a tree whose files cannot seek.
type bare struct{ fs.FS }

type bareFile struct{ fs.File }

func (b bare) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	return bareFile{f}, err
}

func TestConnSendFile(t *testing.T) {
	files := fstest.MapFS{"a/b.json": {Data: []byte("{}")}}
	for name, status := range map[string]int{
		"a/b.json": 200, "a": 404, "": 404, ".": 404, "/a/b.json": 404, "../a/b.json": 404, "a/../a/b.json": 404, `a\b.json`: 404, "a//b.json": 404, "a/b.json\x00": 404, "c:/x": 404,
	} {
		for what, tree := range map[string]fs.FS{"seeks": files, "bare": bare{files}} {
			h := web.Action(func(c *web.Conn) error { return c.SendFile(tree, name) })
			res := webtest.Do(t, h, "GET /", nil)
			if res.Status != status || status == 200 && (res.Body != "{}" || res.Header.Get("Content-Type") != "application/json" || res.Header.Get("Content-Length") != "2") {
				t.Errorf("%s %q: %d %q %v", what, name, res.Status, res.Body, res.Header)
			}
		}
	}
	h := web.Action(func(c *web.Conn) error { return c.SendFile(bare{files}, "a/b.json") })
	if res := webtest.Do(t, h, "HEAD /", nil); res.Body != "" || res.Header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: %v", res.Header)
	}
}

func TestDownload(t *testing.T) {
	for name, want := range map[string]string{
		"report.pdf":                   `attachment; filename="report.pdf"`,
		"":                             `attachment; filename="file"`,
		"...":                          `attachment; filename="file"`,
		"../../etc/passwd":             `attachment; filename="passwd"`,
		`C:\Users\x\a b.txt`:           `attachment; filename="a b.txt"`,
		"a\r\nSet-Cookie: x=1\r\n.txt": `attachment; filename="aSet-Cookie_ x=1.txt"`,
		"a\".txt; filename=b.exe":      `attachment; filename="a_.txt; filename=b.exe"`,
		"smörgås.txt":                  `attachment; filename="sm_rg_s.txt"; filename*=UTF-8''sm%C3%B6rg%C3%A5s.txt`,
		"100%41.txt":                   `attachment; filename="100_41.txt"; filename*=UTF-8''100%2541.txt`,
		"gpj\u202e.exe":                `attachment; filename="gpj.exe"`,
		"\xff.txt":                     `attachment; filename="_.txt"`,
		"CON.txt":                      `attachment; filename="_CON.txt"`,
		"x/":                           `attachment; filename="file"`,
		strings.Repeat("é", 200) + ".csv": `attachment; filename="` + strings.Repeat("_", 125) + `.csv"; filename*=UTF-8''` +
			strings.Repeat("%C3%A9", 125) + ".csv",
	} {
		h := web.Action(func(c *web.Conn) error { return c.Download(name, strings.NewReader("content")) })
		res := webtest.Do(t, h, "GET /", nil)
		if got := res.Header.Get("Content-Disposition"); got != want || res.Body != "content" || res.Header.Get("X-Content-Type-Options") != "nosniff" || len(res.Header["Set-Cookie"]) > 0 {
			t.Errorf("%q: %s\nwant %s", name, got, want)
		}
	}
	h := web.Action(func(c *web.Conn) error { return c.Download("a.csv", strings.NewReader("content")) })
	if res := webtest.Do(t, h, "GET /", nil, "Range: bytes=1-2"); res.Status != 206 || res.Body != "on" || res.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%d %q %v", res.Status, res.Body, res.Header)
	}
	h = web.Action(func(c *web.Conn) error {
		c.Header().Set("Content-Type", "text/x-own")
		return c.Download("a.csv", io.LimitReader(strings.NewReader("content"), 5))
	})
	if res := webtest.Do(t, h, "GET /", nil); res.Body != "conte" || res.Header.Get("Content-Type") != "text/x-own" {
		t.Errorf("%q %v", res.Body, res.Header)
	}
	if res := webtest.Do(t, h, "HEAD /", nil); res.Status != 200 || res.Body != "" {
		t.Errorf("HEAD: %d %q", res.Status, res.Body)
	}
}

func TestDownloadBreaksOff(t *testing.T) {
	h, book := guarded(web.Action(func(c *web.Conn) error {
		return c.Download("a.csv", io.MultiReader(bytes.NewReader(make([]byte, 5000)), iotest.ErrReader(errors.New("disk on fire"))))
	}), 0)
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(srv.URL)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	if err == nil {
		t.Error("a part looks whole")
	}
	srv.Close()
	if lines := book.lines(t, "request"); len(lines) != 1 || lines[0]["error"] != "internal: disk on fire" && lines[0]["error"] != "disk on fire" {
		t.Errorf("%v", lines)
	}
}

func FuzzDownloadName(f *testing.F) {
	for _, seed := range []string{"a.txt", "../x", "\"; filename*=UTF-8''x", "é%41\r\n", `a\"b`, "CON", strings.Repeat("x", 300), "\xff\u202e"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		w := httptest.NewRecorder()
		web.Action(func(c *web.Conn) error { return c.Download(name, strings.NewReader("")) }).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		value := w.Header().Get("Content-Disposition")
		kind, params, err := mime.ParseMediaType(value)
		if err != nil || kind != "attachment" || len(params) != 1 {
			t.Fatalf("%q: %q: %v", name, value, err)
		}
		got := params["filename"]
		if got == "" || len(got) > 255 || strings.ContainsAny(got, "/\\\r\n\x00\"") || strings.HasPrefix(got, ".") || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q: %q", name, got)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q: %q is not ASCII", name, value)
		}
	})
}
