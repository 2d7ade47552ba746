package webtest

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Client is a browser without a network and without scripts: it asks a handler in
// process, and carries cookies along. Its fields may be set until the first request.
// It is for one goroutine, the test's.
type Client struct {
	// Origin is where paths belong to. The default, "https://example.test", makes
	// cookies that are Secure come back.
	Origin string
	// Header is sent with each request that has not got that header itself.
	Header http.Header
	// Context is what the context of each request is made of, as by
	// [http.Server.BaseContext]. The default is the test's.
	Context context.Context
	// Wait is how long a [Stream] waits for its handler. The default is 5 s.
	Wait time.Duration

	t       testing.TB
	handler http.Handler
	jar     *cookiejar.Jar // nil if cookies are not kept
}

// New gives a browser, with no cookies yet, that talks to h. The headers, as in
// "Accept: text/html", are sent with each request.
func New(t testing.TB, h http.Handler, headers ...string) *Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("webtest: %v", err)
	}
	return &Client{
		Origin: "https://example.test", Header: parseHeaders(t, headers), Context: t.Context(),
		Wait: 5 * time.Second, t: t, handler: h, jar: jar,
	}
}

// Do sends one request to h, as [Client.Do] does, but not as a browser: it goes to
// http://example.com, and cookies are not kept.
func Do(t testing.TB, h http.Handler, request string, body any, headers ...string) *Response {
	t.Helper()
	c := New(t, h)
	c.Origin, c.jar = "http://example.com", nil
	return c.Do(request, body, headers...)
}

// Do sends a request such as "PUT /units/7?notify=yes" and gives the whole answer. A
// redirect is an answer like any other, see [Response.Follow]. The target is a path,
// or a whole URL if it is about another host. The body may be
//
//   - nil: none
//   - a string, a []byte or an [io.Reader]: sent as it is
//   - [url.Values]: a form
//   - [Multipart]: a form with files
//   - anything else: JSON
//
// Headers are given as in "Accept: text/html", and go before those of the client and
// the body's Content-Type.
func (c *Client) Do(request string, body any, headers ...string) *Response {
	c.t.Helper()
	return c.send(c.ask(request, body, headers))
}

// Get is Do with the method GET.
func (c *Client) Get(path string, headers ...string) *Response {
	c.t.Helper()
	return c.Do("GET "+path, nil, headers...)
}

// Post is Do with the method POST.
func (c *Client) Post(path string, body any, headers ...string) *Response {
	c.t.Helper()
	return c.Do("POST "+path, body, headers...)
}

// ask is a request before it is sent.
type ask struct {
	method string
	url    *url.URL
	header http.Header
	body   content
}

func (c *Client) ask(request string, body any, headers []string) ask {
	c.t.Helper()
	method, target, ok := strings.Cut(request, " ")
	if !ok {
		c.t.Fatalf("webtest: the request %q is not a method, a space and a path", request)
	}
	if strings.HasPrefix(target, "/") {
		target = c.Origin + target // not resolved: "//x" is a path here
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.t.Fatalf("webtest: the target of the request %q is neither a path nor a URL of http or https", request)
	}
	return ask{method, u, parseHeaders(c.t, headers), encode(c.t, body)}
}

func (c *Client) send(a ask) *Response {
	c.t.Helper()
	res := c.serve(c.handler, a)
	c.keep(res)
	return res
}

// serve has a handler answer, in this goroutine, so that its panic is the test's.
func (c *Client) serve(h http.Handler, a ask) *Response {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.Context)
	defer cancel() // as in net/http, where the context ends with the handler
	r := c.request(ctx, a)
	w := &writer{header: make(http.Header), head: a.method == http.MethodHead}
	h.ServeHTTP(w, r)
	w.end()
	w.stop()
	res := &Response{Status: w.status, Header: w.sent, Body: w.body.String(), URL: a.url, t: c.t, client: c, ask: a, cookies: r.Header.Get("Cookie")}
	if w.short() {
		res.fatalf("the answer has %d bytes, but says Content-Length: %d; a browser would refuse it", w.written, w.length)
	}
	return res
}

// request makes the request as a server would give it to its handler.
func (c *Client) request(ctx context.Context, a ask) *http.Request {
	c.t.Helper()
	r := httptest.NewRequestWithContext(ctx, a.method, a.url.RequestURI(), a.body.reader())
	r.Host = a.url.Host
	if a.url.Scheme == "https" {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: a.url.Hostname()}
	}
	r.Header = a.header.Clone()
	for name, values := range c.Header {
		if r.Header[name] == nil {
			r.Header[name] = values
		}
	}
	if r.Header.Get("Content-Type") == "" && a.body.kind != "" {
		r.Header.Set("Content-Type", a.body.kind)
	}
	if host := r.Header.Get("Host"); host != "" { // where a server has it
		r.Host = host
		r.Header.Del("Host")
	}
	if c.jar != nil {
		for _, cookie := range c.jar.Cookies(a.url) {
			r.AddCookie(cookie)
		}
	}
	return r
}

func parseHeaders(t testing.TB, headers []string) http.Header {
	t.Helper()
	parsed := make(http.Header)
	for _, header := range headers {
		name, value, ok := strings.Cut(header, ": ")
		if !ok {
			t.Fatalf("webtest: the header %q is not a name, a colon, a space and a value", header)
		}
		parsed.Add(name, value)
	}
	return parsed
}
