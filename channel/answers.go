package channel

import (
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// How long, and how many, answers to acknowledged pushes are remembered.
const (
	answersAge   = 5 * time.Minute
	mostAnswers  = 100_000
	answersBytes = 64 << 20
	mostWaiting  = 100 // for one answer
)

// answers remembers the answers to acknowledged pushes by their ids, so that one which
// comes again, because its answer was lost with a connection, is not carried out again.
type answers struct {
	mu    sync.Mutex
	byID  map[string]*given
	old   []*given // oldest first
	bytes int
}

// given is an answer, or the wait for one.
type given struct {
	id      string
	at      time.Duration
	asked   delivery // that is being carried out; zero: answered
	reply   reply
	waiting []waiter // repeats that came before the answer
}

type waiter struct {
	client *Client
	origin origin
}

// asking is what the process of a client is at. It is guarded by the answers' lock.
type asking struct {
	pending []*given
	over    bool // it has ended
}

// nameOf makes the id of a push: what the client says, for this topic and this user.
func nameOf(d delivery) string {
	return d.client.session.peer.ID + "\x00" + d.client.topic + "\x00" + d.id()
}

// asked notes a push that is about to be carried out, and reports whether it was before:
// then its answer is seen to.
func (a *answers) asked(d delivery, now time.Duration) bool {
	name := nameOf(d)
	a.mu.Lock()
	g := a.byID[name]
	switch {
	case g == nil:
		if a.byID == nil {
			a.byID = make(map[string]*given)
		}
		g = &given{id: name, at: now}
		a.byID[name] = g
		a.old = append(a.old, g)
		a.bytes += len(name)
		g.give(d)
		left := a.trim(now)
		a.mu.Unlock()
		forsake(left)
		return false
	case g.asked.client != nil && len(g.waiting) >= mostWaiting:
		a.mu.Unlock()
		d.client.answer(d.origin(), refusal(fault.Exhausted, "it is being carried out"))
		return true
	case g.asked.client != nil:
		g.waiting = append(g.waiting, waiter{d.client, d.origin().clone()})
		a.mu.Unlock()
		return true
	}
	r := g.reply
	a.mu.Unlock()
	d.client.answer(d.origin(), r)
	return true
}

// give makes it what a process is at.
func (g *given) give(d delivery) {
	g.asked = d
	d.client.asking.pending = append(d.client.asking.pending, g)
}

// take is give undone.
func (g *given) take() {
	if c := g.asked.client; c != nil {
		c.asking.pending = slices.DeleteFunc(c.asking.pending, func(other *given) bool { return other == g })
	}
	g.asked = delivery{}
}

// answered keeps an answer, and gives it to whoever asked again meanwhile.
func (a *answers) answered(d delivery, r reply) {
	a.mu.Lock()
	g := a.byID[nameOf(d)]
	if g == nil || g.asked.client != d.client {
		a.mu.Unlock()
		return
	}
	waiting := g.waiting
	g.take()
	g.waiting, g.reply = nil, r
	a.bytes += len(r.response)
	left := a.trim(g.at)
	a.mu.Unlock()
	forsake(left)
	for _, w := range waiting {
		w.client.answer(w.origin, r)
	}
}

// died takes from a client's process what it was asked and has not answered. Who asked
// again meanwhile gets it carried out; else it is, when it comes again.
func (a *answers) died(c *Client) {
	a.mu.Lock()
	c.asking.over = true
	var again []delivery
	var left []waiter
	for _, g := range slices.Clone(c.asking.pending) {
		if d, ok := g.handOn(); ok {
			again = append(again, d)
		} else {
			left = append(left, a.drop(g)...)
		}
	}
	a.mu.Unlock()
	forsake(left)
	for _, d := range again {
		for ok := true; ok; {
			d, ok = a.retried(d, d.client.resume(d))
		}
	}
}

// handOn gives it to the first of those who wait whose process can do it.
func (g *given) handOn() (delivery, bool) {
	from := g.asked
	g.take()
	for i, w := range g.waiting {
		if !w.client.asking.over && w.client.channel == from.client.channel {
			g.waiting = slices.Delete(g.waiting, i, i+1)
			d := from.to(w)
			g.give(d)
			return d, true
		}
	}
	return delivery{}, false
}

// resume has the client's process do what another's did not come to.
func (c *Client) resume(d delivery) error {
	s := c.session
	b := s.hub.begin(s.socket.ctx)
	defer b.end()
	c.waiting.Add(int64(len(d.payload())))
	err := c.channel.cast(s.socket.ctx, b.burst, c, d)
	if err != nil {
		c.waiting.Add(-int64(len(d.payload())))
		c.answer(d.origin(), refusalOf(err))
	}
	return err
}

// retried gives what is next to be resumed, after one that was or could not be.
func (a *answers) retried(d delivery, err error) (next delivery, ok bool) {
	if err == nil {
		return next, false
	}
	a.mu.Lock()
	g := a.byID[nameOf(d)]
	if g == nil || g.asked.client != d.client {
		a.mu.Unlock()
		return next, false
	}
	var left []waiter
	if next, ok = g.handOn(); !ok {
		left = a.drop(g)
	}
	a.mu.Unlock()
	forsake(left)
	return next, ok
}

// forsake tells those who wait for an answer that none will come.
func forsake(left []waiter) {
	for _, w := range left {
		w.client.answer(w.origin, refusal(fault.Unavailable, "it is not known what came of it"))
	}
}

// drop forgets an answer, and gives who waits for it; its place in the line goes with its
// turn.
func (a *answers) drop(g *given) (left []waiter) {
	if a.byID[g.id] == g {
		delete(a.byID, g.id)
		a.bytes -= len(g.id) + len(g.reply.response)
	}
	g.take()
	left = g.waiting
	g.waiting, g.reply = nil, reply{}
	return left
}

func (a *answers) sweep(now time.Duration) {
	a.mu.Lock()
	left := a.trim(now)
	a.mu.Unlock()
	forsake(left)
}

// trim forgets what is too old or too much, and gives who waits for it.
func (a *answers) trim(now time.Duration) (left []waiter) {
	n := 0
	for n < len(a.old) && (now-a.old[n].at > answersAge || len(a.old)-n > mostAnswers || a.bytes > answersBytes) {
		left = append(left, a.drop(a.old[n])...)
		n++
	}
	clear(a.old[:n])
	a.old = a.old[n:]
	return left
}
