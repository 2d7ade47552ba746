package processtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Crash makes the process crash with the reason: at its next message for one of the
// methods (see [Calls] for their names), which is lost, or if none is given, at once. At
// once is after the message that runs, between two messages, so that none is lost, and
// Crash waits up to 5 s until the process has ended. Whether it is back again by then is
// up to its supervisor: [Settle] waits for that.
func Crash(t testing.TB, ctx context.Context, target process.Target, reason process.Reason, methods ...string) {
	t.Helper()
	next := func() process.Fault { return process.Fault{Crash: reason} }
	if len(methods) > 0 {
		inject(t, ctx, target, "Crash", 1, methods, next)
		return
	}
	if !process.Alive(ctx, target) {
		t.Fatalf("Crash of %s: it is not running", target)
	}
	watcher := NewProbe[process.Down](t, ctx)
	watcher.Run(func(ctx context.Context) error {
		_, err := process.Monitor(ctx, target, (*Probe[process.Down]).Got)
		return err
	})
	undo := inject(t, ctx, target, "Crash", 1, []string{state}, next)
	_, _ = process.State(ctx, target)
	if _, ok := watcher.in.next(); !ok {
		t.Fatalf("Crash of %s: it did not get to it; is it busy?", target)
	}
	undo()
	_ = process.Exit(ctx, watcher.ref, process.Normal)
	_, _ = process.Wait(ctx, watcher.ref)
}

// state is the message of [process.State], which comes ahead of the mail to any process:
// one to crash at.
const state = "State.func1"

// Delay makes the process handle its messages for the methods, or if none is given all of
// them, so much later, as if it were busy: others wait behind. undo ends that, also for
// the message that is being delayed.
func Delay(t testing.TB, ctx context.Context, target process.Target, d time.Duration, methods ...string) (undo func()) {
	t.Helper()
	base, release := context.WithCancel(context.Background())
	stop := inject(t, ctx, target, "Delay", -1, methods, func() process.Fault {
		over, cancel := context.WithTimeout(base, d)
		context.AfterFunc(over, cancel)
		return process.Fault{Hold: over.Done()}
	})
	t.Cleanup(release)
	return func() { stop(); release() }
}

// Drop makes the process lose its next n messages for the methods, or if none is given,
// for any; a negative n means all of them, until undo. Who waits for an answer waits in
// vain.
func Drop(t testing.TB, ctx context.Context, target process.Target, n int, methods ...string) (undo func()) {
	t.Helper()
	return inject(t, ctx, target, "Drop", n, methods, func() process.Fault { return process.Fault{Drop: true} })
}

// Pause makes the process handle nothing until resume: its messages wait. The one that
// runs goes on.
func Pause(t testing.TB, ctx context.Context, target process.Target) (resume func()) {
	t.Helper()
	if err := process.Suspend(ctx, target); err != nil {
		t.Fatalf("Pause of %s: %v", target, err)
	}
	ctx = context.WithoutCancel(ctx)
	resume = sync.OnceFunc(func() { _ = process.Resume(ctx, target) }) // it may have ended
	t.Cleanup(resume)
	return resume
}

// inject makes a fault happen to messages for the methods, at most n times. At the end of
// the test it must have happened: n times, or where n is negative, once.
func inject(t testing.TB, ctx context.Context, target process.Target, what string, n int, methods []string, next func() process.Fault) (undo func()) {
	t.Helper()
	var mu sync.Mutex
	var others []string
	happened, undone := 0, false
	stop, err := process.Inject(ctx, target, func(e process.Event) process.Fault {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case undone || isSettle(e) || n >= 0 && happened >= n:
			return process.Fault{}
		case len(methods) > 0 && !slices.Contains(methods, e.Method):
			if !slices.Contains(others, e.Method) {
				others = append(others, e.Method)
			}
			return process.Fault{}
		}
		happened++
		return next()
	})
	if err != nil {
		t.Fatalf("%s of %s: %v", what, target, err)
	}
	undo = func() {
		mu.Lock()
		undone = true
		mu.Unlock()
		stop()
	}
	t.Cleanup(func() {
		t.Helper()
		mu.Lock()
		missed := !undone && (n < 0 && happened == 0 || happened < n)
		mu.Unlock()
		undo()
		if missed && !t.Failed() {
			t.Errorf("%s of %s happened %d times, want %d; other messages were for: %s", what, target, happened, max(n, 1), strings.Join(others, ", "))
		}
	})
	return undo
}

// isSettle reports whether the message is the kit's own, to which nothing happens.
func isSettle(e process.Event) bool { return e.Input == settled }

var settled = fault.Inspect(settling{})
