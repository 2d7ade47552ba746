package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Static serves the files of a tree, as a rule an [embed.FS]; Mount it. It reads them
// all at once when it is made, and keeps them in memory beside a gzipped copy of what
// is worth compressing. A directory is its index.html, if it has one. Names that
// begin with a dot are left out, except .well-known.
//
// Answers carry an ETag of the content and "Cache-Control: no-cache": browsers keep
// the file, ask each time, and mostly hear 304. It takes GET and HEAD, and ranges.
// It panics if the tree cannot be read.
func Static(tree fs.FS) http.Handler {
	files := make(static)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if base := path.Base(name); name != "." && base[0] == '.' && base != ".well-known" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		f := newFile(name, data)
		files["/"+name] = f
		if dir, is := strings.CutSuffix("/"+name, "/index.html"); is {
			files[dir+"/"] = f
		}
		return nil
	})
	if err != nil {
		panic(fmt.Sprintf("web: Static: %v", err))
	}
	return files
}

// static is files by their path. A map has no parent directories to escape to.
type static map[string]*file

type file struct {
	contentType string
	data        []byte
	etag        string
	zipped      []byte // nil if not worth it
	zippedETag  string
}

func newFile(name string, data []byte) *file {
	sum := sha256.Sum256(data)
	hash := base64.RawURLEncoding.EncodeToString(sum[:12])
	f := &file{contentType: contentTypeOf(name), data: data, etag: `"` + hash + `"`}
	if zipped := compress(f.contentType, data); zipped != nil {
		f.zipped, f.zippedETag = zipped, `"`+hash+`-gzip"`
	}
	return f
}

func (s static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s[r.URL.Path]
	if !ok {
		Problem(w, r, fault.NotFound.Errorf("there is no such file"))
		return
	}
	f.ServeHTTP(w, r)
}

// File serves one file that the program has made, as [Static] serves those of a tree.
// The name tells the content type.
func File(name string, data []byte) http.Handler { return newFile(name, data) }

func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		Problem(w, r, refuse(http.StatusMethodNotAllowed, "this address takes GET, HEAD"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache")
	if f.zipped != nil {
		h.Add("Vary", "Accept-Encoding")
		if r.Header.Get("Range") == "" && acceptsGzip(r) {
			f.serveZipped(w, r)
			return
		}
	}
	h.Set("Etag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}

func (f *file) serveZipped(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Etag", f.zippedETag)
	if known := r.Header.Get("If-None-Match"); known == "*" || strings.Contains(known, f.zippedETag) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Set("Content-Length", strconv.Itoa(len(f.zipped)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.zipped) // the client is gone if it fails
	}
}

// acceptsGzip reports whether gzip is named and not refused with q=0.
func acceptsGzip(r *http.Request) bool {
	for _, accept := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(accept, ",") {
			name, q, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				weight, given := strings.CutPrefix(strings.TrimSpace(q), "q=")
				return !given || strings.Trim(weight, "0.") != ""
			}
		}
	}
	return false
}

// compress gives nil if it would save less than a tenth, or 128 bytes.
func compress(contentType string, data []byte) []byte {
	packed := !strings.HasPrefix(contentType, "text/") && !strings.HasSuffix(contentType, "xml") &&
		!strings.HasSuffix(contentType, "json") && contentType != "application/wasm"
	if packed {
		return nil
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // a valid level
	_, _ = z.Write(data)                                    // a buffer does not fail
	_ = z.Close()
	if out.Len()+max(128, len(data)/10) > len(data) {
		return nil
	}
	return out.Bytes()
}

// contentTypes is the same on every machine, which the mime package's table is not.
var contentTypes = map[string]string{
	".avif":        "image/avif",
	".css":         "text/css; charset=utf-8",
	".csv":         "text/csv; charset=utf-8",
	".gif":         "image/gif",
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
	".otf":         "font/otf",
	".pdf":         "application/pdf",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".ttf":         "font/ttf",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webm":        "video/webm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff":        "font/woff",
	".woff2":       "font/woff2",
	".xml":         "application/xml",
}

func contentTypeOf(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}
