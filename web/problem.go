package web

import (
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// statusClientClosedRequest is nginx's word for an asker who went away; nobody is
// left to read it but the log.
const statusClientClosedRequest = 499

var statuses = [...]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Exhausted:       http.StatusTooManyRequests,
	fault.Timeout:         http.StatusGatewayTimeout,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Canceled:        statusClientClosedRequest,
}

// refusal is an error of HTTP itself, whose status is finer than its kind.
type refusal struct {
	status int
	error
}

func (r *refusal) Unwrap() error { return r.error }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fault.Invalid.Errorf(format, args...)}
}

// StatusOf is the HTTP status of an error, by its [fault.Kind]; the package comment
// of fault has the table. What this package refuses by itself (405, 413, 415) has
// that status. No error is 200.
func StatusOf(err error) int {
	if err == nil {
		return http.StatusOK
	}
	var own *refusal
	if errors.As(err, &own) {
		return own.status
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return http.StatusRequestEntityTooLarge
	}
	if kind := fault.Of(err); int(kind) < len(statuses) {
		return statuses[kind]
	}
	return http.StatusInternalServerError
}

// Problem answers with an error: the status is [StatusOf], the text [fault.Detail],
// which keeps causes and internal errors to the log. The form is RFC 9457's
// application/problem+json, or for a client that accepts text/html, and whose path is
// not below /api, a small page.
//
//	{"type":"about:blank","title":"Not Found","status":404,"detail":"unit 7 is unknown","request_id":"…"}
//
// 429 and 503 ask to come back after 1 to 5 seconds, at random, unless a Retry-After
// is set; a 401 should have its WWW-Authenticate set before. If the answer has
// already begun, the error only goes to the log.
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	problem(w, r, err, wantsPage(r))
}

func problem(w http.ResponseWriter, r *http.Request, err error, page bool) {
	if err == nil {
		err = fault.Internal.Errorf("a problem without an error")
	}
	status := StatusOf(err)
	if l := lineOf(w); l != nil {
		l.err = err
	} else if status >= 500 {
		telemetry.Log(r.Context()).Error("request failed", "path", shorten(r.URL.Path), "status", status, "error", err)
	}
	if rec := recorderOf(w); rec != nil && rec.begun() {
		return
	}

	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	retry := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if retry && h.Get("Retry-After") == "" {
		h.Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	}
	p := problemOf(r, err, status)
	if page {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, problemPage, html.EscapeString(p.Title), status, html.EscapeString(p.Detail), html.EscapeString(p.RequestID))
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	body, _ := encodeJSON(p) // strings and a number: cannot fail
	_, _ = w.Write(body)
}

type problemBody struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id,omitempty"`
}

func problemOf(r *http.Request, err error, status int) problemBody {
	p := problemBody{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fault.Detail(err)}
	if status == statusClientClosedRequest {
		p.Title = "Client Closed Request"
	}
	if t := telemetry.TraceOf(r.Context()); t != nil {
		p.RequestID = t.RequestID
	}
	return p
}

const problemPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%[1]s</title>
<h1>%[2]d %[1]s</h1>
<p>%[3]s</p>
<p><small>%[4]s</small></p>
</html>
`

func wantsPage(r *http.Request) bool {
	// Mounting strips the path's beginning, but not the RequestURI's.
	for _, path := range []string{r.URL.Path, r.RequestURI} {
		if path == "/api" || strings.HasPrefix(path, "/api/") {
			return false
		}
	}
	for _, accept := range r.Header.Values("Accept") {
		if strings.Contains(accept, "text/html") {
			return true
		}
	}
	return false
}
