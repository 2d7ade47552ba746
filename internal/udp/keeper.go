package udp

import (
	"context"
	"math"
	"time"
)

const never = time.Duration(math.MaxInt64)

// keeper looks after the sessions of an endpoint. All of it is of one goroutine.
type keeper struct {
	e     *endpoint
	due   agenda
	spare []*Session
	out   packet
	until time.Duration // when the endpoint is given up
	alone bool          // it ends with its last session
}

// run runs the endpoint until ctx ends and its sessions are closed, for which they have
// grace, or until it is alone and has no session. Last is called when the reader has
// left; sessions may still be added until it returns.
func (e *endpoint) run(ctx context.Context, grace time.Duration, alone bool, last func()) error {
	k := &keeper{e: e, until: never, alone: alone}
	end, err := k.keep(ctx, grace)
	_ = e.socket.Close()
	<-e.broken
	last()
	k.abandon(end)
	close(e.done)
	return err
}

const goingAway = "the server is going away"

func (k *keeper) keep(ctx context.Context, grace time.Duration) (*CloseError, error) {
	e, stop := k.e, ctx.Done()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		k.look()
		now := e.now()
		if now >= k.until || k.alone && e.table.len() == 0 {
			return closedHere(goingAway), nil
		}
		timer.Reset(min(k.due.first(), k.until) - now)
		select {
		case <-e.wake:
		case <-timer.C:
		case <-stop:
			stop, k.alone, k.until = nil, true, e.now()+grace
			for _, s := range e.table.each() {
				s.Close(goingAway)
			}
		case <-e.broken:
			return unusable(e.err), e.err
		}
	}
}

// look sees to all sessions that were touched, or that something is due for.
func (k *keeper) look() {
	e := k.e
	e.mu.Lock()
	list := e.list
	e.list, k.spare = k.spare[:0], nil
	for _, s := range list {
		s.dirty = false
	}
	e.mu.Unlock()
	for _, s := range list {
		k.tend(s)
	}
	clear(list)
	k.spare = list
	for now := e.now(); k.due.first() <= now; {
		k.tend(k.due.all[0])
	}
}

// tend sends what a session has to send, and sees to what is due for it.
func (k *keeper) tend(s *Session) {
	e := k.e
	now := e.now()
	name, times := s.due(now)
	for range times {
		e.count(name)
	}
	for {
		n, to := s.write(&k.out, now)
		if n == 0 {
			break
		}
		e.write(k.out.seal(&s.out, n), to)
	}
	if end := s.ended(); end != nil {
		s.handler.Closed(end)
	}
	switch at := s.next(); {
	case at > 0:
		k.due.put(s, at)
	case s.quiet():
		k.due.remove(s)
		e.table.remove(s)
	default: // the reader is about to touch it
		k.due.put(s, never)
	}
}

// quiet reports that the handler was told of the end.
func (s *Session) quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// abandon ends what sessions there still are. Nothing is sent anymore.
func (k *keeper) abandon(end *CloseError) {
	for _, s := range k.e.table.each() {
		s.mu.Lock()
		s.finish(end)
		s.state, s.farewell = closed, false
		s.mu.Unlock()
		k.tend(s)
	}
}
