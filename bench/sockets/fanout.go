package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// crowd hears shouts: each is heard by all of n clients.
type crowd struct {
	mode  string
	s     *settings
	fleet *fleet
	pid   int
	send  func(number uint64) error

	next    atomic.Uint64
	shouts  [4096]shout // under way, by number
	latency atomic.Pointer[histogram]
	quiet   atomic.Bool   // nobody shouts any more
	last    chan struct{} // the last one under way has been heard
	frame   atomic.Int64  // length of a delivery
	ways    atomic.Int64  // shouts under way
}

type shout struct {
	at      atomic.Int64 // when it was sent, or should have been
	missing atomic.Int64 // who have not heard it
}

func newCrowd(mode string, s *settings, f *fleet, pid int) *crowd {
	c := &crowd{mode: mode, s: s, fleet: f, pid: pid, last: make(chan struct{}, 1)}
	c.latency.Store(new(histogram))
	return c
}

// shout sends the next one, which is due at that time.
func (c *crowd) shout(at time.Time) {
	number := c.next.Add(1)
	s := &c.shouts[number%uint64(len(c.shouts))]
	if s.missing.Load() != 0 {
		c.fleet.fail(fmt.Errorf("%s: %d shouts are under way, and that is too many", c.mode, len(c.shouts)))
		return
	}
	s.at.Store(at.UnixNano())
	s.missing.Store(int64(len(c.fleet.clients)))
	c.ways.Add(1)
	if err := c.send(number); err != nil {
		c.fleet.fail(err)
	}
}

// hear counts a delivery. Whoever hears a shout last sends the next.
func (c *crowd) hear(by *client, payload []byte) {
	number, ok := numberIn(payload)
	switch {
	case !ok && !isHeartbeat(payload) && bytes.Contains(payload, []byte(`"error"`)):
		c.fleet.fail(fmt.Errorf("%s: a shout was answered with %s", c.mode, payload))
	case !ok || bytes.Contains(payload[:min(64, len(payload))], []byte(`"phx_reply"`)):
		return
	}
	now := time.Now()
	s := &c.shouts[number%uint64(len(c.shouts))]
	c.latency.Load().add(time.Duration(now.UnixNano() - s.at.Load()))
	if s.missing.Add(-1) > 0 {
		return
	}
	c.frame.Store(int64(len(payload)))
	if !c.quiet.Load() && c.s.open == 0 {
		c.shout(now)
	}
	if c.ways.Add(-1) == 0 && c.quiet.Load() {
		c.last <- struct{}{}
	}
}

// measure shouts for a while, the first fifth of it unmeasured.
func (c *crowd) measure(ctx context.Context) (result, error) {
	c.quiet.Store(false)
	for range c.s.outstanding {
		if c.s.open == 0 {
			c.shout(time.Now())
		}
	}
	if err := c.during(ctx, c.s.length/5); err != nil {
		return result{}, err
	}
	latency := new(histogram)
	m, err := start(c.pid)
	if err != nil {
		return result{}, err
	}
	c.latency.Store(latency)
	if err := c.during(ctx, c.s.length); err != nil {
		return result{}, err
	}
	c.latency.Store(new(histogram))
	r := result{Mode: c.mode, N: len(c.fleet.clients), Open: c.s.open, FrameBytes: int(c.frame.Load())}
	if c.s.open == 0 {
		r.Outstanding = c.s.outstanding
	}
	if err := m.stop(&r, latency.total()); err != nil {
		return result{}, err
	}
	r.time(latency)
	return r, c.hush(ctx)
}

// during shouts for so long, at the times that are due if the loop is open.
func (c *crowd) during(ctx context.Context, d time.Duration) error {
	if c.s.open == 0 {
		return c.fleet.during(ctx, d)
	}
	due, every := time.Now(), time.Duration(float64(time.Second)/c.s.open)
	for range int(math.Ceil(d.Seconds() * c.s.open)) {
		c.shout(due)
		due = due.Add(every)
		if err := c.fleet.during(ctx, time.Until(due)); err != nil {
			return err
		}
	}
	return nil
}

// hush waits until all shouts have been heard.
func (c *crowd) hush(ctx context.Context) error {
	c.ways.Add(1) // so that what is heard meanwhile is not the last
	c.quiet.Store(true)
	if c.ways.Add(-1) == 0 {
		return nil
	}
	select {
	case <-c.last:
		return nil
	case err := <-c.fleet.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(30 * time.Second):
		return fmt.Errorf("%s: %d shouts were not heard by all within 30 s", c.mode, c.ways.Load())
	}
}

// isHeartbeat reports whether the frame is the reply to a heartbeat.
func isHeartbeat(frame []byte) bool {
	return bytes.Contains(frame[:min(64, len(frame))], []byte(`"phoenix"`))
}

// fanout measures broadcasts, with -bare beside the same in a bare loop.
func fanout(ctx context.Context, s *settings) error {
	c, err := newFanout(ctx, s)
	if err != nil {
		return err
	}
	defer c.fleet.close()
	if !s.bare {
		r, err := c.measure(ctx)
		if err != nil {
			return err
		}
		return r.print()
	}
	// The first shouts tell how long a delivery is.
	c.shout(time.Now())
	if err := c.hush(ctx); err != nil {
		return err
	}
	b, err := newBare(ctx, s, int(c.frame.Load()))
	if err != nil {
		return err
	}
	defer b.close()
	var theirs, ours []result
	for range s.rounds {
		for _, turn := range []struct {
			crowd   *crowd
			results *[]result
		}{{b.crowd, &ours}, {c, &theirs}} {
			r, err := turn.crowd.measure(ctx)
			if err != nil {
				return err
			}
			if err := r.print(); err != nil {
				return err
			}
			*turn.results = append(*turn.results, r)
		}
	}
	return compare(theirs, ours).print()
}

// newFanout has all connections join one topic; the first of them shouts.
func newFanout(ctx context.Context, s *settings) (*crowd, error) {
	f, err := newFleet(ctx, s.conns)
	if err != nil {
		return nil, err
	}
	c := newCrowd("fanout", s, f, s.pid)
	c.send = func(number uint64) error { return f.clients[0].Load().push("shout", body(number, s.bytes)) }
	if err := f.openAll(ctx, s, func(int) string { return "room:all" }, c.hear); err != nil {
		f.close()
		return nil, err
	}
	return c, nil
}
