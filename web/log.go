package web

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// Log is a plug that counts each request and logs it in one line: method, path,
// status, bytes of the answer's body, duration, request id, and the error that was
// given to [Problem], in full. The query string is left out, for it may hold keys.
// The level is info, for a status from 500 on or an aborted answer error, on a
// [Quiet] route debug. A connection that is upgraded is logged when that happens,
// as status 101. A request that passes the plug twice is logged once.
//
// The counters are web.requests, and by outcome web.requests.1xx to
// web.requests.5xx or web.requests.aborted.
func Log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lineOf(w) != nil {
			next.ServeHTTP(w, r)
			return
		}
		l := &line{r: r, start: time.Now()}
		rec := &recorder{ResponseWriter: w, line: l}
		aborted := true
		defer func() {
			if rec.conn == nil {
				l.write(rec, aborted)
			}
		}()
		next.ServeHTTP(rec, r)
		aborted = false
	})
}

// Quiet is a plug for busy routes: what goes well, and what the client did wrong, is
// counted but logged at debug level only. Failures (5xx) are logged as ever. A plug
// between [Log] and this one that wraps the response writer must give its Unwrap.
func Quiet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l := lineOf(w); l != nil {
			l.quiet = true
		}
		next.ServeHTTP(w, r)
	})
}

// line is one request's line in the log.
type line struct {
	r     *http.Request
	start time.Time
	quiet bool
	err   error // what Problem was given
}

// lineOf is the line that this writer's request will be logged in, or nil.
func lineOf(w http.ResponseWriter) *line {
	for rec := recorderOf(w); rec != nil; rec = recorderOf(rec.ResponseWriter) {
		if rec.line != nil {
			return rec.line
		}
	}
	return nil
}

var outcomes = [...]string{
	1: "web.requests.1xx",
	2: "web.requests.2xx",
	3: "web.requests.3xx",
	4: "web.requests.4xx",
	5: "web.requests.5xx",
}

func (l *line) write(rec *recorder, aborted bool) {
	ctx := l.r.Context()
	status := rec.status
	if status == 0 && !aborted {
		status = http.StatusOK
	}
	outcome := "web.requests.aborted"
	if class := status / 100; !aborted && class < len(outcomes) {
		outcome = outcomes[class]
	}
	counters := telemetry.CountersOf(ctx)
	counters.Counter("web.requests").Add(1)
	counters.Counter(outcome).Add(1)

	level := slog.LevelInfo
	switch {
	case aborted || status >= 500:
		level = slog.LevelError
	case l.quiet:
		level = slog.LevelDebug
	}
	log := telemetry.Log(ctx)
	if !log.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 7),
		slog.String("method", l.r.Method),
		slog.String("path", shorten(l.r.URL.Path)),
		slog.Int("status", status),
		slog.Int64("bytes", rec.bytes),
		slog.Duration("duration", time.Since(l.start)))
	if l.err != nil {
		attrs = append(attrs, slog.String("error", l.err.Error()))
	}
	if aborted {
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	log.LogAttrs(ctx, level, "request", attrs...)
}

// shorten keeps a hostile path from filling the log.
func shorten(path string) string {
	const most = 256
	if len(path) <= most {
		return path
	}
	return strings.ToValidUTF8(path[:most], "") + "…"
}
