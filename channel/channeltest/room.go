package channeltest

import (
	"encoding/json"
	"errors"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/process/processtest"
)

// Room is a topic that a client has joined.
type Room struct {
	// Reply is the answer to the join.
	Reply Reply

	// Recovered, after a Rejoin, says that all that was missed follows: the topic keeps a
	// channel.History, and it goes back far enough.
	Recovered bool

	c      *Client
	topic  string
	params any
	ref    string          // join_ref
	here   map[string]bool // who is present, see present
	told   bool            // who is present

	epoch  string // of the topic's history; "": none
	offset uint64 // of the latest message that the test has looked at
}

// Join joins a topic. Params that are nil are {}. A client is on a topic once: a [Room] of it
// that the client has already is closed.
func (c *Client) Join(topic string, params any) *Room {
	c.t.Helper()
	r := &Room{c: c, topic: topic, params: params}
	r.join([]byte("{}"))
	return r
}

// Refused joins a topic, which must be refused, and gives the reply. As with Join, a [Room] of
// it that the client has already is closed.
func (c *Client) Refused(topic string, params any) Reply {
	c.t.Helper()
	reply, _ := c.await(c.push("", topic, "phx_join", params, nil))
	if reply.Status == "ok" {
		c.t.Fatalf("the client may join %q, and gets %s", topic, reply)
	}
	return reply
}

// Rejoin joins the topic again, with the same params, after a [Client.Reconnect] or a crash.
// It says what it has seen: the last message with which the test has done something.
func (r *Room) Rejoin() {
	r.c.t.Helper()
	meta := []byte("{}")
	if r.epoch != "" {
		meta = wire.AppendResume(nil, r.epoch, r.offset)
	}
	r.join(meta)
}

func (r *Room) join(meta []byte) {
	r.c.t.Helper()
	if _, binary := r.params.([]byte); r.c.old || binary {
		meta = nil
	}
	r.ref, r.here, r.told = r.c.push("", r.topic, "phx_join", r.params, meta), make(map[string]bool), false
	reply, m := r.c.await(r.ref)
	if reply.Status != "ok" {
		r.c.t.Fatalf("the client may not join %q: %s", r.topic, reply)
	}
	r.Reply, r.Recovered = reply, m.meta.Recovered
	if r.epoch = m.meta.Epoch; !r.Recovered {
		r.offset = m.meta.Offset
	}
}

// Push sends an event with a payload, which becomes JSON, or a binary message if it is a
// []byte. nil is {}. It waits for nothing: see [Pending].
func (r *Room) Push(event string, payload any) *Pending {
	r.c.t.Helper()
	return &Pending{c: r.c, event: event, ref: r.c.push(r.ref, r.topic, event, payload, nil)}
}

// PushOnce is Push of what the server shall do once, however often it comes. The id is
// unique.
func (r *Room) PushOnce(id, event string, payload any) *Pending {
	r.c.t.Helper()
	return &Pending{c: r.c, event: event, ref: r.c.push(r.ref, r.topic, event, payload, wire.AppendID(nil, id))}
}

// Pending is a push that is not answered yet.
type Pending struct {
	c          *Client
	event, ref string
	reply      *Reply
}

// Reply waits for the answer.
func (p *Pending) Reply() Reply {
	p.c.t.Helper()
	if p.reply == nil {
		r, _ := p.c.await(p.ref)
		p.reply = &r
	}
	return *p.reply
}

// ExpectReply waits for the answer, which must be this: a response that encodes as the same
// JSON, or bytes. nil is {}.
func (p *Pending) ExpectReply(status string, want any) {
	p.c.t.Helper()
	r := p.Reply()
	if r.Status != status || !equal(r.Response, r.Binary, want) {
		p.c.t.Fatalf("%q was answered with %s; expected %s %s%s", p.event, r, status, wanted(want), r.hint())
	}
}

// ExpectError waits for the answer, which must be an error with this reason.
func (p *Pending) ExpectError(reason string) {
	p.c.t.Helper()
	if r := p.Reply(); r.Status != "error" || r.Reason() != reason {
		p.c.t.Fatalf("%q was answered with %s; expected the error %q%s", p.event, r, reason, r.hint())
	}
}

// OK waits for the answer, which must be good, and decodes it.
func OK[Out any](p *Pending) (out Out) {
	p.c.t.Helper()
	r := p.Reply()
	if r.Status != "ok" {
		p.c.t.Fatalf("%q was answered with %s%s", p.event, r, r.hint())
	}
	decode(p.c, r.Response, &out)
	return out
}

// Joined decodes the answer to the join.
func Joined[Out any](r *Room) (out Out) {
	r.c.t.Helper()
	decode(r.c, r.Reply.Response, &out)
	return out
}

func decode(c *Client, from json.RawMessage, to any) {
	c.t.Helper()
	if err := json.Unmarshal(from, to); err != nil {
		c.t.Fatalf("%.300s: %v", from, err)
	}
}

// Next waits for the next message on the topic that is no reply, nor about presence.
func (r *Room) Next() Message {
	r.c.t.Helper()
	return r.next("", "a message on "+r.topic)
}

func (r *Room) next(event, what string) Message {
	r.c.t.Helper()
	m := r.c.next(what, func(m Message) bool { return r.has(m, event) })
	if m.meta.Offset > r.offset {
		r.offset = m.meta.Offset
	}
	return m
}

// has reports whether a message is to the room, and not to be looked at otherwise.
func (r *Room) has(m Message, event string) bool {
	if m.Topic != r.topic || m.Event == "phx_reply" || m.JoinRef != nil && *m.JoinRef != r.ref {
		return false
	}
	return m.Event == event || !aboutPresence(m)
}

// ExpectPush takes the next message on the topic, which must be this event, said to this
// client alone. The payload is as in [Pending.ExpectReply].
func (r *Room) ExpectPush(event string, want any) {
	r.c.t.Helper()
	if m := r.expect(event, want); m.JoinRef == nil && !r.c.old {
		r.c.t.Fatalf("%s was broadcast, not pushed", m)
	}
}

// ExpectBroadcast takes the next message on the topic, which must be this event, said to all
// who have joined.
func (r *Room) ExpectBroadcast(event string, want any) {
	r.c.t.Helper()
	if m := r.expect(event, want); m.JoinRef != nil {
		r.c.t.Fatalf("%s was pushed, not broadcast", m)
	}
}

func (r *Room) expect(event string, want any) Message {
	r.c.t.Helper()
	m := r.next(event, "the event "+event+" on "+r.topic)
	switch {
	case m.Event == event && equal(m.Payload, m.Binary, want):
		return m
	case m.Event == "phx_close":
		r.c.t.Fatalf("%s was closed (joined again by this client?); expected %q%s", r.topic, event, r.c.rest())
	default:
		r.c.t.Fatalf("%q came on %s with %s; expected %q with %s%s", m.Event, r.topic, shown(m.Payload, m.Binary), event, wanted(want), r.c.rest())
	}
	return m
}

// ExpectNothing fails if there is a message on the topic that the test has not looked at,
// or one comes of what happens now: it waits until no process of the server has anything to
// do. Replies and presence do not count.
func (r *Room) ExpectNothing() {
	r.c.t.Helper()
	r.c.settle()
	for _, m := range r.c.unread {
		if r.has(m, "") {
			r.c.t.Fatalf("%s came on %s, and nobody expected it", m, r.topic)
		}
	}
}

// Leave leaves the topic, and waits until the server has closed it.
func (r *Room) Leave() {
	r.c.t.Helper()
	r.Push("phx_leave", nil).ExpectReply("ok", nil)
	r.ExpectClose()
}

// ExpectClose waits for the end of the topic without a crash, passing over what comes
// before.
func (r *Room) ExpectClose() { r.c.t.Helper(); r.ended("phx_close") }

// ExpectCrash waits for the crash of the topic's process, passing over what comes before.
func (r *Room) ExpectCrash() { r.c.t.Helper(); r.ended("phx_error") }

func (r *Room) ended(event string) {
	r.c.t.Helper()
	for {
		m := r.next("", event+" on "+r.topic)
		if m.Event == event {
			return
		}
		if m.Event == "phx_close" || m.Event == "phx_error" {
			r.c.t.Fatalf("%s came on %s; expected %s", m, r.topic, event)
		}
	}
}

// Crash makes the process of the topic crash, as a panic does, between two of its messages,
// and waits until the client knows. It is for a client that connected with [Connect].
func (r *Room) Crash() {
	r.c.t.Helper()
	l, ok := r.c.line.(*link)
	if !ok {
		r.c.t.Fatal("only the channel of a client that connected with Connect can be made to crash")
	}
	target := l.session.Process(r.topic)
	if target == nil {
		r.c.t.Fatalf("nothing serves the client on %q", r.topic)
	}
	r.c.server.settle()
	processtest.Crash(r.c.t, r.c.server.ctx, target, errCrash)
	r.ExpectCrash()
}

var errCrash = errors.New("channeltest: a crash on purpose")

var _ channel.Link = (*link)(nil)
