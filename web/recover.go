package web

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/bennu-go/bennu/telemetry"
)

// Recover is a plug that turns a handler's panic into a [Problem] with status 500,
// logs it with its stack and counts web.panics. If the answer has already begun, the
// connection is cut, so that nobody takes half an answer for a whole one; a hijacked
// connection is closed. [http.ErrAbortHandler] is passed on.
func Recover(next http.Handler) http.Handler {
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			p, ok := v.(*panicked)
			if !ok {
				p = &panicked{v, debug.Stack()}
			}
			if p.value == http.ErrAbortHandler {
				panic(p.value)
			}
			telemetry.Count(x, "web.panics", 1)
			telemetry.Log(x).Error("panic in a handler", "panic", fmt.Sprint(p.value), "stack", string(p.stack))
			switch {
			case x.rec.conn != nil:
				x.rec.conn.Close()
			case x.rec.begun():
				panic(http.ErrAbortHandler)
			default:
				Problem(w, r, p)
			}
		}()
		next.ServeHTTP(w, r)
		if w == http.ResponseWriter(&x.rec) { // else a plug outside may hold an answer back
			x.end()
		}
	})
}

// panicked is a handler's panic: as an error, and on its way from one goroutine to
// another.
type panicked struct {
	value any
	stack []byte
}

// passedOn is what to panic with for it. Servers know [http.ErrAbortHandler] by itself only.
func (p *panicked) passedOn() any {
	if p.value == http.ErrAbortHandler {
		return p.value
	}
	return p
}

func (p *panicked) Error() string { return fmt.Sprint("panic: ", p.value) }
