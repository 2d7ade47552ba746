package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

// Call sends an event and waits for the reply, no longer than [Options].Timeout and ctx;
// the time includes that until the channel has joined. An error is an [*Error]. One of
// kind Timeout, or Unavailable, leaves open whether the server has done it: the
// connection was lost after it had been sent, at most once. A payload of bytes travels as
// a binary frame, and nil as {}.
func Call[R any](ctx context.Context, c *Channel, event string, payload any) (reply R, err error) {
	p, err := newPush(event, payload, "")
	if err != nil {
		return reply, err
	}
	m, err := c.push(ctx, p)
	if err != nil {
		return reply, err
	}
	return decode[R](m)
}

// CallAcknowledged is a Call that outlives the connection: it is sent again after each
// loss until there is a reply, or ctx ends, which is the only limit of its time. A server
// of bennu does it once, however often it hears it within five minutes, unless it crashed
// before it replied; one of Phoenix does it each time. The payload is JSON. One that is too
// long for the server fails with Invalid, and is not sent again.
func CallAcknowledged[R any](ctx context.Context, c *Channel, event string, payload any) (reply R, err error) {
	return SendAcknowledged[R](ctx, c, event, payload)()
}

// SendAcknowledged is the first half of a CallAcknowledged, and gives the second, which
// waits for the reply and has to be called. So many calls may be on their way at a time,
// in the order in which they were sent.
func SendAcknowledged[R any](ctx context.Context, c *Channel, event string, payload any) (await func() (R, error)) {
	var ref uint64
	p, err := newPush(event, payload, rand.Text())
	if err == nil {
		ref, err = c.begin(p)
	}
	return func() (reply R, _ error) {
		if err != nil {
			return reply, err
		}
		m, err := c.await(ctx, ref, p)
		if err != nil {
			return reply, err
		}
		return decode[R](m)
	}
}

// Cast sends an event, and does not wait for a reply. It waits for the channel to join, no
// longer than [Options].Timeout and ctx. That it was sent says nothing about its arrival.
func Cast(ctx context.Context, c *Channel, event string, payload any) error {
	p, err := newPush(event, payload, "")
	if err != nil {
		return err
	}
	p.cast = true
	_, err = c.push(ctx, p)
	return err
}

// push is a message on its way to a reply.
type push struct {
	event   string
	payload raw
	id      string // of one that is acknowledged
	cast    bool   // to be sent is all it wants
	sent    bool
	done    chan answer
}

// answer is what came of a push.
type answer struct {
	response raw
	err      error
}

func newPush(event string, payload any, id string) (*push, error) {
	if err := checkEvent(event); err != nil {
		return nil, err
	}
	m, err := encode(payload)
	if err == nil && m.binary && id != "" {
		err = fault.Invalid.Errorf("a payload of bytes cannot be acknowledged; use JSON")
	}
	return &push{event: event, payload: m, id: id, done: make(chan answer, 1)}, err
}

// push sends a message as soon as the channel has joined, and waits for what comes of it.
func (c *Channel) push(ctx context.Context, p *push) (raw, error) {
	ref, err := c.begin(p)
	if err != nil {
		return raw{}, err
	}
	return c.await(ctx, ref, p)
}

func (c *Channel) await(ctx context.Context, ref uint64, p *push) (raw, error) {
	defer c.forget(ref)
	var late <-chan time.Time
	if p.id == "" {
		timeout := time.NewTimer(c.s.o.Timeout)
		defer timeout.Stop()
		late = timeout.C
	}
	select {
	case a := <-p.done:
		return a.response, a.err
	case <-late:
		return raw{}, failure(c.topic, p.event, statusTimeout, fault.Timeout.Errorf("the server did not answer in time"))
	case <-ctx.Done():
		return raw{}, canceled(c.topic, p.event, ctx)
	}
}

func (c *Channel) begin(p *push) (ref uint64, err error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.state == Closed {
		return 0, failure(c.topic, p.event, statusClosed, fault.Unavailable.Errorf("the channel has not joined"))
	}
	ref = c.s.ref()
	c.asks[ref] = p
	if c.state == Open {
		c.send(ref, p)
	}
	return ref, nil
}

func (c *Channel) forget(ref uint64) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	delete(c.asks, ref)
}

// send sends a push of this channel, which is open.
func (c *Channel) send(ref uint64, p *push) {
	var frame, meta []byte
	var err error
	switch {
	case p.payload.binary:
		frame, err = wire.AppendClientBinary(nil, c.joinRef, decimal(ref), c.topic, p.event, p.payload.data)
	case p.id != "":
		meta = wire.AppendID(nil, p.id)
		fallthrough
	default:
		frame = wire.AppendClientPush(nil, c.joinRef, decimal(ref), c.topic, p.event, p.payload.data, meta)
	}
	if err == nil {
		err = c.s.send(frame, p.payload.binary)
		p.sent = true
	}
	switch {
	case err != nil:
		c.answer(ref, p, answer{err: failure(c.topic, p.event, statusError, err)})
	case p.cast:
		c.answer(ref, p, answer{})
	}
}

func (c *Channel) answer(ref uint64, p *push, a answer) {
	delete(c.asks, ref)
	p.done <- a
}

// forsake gives up what was sent and not answered, except what is acknowledged.
func (c *Channel) forsake(err error) {
	for ref, p := range c.asks {
		switch {
		case p.id != "":
			p.sent = false
		case p.sent:
			c.answer(ref, p, answer{err: failure(c.topic, p.event, statusClosed, fault.Unavailable.Wrap(err, "%s before there was an answer", fault.Detail(err)))})
		}
	}
}

// condemn gives up all that was sent, what is acknowledged, too.
func (c *Channel) condemn(err error) {
	for ref, p := range c.asks {
		if p.sent {
			c.answer(ref, p, answer{err: failure(c.topic, p.event, statusClosed, err)})
		}
	}
}

// replied goes on with a reply, to the join or to a push. Stray means that it is of the
// socket, and not of a channel.
func (c *Channel) replied(ref uint64, stray bool, status string, response raw, meta wire.ReceivedMeta) {
	if ref == c.joinSeq {
		if c.state == Opening {
			c.welcomed(status, response, meta)
		}
		return
	}
	p := c.asks[ref]
	if p == nil {
		return // too late
	}
	response.data = bytes.Clone(response.data)
	if status == statusOK {
		c.answer(ref, p, answer{response: response})
		return
	}
	err := refusal(c.topic, p.event, status, response)
	if stray && err.Reason == unmatched {
		p.sent = false // nobody has heard it
		if c.state == Open {
			c.fail(fault.Unavailable.Errorf("the server has lost the channel"))
		}
		return
	}
	c.answer(ref, p, answer{err: err})
}
