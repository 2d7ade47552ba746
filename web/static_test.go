package web_test

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/webtest"
)

var script = strings.Repeat("console.log('hello');\n", 100)

func tree() fstest.MapFS {
	return fstest.MapFS{
		"index.html":             {Data: []byte("<p>home")},
		"js/app.js":              {Data: []byte(script)},
		"docs/index.html":        {Data: []byte("<p>docs")},
		"logo.PNG":               {Data: []byte(script)},
		"data":                   {Data: []byte("<p>no type")},
		".env":                   {Data: []byte("secret")},
		".git/config":            {Data: []byte("secret")},
		".well-known/change.txt": {Data: []byte("public")},
	}
}

func TestStatic(t *testing.T) {
	router := web.NewRouter()
	router.Mount("/assets", web.Static(tree()))
	for _, c := range []struct {
		request     string
		status      int
		contentType string
		body        string
	}{
		{"GET /assets/js/app.js", 200, "text/javascript; charset=utf-8", script},
		{"HEAD /assets/js/app.js", 200, "text/javascript; charset=utf-8", ""},
		{"GET /assets/", 200, "text/html; charset=utf-8", "<p>home"},
		{"GET /assets/index.html", 200, "text/html; charset=utf-8", "<p>home"},
		{"GET /assets/docs/", 200, "text/html; charset=utf-8", "<p>docs"},
		{"GET /assets/logo.PNG", 200, "image/png", script},
		{"GET /assets/data", 200, "application/octet-stream", "<p>no type"},
		{"GET /assets/.well-known/change.txt", 200, "text/plain; charset=utf-8", "public"},
		{"GET /assets/js/", 404, "application/problem+json", ""},
		{"GET /assets/js", 404, "application/problem+json", ""},
		{"GET /assets/.env", 404, "application/problem+json", ""},
		{"GET /assets/.git/config", 404, "application/problem+json", ""},
		{"GET /assets/js/%2e%2e/.env", 404, "application/problem+json", ""},
		{"GET /assets/js/..%2fdata", 404, "application/problem+json", ""},
		{"POST /assets/data", 405, "application/problem+json", ""},
	} {
		res := webtest.Do(t, router, c.request, nil)
		if res.Status == 307 && c.status == 404 { // the mux cleans the path first
			res = webtest.Do(t, router, "GET "+res.Header.Get("Location"), nil)
		}
		if res.Status != c.status || res.Header.Get("Content-Type") != c.contentType || c.status == 200 && res.Body != c.body {
			t.Errorf("%s: %d %s %.20q", c.request, res.Status, res.Header.Get("Content-Type"), res.Body)
		}
		if c.status == 200 && (res.Header.Get("Etag") == "" || res.Header.Get("Cache-Control") != "no-cache") {
			t.Errorf("%s: %v", c.request, res.Header)
		}
	}
	if allow := webtest.Do(t, router, "POST /assets/data", nil).Header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow = %q", allow)
	}
}

func TestStaticGzip(t *testing.T) {
	h := web.Static(tree())
	for accept, zipped := range map[string]bool{
		"":                      false,
		"gzip":                  true,
		"br;q=0.4, GZIP;q=0.5":  true,
		"deflate, gzip; q=1.0":  true,
		"gzip;q=0":              false,
		"gzip;q=0.000, deflate": false,
		"identity":              false,
	} {
		res := webtest.Do(t, h, "GET /js/app.js", nil, "Accept-Encoding: "+accept)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != zipped {
			t.Errorf("%q: gzip is %v", accept, got)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: Vary = %q", accept, res.Header.Get("Vary"))
		}
		if !zipped {
			continue
		}
		z, err := gzip.NewReader(strings.NewReader(res.Body))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(z); err != nil || string(body) != script {
			t.Errorf("%q: %q, %v", accept, body, err)
		}
	}
	head := webtest.Do(t, h, "HEAD /js/app.js", nil, "Accept-Encoding: gzip")
	if head.Body != "" || head.Header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %v", head)
	}
	for _, path := range []string{"/logo.PNG", "/data", "/index.html"} { // packed, unknown, small
		if res := webtest.Do(t, h, "GET "+path, nil, "Accept-Encoding: gzip"); res.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s is gzipped", path)
		}
	}
}

func TestStaticValidation(t *testing.T) {
	h := web.Static(tree())
	for _, accept := range []string{"identity", "gzip"} {
		etag := webtest.Do(t, h, "GET /js/app.js", nil, "Accept-Encoding: "+accept).Header.Get("Etag")
		for known, status := range map[string]int{etag: 304, "W/" + etag: 304, `"a", ` + etag: 304, "*": 304, `"a"`: 200, "": 200} {
			res := webtest.Do(t, h, "GET /js/app.js", nil, "Accept-Encoding: "+accept, "If-None-Match: "+known)
			if res.Status != status || status == 304 && (res.Body != "" || res.Header.Get("Etag") != etag || res.Header.Get("Content-Encoding") != "") {
				t.Errorf("%s, %s: %d %v", accept, known, res.Status, res.Header)
			}
		}
	}
	one, other := tree(), tree()
	other["js/app.js"] = &fstest.MapFile{Data: []byte(script + " ")}
	tag := func(tree fs.FS) string {
		return webtest.Do(t, web.Static(tree), "GET /js/app.js", nil).Header.Get("Etag")
	}
	if tag(one) != tag(tree()) || tag(one) == tag(other) {
		t.Error("the ETag is not that of the content")
	}
}

func TestStaticRange(t *testing.T) {
	h := web.Static(tree())
	res := webtest.Do(t, h, "GET /js/app.js", nil, "Range: bytes=0-6", "Accept-Encoding: gzip")
	if res.Status != 206 || res.Body != "console" || res.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d %q %v", res.Status, res.Body, res.Header)
	}
	zipped := webtest.Do(t, h, "GET /js/app.js", nil, "Accept-Encoding: gzip").Header.Get("Etag")
	res = webtest.Do(t, h, "GET /js/app.js", nil, "Range: bytes=0-6", "If-Range: "+zipped)
	if res.Status != 200 || res.Body != script {
		t.Errorf("a range of the gzipped file: %d", res.Status)
	}
	if res := webtest.Do(t, h, "GET /js/app.js", nil, "Range: bytes=99999-"); res.Status != 416 {
		t.Errorf("beyond the end: %d", res.Status)
	}
}

type broken struct{ fs.FS }

func (broken) Open(string) (fs.File, error) { return nil, errors.New("broken") }

func TestStaticRefuses(t *testing.T) {
	if text := mustPanic(t, "broken", func() { web.Static(broken{}) }); text != "web: Static: broken" {
		t.Errorf("panic %q", text)
	}
}
