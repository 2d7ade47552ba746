package processtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
)

// Calls is what a process has handled: messages of all kinds, in order, over restarts.
// Each is there when its method has returned, or crashed.
//
// Methods have the names that reports give them, without the package: "(*Room).Post". One
// of a generic type is "(*Cache[...]).Put", and a function literal in TestRoom
// "TestRoom.func1".
type Calls struct {
	t      testing.TB
	ctx    context.Context
	target process.Target
	in     inbox[process.Event]
}

// NewCalls looks on from now on, until the end of the test.
func NewCalls(t testing.TB, ctx context.Context, target process.Target) *Calls {
	t.Helper()
	c := &Calls{t: t, ctx: context.WithoutCancel(ctx), target: target}
	c.in = inbox[process.Event]{
		t:    t,
		name: target.String(),
		show: showCall,
		why:  func() string { return "" },
		came: make(chan struct{}, 1),
	}
	stop, err := process.Trace(ctx, target, func(e process.Event) {
		if e.Done && !isSettle(e) {
			c.in.put(e)
		}
	})
	if err != nil {
		t.Fatalf("the calls of %s cannot be seen: %v", target, err)
	}
	t.Cleanup(stop)
	return c
}

func showCall(e process.Event) string {
	if e.Input == "" {
		return e.Method
	}
	return e.Method + " " + e.Input
}

// ExpectMethod takes the next messages, which must be for these methods, in this order.
// It waits up to 5 s for each. Without methods it is ExpectNone.
func (c *Calls) ExpectMethod(want ...string) {
	c.t.Helper()
	if len(want) == 0 {
		c.ExpectNone()
	}
	expect(&c.in, want, func(e process.Event, method string) bool { return e.Method == method }, func(s string) string { return s })
}

// ExpectMatch takes the next message, which must be as ok says, and gives it. It waits up
// to 5 s for it.
func (c *Calls) ExpectMatch(ok func(process.Event) bool) process.Event {
	c.t.Helper()
	return c.in.match(ok)
}

// ExpectNone fails if the process has handled a message that was not expected yet. In a
// synctest bubble it is said after everything has happened that happens without time going
// on; elsewhere, when the process has nothing to do, or has not gone on for 0.1 s.
func (c *Calls) ExpectNone() {
	c.t.Helper()
	if inBubble() {
		synctest.Wait()
	} else {
		c.settle()
	}
	c.in.none()
}

// settle waits until the process rests. What waits in it may have been postponed.
func (c *Calls) settle() {
	var last process.Info
	since := time.Now()
	for ; time.Since(since) < stuck; time.Sleep(time.Millisecond) {
		info, err := process.InfoOf(c.ctx, c.target)
		if err != nil || info.Method == "" && info.Waiting == 0 {
			return // who is gone handles nothing more
		}
		if info.Handled != last.Handled || info.Method != last.Method {
			last, since = info, time.Now()
		}
	}
}

// stuck is how long a process may be at one message, while others wait, before it counts
// as one that does not go on.
const stuck = 100 * time.Millisecond
