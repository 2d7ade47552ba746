package job

import (
	"context"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/telemetry"
)

// completer writes down how attempts have ended: many with one transaction, and one at once
// when it has nothing else to do.
type completer struct {
	*engine
	wake chan struct{}

	mu      sync.Mutex
	pending []end
}

// mostPending is how many ends may wait to be written before nothing more is begun.
const mostPending = 10_000

func newCompleter(e *engine) *completer {
	return &completer{engine: e, wake: make(chan struct{}, 1)}
}

func (c *completer) add(e end) {
	c.mu.Lock()
	c.pending = append(c.pending, e)
	first := len(c.pending) == 1
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

func (c *completer) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending) >= mostPending
}

func (c *completer) take() []end {
	c.mu.Lock()
	defer c.mu.Unlock()
	ends := c.pending
	c.pending = nil
	return ends
}

// serve writes until ctx ends, and then what is left.
func (c *completer) serve(ctx context.Context) error {
	for {
		select {
		case <-c.wake:
			c.flush(ctx, c.take())
		case <-ctx.Done():
			left, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait*9/10)
			defer cancel()
			c.flush(left, c.take())
			return nil
		}
	}
}

// flush writes ends until they are written. Those that it cannot write before ctx ends it
// gives back to those that wait.
func (c *completer) flush(ctx context.Context, ends []end) {
	wait := 10 * time.Millisecond
	for len(ends) > 0 {
		if len(ends) >= mostPending {
			defer c.wakeAll()
		}
		n := min(len(ends), mostEnds)
		err := c.write(ctx, ends[:n])
		if err == nil {
			ends = ends[n:]
			wait = 10 * time.Millisecond
			continue
		}
		c.count("job.completions.failed", 1)
		if ctx.Err() == nil {
			telemetry.Log(ctx).Warn("job: the ends of jobs could not be stored; trying again", "jobs", n, "error", err)
		}
		if !pause(ctx, wait, nil, nil) {
			c.putBack(ends)
			return
		}
		wait = min(2*wait, time.Second)
	}
}

// mostEnds is how many ends are written with one transaction.
const mostEnds = 5000

func (c *completer) putBack(ends []end) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(ends, c.pending...)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// alike is what complete needs to be the same for all jobs of a statement.
type alike struct {
	owner  int64
	claims int
	unique int
}

func (c *completer) write(ctx context.Context, ends []end) error {
	groups := make(map[alike][]int64)
	for _, e := range ends {
		if e.state == Completed {
			key := alike{e.owner, e.claims, e.unique}
			groups[key] = append(groups[key], e.id)
		}
	}
	lost := int64(0)
	err := c.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		lost = 0
		for key, ids := range groups {
			n, err := complete(ctx, tx, ids, end{owner: key.owner, claims: key.claims, unique: key.unique, at: c.now()})
			if err != nil {
				return err
			}
			lost += int64(len(ids)) - n
		}
		for _, e := range ends {
			if e.state == Completed {
				continue
			}
			own, err := conclude(ctx, tx, e)
			if err != nil {
				return err
			}
			if !own {
				lost++
			}
		}
		return c.settle(ctx, tx, ends)
	})
	if err == nil {
		c.count("job.written", int64(len(ends)))
		c.count("job.attempts.lost", lost)
	}
	return err
}
