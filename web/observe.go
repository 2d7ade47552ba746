package web

import (
	"context"
	"net/http"
	"time"
)

// Observation is what is measured of a request, for a program's metrics.
type Observation struct {
	Method   string
	Route    string // the pattern, as in "/users/{id}"; "" if none matched
	Status   int    // 0 if the answer was broken off before it began
	Bytes    int64  // of the answer's body
	Duration time.Duration
}

// Observe makes a plug that tells of each request when it has been answered, in its
// goroutine. Of a connection that is upgraded it tells when its handler returns.
func Observe(tell func(ctx context.Context, o Observation)) Plug {
	if tell == nil {
		panic("web: Observe without a function")
	}
	return func(next http.Handler) http.Handler {
		return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			answered := false
			defer func() {
				status := x.rec.status
				if answered && status == 0 {
					status = http.StatusOK
				}
				tell(r.Context(), Observation{x.methodOf(r), x.routeOf(r), status, x.rec.bytes, time.Since(start)})
			}()
			next.ServeHTTP(w, r)
			answered = true
		})
	}
}
