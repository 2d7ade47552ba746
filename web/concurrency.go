package web

import (
	"cmp"
	"container/list"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Concurrency is a plug that lets so many handlers run at once. Requests above wait for a
// place, first come, first served; those for whom there is no room to wait, or who have
// waited too long, are answered with 503 and a Retry-After. So work that is slow or large
// takes what you give it, and leaves the rest to its neighbours. The limit is of all
// routes that have the same Concurrency's Plug.
//
//	reports := &web.Concurrency{Running: 2, Waiting: 20}
//	router.Handle("GET /report", report, reports.Plug)
//
// For work that computes, give Running less than the number of processors: Go has no
// priorities, and while all of them compute, everything else waits until one has had its
// turn of about 10 ms. Choose Wait no longer than clients do: who comes while others have
// been waiting for longer than that waits for a tenth of it only, so that in a long rush
// answers come soon or not at all.
//
// A place is held until the handler returns or panics: a stream holds it for as long as
// it runs, a handler that has hijacked its connection until it returns. Waiting counts
// against the times of the Endpoint and of a [Timeout] before this plug. Put Timeout
// there, and not behind: then a handler that goes on after its time keeps its place. A
// request must not pass the same limit twice; it would wait for itself.
//
// Who waits leaves when the client goes away (which net/http sees once the body is read
// or if there is none; otherwise after Wait) and, with 503, when the endpoint drains.
//
// The counters are web.concurrency.waited, of requests that found no place free, and
// web.concurrency.refused.
type Concurrency struct {
	Running int                          // handlers at once; required
	Waiting int                          // requests that wait for a place; default 100, negative none
	Wait    time.Duration                // how long one waits; default 5 s; a tenth of it if all that time others waited
	Key     func(r *http.Request) string // limits each key by itself; default one limit for all; "" is not limited

	mu      sync.Mutex
	gates   map[string]*gate // of the keys that have a handler running
	running int              // of all gates
	waiting int
}

// gate is the places of one key. Somebody waits only while all are taken.
type gate struct {
	running int
	queue   list.List // of *place
	since   time.Time // when it was empty last
}

// place is what somebody waits for.
type place struct {
	gate  *gate
	at    *list.Element
	given chan struct{} // closed then
	wait  time.Duration
}

// Plug is the plug.
func (c *Concurrency) Plug(next http.Handler) http.Handler {
	if c.Running < 1 || c.Wait < 0 {
		panic("web: Concurrency wants Running of at least 1, and Wait not below zero")
	}
	return within(func(_ *exchange, w http.ResponseWriter, r *http.Request) {
		var key string
		if c.Key != nil {
			if key = c.Key(r); key == "" {
				next.ServeHTTP(w, r)
				return
			}
		}
		if err := c.enter(r.Context(), key); err != nil {
			if fault.Of(err) == fault.Unavailable {
				telemetry.Count(r.Context(), "web.concurrency.refused", 1)
			}
			Problem(w, r, err)
			return
		}
		defer c.leave(key)
		next.ServeHTTP(w, r)
	})
}

// Load is how many handlers run, and how many requests wait, at this moment.
func (c *Concurrency) Load() (running, waiting int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running, c.waiting
}

// enter takes a place, or tells why there is none.
func (c *Concurrency) enter(ctx context.Context, key string) error {
	p, err := c.ask(key)
	if p == nil {
		return err
	}
	telemetry.Count(ctx, "web.concurrency.waited", 1)
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	select {
	case <-p.given:
	case <-timer.C:
		err = fault.Unavailable.Errorf("too many of these requests run already; try again later")
	case <-Draining(ctx):
		err = fault.Unavailable.Errorf("the server is shutting down; try again")
	case <-ctx.Done():
	}
	if gone := ctx.Err(); gone != nil {
		err = gone
	}
	if err != nil {
		c.giveUp(p, key)
	}
	return err
}

// ask takes a place if one is free. If not, it gives the one to wait for, or an error if
// too many wait.
func (c *Concurrency) ask(key string) (*place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.gates[key]
	if g == nil {
		if c.gates == nil {
			c.gates = make(map[string]*gate)
		}
		g = new(gate)
		c.gates[key] = g
	}
	if g.running < c.Running {
		g.running++
		c.running++
		return nil, nil
	}
	if g.queue.Len() >= max(0, cmp.Or(c.Waiting, 100)) {
		return nil, fault.Unavailable.Errorf("too many of these requests wait already; try again later")
	}
	p := &place{gate: g, given: make(chan struct{}), wait: cmp.Or(c.Wait, 5*time.Second)}
	switch now := time.Now(); {
	case g.queue.Len() == 0:
		g.since = now
	case now.Sub(g.since) > p.wait:
		p.wait /= 10
	}
	p.at = g.queue.PushBack(p)
	c.waiting++
	return p, nil
}

// giveUp leaves the queue, or gives back the place that was given meanwhile.
func (c *Concurrency) giveUp(p *place, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-p.given:
		c.free(p.gate, key)
	default:
		p.gate.queue.Remove(p.at)
		c.waiting--
	}
}

func (c *Concurrency) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free(c.gates[key], key)
}

// free gives a place to who waits longest. The lock is held by the caller.
func (c *Concurrency) free(g *gate, key string) {
	if first := g.queue.Front(); first != nil {
		close(g.queue.Remove(first).(*place).given)
		c.waiting--
		return
	}
	c.running--
	if g.running--; g.running == 0 {
		delete(c.gates, key)
	}
}
