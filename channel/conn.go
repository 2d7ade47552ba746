package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

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
	after   []ws.Frame  // to be sent right after the reply to the join
	off     atomic.Bool // a join that has not begun is called off; Exit is for those that have
	early   []inbound   // sent before the join was replied to, without the payloads
	later   []inbound   // another join of the topic and what followed it: for after this end
}

// mostLater is how many messages wait while a topic that is joined again comes to its end.
const mostLater = 16

func openConn(ctx context.Context, s *Socket, w *ws.Conn, params url.Values) (*conn, error) {
	c := &conn{socket: s, ws: w, params: params, topics: make(map[string]*member)}
	var err error
	if c.port, err = process.Bind(ctx, (*conn).ended); err != nil {
		return nil, err
	}
	self := process.Self[conn](ctx)
	if _, err := c.port.OnEnd(func() { s.forget(self) }); err != nil {
		return nil, err
	}
	if err := s.remember(self); err != nil {
		return nil, err
	}
	// Whatever ends the process ends the connection, and so the reader, for which the
	// process waits.
	context.AfterFunc(ctx, func() { w.Close(farewell(context.Cause(ctx))) })
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
		if op != ws.OpText {
			telemetry.Count(ctx, "channel.messages.refused", 1)
			c.ws.Close(ws.Unsupported, "binary messages are not spoken here")
			continue // ReadMessage tells when it is over
		}
		m, err := decode(text)
		if err != nil {
			telemetry.Count(ctx, "channel.messages.refused", 1)
			c.ws.Close(ws.InternalError, fault.Detail(err))
			continue
		}
		if err := process.Cast(ctx, self, (*conn).receive, m); err != nil {
			if ctx.Err() == nil {
				c.ws.Close(ws.TryAgainLater, "overloaded")
			}
		}
	}
}

// farewell is what the client is told when the process ends first. It comes back after
// either.
func farewell(why process.Reason) (ws.Code, string) {
	if process.Clean(why) {
		return ws.Restart, "the server restarts"
	}
	return ws.InternalError, ""
}

// receive handles one message of the client.
func (c *conn) receive(ctx context.Context, in inbound) error {
	m := c.topics[in.topic]
	switch {
	case in.topic == system && in.event == heartbeat:
		c.reply(nil, in, "ok", empty)
	case m == nil && in.event == phxJoin:
		return c.join(ctx, in, nil)
	case m == nil && in.event == phxLeave:
		c.reply(in.joinRef, in, "ok", empty)
	case m == nil:
		c.reply(nil, in, "error", reason("unmatched topic"))
	case len(m.later) >= mostLater:
		c.refuse(ctx, in, "the topic is being joined again")
	case in.event == phxJoin || len(m.later) > 0:
		if m.later = append(m.later, in); len(m.later) == 1 {
			m.off.Store(true)
			m.slot.Exit(errTwice)
		}
	case in.joinRef != nil && (m.client.asked.joinRef == nil || *in.joinRef != *m.client.asked.joinRef):
		// Of an earlier join, which has ended.
	case m.client.hasTooMuch(in):
		c.refuse(ctx, in, "too much waits for the topic")
	default:
		if m.client.isJoining() {
			m.early = append(m.early, inbound{in.joinRef, in.ref, in.topic, in.event, nil})
		} else {
			m.early = nil
		}
		if err := m.channel.cast(ctx, m, in); err != nil {
			m.early = m.early[:max(0, len(m.early)-1)]
			c.refuse(ctx, in, fault.Detail(err))
		}
	}
	return nil
}

// refuse answers a message that its topic will not see.
func (c *conn) refuse(ctx context.Context, in inbound, why string) {
	telemetry.Count(ctx, "channel.messages.refused", 1)
	c.reply(in.joinRef, in, "error", reason(why))
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
		telemetry.Log(ctx).Warn("a client wants to join a topic that no channel matches", "topic", short(in.topic))
		return refuse(nil, "unmatched topic")
	case len(c.topics) >= c.socket.Limits.orDefaults().Topics:
		return refuse(in.joinRef, "too many channels joined")
	}
	m := &member{channel: channel, key: key, params: c.params, client: newClient(c.ws, c.socket.Limits.orDefaults(), in), after: after}
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
	ref, admitted := m.client.joinRef, m.client.end()
	var last []ws.Frame
	switch {
	case !admitted:
		c.refused(ctx, m, d.Reason)
		last = m.after
	case process.Clean(d.Reason), m.off.Load():
		last = c.frame(ref, m.client.topic, phxClose, empty)
	default:
		last = c.frame(ref, m.client.topic, phxError, reason("channel_crash"))
	}
	if len(m.later) == 0 {
		c.send(last)
		return nil
	}
	if err := c.join(ctx, m.later[0], last); err != nil {
		return err
	}
	for _, in := range m.later[1:] {
		if err := c.receive(ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// refused replies to a join that failed, and to what came behind it.
func (c *conn) refused(ctx context.Context, m *member, err error) {
	telemetry.Count(ctx, "channel.joins.refused", 1)
	response := reasonOf(err)
	var panicked *process.Panic
	if errors.As(err, &panicked) || errors.Is(err, process.Killed) {
		response = reason("join crashed")
	} else if fault.Of(err) == fault.Internal {
		telemetry.Log(ctx).Error("join failed", "topic", short(m.client.topic), "error", err)
	}
	c.reply(m.client.asked.joinRef, m.client.asked, "error", response)
	for _, in := range m.early {
		if in.event == phxLeave {
			c.reply(in.joinRef, in, "ok", empty)
		} else {
			c.reply(nil, in, "error", reason("unmatched topic"))
		}
	}
}

func (c *conn) reply(joinRef *string, to inbound, status string, response json.RawMessage) {
	if frame, err := encode(joinRef, to.ref, to.topic, phxReply, reply{status, response}); err == nil {
		c.send([]ws.Frame{frame})
	}
}

func (c *conn) frame(ref *string, topic, event string, payload json.RawMessage) []ws.Frame {
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

// Terminate ends the topics' processes, and waits until the client has been told.
func (c *conn) Terminate(ctx context.Context, _ process.Reason) {
	for _, m := range c.topics {
		m.slot.Exit(errGone)
	}
	for _, m := range c.topics {
		m.slot.Stop(errGone, process.DefaultShutdown)
		m.slot.Retire(errGone)
	}
	select {
	case <-c.ws.Done():
	case <-ctx.Done():
	}
}

// short is a client's text for the log.
func short(text string) string { return fmt.Sprintf("%.100s", text) }
