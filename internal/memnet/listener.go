package memnet

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Listener accepts connections that are dialled inside the program.
type Listener struct {
	accept chan *Conn
	closed chan struct{}
	once   sync.Once
	dialed atomic.Uint64
	pool   pool
	epoch  time.Time // what deadlines are counted from
}

// Listen makes a listener.
func Listen() *Listener {
	return &Listener{accept: make(chan *Conn), closed: make(chan struct{}), epoch: time.Now()}
}

// Dial connects. It waits until the connection is accepted. When the listener is
// closed, it fails with [fault.Unavailable]; when the context ends, with its error.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) {
	p := &pair{network: l, number: l.dialed.Add(1)}
	client, server := &p.ends[0], &p.ends[1]
	client.pair, server.pair, server.accepted = p, p, true
	select {
	case l.accept <- server:
		return client, nil
	case <-l.closed:
		return nil, fault.Unavailable.Errorf("the listener is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept waits for a connection. After Close it fails with [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accept:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and Dial. Connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the address of the listener, and of all ends that it accepts.
func (l *Listener) Addr() net.Addr { return addr(0, 80) }

// elapsed is the time as deadlines are counted: never 0, which is no deadline.
func (l *Listener) elapsed(t time.Time) time.Duration {
	if d := t.Sub(l.epoch); d != 0 {
		return d
	}
	return 1
}
