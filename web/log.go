package web

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Log is a plug that counts each request and logs it in one line: method, path, route,
// status, bytes of the answer's body, duration, request id, and the error that was
// given to [Problem], in full. The query string is left out, for it may hold keys; where
// debug is logged, the parameters are there, without what has a secret name ([fault.Inspect]).
// The level is info, for a status from 500 on or an aborted answer error, on a
// [Quiet] route debug. A connection that is upgraded is logged when that happens,
// as status 101. A request that passes the plug twice is logged once.
//
// The counters are web.requests, and by outcome web.requests.1xx to
// web.requests.5xx or web.requests.aborted.
func Log(next http.Handler) http.Handler {
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		if x.line.kept {
			next.ServeHTTP(w, r)
			return
		}
		x.line.kept, x.line.start, x.line.r = true, time.Now(), r
		aborted := true
		defer func() {
			if x.rec.conn == nil {
				x.writeLine(aborted)
			}
		}()
		next.ServeHTTP(w, r)
		aborted = false
	})
}

// Quiet is a plug for busy routes: what goes well, and what the client did wrong, is
// counted but logged at debug level only. Failures (5xx) are logged as ever.
func Quiet(next http.Handler) http.Handler {
	return within(func(x *exchange, w http.ResponseWriter, r *http.Request) {
		x.line.quiet = true
		next.ServeHTTP(w, r)
	})
}

var outcomes = [...]string{
	1: "web.requests.1xx",
	2: "web.requests.2xx",
	3: "web.requests.3xx",
	4: "web.requests.4xx",
	5: "web.requests.5xx",
}

func (x *exchange) writeLine(aborted bool) {
	l := &x.line
	status := x.rec.status
	if status == 0 && !aborted {
		status = http.StatusOK
	}
	outcome := "web.requests.aborted"
	if class := status / 100; !aborted && class < len(outcomes) {
		outcome = outcomes[class]
	}
	counters := telemetry.CountersOf(x)
	counters.Counter("web.requests").Add(1)
	counters.Counter(outcome).Add(1)

	level := slog.LevelInfo
	switch {
	case aborted || status >= 500:
		level = slog.LevelError
	case l.quiet:
		level = slog.LevelDebug
	}
	if !telemetry.Enabled(x, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 8),
		slog.String("method", shorten(x.methodOf(l.r))),
		slog.String("path", shorten(l.r.URL.Path)),
		slog.Int("status", status),
		slog.Int64("bytes", x.rec.bytes),
		slog.Duration("duration", time.Since(l.start)))
	if route := x.routeOf(l.r); route != "" {
		attrs = append(attrs, slog.String("route", route))
	}
	if telemetry.Enabled(x, slog.LevelDebug) {
		attrs = append(attrs, x.params()...)
	}
	if l.err != nil {
		attrs = append(attrs, slog.String("error", l.err.Error()))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	telemetry.Log(x).LogAttrs(x, level, "request", attrs...)
}

// params is what the query says, and a form that has been read.
func (x *exchange) params() (attrs []slog.Attr) {
	if query := x.line.r.URL.Query(); len(query) > 0 {
		attrs = append(attrs, slog.String("query", fault.Inspect(query)))
	}
	for _, r := range x.asked {
		if r != nil && len(r.PostForm) > 0 {
			return append(attrs, slog.String("form", fault.Inspect(r.PostForm)))
		}
	}
	return attrs
}

// methodOf is the method that the route was found by.
func (x *exchange) methodOf(r *http.Request) string {
	if at := x.asked[1]; at != nil {
		return at.Method
	}
	return r.Method
}

// routeOf is the pattern that matched, also if it did so in a copy of the request.
func (x *exchange) routeOf(r *http.Request) string {
	if x.route != "" {
		return x.route
	}
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}

// shorten keeps a hostile path from filling the log.
func shorten(path string) string {
	const most = 256
	if len(path) <= most {
		return path
	}
	return strings.ToValidUTF8(path[:most], "") + "…"
}
