// Package webtest is the kit for tests of handlers: a browser without a network and
// without scripts. It asks any [http.Handler] in process, carries cookies along, fills
// forms and follows links; assertions that do not hold end the test and show the answer.
//
// # Usage
//
//	func TestUsers(t *testing.T) {
//		c := webtest.New(t, router)
//
//		page := c.Get("/users/new").Is(200).Shows("h1", "New user")
//		page = page.Submit("form#user", url.Values{"user[name]": {"Ada"}}).
//			Redirects("/users/7").
//			Follow()
//		page.Shows("#flash-info", "Saved").Click("a.logout").Redirects("/")
//	}
//
// A [Client] has one user's cookies; two users are two clients. [Client.Do] sends any
// request, Get and Post are its shortcuts, and the type of the body says how it is sent:
//
//	c.Do("PUT /units/7", Unit{Name: "T-1"})           // JSON
//	c.Post("/login", url.Values{"email": {"a@b.c"}})  // a form
//	c.Post("/hook", `{"raw": true}`, "Content-Type: application/json")
//	c.Post("/up", webtest.Multipart{Files: []webtest.File{{Field: "doc", Name: "a.txt", Data: "…"}}})
//
// Where cookies do not matter, [Do] asks without a client:
//
//	webtest.Do(t, router, "GET /api/units/7", nil).Is(200).Equal("name", "T-1")
//
// # Answers
//
// Each answer is read whole, and a redirect is an answer until it is followed. What a
// [Response] has to say is asserted, or taken out and compared in Go:
//
//	| about    | assert                  | take                                   |
//	|----------|-------------------------|----------------------------------------|
//	| status   | Is(200)                 | Status                                 |
//	| header   | Has("Vary", "Cookie")   | Header, Cookie("session")              |
//	| redirect | Redirects("/users/7")   | Follow()                               |
//	| JSON     | Equal("tags.0", "new")  | At[[]string](res, "tags"), JSON(&v)    |
//	| HTML     | Shows("h1", "Users")    | Find("tr td.name"), a Selection        |
//
// A Selection has Text and Attr of the one element it must have, Texts and All of many,
// and Len; nothing found is Len() == 0.
//
// # Pages
//
// [Response.Submit] and [Response.Click] do what a user can do on the page that has just
// come, and nothing else: the hidden fields go along, so a form without its CSRF token is
// refused here as it is there, and a field that is misspelled, disabled or not on the page
// ends the test. They send what browsers send with it: Accept, Referer, Origin and
// Sec-Fetch-Site.
//
// # Session and flash
//
// A flash is for the page that comes next, and best asserted there, by Shows. Without a
// page, [Client.Peek] looks into the next request, and [Client.Prepare] writes into the
// session, to begin with a user who is logged in. Both take the plug that reads the
// session.
//
// # Streams
//
// [Client.Stream] reads an answer while the handler writes it: by flushed chunks, or by
// server-sent events.
//
//	s := c.Stream("GET /prices", nil, "Last-Event-ID: 6")
//	publish(7)
//	if e := s.Event(); e.ID != "7" { … }
//
// The end of the test makes the client go away, and waits for the handler. In a bubble of
// testing/synctest an hour between two events is over at once.
//
// # Guarantees
//
// What the handler writes is treated as by net/http: a header that is set too late is not
// sent, a Content-Type that is missing is found out, an answer to HEAD has no body, and
// one with less than its Content-Length ends the test. So does, in a Client, a cookie
// that browsers drop: longer than 4096 bytes, of a foreign domain, Secure over http, or
// against its __Host- or __Secure- prefix.
//
// A handler's panic is the test's, if no plug recovers from it: it passes through Do, Get
// and Post, and that of a Stream's handler fails the test with its stack. A request's context is the test's, or made of
// Client.Context, and ends with the handler.
//
// # Limits
//
//	| what                                  | limit             |
//	|---------------------------------------|-------------------|
//	| redirects followed in a row           | 10, and no circle |
//	| body shown by a failure               | 4 KiB             |
//	| waiting for a stream or its handler   | Client.Wait, 5 s  |
//	| chunks of a stream that are not read  | 1024              |
//
// There is no connection: hijacking fails with an error that matches
// [http.ErrNotSupported], deadlines are accepted and do nothing, and trailers are not
// kept. For websockets and time limits serve the handler on 127.0.0.1:0. No script runs.
package webtest
