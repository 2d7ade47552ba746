package channel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Session is a client that is connected, whatever the transport. It is no process and has
// no goroutine: a transport gives it what the client sends, and it hands that on to the
// processes of the topics.
type Session struct {
	socket  *Socket
	hub     *hub
	peer    *Peer
	link    Link
	version wire.Version

	mu      sync.Mutex // may be held over Link.Send, never over user code
	clients []*Client  // one for each topic: few, so a list is a fast map
	ending  int        // processes whose end is being seen to
	joins   bucket
	events  bucket
	closed  bool
	told    func() // what is to be logged when the lock is free
}

// The events of the protocol itself.
const (
	phxJoin   = "phx_join"
	phxLeave  = "phx_leave"
	phxError  = "phx_error"
	phxClose  = "phx_close"
	heartbeat = "heartbeat"
	reserved  = "phx_"    // no event of an application begins so
	system    = "phoenix" // the topic of heartbeats
)

// mostLater is how many messages wait while a topic that is joined again comes to its end.
const mostLater = 16

// batch is messages that arrived together, of one client or of many.
type batch struct {
	burst *process.Burst
	now   time.Duration // of the hub's clock
}

func (h *hub) begin(ctx context.Context) batch {
	burst, err := process.NewBurst(ctx)
	if err != nil {
		panic(err) // the hub's context has a node
	}
	return batch{burst, h.now()}
}

func (b batch) end() { b.burst.End() }

// Text handles a text message from the client, which the caller may overwrite afterwards.
// Messages are given one at a time, in their order.
func (s *Session) Text(message []byte) { s.take(ws.OpText, message) }

// Binary is Text for a binary message.
func (s *Session) Binary(message []byte) { s.take(ws.OpBinary, message) }

func (s *Session) take(op ws.Op, message []byte) {
	b := s.hub.begin(s.socket.ctx)
	defer b.end()
	s.receive(b, op, message)
}

func (s *Session) receive(b batch, op ws.Op, message []byte) {
	s.hub.counters.messages.Add(1)
	m, err := s.decode(op, message)
	if err != nil {
		s.hub.counters.refused.Add(1)
		s.link.Close(ws.InternalError, fault.Detail(err))
		return
	}
	s.mu.Lock()
	defer s.unlock()
	if !s.closed {
		s.handle(b, raw{op, message}, &m)
	}
}

// log keeps a line for when the lock is free: a log handler may broadcast. The session is
// locked.
func (s *Session) log(line func(*slog.Logger)) {
	before := s.told
	s.told = func() {
		if before != nil {
			before()
		}
		line(telemetry.Log(s.socket.ctx))
	}
}

func (s *Session) unlock() {
	told := s.told
	s.told = nil
	s.mu.Unlock()
	if told != nil {
		told()
	}
}

// raw is a message as it came.
type raw struct {
	op   ws.Op
	text []byte
}

func (r raw) clone() raw { return raw{r.op, slices.Clone(r.text)} }

func (s *Session) decode(op ws.Op, message []byte) (wire.Message, error) {
	switch {
	case op == ws.OpText:
		return wire.DecodeText(s.version, message)
	case s.version == wire.V1:
		return wire.Message{}, fault.Invalid.Errorf("version 1 of the protocol has no binary messages")
	}
	return wire.DecodeBinary(message)
}

// handle is what is done about a message. The session is locked.
func (s *Session) handle(b batch, r raw, m *wire.Message) {
	c := s.client(m.Topic)
	asked := origin{m.JoinRef, m.Ref}
	switch event := string(m.Event); {
	case c == nil && event == heartbeat && string(m.Topic) == system:
		_ = s.reply(origin{nil, m.Ref}, system, done, nil)
	case c == nil && event == phxJoin:
		s.join(b, m, nil)
	case c == nil && event == phxLeave:
		_ = s.reply(asked, string(m.Topic), done, nil)
	case c == nil:
		_ = s.reply(origin{nil, m.Ref}, string(m.Topic), refusalOf(errUnmatched), nil)
	case len(c.later) >= mostLater || c.laterHas(len(r.text)) > s.socket.limits.MessageBytes:
		s.refuse(asked, c.topic, errJoining)
	case event == phxJoin || len(c.later) > 0:
		if c.later = append(c.later, r.clone()); len(c.later) == 1 {
			c.off.Store(true)
			c.slot.Exit(errTwice)
		}
	case !c.isOf(m.JoinRef):
		// Of an earlier join, which has ended.
	default:
		s.hand(b, c, m)
	}
}

// client gives the client of a topic. The session is locked.
func (s *Session) client(topic []byte) *Client {
	for _, c := range s.clients {
		if c.topic == string(topic) {
			return c
		}
	}
	return nil
}

// hand gives a message to the process of its topic. The session is locked.
func (s *Session) hand(b batch, c *Client, m *wire.Message) {
	event := c.channel.event(m.Event)
	if event != leaving {
		if err := s.exceeds(b, c, event, len(m.Payload)); err != nil {
			s.refuse(origin{m.JoinRef, m.Ref}, c.topic, err)
			return
		}
	}
	d := newDelivery(c, event, m)
	if c.phase == isJoining {
		c.joining.early = append(c.joining.early, early{origin{m.JoinRef, m.Ref}.clone(), event == leaving})
	}
	c.waiting.Add(int64(len(m.Payload)))
	if err := c.channel.cast(s.socket.ctx, b.burst, c, d); err != nil {
		c.waiting.Add(-int64(len(m.Payload)))
		if c.phase == isJoining {
			c.joining.early = c.joining.early[:len(c.joining.early)-1]
		}
		s.refuse(origin{m.JoinRef, m.Ref}, c.topic, err)
	}
}

// exceeds says which limit a message is beyond, if it is. The session is locked.
func (s *Session) exceeds(b batch, c *Client, event, bytes int) error {
	if c.hasTooMuch(bytes) {
		return errWaiting
	}
	all := &s.socket.limits.Events
	if all.tooLong(bytes) {
		return all.refusal()
	}
	if !s.events.take(*all, b.now) {
		return errTooMany
	}
	for i, l := range c.channel.options().limitsOf(event) {
		switch {
		case l == nil:
		case l.tooLong(bytes):
			return l.refusal()
		case l.PerSecond > 0:
			if c.buckets == nil {
				c.buckets = make([]bucket, 1+len(c.channel.options().handled))
			}
			if !c.buckets[i*(event+1)].take(*l, b.now) {
				return errTooMany
			}
		}
	}
	return nil
}

// refuse answers a message that its topic will not see. The session is locked.
func (s *Session) refuse(to origin, topic string, err error) {
	s.hub.counters.refused.Add(1)
	_ = s.reply(to, topic, refusalOf(err), nil)
}

// join starts the process of a topic and does not wait for it. after is what the client
// gets right behind the reply. The session is locked.
func (s *Session) join(b batch, m *wire.Message, after []ws.Frame) {
	topic := string(m.Topic)
	refuse := func(joinRef []byte, err error) {
		s.hub.counters.refusedJoins.Add(1)
		_ = s.reply(origin{joinRef, m.Ref}, topic, refusalOf(err), nil)
		for _, f := range after {
			s.send(f)
		}
	}
	channel, key := s.socket.route(topic)
	switch {
	case channel == nil:
		if s.joins.take(s.socket.limits.Joins, b.now) { // a flood is not to fill the log
			s.log(func(l *slog.Logger) {
				l.Warn("a client wants to join a topic that no channel matches", "topic", short(topic))
			})
		}
		refuse(nil, errUnmatched)
		return
	case len(s.clients) >= s.socket.limits.Topics:
		refuse(m.JoinRef, fault.Exhausted.Errorf("too many channels joined"))
		return
	case !s.joins.take(s.socket.limits.Joins, b.now):
		refuse(m.JoinRef, fault.Exhausted.Errorf("too many joins; try again later"))
		return
	case s.socket.limits.Joins.tooLong(len(m.Payload)):
		refuse(m.JoinRef, s.socket.limits.Joins.refusal())
		return
	}
	if s.version == wire.V1 {
		m.Meta = wire.Meta{} // its broadcasts have no place for an offset
	}
	c := newClient(s, channel, topic, key, m)
	c.joining.after = after
	slot, err := channel.slot(s.socket.ctx, process.Hook(s.ended), c)
	if err != nil {
		refuse(m.JoinRef, err)
		return
	}
	c.slot = slot
	s.clients = append(s.clients, c)
	slot.Restart(s.socket.ctx)
}

func newClient(s *Session, channel Channel, topic, key string, m *wire.Message) *Client {
	asked := origin{m.JoinRef, m.Ref}.clone()
	c := &Client{
		session: s, channel: channel, topic: topic, place: -1,
		metas: m.Meta.Present, noJoin: m.JoinRef == nil, ref: asked.joinRef,
		joining: &joining{asked: asked, key: key, params: slices.Clone(m.Payload), binary: m.Binary, resume: m.Meta},
	}
	if c.noJoin {
		c.ref = asked.ref
	}
	return c
}

// ended is told of the end of a topic's process.
func (s *Session) ended(d process.Down) {
	slot, _ := d.Target.(*process.Slot)
	s.mu.Lock()
	at := slices.IndexFunc(s.clients, func(c *Client) bool { return c.slot == slot })
	if at < 0 {
		s.mu.Unlock()
		return
	}
	c := s.clients[at]
	s.clients = slices.Delete(s.clients, at, at+1)
	s.ending++
	last := s.bury(c, d.Reason)
	later, feed := c.later, c.feed
	c.later = nil
	if len(later) == 0 {
		for _, f := range last {
			s.send(f)
		}
	} else if !s.closed {
		s.again(later, last)
	}
	open := !s.closed
	s.unlock()

	if open {
		s.link.Flush()
	}
	if feed != nil {
		s.hub.unsubscribe(feed, c)
	}
	s.hub.answers.died(c)
	slot.Retire(d.Reason)

	s.mu.Lock()
	s.ending--
	over := s.over()
	s.mu.Unlock()
	if over {
		s.socket.forget(s)
	}
}

// over reports whether nothing is left of it. The session is locked.
func (s *Session) over() bool { return s.closed && len(s.clients) == 0 && s.ending == 0 }

// bury makes sure that nothing follows what the client is told last about a topic, which it
// gives. The session is locked.
func (s *Session) bury(c *Client, why process.Reason) []ws.Frame {
	j := c.joining
	c.phase, c.joining = isEnded, nil
	switch {
	case s.closed:
		return nil
	case j != nil:
		s.refused(c, j, why)
		return j.after
	case process.Clean(why), c.off.Load():
		return []ws.Frame{s.notice(c, phxClose, empty)}
	}
	s.log(func(l *slog.Logger) {
		l.Warn("a channel crashed", "topic", short(c.topic), "event", c.handling(), "peer", s.peer.ID, "process", c.slot)
	})
	return []ws.Frame{s.notice(c, phxError, refusal(fault.Internal, "channel_crash").response)}
}

func (s *Session) notice(c *Client, event string, payload []byte) ws.Frame {
	return frame(ws.OpText, len(c.topic)+2*len(c.ref)+len(payload)+frameRoom, func(dst []byte) []byte {
		return wire.AppendPush(dst, s.version, c.ref, c.ref, c.topic, event, payload, nil)
	})
}

// again handles another join of a topic that has ended now, and what came behind it. The
// session is locked.
func (s *Session) again(later []raw, last []ws.Frame) {
	b := s.hub.begin(s.socket.ctx)
	defer b.end()
	for i, r := range later {
		m, err := s.decode(r.op, r.text)
		switch {
		case err != nil: // it was decoded before
		case i == 0:
			s.join(b, &m, last)
		default:
			s.handle(b, r, &m)
		}
	}
}

// refused replies to a join that failed, and to what came behind it. The session is locked.
func (s *Session) refused(c *Client, j *joining, err error) {
	s.hub.counters.refusedJoins.Add(1)
	r := refusalOf(err)
	var panicked *process.Panic
	if errors.As(err, &panicked) || errors.Is(err, process.Killed) {
		r = refusal(fault.Internal, "join crashed")
		s.log(func(l *slog.Logger) { l.Warn("a join crashed", "topic", short(c.topic), "peer", s.peer.ID) })
	} else if kind := fault.Of(err); kind == fault.Internal || kind == fault.Unavailable {
		s.log(func(l *slog.Logger) { l.Error("join failed", "topic", short(c.topic), "error", err) })
	}
	_ = s.reply(j.asked, c.topic, r, nil)
	for _, e := range j.early {
		if e.leaves {
			_ = s.reply(e.origin, c.topic, done, nil)
		} else {
			_ = s.reply(origin{nil, e.ref}, c.topic, refusalOf(errUnmatched), nil)
		}
	}
}

// reply sends an answer. The session is locked.
func (s *Session) reply(to origin, topic string, r reply, meta []byte) error {
	var f ws.Frame
	size := len(to.joinRef) + len(to.ref) + len(topic) + len(r.response) + len(meta) + frameRoom
	if r.binary {
		if s.version == wire.V1 {
			return s.reply(to, topic, refusal(fault.Invalid, "the reply is binary, which version 1 of the protocol does not know"), meta)
		}
		f = frame(ws.OpBinary, size, func(dst []byte) []byte {
			dst, _ = wire.AppendBinaryReply(dst, to.joinRef, to.ref, topic, r.status, r.response) // the names came from the client, and fit
			return dst
		})
	} else {
		f = frame(ws.OpText, size, func(dst []byte) []byte {
			return wire.AppendReply(dst, s.version, to.joinRef, to.ref, topic, r.status, r.response, meta)
		})
	}
	return s.link.Send(f)
}

// send sends what is no answer. The session is locked.
func (s *Session) send(f ws.Frame) {
	if oversize(s.link.Send(f)) { // else, if the link has ended, so does the session
		s.hub.counters.unsendable.Add(1)
	}
}

// Closed ends the session; for the transport to call, once, when the link has ended. The
// processes of its topics end.
func (s *Session) Closed(why error) {
	if fault.Of(why) == fault.Exhausted {
		s.hub.counters.slow.Add(1)
	}
	s.mu.Lock()
	s.closed = true
	clients := slices.Clone(s.clients)
	over := s.over()
	s.mu.Unlock()
	for _, c := range clients {
		c.off.Store(true)
		c.slot.ExitHere(errGone)
	}
	if over {
		s.socket.forget(s)
	}
}

// short is a client's text for the log.
func short(text string) string { return fmt.Sprintf("%.100s", text) }

var (
	errLeft  = fault.Canceled.Wrap(process.Shutdown, "left")
	errTwice = fault.Conflict.Wrap(process.Shutdown, "joined again")
	errGone  = fault.Canceled.Wrap(process.Shutdown, "the connection is closed")
)

// What clients are refused with by the session itself.
var (
	errUnmatched = fault.NotFound.Errorf("unmatched topic")
	errJoining   = fault.Unavailable.Errorf("the topic is being joined again")
	errWaiting   = fault.Exhausted.Errorf("too much waits for the topic")
	errTooMany   = fault.Exhausted.Errorf("too many messages")
)
