package job

import (
	"context"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// completer writes down how attempts have ended: many with one transaction, and one at once
// when it has nothing else to do.
type completer struct {
	*engine
	wake chan struct{}

	mu      sync.Mutex
	pending []end
	writing []end // of the transaction that runs
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

func (c *completer) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending) == 0
}

// take gives what is pending, up to what one transaction is to hold.
func (c *completer) take() []end {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.pending), mostEnds)
	c.writing = c.pending[:n:n]
	if c.pending = c.pending[n:]; len(c.pending) == 0 {
		c.pending = nil
	}
	return c.writing
}

// ids are the jobs whose ends are not written yet.
func (c *completer) ids() map[int64]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make(map[int64]bool, len(c.pending)+len(c.writing))
	for _, ends := range [][]end{c.pending, c.writing} {
		for i := range ends {
			ids[ends[i].id] = true
		}
	}
	return ids
}

// mostEnds is how many ends are written with one transaction.
const mostEnds = 5000

// serve writes until ctx ends, and then what is left.
func (c *completer) serve(ctx context.Context) error {
	for {
		select {
		case <-c.wake:
			if c.working() {
				pause(ctx, gather, nil, nil) // others are about to end, too
			}
			c.flush(ctx)
		case <-ctx.Done():
			left, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait*9/10)
			defer cancel()
			c.flush(left)
			return nil
		}
	}
}

// flush writes ends until there are none, or ctx ends: what is not written then stays.
func (c *completer) flush(ctx context.Context) {
	for wait := 10 * time.Millisecond; ; {
		ends, err := c.write(ctx)
		if err == nil {
			if len(ends) == 0 {
				return
			}
			wait = 10 * time.Millisecond
			continue
		}
		if isFaulty(err) {
			if ends, err = c.writeSingly(ctx, ends); err == nil {
				continue
			}
		}
		c.putBack(ends)
		c.count("job.completions.failed", 1)
		if ctx.Err() == nil {
			telemetry.Log(ctx).Warn("job: the ends of jobs could not be stored; trying again", "jobs", len(ends), "error", err)
		}
		if !pause(ctx, wait, nil, nil) {
			return
		}
		wait = min(2*wait, time.Second)
	}
}

// gather is how long an end waits for others while jobs run.
const gather = 2 * time.Millisecond

// isFaulty reports whether to try again is of no use.
func isFaulty(err error) bool {
	switch fault.Of(err) {
	case fault.Unavailable, fault.Timeout, fault.Canceled, fault.Exhausted:
		return false
	}
	return true
}

// writeSingly writes ends of which one cannot be written, so that it does not hold up the
// others. It gives those that are left where the database cannot be reached.
func (c *completer) writeSingly(ctx context.Context, ends []end) ([]end, error) {
	for i, e := range ends {
		err := c.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			_, err := c.store(ctx, tx, []end{e})
			return err
		})
		switch {
		case err == nil:
			c.count("job.written", 1)
		case isFaulty(err):
			c.count("job.completions.dropped", 1)
			telemetry.Log(ctx).Error("job: the end of a job cannot be stored; it stays running until this node stops", "id", e.id, "state", e.state.String(), "error", err)
		default:
			return ends[i:], err
		}
	}
	return nil, nil
}

// putBack keeps ends that could not be written.
func (c *completer) putBack(ends []end) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(ends[:len(ends):len(ends)], c.pending...)
	c.writing = nil
}

// alike is what complete needs to be the same for all jobs of a statement.
type alike struct {
	owner  int64
	claims int
	unique int
}

// write writes what is pending when its transaction runs, and gives it.
func (c *completer) write(ctx context.Context) (ends []end, err error) {
	if c.empty() {
		return nil, nil
	}
	lost := int64(0)
	err = c.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		ends = c.take()
		lost, err = c.store(ctx, tx, ends)
		return err
	})
	if err != nil {
		return ends, err
	}
	c.mu.Lock()
	c.writing = nil
	c.mu.Unlock()
	c.count("job.written", int64(len(ends)))
	c.count("job.writes", 1)
	c.count("job.attempts.lost", lost)
	if len(ends) >= mostPending/2 {
		c.wakeAll() // producers may have waited for it
	}
	return ends, nil
}

// store tells how many of the attempts were not this node's any more.
func (c *completer) store(ctx context.Context, tx data.Tx, ends []end) (lost int64, err error) {
	if err := lockEnds(ctx, tx, ends); err != nil {
		return 0, err
	}
	groups := make(map[alike][]int64)
	for _, e := range ends {
		if e.state == Completed {
			key := alike{e.owner, e.claims, e.unique}
			groups[key] = append(groups[key], e.id)
			continue
		}
		own, err := conclude(ctx, tx, e)
		if err != nil {
			return 0, err
		}
		if !own {
			lost++
		}
	}
	for key, ids := range groups {
		n, err := complete(ctx, tx, ids, end{owner: key.owner, claims: key.claims, unique: key.unique, at: c.now()})
		if err != nil {
			return 0, err
		}
		lost += int64(len(ids)) - n
	}
	return lost, c.settle(ctx, tx, ends)
}

// lockEnds locks jobs that end together, before any of them is changed. One by itself is in
// order as it is.
func lockEnds(ctx context.Context, tx data.Tx, ends []end) error {
	if len(ends) < 2 {
		return nil
	}
	ids := make([]int64, len(ends))
	var gone []int64
	for i, e := range ends {
		if ids[i] = e.id; e.state.Ended() && e.state != Completed {
			gone = append(gone, e.id)
		}
	}
	return lockJobs(ctx, tx, ids, gone)
}
