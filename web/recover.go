package web

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Recover is a plug that turns a handler's panic into a [Problem] with status 500,
// logs it with its stack and counts web.panics. If the answer has already begun, the
// connection is cut, so that nobody takes half an answer for a whole one; a hijacked
// connection is closed. [http.ErrAbortHandler] is passed on.
func Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec, ok := w.(*recorder)
		if !ok {
			rec = &recorder{ResponseWriter: w}
		}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			ctx := r.Context()
			telemetry.Count(ctx, "web.panics", 1)
			telemetry.Log(ctx).Error("panic in a handler", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			switch {
			case rec.conn != nil:
				rec.conn.Close()
			case rec.begun():
				panic(http.ErrAbortHandler)
			default:
				Problem(rec, r, fault.Internal.Errorf("panic: %v", v))
			}
		}()
		next.ServeHTTP(rec, r)
	})
}
