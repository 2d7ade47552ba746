package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxTagged is the bytes up to which ETag keeps an answer.
const maxTagged = 1 << 20

// ETag is a plug that saves sending what the client has: it holds the answer to a GET or
// HEAD back, gives it an ETag made of its bytes, and answers 304 to a client whose
// If-None-Match has it. The handler still does all its work. An ETag that the handler sets
// is kept, and answered with 304 in the same way, without anything held back.
//
// It is for answers with status 200. Those larger than 1 MiB, streams (the first
// Flush ends the holding back) and "Cache-Control: no-store" pass through as they are. If
// the handler turns to an error, by a status from 400 on, what was held back is dropped.
//
// Put it inside of [Compress]. What is different each time, as a page with a CSRF token or a
// nonce, gains nothing by it.
func ETag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header["Upgrade"] != nil {
			next.ServeHTTP(w, r)
			return
		}
		t := &tagged{ResponseWriter: w, r: r}
		defer t.release()
		next.ServeHTTP(t, r)
		t.end() // not after a panic: what was held back is then dropped
	})
}

// tagged is the writer of a handler whose answer may get an ETag.
type tagged struct {
	http.ResponseWriter
	r     *http.Request
	stage stage         // fresh, holding, passing; silent after a 304
	held  *bytes.Buffer // while holding
}

func (t *tagged) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tagged) release() {
	if t.held != nil && t.held.Cap() <= maxTagged {
		t.held.Reset()
		buffers.Put(t.held)
	}
	t.held = nil
}

func (t *tagged) WriteHeader(status int) {
	switch {
	case status < 200 && status != http.StatusSwitchingProtocols, t.stage == passing:
		t.ResponseWriter.WriteHeader(status)
	case t.stage == fresh:
		t.begin(status)
	case t.stage == holding && status >= 400:
		t.release()
		t.begin(status)
	}
}

func (t *tagged) begin(status int) {
	h := t.Header()
	etag := h.Get("Etag")
	switch {
	case status != http.StatusOK:
		t.pass(status)
	case etag != "" && matchesETag(t.r.Header["If-None-Match"], etag):
		t.notModified()
	case etag != "" || strings.Contains(strings.ToLower(strings.Join(h["Cache-Control"], ",")), "no-store"):
		t.pass(status)
	case contentLength(h) > maxTagged:
		t.pass(status)
	default:
		t.stage = holding
		t.held = buffers.Get().(*bytes.Buffer)
	}
}

func (t *tagged) pass(status int) {
	t.stage = passing
	t.ResponseWriter.WriteHeader(status)
}

// notModified leaves out the body and what describes it.
func (t *tagged) notModified() {
	t.stage = silent
	answerNotModified(t.ResponseWriter)
}

func answerNotModified(w http.ResponseWriter) {
	h := w.Header()
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Encoding", "Accept-Ranges"} {
		h.Del(name)
	}
	w.WriteHeader(http.StatusNotModified)
}

// let sends what was held back, and no longer holds.
func (t *tagged) let() error {
	t.pass(http.StatusOK)
	defer t.release()
	if t.held.Len() == 0 {
		return nil
	}
	_, err := t.ResponseWriter.Write(t.held.Bytes())
	return err
}

func (t *tagged) Write(p []byte) (int, error) {
	if t.stage == fresh {
		t.begin(http.StatusOK)
	}
	if t.stage == holding {
		if t.held.Len()+len(p) <= maxTagged {
			return t.held.Write(p)
		}
		if err := t.let(); err != nil {
			return 0, err
		}
	}
	if t.stage == silent {
		return len(p), nil
	}
	return t.ResponseWriter.Write(p)
}

// ReadFrom lets io.Copy use sendfile for what is not held back.
func (t *tagged) ReadFrom(src io.Reader) (int64, error) {
	if t.stage == fresh {
		t.begin(http.StatusOK)
	}
	if t.stage == passing {
		return io.Copy(t.ResponseWriter, src)
	}
	return io.Copy(struct{ io.Writer }{t}, src)
}

func (t *tagged) FlushError() error {
	if t.stage == fresh {
		t.begin(http.StatusOK)
	}
	if t.stage == holding {
		if err := t.let(); err != nil {
			return err
		}
	}
	return http.NewResponseController(t.ResponseWriter).Flush()
}

func (t *tagged) Flush() { _ = t.FlushError() }

// end is after the handler.
func (t *tagged) end() {
	if t.stage != holding {
		return
	}
	body, h := t.held.Bytes(), t.Header()
	if n := contentLength(h); len(body) == 0 || n >= 0 && n != int64(len(body)) { // a HEAD, or broken off
		_ = t.let()
		return
	}
	etag := etagOf(body)
	h.Set("Etag", etag)
	if matchesETag(t.r.Header["If-None-Match"], etag) {
		t.notModified()
		return
	}
	if _, typed := h["Content-Type"]; !typed && h["Content-Encoding"] == nil {
		h.Set("Content-Type", http.DetectContentType(body))
	}
	if h["Content-Length"] == nil && h["Trailer"] == nil {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	t.pass(http.StatusOK)
	_, _ = t.ResponseWriter.Write(body) // the client is gone if it fails
}

// contentLength is what the header says, or -1.
func contentLength(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// etagOf is the strong ETag of a content.
func etagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matchesETag tells whether If-None-Match has the ETag, which may be weak on either
// side, or is *.
func matchesETag(ifNoneMatch []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, list := range ifNoneMatch {
		for {
			list = strings.TrimLeft(list, " \t,")
			if strings.HasPrefix(list, "*") {
				return true
			}
			quoted, ok := strings.CutPrefix(strings.TrimPrefix(list, "W/"), `"`)
			if !ok {
				break // the end, or malformed from here
			}
			tag, rest, ok := strings.Cut(quoted, `"`)
			if !ok {
				break
			}
			if len(etag) == len(tag)+2 && etag[1:len(etag)-1] == tag {
				return true
			}
			list = rest
		}
	}
	return false
}
