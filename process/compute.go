package process

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// Compute runs fn, which computes for long, when there is a processor to spare: at most
// one less than there are (and at least one) compute at a time, so that others are not
// kept waiting by Go's scheduler, which has no priorities. Who comes later waits, first
// come, first served, at most until ctx ends.
//
// fn runs in the calling goroutine: a handler that computes holds up its own process.
// It should look at its ctx now and then. A Compute in a Compute runs at once.
func Compute[Out any](ctx context.Context, fn func(context.Context) (Out, error)) (Out, error) {
	var none Out
	n, err := NodeOf(ctx)
	if err != nil {
		return none, err
	}
	if ctx.Value(computingKey{}) != nil {
		return fn(ctx)
	}
	frameOf(ctx).yield()
	if err := n.beginComputing(ctx); err != nil {
		return none, err
	}
	defer n.endComputing()
	return fn(context.WithValue(ctx, computingKey{}, true))
}

type computingKey struct{}

// computing is the limit of what computes at a time.
type computing struct {
	turn   sync.Mutex
	active int
	queue  []chan struct{}
}

func (n *Node) beginComputing(ctx context.Context) error {
	c := &n.computing
	c.turn.Lock()
	if c.active < max(1, runtime.GOMAXPROCS(0)-1) {
		c.active++
		c.turn.Unlock()
		return nil
	}
	mine := make(chan struct{})
	c.queue = append(c.queue, mine)
	c.turn.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	c.turn.Lock()
	at := slices.Index(c.queue, mine)
	if at >= 0 {
		c.queue = slices.Delete(c.queue, at, at+1)
	}
	c.turn.Unlock()
	if at < 0 { // its turn came just now
		n.endComputing()
	}
	if ctx.Err() == context.DeadlineExceeded {
		return ErrTimeout
	}
	return ctx.Err()
}

// endComputing gives the place to the next in line.
func (n *Node) endComputing() {
	c := &n.computing
	c.turn.Lock()
	defer c.turn.Unlock()
	if len(c.queue) > 0 {
		close(c.queue[0])
		c.queue = c.queue[1:]
		return
	}
	c.active--
}
