package web

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/bennu-go/bennu/fault"
)

// Conn is a light view of one request and its answer, for actions that want both.
// Methods that answer return the error that the action returns.
//
// It is printed as data, with secrets left out. Do not keep it beyond the action.
type Conn struct {
	x *exchange
	w http.ResponseWriter
	r *http.Request
}

// Action makes a handler of a function on a [Conn]. An error that it returns is
// answered as a [Problem].
func Action(f func(*Conn) error) http.Handler {
	if f == nil {
		panic("web: the function of an action is nil")
	}
	return &action{nameOf(f), within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		if err := f(&Conn{x, w, r}); err != nil {
			Problem(w, r, err)
		}
	})}
}

// action is a handler that knows its function's name.
type action struct {
	name string
	http.Handler
}

// Context is the request's context.
func (c *Conn) Context() context.Context { return c.r.Context() }

// Request is the request.
func (c *Conn) Request() *http.Request { return c.r }

// Writer is where the answer goes.
func (c *Conn) Writer() http.ResponseWriter { return c.w }

// Header is the answer's header.
func (c *Conn) Header() http.Header { return c.w.Header() }

// Path is the value of a wildcard of the route, or "".
func (c *Conn) Path(name string) string { return c.r.PathValue(name) }

// Query is the first value of a parameter of the query string, or "".
func (c *Conn) Query(name string) string { return c.r.URL.Query().Get(name) }

// Text answers with plain text.
func (c *Conn) Text(status int, text string) error {
	return c.send(status, "text/plain; charset=utf-8", text)
}

// HTML answers with a page that is a text; see [Conn.Render] for views.
func (c *Conn) HTML(status int, page string) error {
	return c.send(status, "text/html; charset=utf-8", page)
}

func (c *Conn) send(status int, contentType, body string) error {
	c.w.Header().Set("Content-Type", contentType)
	c.w.WriteHeader(status)
	_, _ = io.WriteString(c.w, body) // the client is gone if it fails
	return nil
}

// JSON answers with a value as JSON.
func (c *Conn) JSON(status int, v any) error { return writeJSON(c.w, status, v) }

// Render answers with a view.
func (c *Conn) Render(v View) error { return show(c.w, c.r, v) }

// Redirect sends the client on to an address of this site: [RedirectTo].
func (c *Conn) Redirect(address string) error { return c.Render(RedirectTo(address)) }

// Format prints the request and the answer as data.
func (c *Conn) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fault.Inspect(c.data()))
}

type connData struct {
	Method  string
	Path    string
	Route   string
	Query   map[string][]string
	Header  map[string][]string
	Remote  string
	Status  int // 0: not answered yet
	Bytes   int64
	Answer  map[string][]string
	Assigns map[string]any
}

func (c *Conn) data() connData {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	assigns := make(map[string]any, len(c.x.assigns))
	for key, v := range c.x.assigns {
		assigns[fmt.Sprint(key)] = v
	}
	return connData{
		Method: c.r.Method, Path: c.r.URL.Path, Route: c.x.routeOf(c.r), Query: c.r.URL.Query(), Header: c.r.Header, Remote: c.r.RemoteAddr,
		Status: c.x.rec.status, Bytes: c.x.rec.bytes, Answer: c.w.Header(), Assigns: assigns,
	}
}
