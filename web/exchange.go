package web

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// exchange is one request and its answer: all that plugs, handlers and views share
// about it, made once and found through the request's context, which it is itself.
type exchange struct {
	context.Context // the request's, as it came
	rec             recorder
	miss            miss
	body            *limitedBody
	ownBody         limitedBody
	line            line
	route           string           // the pattern's path, once it has matched
	mounted         string           // what Mount has taken off the path
	asked           [2]*http.Request // copies of the request: as it came, and at the route
	trace           telemetry.Trace
	answerID        [1]string // the request id as a header's value

	mu      sync.Mutex
	assigns map[any]any // by Key
	before  []func(http.Header)

	careful   *careful  // of SecureHeaders
	session   *session  // of Sessions
	parent    *exchange // has what was put before this one was set apart
	routes    *table    // that has looked for the request's route
	errorPage ErrorPage
	debug     func(w http.ResponseWriter, r *http.Request, err error, p ProblemDetails) bool
	formats   []string // what Accepts has named; the first is the default
}

type exchangeKey struct{}

// Value gives what the exchange adds to the request's context.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return x
	case telemetry.TraceKey:
		if x.trace.RequestID != "" {
			return &x.trace
		}
	}
	return x.Context.Value(key)
}

func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.(*exchange); ok {
		return x
	}
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// mustExchange is for functions that a handler calls with its context.
func mustExchange(ctx context.Context) *exchange {
	x := exchangeOf(ctx)
	if x == nil {
		panic("web: the context is no request's; serve the handler by an Endpoint, a Router or a plug of package web")
	}
	return x
}

// begin makes the exchange of a request that has none yet.
func begin(w http.ResponseWriter, r *http.Request) (*exchange, http.ResponseWriter, *http.Request) {
	x := &exchange{Context: r.Context()}
	x.rec = recorder{ResponseWriter: w, x: x}
	x.body = &x.ownBody
	x.body.limit = defaultMaxBody
	r = r.WithContext(x)
	x.asked[0] = r
	if r.URL.Scheme != "" || r.URL.Opaque != "" { // a target like https://host/path is the client's word
		own := *r.URL
		own.Scheme, own.Opaque, own.User, own.Host = "", "", nil, ""
		r.URL = &own
	}
	if r.Body != nil && r.Body != http.NoBody {
		x.body.whole = r.Body
		r.Body = x.body
	}
	return x, &x.rec, r
}

// apart makes an exchange for a handler that may go on when the request is over: it
// sees what has been put, and changes nothing here.
func (x *exchange) apart(ctx context.Context, w http.ResponseWriter, r *http.Request) (*exchange, *http.Request) {
	y := &exchange{
		Context: ctx, parent: x, body: x.body, trace: x.trace, answerID: x.answerID,
		errorPage: x.errorPage, debug: x.debug, formats: x.formats, mounted: x.mounted,
	}
	y.rec = recorder{ResponseWriter: w, x: y}
	y.line = line{kept: x.line.kept, quiet: x.line.quiet, start: x.line.start}
	r = r.WithContext(y)
	y.asked[0] = r
	return y, r
}

// within makes a handler of a function that wants the exchange.
func within(serve func(x *exchange, w http.ResponseWriter, r *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		if x == nil {
			x, w, r = begin(w, r)
			defer x.cleanUp()
			defer x.end()
		}
		serve(x, w, r)
	})
}

// end is after the handler: an answer that it has not begun is an empty 200.
func (x *exchange) end() {
	if !x.rec.begun() && x.rec.conn == nil {
		x.beforeAnswer()
	}
}

// cleanUp removes the files of forms, which the server does for its own request only, and
// not for copies.
func (x *exchange) cleanUp() {
	for _, r := range x.asked {
		if r != nil && r.MultipartForm != nil {
			_ = r.MultipartForm.RemoveAll() // temporary files; the system's to remove if this fails
		}
	}
}

// BeforeSend has f called when the answer begins, with its header, to which f may add:
// so sessions set their cookie. What was asked for last is called first. Once the
// answer has begun it is too late; f is then never called.
func BeforeSend(ctx context.Context, f func(http.Header)) {
	x := mustExchange(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.before = append(x.before, f)
}

// beforeAnswer does what is to be done when the answer begins.
func (x *exchange) beforeAnswer() {
	if x.careful != nil {
		x.careful.tell(x, x.rec.Header())
	}
	x.mu.Lock()
	hooks := x.before
	x.before = nil
	x.mu.Unlock()
	if len(hooks) == 0 {
		return
	}
	done := false
	defer func() {
		if !done { // one has panicked: nothing has been sent
			x.rec.status = 0
		}
	}()
	for _, f := range slices.Backward(hooks) {
		f(x.rec.Header())
	}
	done = true
}

// Key names a value that plugs, actions and views of one request share: Plug's
// assigns, typed. Keys are constants:
//
//	const CurrentUser web.Key[User] = "current_user"
//
//	CurrentUser.Put(ctx, user)         // in a plug
//	user, ok := CurrentUser.Get(ctx)   // in an action or a view
//
// The context is the request's. Keys of different types are different keys. A key may
// be used by several goroutines.
type Key[T any] string

// Put sets the value, for everybody who has the request's context. Without a request
// in the context it panics.
func (k Key[T]) Put(ctx context.Context, v T) {
	x := mustExchange(ctx)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.assigns == nil {
		x.assigns = make(map[any]any)
	}
	x.assigns[k] = v
}

// Get is the value, and whether it has been put.
func (k Key[T]) Get(ctx context.Context) (T, bool) {
	for x := exchangeOf(ctx); x != nil; x = x.parent {
		if v, ok := x.assigned(k).(T); ok {
			return v, true
		}
	}
	var none T
	return none, false
}

func (x *exchange) assigned(key any) any {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.assigns[key]
}

// Value is the value, or the zero value if it has not been put.
func (k Key[T]) Value(ctx context.Context) T {
	v, _ := k.Get(ctx)
	return v
}

// line is one request's line in the log.
type line struct {
	kept  bool // by Log
	quiet bool
	start time.Time
	r     *http.Request
	err   error // what Problem was given
}
