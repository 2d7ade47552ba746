package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/bennu-go/bennu/process"
)

// patience is how long a message may take. Nothing is down for longer than 50 ms at a
// time, so whoever waits in vain for so long was forgotten.
const patience = 30 * time.Second

// client sends to one worker after the other, from outside of all processes.
type client struct {
	*soak
	id     int
	random *rand.Rand
	number uint32 // of the latest message
	mortal book   // the messages to workers that may be killed
	other  book
	calls  int
	casts  int
	failed int           // allowed: the worker was killed
	worst  time.Duration // that one message took
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		waiting, cancel := context.WithTimeout(c.ctx, patience)
		for range 64 {
			c.send(waiting)
		}
		cancel()
	}
}

func (c *client) send(ctx context.Context) {
	began := time.Now()
	defer func() { c.worst = max(c.worst, time.Since(began)) }()
	i := c.pick(c.random)
	to := c.workers[i]
	switch kind := c.random.IntN(20); {
	case kind < 10:
		c.casts++
		e := c.entry(i, true)
		c.told(e, i, process.Cast(ctx, to, (*worker).Note, e))
	case kind < 19:
		c.calls++
		e := c.entry(i, true)
		n, err := process.Call(ctx, to, (*worker).Post, e)
		c.answered(e, n)
		if killable(i) && errors.Is(err, process.ErrDead) {
			c.failed++
			return
		}
		c.told(e, i, err)
	default: // through a worker with a smaller number, so that no two wait for each other
		by := c.random.IntN(len(c.workers))
		if by == i {
			return
		}
		by, i = min(by, i), max(by, i)
		c.calls++
		e := c.entry(i, false)
		n, err := process.Call(ctx, c.workers[by], (*worker).Relay, relayed{c.workers[i], e})
		c.answered(e, n)
		if errors.Is(err, process.ErrDead) && (killable(by) || killable(i)) || errors.Is(err, context.Canceled) {
			c.failed++ // the one between was killed, or told to end while it waited
			return
		}
		c.told(e, i, err)
	}
}

func (c *client) entry(i int, direct bool) entry {
	c.number++
	if killable(i) {
		return c.mortal.entry(c.id, c.number, direct)
	}
	return c.other.entry(c.id, c.number, direct)
}

// told takes what the client was told of its message.
func (c *client) told(e entry, i int, err error) {
	if err != nil {
		c.v.add("client %d, message %d to %s: %v", c.id, e.number, c.workers[i], err)
		return
	}
	e.ack()
}

func (c *client) answered(e entry, n uint32) {
	if n != 0 && n != e.number {
		c.v.add("client %d asked %d and got the answer to %d", c.id, e.number, n)
	}
}

// pick chooses a worker: mostly one of the tenth that is in favour now, so that many of
// the others fall asleep.
func (s *soak) pick(r *rand.Rand) int {
	n := len(s.workers)
	if r.IntN(256) == 0 {
		return r.IntN(n)
	}
	return (int(s.favour.Load()) + r.IntN(n/10)*10) % n
}

// crash makes workers crash, so many a second, in one way or another, until ctx ends.
func (s *soak) crash(ctx context.Context, r *rand.Rand, each time.Duration) {
	for next := time.Now(); ctx.Err() == nil; next = next.Add(each) {
		time.Sleep(time.Until(next))
		i := s.pick(r)
		to := s.workers[i]
		waiting, cancel := context.WithTimeout(s.ctx, patience)
		var err error
		switch kind := r.IntN(7); kind {
		case 0:
			err = process.Signal(waiting, to, (*worker).Fail)
		case 1:
			if err = process.Run(waiting, to, (*worker).Panic); errors.Is(err, process.ErrDead) {
				err = nil
			} else {
				err = errors.Join(errors.New("who called a method that panics did not get ErrDead"), err)
			}
		case 2:
			err = process.Signal(waiting, to, (*worker).Goexit)
		case 3:
			err = process.Signal(waiting, to, (*worker).FailSoon)
		case 4:
			err = process.Signal(waiting, to, (*worker).FailHelper)
		case 5, 6:
			reason := errCrash
			if kind == 6 && killable(i) {
				reason = process.Kill
				s.kills.Add(1)
			}
			if err = process.Exit(waiting, to, reason); errors.Is(err, process.ErrNoProcess) {
				err = nil // it sleeps
			}
		}
		cancel()
		s.crashed.Add(1)
		if err != nil {
			s.v.add("a crash of %s: %v", to, err)
		}
	}
}
