package main

import (
	"fmt"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

// client is a connection as its far end sees it.
type client struct {
	conn  *ws.Conn
	fleet *fleet
}

// The refs of what clients send.
const (
	refJoin = "1"
	refEcho = "2"
	refBeat = "3"
)

// Message counts what has come.
func (c *client) Message(_ any, _ ws.Op, payload []byte) {
	f := c.fleet
	m, err := wire.DecodeServerText(payload)
	switch status, response, _ := m.Reply(); {
	case err != nil:
		f.fail(err)
	case string(m.Event) == string(shout):
		f.heard.Add(1)
	case string(status) != "ok":
		f.fail(fmt.Errorf("%s: %s %s", m.Topic, m.Event, response))
	case string(m.Ref) == refJoin:
		f.joined.Add(1)
		<-f.joining
	case string(m.Ref) == refEcho:
		f.echoed.Add(1)
	case string(m.Ref) == refBeat:
		f.beaten.Add(1)
	}
}

// Closed counts those that have gone.
func (c *client) Closed(end *ws.CloseError) {
	if !c.fleet.closing.Load() {
		c.fleet.fail(fmt.Errorf("a connection ended: %w (%s)", end, end.Reason))
	}
	c.fleet.gone.Add(1)
}

func (c *client) join(topic string) error {
	return c.conn.Send(ws.Text(fmt.Appendf(nil, `["1",%q,%q,"phx_join",{}]`, refJoin, topic)))
}

func (c *client) echo(topic string) error {
	return c.conn.Send(ws.Text(fmt.Appendf(nil, `["1",%q,%q,"echo",{"body":"hello"}]`, refEcho, topic)))
}

// beat is the same for all.
var beat = ws.Text([]byte(`[null,"` + refBeat + `","phoenix","heartbeat",{}]`))
