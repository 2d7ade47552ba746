// Package web is the HTTP door: an endpoint that a supervisor runs, a router, plugs,
// sessions, pages, and typed actions, all of them net/http handlers.
//
// # Usage
//
//	type ByID struct {
//		ID int64 `path:"id" validate:"min=1"`
//	}
//
//	const UnitPath web.Path[ByID] = "/api/units/{id}"
//
//	func show(ctx context.Context, in ByID) (Unit, error) {
//		return Unit{}, fault.NotFound.Errorf("unit %d is unknown", in.ID)
//	}
//
//	func main() {
//		router := web.NewRouter(web.SecureHeaders("default-src 'self'"), web.MethodOverride)
//
//		api := router.Scope("/api", web.Accepts("json"), web.CrossOrigin())
//		UnitPath.Handle(api, "GET", web.JSON(show))
//
//		sessions := &web.Sessions{Keys: keys}
//		pages := router.Scope("", web.Accepts("html"), sessions.Plug, web.CSRF())
//		pages.Resources("/users", web.Resource{Index: web.Page(listUsers), Create: web.Page(createUser)})
//
//		router.Mount("/assets", web.Static(assets))
//		endpoint := &web.Endpoint{Addr: ":4000", Handler: router}
//		… // a child of the tree, or: endpoint.Serve(ctx)
//	}
//
// An [Endpoint] is a child by its Start and Serve. On the way to its handler each
// request passes [RequestID], [Log], [Recover] and the limits below, which are not
// optional. Behind another server, put the three plugs there with [Chain].
//
// # Handlers
//
// Any [http.Handler] is one. Three functions make them of what one rather writes:
//
//   - [JSON]: func(ctx, In) (Out, error), the shape that every door has. In is filled from
//     path, query, header and body by tags, and validated; Out is JSON.
//   - [Page]: func(ctx, In) (View, error), the same for people. A [View] is whatever renders
//     itself: a templ component, a page of package view, [RedirectTo].
//   - [Action]: func(*Conn) error, for what wants the request and the answer themselves.
//
// # Plugs
//
// A [Plug] is func(http.Handler) http.Handler, so every Go middleware is one. It is given to
// a router, where it sees every request, to a scope or to a route, where it sees those
// that match. What has options is a struct with a method Plug:
//
//	limit := &web.RateLimit{Requests: 100, Per: time.Minute}
//	ingest := router.Scope("/ingest", web.Quiet, web.MaxBody(64<<10), limit.Plug)
//
//	| plug              | what it does                                                    |
//	|-------------------|-----------------------------------------------------------------|
//	| [RequestID]       | an id for logs, calls to processes, and the answer              |
//	| [Log], [Quiet]    | a line for each request, or only for failures                   |
//	| [Recover]         | a panic is a 500, with the stack in the log                     |
//	| [Observe]         | tells a function of method, route, status, bytes, duration      |
//	| [Debug]           | errors for developers: code, causes, request, advice            |
//	| [RealIP]          | the client's address behind proxies that are named              |
//	| [HTTPS]           | sends everybody to HTTPS; Strict-Transport-Security             |
//	| [SecureHeaders]   | careful browsers; Content-Security-Policy with a nonce          |
//	| [CORS]            | pages of other origins may read                                 |
//	| [CrossOrigin]     | pages of other origins may not send                             |
//	| [SameSite]        | the same where a GET changes something                          |
//	| [CSRF]            | the same with tokens for old browsers                           |
//	| [Sessions]        | remembers a visitor, in a cookie or a store; [PutFlash]         |
//	| [BasicAuth]       | a name and a password                                           |
//	| [Accepts]         | the formats of these routes                                     |
//	| [ErrorPages]      | the program's own pages for errors                              |
//	| [MethodOverride]  | forms that send PUT, PATCH and DELETE                           |
//	| [MaxBody]         | the limit of a body                                             |
//	| [RateLimit]       | so many requests in a time                                      |
//	| [Concurrency]     | so many at once; others wait, and then are refused              |
//	| [Memory]          | refuses while memory is short                                   |
//	| [Timeout]         | a time for the answer                                           |
//	| [Compress]        | gzip, brotli, zstd                                              |
//	| [ETag]            | 304 for what the client has                                     |
//
// # Files, streams, uploads
//
// [Static] serves a tree from memory: at plain names with an ETag, and at names with a digest
// ([Assets.URL]) that browsers keep for a year; [StaticDir] reads the disk at each request, for
// development. An action answers with files by [Conn.File], [Conn.SendFile] and
// [Conn.Download], with what it makes bit by bit by [Conn.Stream], and with server-sent events
// by [Conn.Events]; these two outlive the WriteTimeout, and cut a client that takes longer than
// 30 s for one write. [Upload] takes multipart forms as they arrive, to disk or to a function.
//
// # What a request carries
//
// All that belongs to a request is found through its context, in handlers, actions, views
// and plugs alike: values under a [Key], the session under a [SessionKey], [Flash], [Nonce],
// [CSRFToken]. What is to happen when the answer begins is left with [BeforeSend].
//
// # Errors
//
// An action's error is answered by its [fault.Kind], with the status of [StatusOf],
// as RFC 9457's application/problem+json, or as a page where one is wanted; [Problem] does
// the same for any handler. Causes and internal errors stay in the log.
//
//	| answer | when                                                            |
//	|--------|-----------------------------------------------------------------|
//	| 400    | query, path or body cannot be decoded                           |
//	| 403    | [CrossOrigin], [SameSite] or [CSRF] refuses                     |
//	| 404    | no route or no file                                             |
//	| 405    | a route, but for other methods; see Allow                       |
//	| 406    | the client wants none of the formats                            |
//	| 413    | the body is over its limit                                      |
//	| 414    | the query string is over its limit                              |
//	| 415    | an action's body is neither JSON nor a form                     |
//	| 422    | the input is refused, by field                                  |
//	| 429    | [RateLimit] refuses                                             |
//	| 431    | the header is over its limit; net/http answers, nothing logs it |
//	| 500    | a panic, an answer that cannot be encoded, an internal error    |
//	| 503    | [Concurrency] or [Memory] refuses; see Retry-After              |
//	| 504    | [Timeout] is over                                               |
//
// Wiring mistakes panic with "web: …" when the program starts: patterns that clash, a
// pattern without the wildcard that its action needs, an input that cannot be
// decoded, plugs without what they need. At run time two things panic: what net/http asks
// for, an answer that broke off ([http.ErrAbortHandler]), and a function that wants the
// request's context and is given another, which Recover answers with 500.
//
// # Guarantees
//
// A handler's panic ends its request and nothing else. A goroutine that the handler
// has started is on its own: its panic ends the program.
//
// When the context of Serve is done, requests that run get the drain time; the
// context of a request ends when its client goes away or the drain time is over, and
// not before. [Draining] tells it earlier. All values of Serve's context are in every
// request's.
//
// Writers that handlers get can flush, hijack, and be used with
// [http.ResponseController]. What is printed or logged of a request has no secrets in it,
// as package fault knows them: cookies, authorization, tokens, passwords.
//
// # Limits
//
//	| what                              | default | where                       |
//	|-----------------------------------|---------|-----------------------------|
//	| reading the header                | 5 s     | Endpoint.ReadHeaderTimeout  |
//	| reading the whole request         | 30 s    | Endpoint.ReadTimeout        |
//	| from there to the answer's end    | 60 s    | Endpoint.WriteTimeout       |
//	| an idle connection                | 75 s    | Endpoint.IdleTimeout        |
//	| header                            | 64 KiB  | Endpoint.MaxHeaderBytes     |
//	| names in a header                 | 200     |                             |
//	| query string                      | 16 KiB  |                             |
//	| parameters in it                  | 1,000   |                             |
//	| body                              | 1 MiB   | [MaxBody]                   |
//	| a file that is uploaded           | 10 MiB  | [Upload].MaxFile            |
//	| all of an upload                  | 101 MiB | [Upload].MaxTotal           |
//	| requests that wait for a place    | 100     | [Concurrency].Waiting       |
//	| waiting for a place               | 5 s     | [Concurrency].Wait          |
//	| memory that lives                 | 0.9     | [Memory].Share of its limit |
//	| streams of an HTTP/2 connection   | 250     |                             |
//	| draining                          | 4 s     | Endpoint.Drain              |
//	| path in the log                   | 256 B   |                             |
//
// Over HTTP/2 the time for a header is that of an idle connection. The number of
// connections has no limit but the operating system's.
//
// # Testing
//
// Package webtest is a browser without a network. An Endpoint with Addr
// "127.0.0.1:0" gets a free port; [Endpoint.URL] tells which. By its Listen it serves on a
// listener of the test's own.
package web
