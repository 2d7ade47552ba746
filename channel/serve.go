package channel

import (
	"context"
	"errors"
	"fmt"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// open is the constructor of the process that serves a client.
func (r *route[S, P]) open(ctx context.Context, c *Client) (*S, error) {
	if c.off.Load() {
		return nil, errTwice
	}
	params, err := r.read(c.joining.params, c.joining.binary)
	if err != nil {
		return nil, err
	}
	resume, key := c.joining.resume, c.joining.key
	c.joining.params = nil // they may be large
	s, err := r.join(ctx, Join[P]{c.topic, key, params, c.session.peer, c})
	if err != nil {
		return nil, err
	}
	if s == nil {
		panic(fmt.Sprintf("channel: the join of %q gave neither a state nor an error", r.pattern()))
	}
	stands, err := c.subscribe(ctx, resume)
	if err != nil {
		return nil, err
	}
	response := done
	if r.joined != nil {
		out, err := r.joined.handle(s, ctx, nil, false)
		if err != nil {
			return nil, err
		}
		if response, err = replyOf(out, nil); err != nil {
			return nil, err
		}
	}
	missed, err := r.overheard(s, ctx, stands.missed)
	if err != nil {
		return nil, err
	}
	here, err := c.feed.whoIsHere(ctx, r.opts.presence)
	if err != nil {
		return nil, err
	}
	return s, c.admit(response, c.meta(stands, resume), missed, here)
}

// subscribe makes the client hear its topic, and tells where that stands.
func (c *Client) subscribe(ctx context.Context, resume wire.Meta) (resumed, error) {
	h := c.session.hub
	feed, r, err := h.subscribe(ctx, c, resume)
	if err != nil {
		return r, err
	}
	c.session.mu.Lock()
	over := c.phase == isEnded // this is an abandoned constructor
	if !over {
		c.feed = feed
	}
	c.session.mu.Unlock()
	if over {
		h.unsubscribe(feed, c)
		return r, errGone
	}
	return r, nil
}

// meta is the sixth element of the reply to a join.
func (c *Client) meta(r resumed, resume wire.Meta) []byte {
	if !c.metas {
		return nil
	}
	return wire.ReplyMeta{
		History: r.history, Epoch: r.epoch, Offset: r.offset,
		Asked: resume.Resumes, Recovered: r.whole,
		ReconnectMS:  int(c.session.socket.reconnectWithin().Milliseconds()),
		MessageBytes: c.session.socket.limits.MessageBytes,
	}.Append(nil)
}

// receive handles one message in the channel's process.
func (r *route[S, P]) receive(s *S, ctx context.Context, d delivery) error {
	c := d.client
	c.waiting.Add(-int64(len(d.payload())))
	switch d.event {
	case leaving:
		c.answer(d.origin(), done)
		return process.Stop(ctx, errLeft)
	case unknown:
		c.finish(d, refusal(fault.NotFound, "unknown event"))
		return nil
	}
	h := &r.handlers[d.event]
	if d.ident > 0 && !d.known && !h.silent && c.session.hub.answers.asked(d, c.session.hub.now()) {
		return nil
	}
	c.current = d
	out, err := h.handle(s, ctx, d.payload(), d.binary)
	owed := c.current.owed
	c.current = delivery{}
	if h.silent {
		if _, bad := err.(*badPayload); !bad {
			return err
		}
	}
	if errors.Is(err, process.Deferred) {
		if owed {
			return nil
		}
		err = fault.Internal.Errorf("channel: a handler returned process.Deferred without channel.Defer, so nobody can answer")
	}
	reply, err := replyOf(out, err)
	if err != nil && fault.Of(err) == fault.Internal {
		telemetry.Log(ctx).Error("channel event failed", "topic", short(c.topic), "event", h.event, "error", err)
	}
	c.finish(d, reply)
	return nil
}

// finish answers a message for good.
func (c *Client) finish(d delivery, r reply) {
	if d.ident > 0 {
		c.session.hub.answers.answered(d, r)
	}
	c.answer(d.origin(), r)
}

// Reply is an answer that is still owed.
type Reply[Out any] struct{ to delivery }

// Defer takes over the reply to the event that the client's process is handling: keep the
// Reply, return process.Deferred, and Send from anywhere. If the process ends first, the
// client learns that the channel has.
func Defer[Out any](c *Client) Reply[Out] {
	c.current.owed = true
	return Reply[Out]{c.current}
}

// Send gives the reply. Only the first counts for the client.
func (r Reply[Out]) Send(out Out, err error) {
	if r.to.client == nil {
		return
	}
	reply, _ := replyOf(out, err)
	r.to.client.finish(r.to, reply)
}

type interception struct {
	client *Client
	b      *broadcast
}

// overhear is what the process does about a broadcast that it intercepts.
func (r *route[S, P]) overhear(s *S, ctx context.Context, i interception) error {
	b, err := r.passed(s, ctx, i.b)
	if b != nil {
		i.client.hear(b)
	}
	return err
}

// passed is a broadcast as the client is to get it, nil if it is not.
func (r *route[S, P]) passed(s *S, ctx context.Context, b *broadcast) (*broadcast, error) {
	h, ok := r.opts.intercepts[b.event].(Handler[S])
	if !ok {
		return b, nil
	}
	out, err := h.handle(s, ctx, b.payload, b.binary)
	if errors.Is(err, Skip) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	changed, err := h.again(b.topic, out)
	if err == nil {
		changed.offset = b.offset
	}
	return changed, err
}

// overheard is passed for all that a client missed.
func (r *route[S, P]) overheard(s *S, ctx context.Context, missed []*broadcast) ([]*broadcast, error) {
	if len(r.opts.intercepts) == 0 {
		return missed, nil
	}
	var out []*broadcast
	for _, b := range missed {
		b, err := r.passed(s, ctx, b)
		if err != nil {
			return nil, err
		}
		if b != nil {
			out = append(out, b)
		}
	}
	return out, nil
}
