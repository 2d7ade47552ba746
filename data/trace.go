package data

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/internal/sqltext"
	"github.com/bennu-go/bennu/telemetry"
)

// timing is how long the parts of one statement took.
type timing struct {
	begin   time.Time
	queue   time.Duration // before it, until its transaction began
	execute time.Duration // until the engine had run it, or had its first rows
	err     error
}

type timingKey struct{}

// watcher tells about statements. As bun's hook it sees them with the reading of their
// rows; statements that are not bun's are told about when they are run.
type watcher struct {
	slow time.Duration
}

var _ bun.QueryHook = watcher{}

func (w watcher) BeforeQuery(ctx context.Context, e *bun.QueryEvent) context.Context {
	return context.WithValue(ctx, timingKey{}, &timing{begin: e.StartTime})
}

func (w watcher) AfterQuery(ctx context.Context, e *bun.QueryEvent) {
	t := ctx.Value(timingKey{}).(*timing)
	if t.err == nil && !errors.Is(e.Err, sql.ErrNoRows) {
		t.err = e.Err // of reading the rows
	}
	w.tell(ctx, e.Query, *t)
}

// executed notes that a statement has run, since begin.
func (f *frame) executed(ctx context.Context, query string, begin time.Time, err error) {
	took := time.Since(begin)
	t, fromBun := ctx.Value(timingKey{}).(*timing)
	if !fromBun {
		t = &timing{begin: begin}
	}
	t.queue, f.queue = f.queue, 0
	t.execute, t.err = took, err
	if !fromBun {
		f.watch.tell(ctx, query, *t)
	}
}

func (w watcher) tell(ctx context.Context, query string, t timing) {
	total := time.Since(t.begin)
	telemetry.Observe(ctx, "data.query", total)
	slow := w.slow > 0 && total >= w.slow
	if !slow && !telemetry.Recording(ctx) {
		return
	}
	shape := sqltext.Shape(query)
	parts := []slog.Attr{
		slog.String("query", shape),
		slog.Duration("queue", t.queue), slog.Duration("execute", t.execute), slog.Duration("decode", max(total-t.execute, 0)),
	}
	telemetry.Record(ctx, telemetry.Span{Name: "data.query", Begin: t.begin, Took: total, Attrs: parts, Err: t.err})
	if slow {
		telemetry.Log(ctx).LogAttrs(ctx, slog.LevelWarn, "data: a slow query", parts...)
	}
}
