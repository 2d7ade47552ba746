package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/internal/ws"
)

// fleet is all clients.
type fleet struct {
	settings
	server  *server
	poller  *ws.Poller
	clients []client
	ready   atomic.Int64  // clients[:ready] are connected, or fewer
	joining chan struct{} // who connects, or has not joined yet

	joined, heard, echoed, beaten, gone atomic.Int64 // what has happened
	beats                               atomic.Int64 // that were sent

	closing atomic.Bool
	failed  chan error // the first failure
}

func newFleet(s settings, server *server) (*fleet, error) {
	poller, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		return nil, err
	}
	return &fleet{
		settings: s, server: server, poller: poller,
		clients: make([]client, s.n), joining: make(chan struct{}, s.at), failed: make(chan error, 1),
	}, nil
}

func (f *fleet) topic(i int) string { return fmt.Sprintf("room:%d", i%f.topics) }

// connect has all of them join.
func (f *fleet) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var dialing sync.WaitGroup
	defer dialing.Wait()
	for i := range f.clients {
		select {
		case f.joining <- struct{}{}:
		case err := <-f.failed:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		dialing.Go(func() {
			if err := f.open(ctx, i); err != nil {
				f.fail(err)
			}
		})
		if i%f.at == 0 { // in step, so that all before are there
			dialing.Wait()
			f.ready.Store(int64(i + 1))
		}
	}
	dialing.Wait()
	f.ready.Store(int64(f.n))
	return f.until(ctx, &f.joined, int64(f.n))
}

func (f *fleet) open(ctx context.Context, i int) error {
	conn, err := ws.Dial(ctx, "ws://memory/socket/websocket?vsn=2.0.0", ws.DialOptions{
		Limits:  limits,
		NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) { return f.server.listener.Dial(ctx) },
	})
	if err != nil {
		return err
	}
	c := &f.clients[i]
	*c = client{conn, f}
	conn.Serve(f.poller, c)
	return c.join(f.topic(i))
}

// limits of clients: they do not mind silence.
var limits = &ws.Limits{IdleTimeout: 24 * time.Hour, WriteTimeout: time.Minute}

// pulse has every client that is connected send its heartbeats, evenly spread, until it is
// stopped.
func (f *fleet) pulse(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for sent, began := 0, time.Now(); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-tick.C:
				due := int(float64(f.n) * float64(time.Since(began)) / float64(f.every))
				for ; sent < due; sent++ {
					if i := sent % f.n; i < int(f.ready.Load()) {
						_ = f.beat(i) // a failure is told to Closed
					}
				}
			}
		}
	})
	return func() {
		cancel()
		beating.Wait()
	}
}

// beatAll has every client send one heartbeat, and waits for the answers.
func (f *fleet) beatAll(ctx context.Context) error {
	for i := range f.clients {
		if err := f.beat(i); err != nil {
			return err
		}
	}
	return f.until(ctx, &f.beaten, f.beats.Load())
}

func (f *fleet) beat(i int) error {
	f.beats.Add(1)
	return f.clients[i].conn.Send(beat)
}

// broadcast says something on every topic, and waits until all have heard it.
func (f *fleet) broadcast(ctx context.Context) error {
	for i := range min(f.topics, f.n) {
		if err := channel.Broadcast(f.server.ctx, f.topic(i), shout, []byte(`{"body":"hello"}`)); err != nil {
			return err
		}
	}
	return f.until(ctx, &f.heard, int64(f.n))
}

// echo tries some clients, picked at random, with a push, and waits for the replies.
func (f *fleet) echo(ctx context.Context) error {
	for range f.echoes {
		i := rand.IntN(f.n)
		if err := f.clients[i].echo(f.topic(i)); err != nil {
			return err
		}
	}
	return f.until(ctx, &f.echoed, int64(f.echoes))
}

// close closes all connections, and waits until both sides have forgotten them.
func (f *fleet) close(ctx context.Context, processes int) error {
	f.closing.Store(true)
	for i := range f.clients {
		f.clients[i].conn.Close(ws.Normal, "")
	}
	if err := f.until(ctx, &f.gone, int64(f.n)); err != nil {
		return err
	}
	f.poller.Close()
	for f.server.node.Count() > processes {
		if err := f.pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// until waits for a counter. If it stands still for long, that is a failure.
func (f *fleet) until(ctx context.Context, counter *atomic.Int64, want int64) error {
	const patience = 30 * time.Second
	seen, since := counter.Load(), time.Now()
	for wait := 10 * time.Microsecond; seen < want; wait = min(2*wait, 10*time.Millisecond) {
		if err := f.pause(ctx, wait); err != nil {
			return err
		}
		if now := counter.Load(); now > seen {
			seen, since = now, time.Now()
		} else if time.Since(since) > patience {
			return fmt.Errorf("%d of %d have not arrived", want-seen, want)
		}
	}
	return nil
}

// pause waits, and fails when a connection does.
func (f *fleet) pause(ctx context.Context, d time.Duration) error {
	select {
	case err := <-f.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
