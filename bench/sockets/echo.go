package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// echoes is pushes and replies, one at a time on each connection.
type echoes struct {
	size    int
	latency atomic.Pointer[histogram]
	sent    []time.Time // of each client, written by whoever sends its next
	number  []uint64
}

// echo measures them.
func echo(ctx context.Context, s *settings) error {
	f, err := newFleet(ctx, s.conns)
	if err != nil {
		return err
	}
	defer f.close()
	e := &echoes{size: s.bytes, sent: make([]time.Time, s.conns), number: make([]uint64, s.conns)}
	e.latency.Store(new(histogram))
	if err := f.openAll(ctx, s, ownRoom, e.hear); err != nil {
		return err
	}
	for i := range f.clients {
		e.next(f.clients[i].Load())
	}
	if err := f.during(ctx, s.length/5); err != nil {
		return err
	}
	latency := new(histogram)
	m, err := start(s.pid)
	if err != nil {
		return err
	}
	e.latency.Store(latency)
	if err := f.during(ctx, s.length); err != nil {
		return err
	}
	e.latency.Store(new(histogram))
	r := result{Mode: "echo", N: s.conns}
	if err := m.stop(&r, latency.total()); err != nil {
		return err
	}
	r.time(latency)
	return r.print()
}

func (e *echoes) next(c *client) {
	if c.closing.Load() {
		return
	}
	e.number[c.number]++
	e.sent[c.number] = time.Now()
	if err := c.push("echo", body(e.number[c.number], e.size)); err != nil && !c.closing.Load() {
		c.fleet.fail(err)
	}
}

func (e *echoes) hear(c *client, payload []byte) {
	switch number, ok := numberIn(payload); {
	case ok && number == e.number[c.number]:
		e.latency.Load().add(time.Since(e.sent[c.number]))
		e.next(c)
	case !ok && !isHeartbeat(payload):
		c.fleet.fail(fmt.Errorf("an echo was answered with %s", payload))
	}
}
