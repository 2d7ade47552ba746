// Package processtest helps to test processes.
//
//	func TestRoom(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) { // time passes at once
//			ctx := processtest.Node(t)
//			room, err := process.Spawn(ctx, openRoom)
//			…
//			process.Cast(ctx, room, (*Room).Kick, "bob")
//			processtest.Settle(t, ctx, room)
//		})
//	}
//
// A method of a process is a plain Go method: what it computes is best tested by
// calling it. This package is for what goes on between processes.
package processtest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Node makes a node and gives a context with it. Crashes are logged to the test's
// output and counted in the context's counters. At the end of the test the node is
// closed; a process that is left then, or that was abandoned, fails the test.
//
// In a synctest bubble, call it inside.
func Node(t testing.TB) context.Context {
	t.Helper()
	var counters telemetry.Counters
	ctx := telemetry.WithCounters(t.Context(), &counters)
	ctx = telemetry.WithLogger(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
	n := process.NewNode(ctx)
	t.Cleanup(func() {
		n.Close()
		for _, p := range n.Processes() {
			t.Errorf("process %s (%s) is left, %s; its owner must retire it", p.Name, p.Type, p.State)
		}
		if late := counters.Counter("process.abandoned").Value(); late > 0 {
			t.Errorf("%d processes did not end within their shutdown time", late)
		}
	})
	return n.Context(ctx)
}

// Settle waits until the process has handled all that was sent to it before, and fails
// the test if it does not answer. It counts as a message.
func Settle[S any](t testing.TB, ctx context.Context, to process.Address[S]) {
	t.Helper()
	if err := process.Run(ctx, to, func(*S, context.Context) error { return nil }); err != nil {
		t.Fatalf("%s does not settle: %v", to, err)
	}
}
