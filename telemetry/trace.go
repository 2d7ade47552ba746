package telemetry

import (
	"context"
	"log/slog"
)

// Trace is what follows a request from door to door: through HTTP, into process
// calls, over channels. It is never changed once it is in a context.
type Trace struct {
	RequestID string // one request at one door
	Parent    string // W3C traceparent as received, or ""
}

// TraceKey is the context key under which a *Trace travels. Only a type that
// implements [context.Context] itself needs it.
type TraceKey struct{}

type loggerKey struct{}

// WithTrace gives a context that carries the trace.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, TraceKey{}, t)
}

// TraceOf is the context's trace, or nil.
func TraceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(TraceKey{}).(*Trace)
	return t
}

// WithLogger gives a context whose logs go to l.
func WithLogger(ctx context.Context, l *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// Log is the context's logger, with the request id if there is one. Without a
// logger in the context it is [slog.Default].
func Log(ctx context.Context) *slog.Logger {
	l, ok := ctx.Value(loggerKey{}).(*slog.Logger)
	if !ok {
		l = slog.Default()
	}
	if t := TraceOf(ctx); t != nil && t.RequestID != "" {
		l = l.With("request_id", t.RequestID)
	}
	return l
}
