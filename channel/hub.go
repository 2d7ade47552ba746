package channel

import (
	"context"
	"sync"
	"time"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/telemetry"
)

// hub is what the sockets of a node share: who listens on which topic, and what is kept
// of it.
type hub struct {
	node     *process.Node
	born     time.Time
	counters counters
	answers  answers

	mu       sync.RWMutex
	tapped   bool
	feeds    map[string]*feed
	channels []Channel // those of the running sockets
	ids      map[string]map[*Session]struct{}
	sources  map[Source]*hearing
}

// counters of the hub, looked up once.
type counters struct {
	messages, refused, refusedJoins, slow, lost, unsendable, late *telemetry.Counter
}

// hubOf gives the node's hub, which hears what is published.
func hubOf(ctx context.Context) (*hub, error) {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	h := process.Part(n, func() *hub {
		c := telemetry.CountersOf(n.Context(context.Background()))
		return &hub{
			node: n,
			born: time.Now(),
			counters: counters{
				messages:     c.Counter("channel.messages"),
				refused:      c.Counter("channel.messages.refused"),
				refusedJoins: c.Counter("channel.joins.refused"),
				slow:         c.Counter("channel.clients.slow"),
				lost:         c.Counter("channel.intercepts.lost"),
				unsendable:   c.Counter("channel.messages.unsendable"),
				late:         c.Counter("channel.history.late"),
			},
			feeds:   make(map[string]*feed),
			ids:     make(map[string]map[*Session]struct{}),
			sources: make(map[Source]*hearing),
		}
	})
	return h, h.tap(ctx)
}

// now is the hub's clock.
func (h *hub) now() time.Duration { return time.Since(h.born) }

// tap makes the hub hear, the first time.
func (h *hub) tap(ctx context.Context) error {
	h.mu.RLock()
	tapped := h.tapped
	h.mu.RUnlock()
	if tapped {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.tapped {
		return nil
	}
	if _, err := pubsub.Tap(ctx, broadcasts, h.deliver); err != nil {
		return err
	}
	if _, err := pubsub.Tap(ctx, disconnects, h.disconnect); err != nil {
		return err
	}
	h.tapped = true
	return nil
}

// deliver gives a broadcast to who listens on its topic.
func (h *hub) deliver(b *broadcast) {
	h.mu.RLock()
	f := h.feeds[b.topic]
	var keeps *History
	if f == nil {
		keeps = h.keeps(b.topic)
	}
	h.mu.RUnlock()
	switch {
	case f == nil && keeps == nil:
		return
	case f == nil:
		h.mu.Lock()
		f = h.feed(b.topic, keeps)
		h.mu.Unlock()
	}
	b.at = h.now()
	f.deliver(h, b)
}

// keeps is how much a running socket keeps of a topic; nil: nothing. The hub is locked.
func (h *hub) keeps(topic string) *History {
	for _, c := range h.channels {
		if _, ok := c.match(topic); ok {
			return c.options().history
		}
	}
	return nil
}

// feed gives the feed of a topic, made if there is none. The hub is locked.
func (h *hub) feed(topic string, keeps *History) *feed {
	f := h.feeds[topic]
	if f == nil {
		f = &feed{topic: topic}
		h.feeds[topic] = f
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.log == nil && keeps != nil {
		f.log = newLog(keeps, h.counters.late)
	}
	return f
}

// subscribe adds a client to its topic's feed. From then on it hears; what it missed
// before is given here.
func (h *hub) subscribe(ctx context.Context, c *Client, resume wire.Meta) (f *feed, r resumed, err error) {
	for {
		h.mu.Lock()
		f = h.feed(c.topic, c.channel.options().history)
		h.mu.Unlock()
		if err := f.ready(ctx, h); err != nil {
			return nil, r, err
		}
		if r, ok := h.enter(f, c, resume); ok {
			return f, r, nil
		}
	}
}

// resumed is where a topic stands when a client joins.
type resumed struct {
	history bool
	epoch   string
	offset  uint64
	whole   bool // missed is all that it missed
	missed  []*broadcast
}

// enter reports false if the feed has been forgotten meanwhile.
func (h *hub) enter(f *feed, c *Client, resume wire.Meta) (r resumed, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.feeds[f.topic] != f || f.log != nil && !f.log.loaded {
		return r, false
	}
	c.place = int32(len(f.clients))
	f.clients = append(f.clients, c)
	if l := f.log; l != nil {
		r.history, r.epoch, r.offset = true, l.epoch, l.last
		if resume.Resumes {
			if r.missed, r.whole = l.since(resume.Epoch, resume.Offset); !c.canTake(r.missed) {
				r.missed, r.whole = nil, false
			}
		}
	}
	return r, true
}

// unsubscribe takes it out again. A feed that nobody listens to, and that keeps nothing,
// is forgotten.
func (h *hub) unsubscribe(f *feed, c *Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.place < 0 {
		return
	}
	last := len(f.clients) - 1
	f.clients[c.place] = f.clients[last]
	f.clients[c.place].place = c.place
	f.clients[last] = nil
	f.clients = f.clients[:last]
	c.place = -1
	h.forget(f)
}

// forget removes a feed that is of no use. Both are locked.
func (h *hub) forget(f *feed) {
	if len(f.clients) == 0 && (f.log == nil || f.log.idle(h.now())) && h.feeds[f.topic] == f {
		delete(h.feeds, f.topic)
	}
}

// sweep forgets what is too old.
func (h *hub) sweep() {
	h.answers.sweep(h.now())
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.feeds {
		f.mu.Lock()
		if f.log != nil {
			f.log.trim(h.now())
			h.forget(f)
		}
		f.mu.Unlock()
	}
}

const sweepEvery = 10 * time.Second

// feed is a topic: who listens, and what is kept of it.
type feed struct {
	topic string

	mu      sync.Mutex
	clients []*Client
	log     *log       // nil: no history
	present *broadcast // the latest state of the presence; nil: nobody has asked
}

// deliver keeps a broadcast if it is to be kept, and gives it to all who listen. It is
// under the feed's lock that its offset and its order to all clients are one.
func (f *feed) deliver(h *hub, b *broadcast) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.log == nil {
		b.offset = 0
	} else if !f.log.keep(b) {
		return
	}
	for _, c := range f.clients {
		if c == b.from {
			continue
		}
		if !c.channel.options().passes(b) {
			c.hear(b)
		} else if err := c.channel.intercept(c, b); err != nil {
			h.counters.lost.Add(1)
			c.session.link.Close(ws.TryAgainLater, "the channel does not keep up")
		}
	}
}
