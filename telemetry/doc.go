// Package telemetry is what a running program tells about itself: counters,
// structured logs through [log/slog], and the trace that follows a request from
// door to door.
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
// # Guarantees
//
// All of it is safe for concurrent use. A context without counters or a logger
// still works: counts go nowhere, logs to [slog.Default].
package telemetry
