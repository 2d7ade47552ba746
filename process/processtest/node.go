package processtest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// patience is how long the kit waits for what must happen: in a bubble of its time.
const patience = 5 * time.Second

// Node makes a node and gives a context with it. Crashes are logged to the test's
// output and counted in the context's counters.
//
// At the end of the test the node is closed. What is left then fails the test: a process
// (its owner must retire it: stop the tree first), a process that was abandoned, and a
// goroutine that the test has started since, or that such a goroutine has, if it does not
// end within 5 s. Other tests may run in parallel. What is to outlive the test is started
// before Node.
//
// In a synctest bubble, call it inside; a goroutine that is left there fails the bubble.
func Node(t testing.TB) context.Context {
	t.Helper()
	ctx, leaks := mark(t, t.Context(), patience)
	var counters telemetry.Counters
	ctx = telemetry.WithCounters(ctx, &counters)
	ctx = telemetry.WithLogger(ctx, slog.New(slog.NewTextHandler(t.Output(), nil)))
	n := process.NewNode(ctx)
	t.Cleanup(func() {
		t.Helper()
		n.Close()
		for _, p := range n.Processes() {
			t.Errorf("process %s (%s) is left, %s; its owner must retire it", p.Name, p.Type, p.State)
		}
		if late := counters.Counter("process.abandoned").Value(); late > 0 {
			t.Errorf("%d processes did not end within their shutdown time", late)
		}
		leaks()
	})
	return n.Context(ctx)
}

// settling is the input of the message that Settle sends: it is how the kit knows it.
type settling struct{}

// Settle waits until the process has handled all that was sent to it before, and fails
// the test if it does not answer. It counts as a message, but neither for [Calls] nor for
// the faults.
func Settle[S any](t testing.TB, ctx context.Context, to process.Address[S]) {
	t.Helper()
	if err := process.Do(ctx, to, func(*S, context.Context, settling) error { return nil }, settling{}); err != nil {
		t.Fatalf("%s does not settle: %v", to, err)
	}
}
