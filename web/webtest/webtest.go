// Package webtest asks a handler without a network.
//
//	webtest.Do(t, router, "POST /api/units", Unit{Name: "T-1"}).JSON(&made)
//
// [Do] sends one request and gives the whole answer. A panic of the handler is the
// test's. For flushing, hijacking and time limits, which need a connection, serve a
// [web.Endpoint] on "127.0.0.1:0".
//
// [web.Endpoint]: https://pkg.go.dev/github.com/bennu-go/bennu/web#Endpoint
package webtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Response is a whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   string
	t      testing.TB
}

// Do sends a request such as "GET /units?from=7" to h. A body that is a string, a
// []byte or an [io.Reader] is sent as it is, nil is none, and anything else is sent
// as JSON. Headers are given as in "Accept: text/html".
func Do(t testing.TB, h http.Handler, request string, body any, headers ...string) *Response {
	t.Helper()
	method, target, ok := strings.Cut(request, " ")
	if !ok {
		t.Fatalf("webtest: the request %q is not a method, a space and a path", request)
	}
	var content io.Reader
	var contentType string
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	case []byte:
		content = bytes.NewReader(b)
	case io.Reader:
		content = b
	default:
		data, err := json.Marshal(b)
		if err != nil {
			t.Fatalf("webtest: the body: %v", err)
		}
		content, contentType = bytes.NewReader(data), "application/json"
	}
	r := httptest.NewRequestWithContext(t.Context(), method, target, content)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, header := range headers {
		name, value, ok := strings.Cut(header, ": ")
		if !ok {
			t.Fatalf("webtest: the header %q is not a name, a colon, a space and a value", header)
		}
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Result()
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: w.Body.String(), t: t}
}

// JSON decodes the body into v, or fails the test.
func (r *Response) JSON(v any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.Body), v); err != nil {
		r.t.Fatalf("webtest: the answer (status %d) is not JSON: %v\n%s", r.Status, err, r.Body)
	}
}
