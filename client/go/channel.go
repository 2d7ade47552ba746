package client

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

// Channel is a topic that a socket joins, and joins again after each loss, until Leave.
// Its methods and the functions that take it may be called by any goroutine.
type Channel struct {
	s      *Socket
	topic  string
	params any

	// The socket's lock guards what follows.
	state    State
	order    uint64
	alarm    alarm // the end of an attempt, or the next one
	failures int
	joinRef  []byte // of the last attempt
	joinSeq  uint64 // the same as a number; 0: there is none
	asked    bool   // the attempt asked to resume
	joinedAt time.Time
	epoch    string // of the topic's history; "": it has none
	offset   uint64 // what was seen last
	first    chan joined
	asks     map[uint64]*push // without an answer so far, by ref
	events   map[string]*listeners[func(raw)]
	joins    listeners[func(raw, bool)]
	states   listeners[func(State, error)]
	queue    queue
	waiting  int  // messages in the queue
	overrun  bool // messages are passed over until the queue is empty, and then it joins again
}

// joined is what Join waits for.
type joined struct {
	reply raw
	err   error
}

// Topic is the channel's topic.
func (c *Channel) Topic() string { return c.topic }

// State is where the channel stands.
func (c *Channel) State() State {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.state
}

// OnState has fn told of every change, in order with the other callbacks, with the reason
// if there is one.
func (c *Channel) OnState(fn func(State, error)) (stop func()) { return c.states.add(c.s, fn) }

func (c *Channel) enter(state State, err error) {
	c.state = state
	if tell := c.states.tell(func(fn func(State, error)) { fn(state, err) }); tell != nil {
		c.s.enqueue(&c.queue, 0, tell)
	}
}

func (c *Channel) listen(event string, fn func(raw)) (stop func()) {
	c.s.mu.Lock()
	l := c.events[event]
	if l == nil {
		l = new(listeners[func(raw)])
		c.events[event] = l
	}
	c.s.mu.Unlock()
	return l.add(c.s, fn)
}

// heard gives a message to the callbacks.
func (c *Channel) heard(r wire.Received) {
	if c.state != Open || c.overrun {
		return
	}
	var tell func()
	if l := c.events[string(r.Event)]; l != nil && len(l.all) > 0 {
		if c.waiting >= c.s.o.Queue || c.queue.bytes+len(r.Payload) > c.s.o.QueueBytes && c.waiting > 0 {
			c.overrun = true
			return
		}
		m := raw{bytes.Clone(r.Payload), r.Binary}
		tell = l.tell(func(fn func(raw)) { fn(m) })
	}
	if r.Meta.HasOffset {
		c.offset = max(c.offset, r.Meta.Offset)
	}
	if tell != nil {
		c.waiting++
		c.s.enqueue(&c.queue, len(r.Payload), func() {
			c.begun()
			tell()
		})
	}
}

func (c *Channel) begun() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.waiting--
}

// drained is called when all callbacks are done.
func (c *Channel) drained() {
	if !c.overrun {
		return
	}
	c.overrun = false
	if c.state == Open {
		err := fault.Exhausted.Errorf("the callbacks were too slow; the channel joins again")
		c.gone(err)
		c.enter(Waiting, err)
		c.attempt()
	}
}

// lost goes on without the connection. If a message was too long, nobody knows which: what
// was sent is not sent again.
func (c *Channel) lost(err error, tooLong bool) {
	c.alarm.clear()
	if tooLong {
		c.condemn(err)
		if c.state == Opening && c.first != nil {
			c.close(err)
			return
		}
	}
	c.gone(err)
	c.enter(Waiting, err)
}

// crashed goes on after the server's process of this channel has ended.
func (c *Channel) crashed(payload raw) {
	reason := refusal(c.topic, eventJoin, "error", payload).Reason
	c.fail(fault.Unavailable.Errorf("the channel ended at the server: %s", reason))
}

// fail has the channel try again later.
func (c *Channel) fail(err error) {
	if !c.joinedAt.IsZero() && time.Since(c.joinedAt) >= settled {
		c.failures = 0
	}
	c.gone(err)
	c.enter(Waiting, err)
	c.s.set(&c.alarm, c.s.o.backoff(c.failures), c.attempt)
	c.failures++
}

// gone notes that the server has no channel of ours.
func (c *Channel) gone(err error) {
	c.joinRef, c.joinSeq, c.joinedAt, c.overrun = nil, 0, time.Time{}, false
	c.forsake(err)
}

// close ends the channel for good.
func (c *Channel) close(err error) {
	if c.state == Closed {
		return
	}
	c.alarm.clear()
	c.gone(err)
	for ref, p := range c.asks {
		c.answer(ref, p, answer{err: failure(c.topic, p.event, statusClosed, err)})
	}
	c.epoch, c.offset = "", 0
	if c.s.channels[c.topic] == c {
		delete(c.s.channels, c.topic)
	}
	c.enter(Closed, err)
	if c.first != nil {
		var refused *Error
		if !errors.As(err, &refused) {
			err = failure(c.topic, eventJoin, statusClosed, err)
		}
		c.first <- joined{err: err}
		c.first = nil
	}
}

// refs are the refs of what waits for answers, in order.
func (c *Channel) refs() []uint64 {
	refs := make([]uint64, 0, len(c.asks))
	for ref := range c.asks {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	return refs
}
