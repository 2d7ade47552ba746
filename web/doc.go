// Package web is the HTTP door: an endpoint that a supervisor runs, a router, plugs,
// and typed JSON actions, all of them net/http handlers.
//
// # Usage
//
//	type Unit struct {
//		ID   string `json:"id"`
//		Name string `json:"name"`
//	}
//
//	func show(ctx context.Context, in struct {
//		ID string `path:"id"`
//	}) (Unit, error) {
//		return Unit{}, fault.NotFound.Errorf("unit %s is unknown", in.ID)
//	}
//
//	func main() {
//		router := web.NewRouter(web.SecureHeaders("default-src 'self'"), web.CrossOrigin())
//		api := router.Scope("/api")
//		api.Handle("GET /units/{id}", web.JSON(show))
//		router.Mount("/assets", web.Static(assets))
//
//		endpoint := &web.Endpoint{Addr: ":4000", Handler: router}
//		… // a child of the tree, or: endpoint.Serve(ctx)
//	}
//
// An [Endpoint] is a child by its Start and Serve. On the way to its handler each
// request passes three plugs, which are not optional: [RequestID], [Log] and
// [Recover]. Behind another server, put them there with [Chain].
//
// A [Plug] is func(http.Handler) http.Handler. It is given to a router, where it sees
// every request, to a scope or to a route, where it sees those that match:
//
//	ingest := router.Scope("/ingest", web.Quiet, web.MaxBody(64<<10), units)
//	ingest.Handle("POST", web.JSON(store)) // POST /ingest
//
// A busy route is made [Quiet]: a thousand requests a second are counted, and only
// failures make a line in the log.
//
// # Actions
//
// [JSON] turns a function of the shape every door has into a handler. What the tags
// name comes from the path and the query, the rest from the body:
//
//	type Positions struct {
//		Unit  int64     `path:"id"`
//		From  time.Time `query:"from"`
//		Limit *int      `query:"limit"` // nil if it is not given
//	}
//
//	func (p *Positions) Validate() error { … }
//
// A body cannot set a field that has a path or query tag. Unknown fields and
// parameters are ignored. A parameter that is missing is a zero value, which Validate
// may refuse; one that is given twice, but has no slice to go to, is refused.
//
// # Errors
//
// An action's error is answered by its [fault.Kind], with the status of [StatusOf],
// as RFC 9457's application/problem+json; [Problem] does the same for any handler,
// with a small page for browsers. Causes and internal errors stay in the log.
//
//	| answer | when                                                           |
//	|--------|----------------------------------------------------------------|
//	| 400    | query, path or body cannot be decoded, or Validate refuses     |
//	| 403    | [CrossOrigin] or [SameSite] refuses                            |
//	| 404    | no route or no file                                            |
//	| 405    | a route, but for other methods; see Allow                      |
//	| 413    | the body is over its limit                                     |
//	| 415    | an action has a body that is not application/json              |
//	| 431    | the header is over its limit; net/http answers, nothing logs it|
//	| 500    | a panic, an answer that cannot be encoded, an internal error   |
//
// Wiring mistakes panic with "web: …" when the program starts: patterns that clash, a
// pattern without the wildcard that its action needs, an input that cannot be
// decoded. Nothing else here panics, save what net/http asks for: an answer that
// broke off is [http.ErrAbortHandler].
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
// [http.ResponseController].
//
// # Limits
//
//	| what                              | default | where                       |
//	|-----------------------------------|---------|-----------------------------|
//	| reading the header                | 5 s     | Endpoint.ReadHeaderTimeout  |
//	| reading the whole request         | 30 s    | Endpoint.ReadTimeout        |
//	| from there to the answer's end    | 60 s    | Endpoint.WriteTimeout       |
//	| an idle connection                | 2 min   | Endpoint.IdleTimeout        |
//	| header                            | 64 KiB  | Endpoint.MaxHeaderBytes     |
//	| draining                          | 4 s     | Endpoint.Drain              |
//	| body that an action reads         | 1 MiB   | [MaxBody]                   |
//	| path in the log                   | 256 B   |                             |
//
// The number of connections has no limit but the operating system's. Handlers that
// read a body by themselves limit it with [MaxBody].
//
// # Testing
//
// Package webtest asks a handler without a network. An Endpoint with Addr
// "127.0.0.1:0" gets a free port; [Endpoint.URL] tells which.
package web
