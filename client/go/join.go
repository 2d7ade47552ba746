package client

import (
	"bytes"
	"context"
	"maps"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

// Join joins a channel and waits for the reply, as long as it takes: while there is no
// connection, too. A refusal is an [*Error], and the channel is Closed again, as it is
// when ctx ends before the reply. Once joined, the channel joins again by itself after
// each loss, even if it is refused then; OnJoin and OnState tell of that.
func Join[R any](ctx context.Context, c *Channel) (reply R, err error) {
	first := make(chan joined, 1)
	if err := c.start(first); err != nil {
		return reply, err
	}
	var j joined
	select {
	case j = <-first:
	case <-ctx.Done():
		if _, gaveUp := c.leave(first); gaveUp {
			return reply, canceled(c.topic, eventJoin, ctx)
		}
		j = <-first // in the last moment
	}
	if j.err != nil {
		return reply, j.err
	}
	return decode[R](j.reply)
}

// Start joins a channel without waiting. Refused, it tries again, until Leave; OnJoin and
// OnState tell.
func (c *Channel) Start() error { return c.start(nil) }

// Leave leaves the channel, and waits until the server has answered or cannot any more,
// or ctx ends. For the client it is Closed at once. It may be joined again.
func (c *Channel) Leave(ctx context.Context) error {
	left, _ := c.leave(nil)
	if left == nil {
		return nil
	}
	defer c.s.forgetLeave(left)
	timeout := time.NewTimer(c.s.o.Timeout)
	defer timeout.Stop()
	select {
	case <-left:
	case <-timeout.C:
	case <-ctx.Done():
		return canceled(c.topic, eventLeave, ctx)
	}
	return nil
}

func (c *Channel) start(first chan joined) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch {
	case c.s.state == Closed:
		return failure(c.topic, eventJoin, statusClosed, fault.Unavailable.Errorf("the socket is closed"))
	case c.state != Closed:
		return failure(c.topic, eventJoin, statusClosed, fault.Conflict.Errorf("the channel has joined already, or is about to"))
	}
	if before := c.s.channels[c.topic]; before != nil {
		before.close(fault.Conflict.Errorf("another channel has joined the topic"))
	}
	c.s.channels[c.topic] = c
	c.s.begun++
	c.order = c.s.begun
	c.first = first
	c.failures = 0
	if c.s.link != nil {
		c.attempt()
	} else {
		c.enter(Waiting, nil)
	}
	return nil
}

// leave closes the channel. If first is given, it does so only while that is waited for.
func (c *Channel) leave(first chan joined) (left chan struct{}, closed bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.state == Closed || first != nil && c.first != first {
		return nil, false
	}
	if c.joinSeq != 0 && c.s.link != nil {
		ref := c.sendLeave()
		if first == nil {
			left = make(chan struct{})
			c.s.leaves[ref] = left
		}
	}
	c.close(fault.Canceled.Errorf("the channel was left"))
	return left, true
}

// forgetLeave takes back a leave that nobody waits for any more.
func (s *Socket) forgetLeave(left chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.leaves, func(_ uint64, other chan struct{}) bool { return other == left })
}

func (c *Channel) sendLeave() (ref uint64) {
	ref = c.s.ref()
	_ = c.s.send(wire.AppendClientPush(nil, c.joinRef, decimal(ref), c.topic, eventLeave, nil, nil), false)
	return ref
}

// attempt joins, if there is a connection.
func (c *Channel) attempt() {
	s := c.s
	if s.link == nil || s.channels[c.topic] != c {
		return
	}
	c.enter(Opening, nil)
	seq := s.ref()
	c.joinSeq, c.joinRef, c.asked = seq, decimal(seq), c.epoch != ""
	meta := []byte("{}")
	if c.asked {
		meta = wire.AppendResume(nil, c.epoch, c.offset)
	}
	s.set(&c.alarm, s.o.Timeout, c.timedOut)
	if _, computed := c.params.(func() any); !computed {
		c.sendJoin(seq, meta, c.params)
		return
	}
	s.spawn(func() {
		params := c.params.(func() any)()
		s.mu.Lock()
		defer s.mu.Unlock()
		c.sendJoin(seq, meta, params)
	})
}

func (c *Channel) sendJoin(seq uint64, meta []byte, params any) {
	if c.joinSeq != seq {
		return
	}
	payload, err := encode(params)
	if err == nil && payload.binary {
		err = fault.Invalid.Errorf("the parameters of a join are JSON, and not bytes")
	}
	if err != nil {
		c.close(err)
		return
	}
	err = c.s.send(wire.AppendClientPush(nil, c.joinRef, c.joinRef, c.topic, eventJoin, payload.data, meta), false)
	if err != nil {
		c.refused(failure(c.topic, eventJoin, statusError, err))
	}
}

func (c *Channel) timedOut() {
	c.sendLeave()
	c.fail(fault.Timeout.Errorf("the server did not answer the join"))
}

// welcomed goes on with the reply to the join.
func (c *Channel) welcomed(status string, response raw, meta wire.ReceivedMeta) {
	c.alarm.clear()
	if status != statusOK {
		response.data = bytes.Clone(response.data)
		c.refused(refusal(c.topic, eventJoin, status, response))
		return
	}
	resumed := c.asked && meta.Recovered
	if !resumed {
		c.epoch, c.offset = meta.Epoch, meta.Offset
	}
	if meta.MessageBytes > 0 {
		c.s.longest = meta.MessageBytes
	}
	if meta.ReconnectMS > 0 {
		c.s.spread = min(time.Duration(meta.ReconnectMS)*time.Millisecond, longestAdvice)
	}
	c.joinedAt = time.Now()
	reply := raw{bytes.Clone(response.data), response.binary}
	c.enter(Open, nil)
	if tell := c.joins.tell(func(fn func(raw, bool)) { fn(reply, resumed) }); tell != nil {
		c.s.enqueue(&c.queue, len(reply.data), tell)
	}
	if c.first != nil {
		c.first <- joined{reply: reply}
		c.first = nil
	}
	for _, ref := range c.refs() {
		c.send(ref, c.asks[ref])
	}
}

func (c *Channel) refused(err *Error) {
	if c.first != nil {
		c.close(err)
		return
	}
	c.fail(err)
}
