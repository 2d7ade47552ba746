package channel

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// Client is the other end of one joined topic. It is safe for concurrent use.
type Client struct {
	conn    *ws.Conn
	limits  Limits
	topic   string
	joinRef *string // of the frames to it
	asked   inbound // the join

	waiting atomic.Int64 // bytes that the topic's process has not looked at

	mu    sync.Mutex
	phase phase
	held  []ws.Frame // while joining
	bytes int        // of held
}

// phase is how far a client is with its topic.
type phase uint8

const (
	joining phase = iota // nothing may be sent before the reply to the join
	joined
	ended // nothing may be sent any more, not even by an abandoned handler
)

// Topic is the topic it has joined.
func (c *Client) Topic() string { return c.topic }

func newClient(conn *ws.Conn, limits Limits, join inbound) *Client {
	c := &Client{conn: conn, limits: limits, topic: join.topic, joinRef: join.joinRef, asked: join}
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
	switch c.phase {
	case joining:
		if len(c.held) >= c.limits.PendingMessages || c.bytes+f.Len() > c.limits.PendingBytes {
			c.conn.Close(ws.TryAgainLater, "the join took too long")
			return
		}
		c.held, c.bytes = append(c.held, f), c.bytes+f.Len()
	case joined:
		_ = c.conn.Send(f) // if the connection has ended, so will the channel
	}
}

func (c *Client) hear(b broadcast) {
	if b.from != c {
		c.send(b.frame)
	}
}

// admit replies to the join, sends after, and then what was held.
func (c *Client) admit(response json.RawMessage, after []ws.Frame) error {
	frame, err := encode(c.asked.joinRef, c.asked.ref, c.topic, phxReply, reply{"ok", response})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != joining {
		return errGone
	}
	if err := c.conn.Send(frame); oversize(err) {
		return fault.Internal.Wrap(err, "the reply to the join is too long")
	}
	for _, f := range append(after, c.held...) {
		_ = c.conn.Send(f)
	}
	c.phase, c.held = joined, nil
	return nil
}

// hasTooMuch reports whether a message is too long to wait behind what waits already.
func (c *Client) hasTooMuch(in inbound) bool {
	waiting := int(c.waiting.Load())
	return waiting > 0 && waiting+len(in.payload) > c.limits.MessageBytes
}

// isJoining reports whether the join has not been replied to.
func (c *Client) isJoining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.phase == joining
}

// end makes sure that nothing follows what the connection says last about the topic, and
// reports whether the join has been replied to.
func (c *Client) end() (admitted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	admitted = c.phase == joined
	c.phase, c.held = ended, nil
	return admitted
}

// answer sends a reply to one message, with the refs that it had.
func (c *Client) answer(to inbound, status string, response json.RawMessage) {
	frame, err := encode(to.joinRef, to.ref, to.topic, phxReply, reply{status, response})
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase != joined || !oversize(c.conn.Send(frame)) {
		return
	}
	frame, err = encode(to.joinRef, to.ref, to.topic, phxReply, reply{"error", reason("the reply is too long")})
	if err == nil {
		_ = c.conn.Send(frame)
	}
}

// oversize reports whether a frame was refused for its length, and the connection goes on.
func oversize(err error) bool {
	var end *ws.CloseError
	return err != nil && !errors.As(err, &end)
}

// refusal is the response of an error reply.
type refusal struct {
	Reason string       `json:"reason"`
	Errors fault.Fields `json:"errors,omitempty"` // by field
}

func (r refusal) encode() json.RawMessage {
	b, err := json.Marshal(r)
	if err != nil {
		return empty
	}
	return b
}

func reason(text string) json.RawMessage { return refusal{Reason: text}.encode() }

func reasonOf(err error) json.RawMessage {
	return refusal{fault.Detail(err), fault.FieldsOf(err)}.encode()
}
