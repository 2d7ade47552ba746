package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"

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
// of fault has the table. An error that tells by field what is wrong ([fault.Refuse])
// is 422. What this package refuses by itself (405, 413, 415 and such) has that
// status. No error is 200.
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
	kind := fault.Of(err)
	if kind == fault.Invalid && fault.FieldsOf(err) != nil {
		return http.StatusUnprocessableEntity
	}
	if int(kind) < len(statuses) {
		return statuses[kind]
	}
	return http.StatusInternalServerError
}

// ProblemDetails is how an error is told to a client: RFC 9457, with what is wrong by
// field.
type ProblemDetails struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"` // of the status, as in "Not Found"
	Status    int          `json:"status"`
	Detail    string       `json:"detail"`           // [fault.Detail]
	Errors    fault.Fields `json:"errors,omitempty"` // [fault.FieldsOf]
	RequestID string       `json:"request_id,omitempty"`
}

// ErrorPage renders the page of an error. The context is the request's.
type ErrorPage func(ctx context.Context, p ProblemDetails) View

// ErrorPages is a plug that has the program's own pages for errors rendered, by
// status, where a page is wanted. If rendering fails, the plain page is sent.
func ErrorPages(page ErrorPage) Plug {
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			x.errorPage = page
			next.ServeHTTP(w, r)
		})
	}
}

// Problem answers with an error: the status is [StatusOf], the text [fault.Detail],
// which keeps causes and internal errors to the log. The form is RFC 9457's
// application/problem+json, or a page for a client that prefers text/html, unless a
// plug [Accepts] has decided.
//
//	{"type":"about:blank","title":"Not Found","status":404,"detail":"unit 7 is unknown","request_id":"…"}
//	{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"…","errors":{"email":["must be an address"]}}
//
// 429 and 503 ask to come back after 1 to 5 seconds, at random, unless a Retry-After
// is set; a 401 should have its WWW-Authenticate set before. If the answer has
// already begun, the error only goes to the log.
func Problem(w http.ResponseWriter, r *http.Request, err error) {
	problem(w, r, err, wants(r, "json", "html") == "html")
}

func problem(w http.ResponseWriter, r *http.Request, err error, page bool) {
	if err == nil {
		err = fault.Internal.Errorf("a problem without an error")
	}
	status := StatusOf(err)
	x := exchangeOf(r.Context())
	if x != nil && x.line.kept {
		x.line.err = err
	} else if status >= 500 {
		telemetry.Log(r.Context()).Error("request failed", "path", shorten(r.URL.Path), "status", status, "error", err)
	}
	if x != nil && x.rec.begun() {
		return
	}

	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if status == http.StatusRequestEntityTooLarge {
		h.Set("Connection", "close") // the rest of the body is not read
	}
	retry := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if retry && h.Get("Retry-After") == "" {
		h.Set("Retry-After", strconv.Itoa(1+rand.IntN(5)))
	}
	if page {
		problemPage(x, w, r, err, status)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	body, _ := encodeJSON(problemOf(r, err, status)) // strings and a number: cannot fail
	_, _ = w.Write(body)
}

// problemPage is the first that there is of: the page for developers, the program's
// own, the plain one.
func problemPage(x *exchange, w http.ResponseWriter, r *http.Request, err error, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	p := problemOf(r, err, status)
	if x != nil && x.debug != nil && x.debug(w, r, err, p) {
		return
	}
	if x != nil && x.errorPage != nil {
		page, failed := x.errorPage.render(r.Context(), p)
		if len(page) > 0 {
			w.WriteHeader(status)
			_, _ = w.Write(page)
			return
		}
		if failed != nil {
			telemetry.Log(r.Context()).Error("the page of an error cannot be rendered", "status", status, "error", failed)
		}
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, plainPage, html.EscapeString(p.Title), status, html.EscapeString(p.Detail), html.EscapeString(p.RequestID))
}

// render is the program's page, if it has one. It does not panic: nobody would be left to
// answer.
func (page ErrorPage) render(ctx context.Context, p ProblemDetails) (text []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			text, err = nil, &panicked{v, debug.Stack()}
		}
	}()
	view := page(ctx, p)
	if view == nil {
		return nil, nil
	}
	var out bytes.Buffer
	if err := view.Render(ctx, &out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func problemOf(r *http.Request, err error, status int) ProblemDetails {
	p := ProblemDetails{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fault.Detail(err), Errors: fault.FieldsOf(err)}
	if status == statusClientClosedRequest {
		p.Title = "Client Closed Request"
	}
	if t := telemetry.TraceOf(r.Context()); t != nil {
		p.RequestID = t.RequestID
	}
	return p
}

const plainPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%[1]s</title>
<h1>%[2]d %[1]s</h1>
<p>%[3]s</p>
<p><small>%[4]s</small></p>
</html>
`
