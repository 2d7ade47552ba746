package task

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/bennu-go/bennu/telemetry"
)

// unseen reports the error of a task when there is nobody left who could ask for it.
type unseen struct {
	cleanup runtime.Cleanup
	waits   bool
}

// watch begins when a task has failed.
func (u *unseen) watch(ctx context.Context, name string, trace *telemetry.Trace, err error) {
	if trace != nil {
		ctx = telemetry.WithTrace(ctx, trace)
	}
	// Neither the error itself nor the task may be kept by what is to run when it is gone.
	u.cleanup = runtime.AddCleanup(u, lostError.report, lostError{
		log:    telemetry.Log(ctx),
		count:  telemetry.CountersOf(ctx).Counter("task.errors.lost"),
		name:   name,
		reason: fmt.Sprint(err),
	})
	u.waits = true
}

func (u *unseen) seen() {
	if u.waits {
		u.cleanup.Stop()
		u.waits = false
	}
}

type lostError struct {
	log          *slog.Logger
	count        *telemetry.Counter
	name, reason string
}

func (e lostError) report() {
	defer func() { _ = recover() }() // a log handler that panics must not end the program
	e.count.Add(1)
	e.log.Error("a task failed and nobody asked for its answer", "process", e.name, "reason", e.reason)
}
