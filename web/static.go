package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/bennu-go/bennu/fault"
)

// maxPacked is the bytes up to which compressed copies of a file are kept.
const maxPacked = 8 << 20

// Assets is a handler of the files of a tree: see [Static] and [StaticDir].
type Assets struct {
	files map[string]*file  // by "/name"; a map has no parent directories to escape to
	names map[string]string // of each file the name with its digest; neither has a slash before it
	dir   string            // of StaticDir, which has no maps
}

// Static serves the files of a tree, as a rule an [embed.FS]; Mount it. It reads them
// all at once when it is made, and keeps them in memory. A directory is its index.html,
// if it has one. Names that begin with a dot are left out, except .well-known.
//
// Each file has two addresses. At its own name it has an ETag of its content and
// "Cache-Control: no-cache": browsers keep it, ask each time, and mostly hear 304. At its
// name with the digest of its content, which [Assets.URL] gives, browsers keep it for a
// year and do not ask:
//
//	assets := web.Static(files)
//	router.Mount("/assets", assets)
//	assets.URL("/assets", "app.css") // "/assets/app-0b46ac8d92f1c75e.css"
//
// In style sheets, url(…) of a relative path to a file of the tree gets the name with the
// digest. What is not that simple stays as it is and works under its own name: other
// characters than letters, digits and ._~@+-/ in the path, @import without url, style
// sheets that lead to each other in a circle. Scripts are not looked into.
//
// What is text by nature is compressed when a client first asks for it with br, zstd
// or gzip, in this order if it likes them alike, and kept beside the file; files of more
// than 8 MiB are not. GET, HEAD and ranges are answered. It panics if the tree cannot be
// read.
func Static(tree fs.FS) *Assets {
	t := &assetTree{make(map[string][]byte), make(map[string]string)}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && hidden(path.Base(name)) && d.IsDir():
			return fs.SkipDir
		case hidden(path.Base(name)) || d.IsDir():
			return nil
		}
		t.data[name], err = fs.ReadFile(tree, name)
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("web: Static: %v", err))
	}
	for _, name := range slices.Sorted(maps.Keys(t.data)) {
		t.digest(name)
	}
	a := &Assets{files: make(map[string]*file, 2*len(t.data)), names: t.names}
	for name, digested := range t.names {
		if t.data[digested] == nil {
			a.files["/"+digested] = &file{newContent(name, t.data[name]), true}
		}
	}
	for name, data := range t.data {
		f := &file{content: newContent(name, data)}
		if twin := a.files["/"+t.names[name]]; twin != nil {
			f.content = twin.content
		}
		a.files["/"+name] = f
		if dir, is := strings.CutSuffix("/"+name, "/index.html"); is {
			a.files[dir+"/"] = f
		}
	}
	return a
}

// StaticDir serves the files of a directory as they are on the disk at each request,
// uncompressed and with "Cache-Control: no-store", so that edits show at once: for
// development. [Assets.URL] gives plain names. Neither names nor links lead out of the
// directory. It panics if there is no such directory.
func StaticDir(dir string) *Assets {
	if info, err := os.Stat(dir); err != nil {
		panic(fmt.Sprintf("web: StaticDir: %v", err))
	} else if !info.IsDir() {
		panic(fmt.Sprintf("web: StaticDir: %s is not a directory", dir))
	}
	return &Assets{dir: dir}
}

// URL is the address of a file, such as "css/app.css", with its digest, for assets that
// are mounted at mount, such as "/assets", or "" for the root. A name that is not in the
// tree gives its plain address, which is answered with 404.
func (a *Assets) URL(mount, name string) string {
	name = strings.TrimPrefix(name, "/")
	if digested := a.names[name]; digested != "" {
		name = digested
	}
	return (&url.URL{Path: mount + "/" + name}).EscapedPath()
}

// ServeHTTP answers with the file that the path names.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw := strings.ToLower(r.URL.RawPath) // only if the path can be read in two ways
	switch f := a.files[r.URL.Path]; {
	case strings.Contains(raw, "%2f") || strings.Contains(raw, "%5c"):
		noFile(w, r)
	case a.dir != "":
		a.serveDisk(w, r)
	case f == nil:
		noFile(w, r)
	default:
		f.ServeHTTP(w, r)
	}
}

func noFile(w http.ResponseWriter, r *http.Request) {
	Problem(w, r, fault.NotFound.Errorf("there is no such file"))
}

// serveDisk answers with a file of the directory, as it is now.
func (a *Assets) serveDisk(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" || strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	if !fs.ValidPath(name) || !filepath.IsLocal(name) || strings.ContainsAny(name, "\\:\x00") || slices.ContainsFunc(strings.Split(name, "/"), hidden) {
		noFile(w, r)
		return
	}
	if !reads(w, r) {
		return
	}
	root, err := os.OpenRoot(a.dir)
	if err != nil {
		noFile(w, r)
		return
	}
	defer root.Close()
	info, err := root.Stat(name) // before Open, which would wait for a pipe
	if err != nil || !info.Mode().IsRegular() {
		noFile(w, r)
		return
	}
	f, err := root.Open(name)
	if err != nil {
		noFile(w, r)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", contentTypeOf(name))
	h.Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// hidden tells whether the name of a file or directory is not to be served.
func hidden(base string) bool {
	return base != "." && strings.HasPrefix(base, ".") && base != ".well-known"
}

// reads refuses methods other than GET and HEAD.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	Problem(w, r, refuse(http.StatusMethodNotAllowed, "this address takes GET, HEAD"))
	return false
}

// assetTree is the files of a tree while their digests are made.
type assetTree struct {
	data  map[string][]byte
	names map[string]string // with the digest; "" while it is being made
}

func (t *assetTree) digest(name string) {
	if _, known := t.names[name]; known {
		return
	}
	t.names[name] = ""
	if strings.EqualFold(path.Ext(name), ".css") {
		t.data[name] = t.rewrite(name)
	}
	sum := sha256.Sum256(t.data[name])
	ext := path.Ext(name)
	t.names[name] = strings.TrimSuffix(name, ext) + "-" + hex.EncodeToString(sum[:8]) + ext
}

var cssURL = regexp.MustCompile(`(?i)url\(\s*["']?([a-z0-9._~@+/-]+)(?:[?#][^"'()\\\s]*)?["']?\s*\)`)

// rewrite puts digests into what a style sheet refers to.
func (t *assetTree) rewrite(name string) []byte {
	css := t.data[name]
	var out []byte
	done := 0
	for _, at := range cssURL.FindAllSubmatchIndex(css, -1) {
		ref := string(css[at[2]:at[3]])
		target := path.Join(path.Dir(name), ref)
		if ref[0] == '/' || t.data[target] == nil {
			continue
		}
		t.digest(target)
		if t.names[target] == "" { // a circle
			continue
		}
		out = append(out, css[done:at[2]]...)
		out = append(out, ref[:strings.LastIndexByte(ref, '/')+1]+path.Base(t.names[target])...)
		done = at[3]
	}
	return append(out, css[done:]...)
}

// content is the bytes of a file, as they are and compressed.
type content struct {
	contentType string
	data        []byte
	etag        string
	copies      [len(keptCodings)]struct {
		once sync.Once
		data []byte // nil if it would not be worth it
	}
}

var keptCodings = [...]string{"br", "zstd", "gzip"}

func newContent(name string, data []byte) *content {
	return &content{contentType: contentTypeOf(name), data: data, etag: etagOf(data)}
}

// worth tells whether the content may be compressed.
func (c *content) worth() bool {
	return len(c.data) >= 256 && len(c.data) <= maxPacked && compressible(c.contentType)
}

// packed is the content in a coding, or nil if that would save less than a tenth, or 128
// bytes.
func (c *content) packed(coding int) []byte {
	kept := &c.copies[coding]
	kept.once.Do(func() {
		var out bytes.Buffer
		var z packer
		switch keptCodings[coding] {
		case "br":
			z = brotli.NewWriterLevel(nil, 9) // the levels above take seconds for a large file
		case "zstd":
			z = zstdWriter(zstd.SpeedBestCompression, 1<<20)
		default:
			z = gzipWriter(9)
		}
		z.Reset(&out)
		_, _ = z.Write(c.data) // a buffer does not fail
		_ = z.Close()
		if out.Len()+max(128, len(c.data)/10) <= len(c.data) {
			kept.data = bytes.Clone(out.Bytes())
		}
	})
	return kept.data
}

// file is a content at an address.
type file struct {
	*content
	forever bool // the address changes with the content
}

// File serves one file that the program has made, as [Static] serves those of a tree
// at their own names. The name tells the content type.
func File(name string, data []byte) http.Handler { return &file{content: newContent(name, data)} }

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache")
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if f.worth() {
		varyBy(h, "Accept-Encoding")
		if r.Header.Get("Range") == "" && f.servePacked(w, r) {
			return
		}
	}
	h.Set("Etag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}

// servePacked answers in the coding that the client likes best, if there is one.
func (f *file) servePacked(w http.ResponseWriter, r *http.Request) bool {
	i := preferred(r.Header["Accept-Encoding"], keptCodings[:], func(name string) string { return name })
	if i < 0 {
		return false
	}
	data := f.packed(i)
	if data == nil {
		return false
	}
	h := w.Header()
	etag := strings.TrimSuffix(f.etag, `"`) + "-" + keptCodings[i] + `"`
	h.Set("Etag", etag)
	if matchesETag(r.Header["If-None-Match"], etag) {
		answerNotModified(w)
		return true
	}
	h.Set("Content-Encoding", keptCodings[i])
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // the client is gone if it fails
	}
	return true
}

// contentTypes is the same on every machine, which the mime package's table is not.
var contentTypes = map[string]string{
	".avif":        "image/avif",
	".css":         "text/css; charset=utf-8",
	".csv":         "text/csv; charset=utf-8",
	".gif":         "image/gif",
	".docx":        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".gz":          "application/gzip",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpeg":        "image/jpeg",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".mp3":         "audio/mpeg",
	".mp4":         "video/mp4",
	".ods":         "application/vnd.oasis.opendocument.spreadsheet",
	".otf":         "font/otf",
	".pdf":         "application/pdf",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".tar":         "application/x-tar",
	".ttf":         "font/ttf",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webm":        "video/webm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff":        "font/woff",
	".woff2":       "font/woff2",
	".xlsx":        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":         "application/xml",
	".zip":         "application/zip",
}

func contentTypeOf(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}
