package main

import (
	"context"
	"net/http"
	"sync"

	"github.com/bennu-go/bennu/internal/ws"
)

// mirror sends each message back: what the websockets cost without channels.
type mirror struct {
	poller  *ws.Poller
	options ws.UpgradeOptions

	mu    sync.Mutex
	conns map[*ws.Conn]struct{}
	empty chan struct{} // made when it stops; closed when the last has gone
}

// Start makes it ready for connections.
func (m *mirror) Start(context.Context) (err error) {
	m.conns, m.empty = make(map[*ws.Conn]struct{}), nil
	m.options = ws.UpgradeOptions{Deflate: &ws.Deflate{}}
	m.poller, err = ws.NewPoller(ws.Hooks{})
	return err
}

// Serve waits until ctx ends, and then for the connections, which it closes.
func (m *mirror) Serve(ctx context.Context) error {
	<-ctx.Done()
	m.mu.Lock()
	m.empty = make(chan struct{})
	if len(m.conns) == 0 {
		close(m.empty)
	}
	for c := range m.conns {
		c.Close(ws.Restart, "the server restarts")
	}
	m.mu.Unlock()
	<-m.empty
	m.poller.Close()
	return nil
}

// ServeHTTP takes a connection over.
func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	stopping := m.empty != nil
	m.mu.Unlock()
	if stopping {
		http.Error(w, "stopping", http.StatusServiceUnavailable)
		return
	}
	c, err := ws.Upgrade(w, r, m.options)
	if err != nil {
		return // the client has had its answer
	}
	m.mu.Lock()
	m.conns[c] = struct{}{}
	m.mu.Unlock()
	c.Serve(m.poller, &image{m, c})
}

// image is one connection to the mirror.
type image struct {
	mirror *mirror
	conn   *ws.Conn
}

// Message sends a message back.
func (i *image) Message(_ any, op ws.Op, payload []byte) {
	send := ws.Binary
	if op == ws.OpText {
		send = ws.Text
	}
	_ = i.conn.Send(send(payload)) // a client that does not read ends by this
	i.conn.Flush()
}

// Closed forgets it.
func (i *image) Closed(*ws.CloseError) {
	m := i.mirror
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conns, i.conn)
	if m.empty != nil && len(m.conns) == 0 {
		close(m.empty)
	}
}
