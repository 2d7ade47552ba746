package web_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	urlpkg "net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

func TestStaticDigests(t *testing.T) {
	files := tree()
	files["css/app.css"] = &fstest.MapFile{Data: []byte(`@import url("base.css");
a { background: url(../logo.PNG) } b { src: url( '../js/app.js?#x' ) }
c { x: url(data:image/png;base64,AA), url(/logo.PNG), url(//h/x), url(http://h/logo.PNG), url(none.png), url(a\62.png), url(../../x), url(#id) }`)}
	files["css/base.css"] = &fstest.MapFile{Data: []byte("p{}")}
	files["css/one.css"] = &fstest.MapFile{Data: []byte("@import url(two.css)")}
	files["css/two.css"] = &fstest.MapFile{Data: []byte("@import url(one.css)")}
	files["a file?.txt"] = &fstest.MapFile{Data: []byte("odd")}
	assets := web.Static(files)
	router := web.NewRouter()
	router.Mount("/assets", assets)

	for name := range files {
		if strings.HasPrefix(name, ".") && name != ".well-known/change.txt" {
			continue
		}
		url := assets.URL("/assets", name)
		if plain := (&urlpkg.URL{Path: "/assets/" + name}).EscapedPath(); url == plain {
			t.Errorf("%s has no digest", url)
		}
		res := webtest.Do(t, router, "GET "+url, nil)
		if res.Status != 200 || res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || res.Header.Get("Etag") == "" {
			t.Errorf("%s: %d %v", url, res.Status, res.Header)
		}
		plain := webtest.Do(t, router, "GET "+(&urlpkg.URL{Path: "/assets/" + name}).EscapedPath(), nil)
		if plain.Status == 200 && (plain.Body != res.Body || plain.Header.Get("Cache-Control") != "no-cache") {
			t.Errorf("%s: %v", name, plain.Header)
		}
	}
	css := webtest.Do(t, router, "GET "+assets.URL("/assets", "/css/app.css"), nil).Body
	at := func(name string) string { return strings.TrimPrefix(assets.URL("", name), "/") }
	want := fmt.Sprintf(`@import url("%s");
a { background: url(../%s) } b { src: url( '../%s?#x' ) }
c { x: url(data:image/png;base64,AA), url(/logo.PNG), url(//h/x), url(http://h/logo.PNG), url(none.png), url(a\62.png), url(../../x), url(#id) }`,
		strings.TrimPrefix(at("css/base.css"), "css/"), at("logo.PNG"), at("js/app.js"))
	if css != want {
		t.Errorf("%s\nwant\n%s", css, want)
	}
	for range 20 {
		if again := web.Static(files).URL("", "css/two.css"); again != assets.URL("", "css/two.css") {
			t.Fatal("digests differ from start to start")
		}
	}
	before := assets.URL("", "css/app.css")
	files["logo.PNG"] = &fstest.MapFile{Data: []byte("new")}
	if web.Static(files).URL("", "css/app.css") == before {
		t.Error("the digest of a style sheet misses what it refers to")
	}
	if got := assets.URL("/assets", "none.css"); got != "/assets/none.css" {
		t.Errorf("unknown: %s", got)
	}
	if res := webtest.Do(t, router, "GET /assets/css/app-0123456789abcdef.css", nil); res.Status != 404 {
		t.Errorf("another digest: %d", res.Status)
	}
}

func TestStaticCodings(t *testing.T) {
	h := web.Static(tree())
	for accept, coding := range map[string]string{"gzip, deflate, br, zstd": "br", "gzip, zstd": "zstd", "gzip": "gzip", "br;q=0.1, gzip": "gzip", "*": "br"} {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				res := webtest.Do(t, h, "GET /js/app.js", nil, "Accept-Encoding: "+accept)
				if res.Header.Get("Content-Encoding") != coding || unpacked(t, res) != script || len(res.Body) > len(script)/10 {
					t.Errorf("%s: %d bytes, %v", accept, len(res.Body), res.Header)
				}
			})
		}
		all.Wait()
	}
	for n, packed := range map[int]bool{8<<20 - 1: true, 8 << 20: true, 8<<20 + 1: false} {
		res := webtest.Do(t, web.File("big.txt", make([]byte, n)), "HEAD /", nil, "Accept-Encoding: gzip")
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%d bytes: packed %v", n, got)
		}
	}
}

// Each of these could lead somewhere else, somewhere.
var traversals = []string{
	"/../secret", "/js/../../secret", "/js/../data", "/./data", "//data", "/js//app.js", "/..", "/js/..",
	"/%2e%2e/secret", "/js/%2e%2e/%2e%2e/secret", "/%2e%2e%2fsecret", "/js%2fapp.js", "/js%2Fapp.js", "/js%5capp.js", "/js%5Capp.js",
	"/..%5csecret", "/js/..%5c..%5csecret", "/%5c%5chost/share", "/data%00", "/data%00.txt", "/%00", "/%252e%252e/secret",
	"/c:/secret", "/C:secret", "/data::$DATA", "/data:x", "/CON", "/nul.txt", "/data.", "/data%20", "/js/app.js/", "/js/app.js/x",
	"/.env", "/.git/config", "/js/.hidden", "/link", "/out/secret", "/%ff", "/%c0%ae%c0%ae/secret",
}

func TestStaticTraversal(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "tree")
	for name, data := range map[string]string{
		"secret": "secret", "tree/data": "data", "tree/js/app.js": script, "tree/js/.hidden": "secret", "tree/.env": "secret", "tree/.git/config": "secret",
		"tree/docs/index.html": "docs", "tree/index.html": "home",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(outer, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(outer, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": "../secret", "out": "..", "abs": filepath.Join(outer, "secret"), "in": "data"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	disk, memory := web.StaticDir(dir), web.Static(tree())
	for _, path := range append(traversals, "/abs") {
		for what, h := range map[string]http.Handler{"memory": memory, "disk": disk} {
			res := webtest.Do(t, h, "GET "+path, nil)
			if res.Status != 404 || strings.Contains(res.Body, "secret") {
				t.Errorf("%s of %s: %d %q", path, what, res.Status, res.Body)
			}
		}
	}
	for path, body := range map[string]string{"/": "home", "/docs/": "docs", "/data": "data", "/in": "data", "/js/app.js": script} {
		res := webtest.Do(t, disk, "GET "+path, nil)
		if res.Status != 200 || res.Body != body || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v", path, res.Status, res.Body, res.Header)
		}
	}
	if res := webtest.Do(t, disk, "GET /js", nil); res.Status != 404 {
		t.Errorf("a directory: %d", res.Status)
	}
	if res := webtest.Do(t, disk, "POST /data", nil); res.Status != 405 {
		t.Errorf("POST: %d", res.Status)
	}
	if err := os.WriteFile(filepath.Join(dir, "data"), []byte("edited"), 0o600); err != nil {
		t.Fatal(err)
	}
	if res := webtest.Do(t, disk, "GET /data", nil); res.Body != "edited" || disk.URL("/a", "data") != "/a/data" {
		t.Errorf("after an edit: %q", res.Body)
	}
}

func FuzzStaticDir(f *testing.F) {
	outer := f.TempDir()
	dir := filepath.Join(outer, "tree")
	_ = os.MkdirAll(filepath.Join(dir, "js"), 0o700)
	_ = os.WriteFile(filepath.Join(outer, "secret"), []byte("secret"), 0o600)
	_ = os.WriteFile(filepath.Join(dir, ".env"), []byte("secret"), 0o600)
	_ = os.WriteFile(filepath.Join(dir, "js", "app.js"), []byte("app"), 0o600)
	_ = os.Symlink("../secret", filepath.Join(dir, "link"))
	h := web.StaticDir(dir)
	for _, path := range append(traversals, "/js/app.js") {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := urlpkg.Parse(path)
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, &http.Request{Method: "GET", URL: u, Header: make(http.Header)})
		if body := w.Body.String(); w.Code != 404 && body != "app" {
			t.Fatalf("%q: %d %q", path, w.Code, body)
		}
	})
}

type broken struct{ fs.FS }

func (broken) Open(string) (fs.File, error) { return nil, errors.New("broken") }

func TestStaticRefuses(t *testing.T) {
	if text := mustPanic(t, "broken", func() { web.Static(broken{}) }); text != "web: Static: broken" {
		t.Errorf("panic %q", text)
	}
	for _, dir := range []string{"static_test.go", "none"} {
		if text := mustPanic(t, dir, func() { web.StaticDir(dir) }); !strings.HasPrefix(text, "web: StaticDir: ") {
			t.Errorf("panic %q", text)
		}
	}
}
