package main

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/internal/ws"
)

// fleet is the connections of a run.
type fleet struct {
	poller  *ws.Poller
	failed  chan error // the first failure
	clients []atomic.Pointer[client]
	stop    context.CancelFunc
	beats   sync.WaitGroup
}

// heartbeat is how often each connection says that it is alive.
const heartbeat = 25 * time.Second

func newFleet(ctx context.Context, n int) (*fleet, error) {
	poller, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	f := &fleet{poller: poller, failed: make(chan error, 1), clients: make([]atomic.Pointer[client], n), stop: stop}
	f.beats.Go(func() { f.beat(ctx) })
	return f, nil
}

// limits of connections here: nothing that a server sends is too much.
func limits() *ws.Limits {
	return &ws.Limits{MaxMessageBytes: 1 << 30, IdleTimeout: time.Hour, WriteTimeout: time.Minute}
}

// open connects client i, and has it join.
func (f *fleet) open(ctx context.Context, i int, s *settings, query url.Values, topic, params string, hear func(*client, []byte)) (*client, error) {
	conn, err := ws.Dial(ctx, socketURL(s.url, query), ws.DialOptions{Limits: limits()})
	if err != nil {
		return nil, err
	}
	c := f.adopt(i, conn, topic, hear)
	if err := c.join(ctx, params); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (f *fleet) adopt(i int, conn *ws.Conn, topic string, hear func(*client, []byte)) *client {
	c := &client{
		conn: conn, fleet: f, number: i, topic: topic, hear: hear,
		joined: make(chan error, 2), gone: make(chan struct{}),
	}
	conn.Serve(f.poller, c)
	return c
}

// openAll fills the fleet with clients that join the topics.
func (f *fleet) openAll(ctx context.Context, s *settings, topic func(int) string, hear func(*client, []byte)) error {
	return inParallel(ctx, len(f.clients), s.at, func(ctx context.Context, i int) error {
		c, err := f.open(ctx, i, s, url.Values{}, topic(i), "{}", hear)
		f.clients[i].Store(c)
		return err
	})
}

// beat sends the heartbeats of all, a few at a time.
func (f *fleet) beat(ctx context.Context) {
	for {
		if pause(ctx, heartbeat) != nil {
			return
		}
		for i := range f.clients {
			if c := f.clients[i].Load(); c != nil && c.topic != "" && !c.closing.Load() {
				_ = c.beat() // a failure is told to Closed
			}
			if i%64 == 63 && pause(ctx, time.Millisecond) != nil {
				return
			}
		}
	}
}

func (f *fleet) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// during waits, and fails when a connection does.
func (f *fleet) during(ctx context.Context, d time.Duration) error {
	select {
	case err := <-f.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// close closes all of the connections.
func (f *fleet) close() {
	f.stop()
	f.beats.Wait()
	_ = inParallel(context.Background(), len(f.clients), 256, func(_ context.Context, i int) error {
		if c := f.clients[i].Load(); c != nil {
			c.close()
		}
		return nil
	})
	f.poller.Close()
}
