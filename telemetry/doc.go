// Package telemetry is what a running program tells about itself: counters and
// histograms, spans, structured logs through [log/slog], and the trace that follows a
// request from door to door.
//
// # Usage
//
// Everything travels in the context, so that two programs in one test do not
// count into each other:
//
//	telemetry.Count(ctx, "fleet.positions.refused", 1)
//	telemetry.Log(ctx).Warn("unit is silent", "unit", id)
//
// [Log] adds the request id of the context to what is logged.
//
// # Counters
//
// A counter only grows, and costs one atomic add. Names are dotted, from the
// layer that counts to what it counts: "process.crashes", "web.requests".
// [Counters.Snapshot] reads them all. A hot path keeps the *[Counter] that
// [Counters.Counter] gives, and skips the look-up.
//
// # Histograms
//
// How long things take is counted by [Observe], in the histograms of the context's
// counters:
//
//	telemetry.Observe(ctx, "data.query", time.Since(begin))
//
// [Counters.Distributions] reads them: how many there were, their sum, and quantiles
// within an eighth. [Distribution.Since] gives those of the last minute, say, from two
// readings. A hot path keeps the *[Histogram].
//
// # Spans
//
// A [Span] is one piece of work that is over, with when, how long and what about it.
// They go one by one to the function that [WithSpans] names, for a tool that shows or
// keeps them; without one they cost a look into the context, if they are made only when
// somebody listens:
//
//	begin := time.Now()
//	rows, err := query()
//	if telemetry.Recording(ctx) {
//		telemetry.Record(ctx, telemetry.Span{Name: "fleet.query", Begin: begin, Took: time.Since(begin),
//			Attrs: []slog.Attr{slog.Int("rows", rows)}, Err: err})
//	}
//
// # Guarantees
//
// All of it is safe for concurrent use. A context without counters, a logger or a taker
// of spans still works: counts, durations and spans go nowhere, logs to [slog.Default].
package telemetry
