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
	l := loggerOf(ctx)
	if t := TraceOf(ctx); t != nil && t.RequestID != "" {
		l = l.With("request_id", t.RequestID)
	}
	return l
}

// Enabled reports whether the context's logger takes lines of a level, which is cheaper
// to ask than to make one.
func Enabled(ctx context.Context, level slog.Level) bool {
	return loggerOf(ctx).Enabled(ctx, level)
}

func loggerOf(ctx context.Context) *slog.Logger {
	if l, ok := ctx.Value(loggerKey{}).(*slog.Logger); ok {
		return l
	}
	return slog.Default()
}
