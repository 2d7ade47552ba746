package channel

import (
	"encoding/json"
	"sync"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// Client is the other end of one joined topic. It is safe for concurrent use.
type Client struct {
	conn    *ws.Conn
	topic   string
	joinRef *string // of the frames to it
	asked   inbound // the join

	mu   sync.Mutex
	open bool       // the join has been replied to
	held []ws.Frame // until then
}

// Topic is the topic it has joined.
func (c *Client) Topic() string { return c.topic }

func newClient(conn *ws.Conn, join inbound) *Client {
	c := &Client{conn: conn, topic: join.topic, joinRef: join.joinRef, asked: join}
	if c.joinRef == nil {
		c.joinRef = join.ref
	}
	return c
}

// send gives a frame to the connection, after the reply to the join. The connection
// bounds what may wait, and ends when it is too much.
func (c *Client) send(f ws.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		if len(c.held) < mostHeld {
			c.held = append(c.held, f)
		} else {
			c.conn.Close(ws.TryAgainLater, "the join took too long")
		}
		return
	}
	_ = c.conn.Send(f) // if the connection has ended, so will the channel
}

// mostHeld is how many frames wait for a join to be replied to.
const mostHeld = 1024

func (c *Client) hear(b broadcast) {
	if b.from != c {
		c.send(b.frame)
	}
}

// admit replies to the join, sends after, and then what was held.
func (c *Client) admit(response json.RawMessage, after []ws.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer(c.asked, "ok", response)
	for _, f := range append(after, c.held...) {
		_ = c.conn.Send(f)
	}
	c.open, c.held = true, nil
}

// answer sends a reply to one message, with the refs that it had.
func (c *Client) answer(to inbound, status string, response json.RawMessage) {
	frame, err := encode(to.joinRef, to.ref, to.topic, phxReply, reply{status, response})
	if err == nil {
		_ = c.conn.Send(frame)
	}
}

// reason is the response of an error reply.
func reason(text string) json.RawMessage {
	b, err := json.Marshal(map[string]string{"reason": text})
	if err != nil {
		return empty
	}
	return b
}

func reasonOf(err error) json.RawMessage { return reason(fault.Detail(err)) }
