package webtest

import (
	"context"
	"net/http"
)

// Peek looks into the next request of this browser, and keeps no cookie that it sets:
// look is called with the context of a GET of "/", behind a plug. Behind the one that
// reads the session it sees what the next page will see, and leaves it there for that
// page: what is in the session, and in the flash.
//
//	c.Peek(sessions, func(ctx context.Context) { got = web.Flash(ctx, "info") })
//
// It ends the test if the plug answers by itself.
func (c *Client) Peek(plug func(http.Handler) http.Handler, look func(ctx context.Context)) {
	c.t.Helper()
	c.behind(plug, look)
}

// Prepare is Peek, but cookies are kept: so a test begins with a user who is logged in,
// without the way through the login page.
func (c *Client) Prepare(plug func(http.Handler) http.Handler, do func(ctx context.Context)) {
	c.t.Helper()
	c.keep(c.behind(plug, do))
}

func (c *Client) behind(plug func(http.Handler) http.Handler, f func(ctx context.Context)) *Response {
	c.t.Helper()
	called := false
	h := plug(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		f(r.Context())
	}))
	res := c.serve(h, c.ask("GET /", nil, nil))
	if !called {
		res.fatalf("the plug has answered by itself")
	}
	return res
}
