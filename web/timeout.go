package web

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Timeout makes a plug that gives handlers a time: their context ends then, and the client
// is answered with 504 if the answer has not begun, and is cut off if it has. The handler
// goes on until it minds its context; what it writes is refused with
// [http.ErrHandlerTimeout], and a panic of it is logged. The counter is web.timeouts.
//
// It is not for websockets: a hijacked connection is not the handler's to answer.
func Timeout(d time.Duration) Plug {
	if d <= 0 {
		panic(fmt.Sprintf("web: Timeout of %v", d))
	}
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), d) // with what the plugs before have put into it
			defer cancel()
			t := &timed{ctx: ctx, to: w, header: w.Header().Clone()}
			y, own := x.apart(ctx, t, r)
			ended := make(chan *panicked, 1)
			go func() {
				returned := false
				defer func() { ended <- t.recovered(x, recover(), returned) }()
				defer y.cleanUp()
				next.ServeHTTP(&y.rec, own)
				y.end()
				returned = true
			}()
			select {
			case p := <-ended:
				x.line.err, x.line.quiet, r.Pattern = y.line.err, y.line.quiet, own.Pattern
				x.route = cmp.Or(y.route, x.route)
				if p != nil {
					panic(p.passedOn())
				}
				if ctx.Err() != nil && !t.begun { // it has minded its context, and said nothing
					t.giveUp(w, r, d)
					return
				}
				t.finish()
			case <-ctx.Done():
				t.giveUp(w, r, d)
			}
		})
	}
}

// timed is the writer of a handler that has a time.
type timed struct {
	ctx    context.Context
	to     http.ResponseWriter
	header http.Header // the handler's own, until the answer begins

	mu    sync.Mutex
	begun bool
	over  bool
}

func (t *timed) Header() http.Header { return t.header }

// expired reports whether the handler may write no longer. An answer does not begin when
// the time is over, so that there is one 504, and not half of two. The lock is held by the
// caller.
func (t *timed) expired() bool { return t.over || !t.begun && t.ctx.Err() != nil }

// begin gives the header and the status to the client. The lock is held by the caller.
func (t *timed) begin(status int) {
	if t.begun {
		return
	}
	informational := status >= 100 && status < 200
	t.begun = !informational
	t.giveHeader()
	t.to.WriteHeader(status)
}

func (t *timed) giveHeader() {
	h := t.to.Header()
	clear(h)
	maps.Copy(h, t.header)
}

// finish is after the handler, when nobody else is there any more: what it has set since
// the answer began is trailers.
func (t *timed) finish() {
	if t.begun {
		maps.Copy(t.to.Header(), t.header)
		return
	}
	t.giveHeader()
}

func (t *timed) WriteHeader(status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.expired() {
		t.begin(status)
	}
}

func (t *timed) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expired() {
		return 0, http.ErrHandlerTimeout
	}
	t.begin(http.StatusOK)
	return t.to.Write(p)
}

func (t *timed) FlushError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expired() {
		return http.ErrHandlerTimeout
	}
	t.begin(http.StatusOK)
	return http.NewResponseController(t.to).Flush()
}

func (t *timed) Flush() { _ = t.FlushError() }

func (t *timed) giveUp(w http.ResponseWriter, r *http.Request, d time.Duration) {
	if !t.mu.TryLock() { // a write to a client that does not read: it must not hold us up
		_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
		t.mu.Lock()
	}
	t.over = true
	begun := t.begun
	t.mu.Unlock()
	if r.Context().Err() == nil {
		telemetry.Count(r.Context(), "web.timeouts", 1)
	}
	if begun {
		panic(http.ErrAbortHandler)
	}
	err := r.Context().Err() // the client has gone
	if err == nil {
		err = fault.Timeout.Errorf("the answer took longer than %v", d)
	}
	Problem(w, r, err)
}

// recovered is the handler's panic, which is logged here if nobody waits for it. A handler
// that has ended its goroutine has not answered either.
func (t *timed) recovered(ctx context.Context, v any, returned bool) *panicked {
	if returned {
		return nil
	}
	if v == nil {
		v = "runtime.Goexit in a handler"
	}
	p := &panicked{v, debug.Stack()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over && v != http.ErrAbortHandler {
		telemetry.Count(ctx, "web.panics", 1)
		telemetry.Log(ctx).Error("panic in a handler after its time", "panic", fmt.Sprint(v), "stack", string(p.stack))
	}
	return p
}
