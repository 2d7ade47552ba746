package telemetry

import (
	"context"
	"log/slog"
	"time"
)

// Span is one piece of work that is over: a query, a job, a request.
type Span struct {
	Name  string        // dotted, as "data.query"
	Begin time.Time     // with its monotonic part
	Took  time.Duration // from begin to end
	Attrs []slog.Attr   // what more there is to say; no arguments and no secrets
	Err   error         // how it failed, or nil
}

type spansKey struct{}

// WithSpans gives a context whose spans go to take, in place of whatever took them
// before. It is called by the goroutine that did the work, with the work's context and
// before anything else happens there: it is to be quick, and safe for concurrent use.
// What it needs of the span's Attrs later it copies.
func WithSpans(ctx context.Context, take func(context.Context, Span)) context.Context {
	return context.WithValue(ctx, spansKey{}, take)
}

// Recording reports whether somebody takes the context's spans, which is cheaper to ask
// than to make one.
func Recording(ctx context.Context) bool { return takerOf(ctx) != nil }

// Record gives a span to whoever takes the context's spans. Without one it does nothing.
func Record(ctx context.Context, s Span) {
	if take := takerOf(ctx); take != nil {
		take(ctx, s)
	}
}

func takerOf(ctx context.Context) func(context.Context, Span) {
	take, _ := ctx.Value(spansKey{}).(func(context.Context, Span))
	return take
}
