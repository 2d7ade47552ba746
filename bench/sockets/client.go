package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// client is a connection that has joined one topic.
type client struct {
	conn   *ws.Conn
	fleet  *fleet
	number int
	topic  string

	hear    func(c *client, payload []byte) // all that comes after the reply to the join
	joined  chan error
	isIn    bool // joined, for the loop that reads
	closing atomic.Bool
	gone    chan struct{}
}

// joinRef is the ref of every join; later pushes have pushRef, and nobody looks at it.
const (
	joinRef = "1"
	pushRef = "2"
)

// Message counts what came. While the connection joins it looks for the reply.
func (c *client) Message(_ any, _ ws.Op, payload []byte) {
	if c.isIn {
		c.hear(c, payload)
		return
	}
	m, err := wire.DecodeServerText(payload)
	if err == nil && string(m.Ref) != joinRef {
		return
	}
	status, response, _ := m.Reply()
	switch {
	case err != nil:
	case string(status) != "ok":
		err = fmt.Errorf("the join of %s was answered with %s %s", c.topic, status, response)
	default:
		c.isIn = true
	}
	c.joined <- err
}

// Closed fails the run, unless it is meant to be.
func (c *client) Closed(end *ws.CloseError) {
	if !c.closing.Load() {
		err := fmt.Errorf("connection %d of %s ended: %w (%s)", c.number, c.topic, end, end.Reason)
		select {
		case c.joined <- err:
		default:
		}
		c.fleet.fail(err)
	}
	close(c.gone)
}

// push sends an event whose payload has one field, the body.
func (c *client) push(event, body string) error {
	return c.conn.Send(ws.Text([]byte(`["` + joinRef + `","` + pushRef + `","` + c.topic + `","` + event + `",{"body":"` + body + `"}]`)))
}

func (c *client) join(ctx context.Context, params string) error {
	err := c.conn.Send(ws.Text([]byte(`["` + joinRef + `","` + joinRef + `","` + c.topic + `","phx_join",` + params + `]`)))
	if err != nil {
		return err
	}
	select {
	case err := <-c.joined:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Minute):
		return fmt.Errorf("the join of %s was not answered within a minute", c.topic)
	}
}

// beat says that the client is alive.
func (c *client) beat() error {
	return c.conn.Send(ws.Text([]byte(`[null,"` + pushRef + `","phoenix","heartbeat",{}]`)))
}

// close closes in order, and returns when the descriptor is free.
func (c *client) close() {
	c.closing.Store(true)
	c.conn.Close(ws.Normal, "")
	<-c.gone
}

// socketURL is where the websocket of a mount is.
func socketURL(mount string, params url.Values) string {
	params.Set("vsn", "2.0.0")
	return "ws" + strings.TrimPrefix(strings.TrimSuffix(mount, "/"), "http") + "/websocket?" + params.Encode()
}

// A body begins with its number, at a width that does not change, so that it can be found
// in a frame without reading the rest.
const (
	mark   = "no:"
	digits = 12
)

func body(number uint64, size int) string {
	text := fmt.Sprintf("%s%0*d", mark, digits, number)
	return text + strings.Repeat("x", max(0, size-len(text)))
}

// numberIn finds the number of the body in a frame. Not ok: it has none.
func numberIn(frame []byte) (number uint64, ok bool) {
	at := bytes.Index(frame, []byte(mark))
	if at < 0 || len(frame) < at+len(mark)+digits {
		return 0, false
	}
	number, err := strconv.ParseUint(string(frame[at+len(mark):at+len(mark)+digits]), 10, 64)
	return number, err == nil
}
