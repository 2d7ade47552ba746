package channel

import (
	"context"
	"errors"
	"net/url"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// conn is the process of one connection. It knows which topics the client has joined;
// one helper of it reads, and the topics' own processes write.
type conn struct {
	socket *Socket
	ws     *ws.Conn
	params url.Values
	port   process.Port[process.Down]
	topics map[string]*member // by topic
}

// member is one joined topic, from the join to the end of its process.
type member struct {
	channel Channel
	key     string
	params  url.Values
	client  *Client
	slot    *process.Slot
	after   []ws.Frame // to be sent right after the reply to the join
	next    *inbound   // a later join of the same topic, which waits for this end
}

func openConn(ctx context.Context, s *Socket, w *ws.Conn, params url.Values) (*conn, error) {
	c := &conn{socket: s, ws: w, params: params, topics: make(map[string]*member)}
	var err error
	if c.port, err = process.Bind(ctx, (*conn).ended); err != nil {
		return nil, err
	}
	self := process.Self[conn](ctx)
	if err := s.remember(c, self); err != nil {
		return nil, err
	}
	if _, err := c.port.OnEnd(func() { s.forget(c) }); err != nil {
		return nil, err
	}
	return c, process.Go(ctx, func(ctx context.Context) error { return c.read(ctx, self) })
}

// read gives what the client sends to the process. When the mailbox is full it waits, and
// so does the client.
func (c *conn) read(ctx context.Context, self process.Ref[conn]) error {
	for {
		op, text, err := c.ws.ReadMessage()
		if err != nil {
			return process.Stop(ctx, errGone)
		}
		telemetry.Count(ctx, "channel.messages", 1)
		m, err := decode(text)
		switch {
		case op != ws.OpText:
			telemetry.Count(ctx, "channel.messages.refused", 1)
			c.ws.Close(ws.Unsupported, "binary messages are not spoken here")
			continue
		case err != nil:
			telemetry.Count(ctx, "channel.messages.refused", 1)
			c.ws.Close(ws.InternalError, fault.Detail(err))
			continue
		}
		if err := process.Cast(ctx, self, (*conn).receive, m); err != nil {
			if ctx.Err() == nil {
				c.ws.Close(ws.TryAgainLater, "overloaded")
			}
			continue // ReadMessage tells when it is over
		}
	}
}

// receive handles one message of the client.
func (c *conn) receive(ctx context.Context, in inbound) error {
	m := c.topics[in.topic]
	switch {
	case in.topic == system:
		if in.event == heartbeat {
			c.reply(nil, in, "ok", empty)
		}
	case in.event == phxJoin && m == nil:
		return c.join(ctx, in, nil)
	case in.event == phxJoin:
		if m.next != nil {
			c.reply(m.next.joinRef, *m.next, "error", reason("joined again"))
		}
		m.next = &in
		m.slot.Exit(errTwice)
	case m == nil && in.event == phxLeave:
		c.reply(in.joinRef, in, "ok", empty)
	case m == nil:
		c.reply(nil, in, "error", reason("unmatched topic"))
	case in.joinRef != nil && (m.client.asked.joinRef == nil || *in.joinRef != *m.client.asked.joinRef):
		// Of an earlier join, which has ended.
	default:
		if err := m.channel.cast(ctx, m, in); err != nil {
			telemetry.Count(ctx, "channel.messages.refused", 1)
			c.reply(in.joinRef, in, "error", reasonOf(err))
		}
	}
	return nil
}

// join starts the process of a topic and does not wait for it. after is what the client
// gets right behind the reply.
func (c *conn) join(ctx context.Context, in inbound, after []ws.Frame) error {
	refuse := func(joinRef *string, why string) error {
		telemetry.Count(ctx, "channel.joins.refused", 1)
		c.reply(joinRef, in, "error", reason(why))
		c.send(after)
		return nil
	}
	channel, key := c.socket.route(in.topic)
	switch {
	case channel == nil:
		telemetry.Log(ctx).Warn("a client wants to join a topic that no channel matches", "topic", in.topic)
		return refuse(nil, "unmatched topic")
	case len(c.topics) >= c.socket.Limits.topics():
		return refuse(in.joinRef, "too many channels joined")
	}
	m := &member{channel: channel, key: key, params: c.params, client: newClient(c.ws, in), after: after}
	var err error
	if m.slot, err = channel.slot(ctx, c.port, m); err != nil {
		return err
	}
	c.topics[in.topic] = m
	m.slot.Restart(process.Outside(ctx))
	return nil
}

// ended handles the end of a topic's process.
func (c *conn) ended(ctx context.Context, d process.Down) error {
	var m *member
	for _, other := range c.topics {
		if process.Target(other.slot) == d.Target {
			m = other
		}
	}
	if m == nil {
		return nil
	}
	delete(c.topics, m.client.topic)
	m.slot.Retire(d.Reason)

	ref, clean := m.client.joinRef, process.Clean(d.Reason)
	var last []ws.Frame
	switch {
	case !d.Started && !clean:
		c.refused(ctx, m, d.Reason)
		last = m.after
	case clean:
		last = c.frame(ref, m.client.topic, phxClose, empty)
	default:
		last = c.frame(ref, m.client.topic, phxError, reason("channel_crash"))
	}
	if m.next != nil {
		return c.join(ctx, *m.next, last)
	}
	c.send(last)
	return nil
}

// refused replies to a join that failed.
func (c *conn) refused(ctx context.Context, m *member, err error) {
	telemetry.Count(ctx, "channel.joins.refused", 1)
	response := reasonOf(err)
	var panicked *process.Panic
	if errors.As(err, &panicked) {
		response = reason("join crashed")
	} else if fault.Of(err) == fault.Internal {
		telemetry.Log(ctx).Error("join failed", "topic", m.client.topic, "error", err)
	}
	c.reply(m.client.asked.joinRef, m.client.asked, "error", response)
}

func (c *conn) reply(joinRef *string, to inbound, status string, response []byte) {
	if frame, err := encode(joinRef, to.ref, to.topic, phxReply, reply{status, response}); err == nil {
		c.send([]ws.Frame{frame})
	}
}

func (c *conn) frame(ref *string, topic, event string, payload []byte) []ws.Frame {
	f, err := encode(ref, ref, topic, event, payload)
	if err != nil {
		return nil
	}
	return []ws.Frame{f}
}

func (c *conn) send(frames []ws.Frame) {
	for _, f := range frames {
		_ = c.ws.Send(f) // if the connection has ended, so does this process
	}
}

var _ process.Terminator = (*conn)(nil)

// Terminate ends the topics' processes.
func (c *conn) Terminate(_ context.Context, why process.Reason) {
	if !process.Clean(why) {
		c.ws.Close(ws.InternalError, "")
	}
	for _, m := range c.topics {
		m.slot.Exit(errGone)
	}
	for _, m := range c.topics {
		m.slot.Stop(errGone, process.DefaultShutdown)
		m.slot.Retire(errGone)
	}
}
