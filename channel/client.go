package channel

import (
	"sync/atomic"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
)

// Client is the other end of one joined topic. It is safe for concurrent use.
type Client struct {
	session *Session
	channel Channel
	slot    *process.Slot
	topic   string

	waiting atomic.Int64 // bytes that the topic's process has not looked at
	off     atomic.Bool  // a join that has not begun is called off; Exit is for those that have
	place   int32        // in the feed, and guarded by its lock

	current delivery // that the process handles; of the process
	asking  asking   // and has not answered

	// Guarded by the session's lock.
	phase   phase
	metas   bool   // it understands the sixth element
	noJoin  bool   // its join had no join_ref
	ref     []byte // of the frames to it: the join_ref of its join, or else the ref
	feed    *feed
	seen    uint64 // the version of the presence that it knows
	buckets []bucket
	joining *joining // nil: the reply to the join has been sent
	later   []raw    // another join of the topic and what followed it: for after this end
}

// joining is what is needed until the reply to the join is out.
type joining struct {
	asked  origin
	key    string // what the star of the pattern stands for
	params []byte
	binary bool
	resume wire.Meta
	after  []ws.Frame // to be sent right after the reply
	held   []*broadcast
	bytes  int // of held
	early  []early
}

// early is a message that did not wait for the reply to the join.
type early struct {
	origin
	leaves bool
}

// phase is how far a client is with its topic.
type phase uint8

const (
	isJoining phase = iota // nothing may be sent before the reply to the join
	isJoined
	isEnded // nothing may be sent any more, not even by an abandoned handler
)

// Topic is the topic it has joined.
func (c *Client) Topic() string { return c.topic }

// Peer is the client's connection, of which this is one topic.
func (c *Client) Peer() *Peer { return c.session.peer }

// hear gives the client a broadcast, now or after the reply to its join.
func (c *Client) hear(b *broadcast) {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	switch c.phase {
	case isJoining:
		c.hold(b)
	case isJoined:
		c.tell(b)
	}
}

// push is hear for a message to this client alone.
func (c *Client) push(b *broadcast) error {
	if b.binary && c.session.version == wire.V1 {
		return fault.Internal.Errorf("channel: %q is binary, which this client's version of the protocol does not know", b.event)
	}
	c.hear(b)
	return nil
}

// hold keeps a message until the reply to the join is out. The session is locked.
func (c *Client) hold(b *broadcast) {
	j, limits := c.joining, &c.session.socket.limits
	if len(j.held) >= limits.PendingMessages || j.bytes+len(b.payload) > limits.PendingBytes {
		c.session.link.Close(ws.TryAgainLater, "the join took too long")
		return
	}
	j.held, j.bytes = append(j.held, b), j.bytes+len(b.payload)
}

// tell sends a message. The session is locked.
func (c *Client) tell(b *broadcast) {
	if b.version != 0 {
		if b.version <= c.seen {
			return
		}
		c.seen = b.version
	}
	if f, ok := b.frame(kindOf(c.session.version, c.metas)); ok {
		c.session.send(f)
	} else {
		c.session.hub.counters.unsendable.Add(1)
	}
}

// admit replies to the join, and sends what belongs behind the reply.
func (c *Client) admit(r reply, meta []byte, missed []*broadcast, presence *broadcast) error {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.phase != isJoining {
		return errGone
	}
	j := c.joining
	if err := s.reply(j.asked, c.topic, r, meta); oversize(err) {
		return fault.Internal.Wrap(err, "the reply to the join is too long")
	}
	for _, f := range j.after {
		s.send(f)
	}
	c.phase, c.joining = isJoined, nil
	for _, b := range missed {
		c.tell(b)
	}
	if presence != nil {
		c.tell(presence)
	}
	for _, b := range j.held {
		c.tell(b)
	}
	return nil
}

// canTake reports whether messages fit into half of the outbox. A client that got more at
// once would be sent away for it, come back, and so on.
func (c *Client) canTake(all []*broadcast) bool {
	bytes, limits := 0, &c.session.socket.limits
	for _, b := range all {
		bytes += b.size()
	}
	return 2*len(all) <= limits.PendingMessages && 2*bytes <= limits.PendingBytes
}

// hasTooMuch reports whether a message is too long to wait behind what waits already.
func (c *Client) hasTooMuch(bytes int) bool {
	waiting := int(c.waiting.Load())
	return waiting > 0 && waiting+bytes > c.session.socket.limits.MessageBytes
}

// laterHas is how many bytes wait for the end of the topic, with one message more: none if
// it is the first. The session is locked.
func (c *Client) laterHas(more int) (bytes int) {
	for _, r := range c.later {
		bytes += len(r.text)
	}
	if bytes > 0 {
		bytes += more
	}
	return bytes
}

// isOf reports whether a message is of this join: it says so, or nothing. The session is
// locked.
func (c *Client) isOf(joinRef []byte) bool {
	return joinRef == nil || !c.noJoin && string(joinRef) == string(c.ref)
}

// answer sends a reply to one message, with the refs that it had, if the client is there.
func (c *Client) answer(to origin, r reply) {
	s := c.session
	s.mu.Lock()
	if c.phase == isJoined {
		if err := s.reply(to, c.topic, r, nil); oversize(err) {
			why := "the reply is too long"
			if r.binary {
				why = "the reply is too long, or its transport does not carry binary messages"
			}
			_ = s.reply(to, c.topic, refusal(fault.Internal, why), nil)
		}
	}
	s.mu.Unlock()
	s.link.Flush()
}

// handling is the event that the process was at when it ended, or "".
func (c *Client) handling() string {
	if d := c.current; d.client != nil && d.event >= 0 {
		return c.channel.options().handled[d.event].event
	}
	return ""
}

// oversize reports whether a frame was refused for its length, and the link goes on.
func oversize(err error) bool { return err != nil && fault.Of(err) == fault.Invalid }
