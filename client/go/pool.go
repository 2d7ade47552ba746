package client

import (
	"context"
	"net/http"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// Pool serves the connections of many sockets with few goroutines: on Linux, plain
// connections that are idle need none.
type Pool struct {
	poller  *ws.Poller
	deflate ws.Deflate
}

// NewPool starts a pool.
func NewPool() (*Pool, error) {
	poller, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		return nil, fault.Unavailable.Wrap(err, "the pool could not be started")
	}
	return &Pool{poller: poller}, nil
}

// Close ends the pool and waits for its goroutines. Its sockets must be done before.
func (p *Pool) Close() { p.poller.Close() }

// What waits for a server that does not take it. More ends the connection.
const (
	pendingBytes  = 16 << 20
	pendingFrames = 16 << 10
)

// usePool has the socket dial with its pool, or one of its own.
func (s *Socket) usePool() (err error) {
	pool := s.o.Pool
	if pool == nil {
		if s.own, err = NewPool(); err != nil {
			return err
		}
		pool = s.own
	}
	limits := &ws.Limits{
		MaxMessageBytes:  s.o.MaxMessageBytes,
		MaxPendingBytes:  pendingBytes,
		MaxPendingFrames: pendingFrames,
		IdleTimeout:      3 * s.o.Heartbeat,
	}
	var deflate *ws.Deflate
	if s.o.Compress {
		deflate = &pool.deflate
	}
	s.o.dial = func(ctx context.Context, h handshake) (carrier, error) {
		conn, err := ws.Dial(ctx, h.url.String(), ws.DialOptions{
			Header:    h.header,
			Protocols: h.protocols,
			Limits:    limits,
			Deflate:   deflate,
			TLS:       s.o.TLS,
			NetDial:   s.o.NetDial,
		})
		if err != nil {
			return nil, err
		}
		return &websocket{conn, pool.poller}, nil
	}
	return nil
}

// refusedWith is the kind of a handshake that was answered with another status than 101.
func refusedWith(status int) fault.Kind {
	switch status {
	case http.StatusUnauthorized:
		return fault.Unauthenticated
	case http.StatusForbidden:
		return fault.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return fault.NotFound
	case http.StatusTooManyRequests:
		return fault.Exhausted
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return fault.Unavailable
	}
	if status/100 == 4 {
		return fault.Invalid
	}
	return fault.Unavailable
}

// websocket is a carrier.
type websocket struct {
	conn   *ws.Conn
	poller *ws.Poller
}

func (w *websocket) serve(l *link) { w.conn.Serve(w.poller, handler{l}) }

func (w *websocket) send(frame []byte, binary bool) error {
	f := ws.Text(frame)
	if binary {
		f = ws.Binary(frame)
	}
	_ = w.conn.Send(f) // if not, the link hears of the end
	return nil
}

func (w *websocket) close(code ws.Code, reason string) { w.conn.Close(code, reason) }

// handler has a link hear of a connection.
type handler struct{ link *link }

func (h handler) Message(_ any, op ws.Op, payload []byte) { h.link.message(payload, op == ws.OpBinary) }

func (h handler) Closed(end *ws.CloseError) {
	code := end.Code
	if code == ws.TooBig && !end.Remote {
		code = ws.Abnormal // it was the server's message
	}
	h.link.closed(code, end.Reason, end)
}
