package presence

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// spread is how long changes are collected before other nodes are told.
const spread = 100 * time.Millisecond

// engine is a tracker that runs.
type engine struct {
	settings
	ctx      context.Context // of Fetch; it ends with the tracker
	cancel   context.CancelFunc
	id       replicaID
	audience *audience
	shards   [shards]*shard
	holders  holders
	fetches  chan struct{}
	telling  sync.WaitGroup
	lost     *telemetry.Counter

	inbox chan letter
	deaf  func()        // stops listening
	wake  chan struct{} // our own presences have changed

	// Of serve's goroutine.
	peers map[replicaID]*replica
	gone  map[replicaID]departure
	ticks time.Time // the latest tick
}

// letter is a message that has come.
type letter struct {
	from string
	body []byte
}

// departure is a replica that has stopped.
type departure struct {
	at        time.Time
	firstHand bool
}

func newEngine(ctx context.Context, s settings, a *audience) *engine {
	e := &engine{
		settings: s,
		id:       newReplicaID(),
		audience: a,
		holders:  holders{all: make(map[process.Life]*holder)},
		fetches:  make(chan struct{}, mostFetches),
		lost:     telemetry.CountersOf(ctx).Counter("presence.messages.lost"),
		inbox:    make(chan letter, 1024),
		wake:     make(chan struct{}, 1),
		peers:    make(map[replicaID]*replica),
		gone:     make(map[replicaID]departure),
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	if e.Gossip == nil {
		e.Gossip = newLocal(ctx, s.Name, e.id)
	}
	for i := range e.shards {
		e.shards[i] = newShard(e, i)
	}
	return e
}

// open begins to listen.
func (e *engine) open() (err error) {
	e.deaf, err = e.Gossip.Listen(func(from string, body []byte) {
		select {
		case e.inbox <- letter{from, body}:
		default:
			e.lost.Add(1)
		}
	})
	if err != nil {
		e.cancel()
	}
	return err
}

func (e *engine) shardOf(topic string) *shard { return e.shards[shardIndex(topic)] }

// shardIndex is FNV-1a: it must be the same on all nodes.
func shardIndex(topic string) int {
	h := uint32(2166136261)
	for i := range len(topic) {
		h = (h ^ uint32(topic[i])) * 16777619
	}
	return int((h ^ h>>16) % shards)
}

// changed wakes serve.
func (e *engine) changed() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// serve speaks with the other replicas until ctx ends.
func (e *engine) serve(ctx context.Context) {
	defer e.close()
	e.broadcast()
	e.ticks = time.Now()
	tick := time.NewTimer(e.jittered())
	defer tick.Stop()
	var soon <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case l := <-e.inbox:
			e.hear(l)
		case <-e.wake:
			if soon == nil {
				soon = time.After(spread)
			}
		case <-soon:
			soon = nil
			e.broadcast()
		case <-tick.C:
			e.tick()
			e.broadcast()
			tick.Reset(e.jittered())
		}
	}
}

// jittered is about a Period: nodes that start together are not to speak together.
func (e *engine) jittered() time.Duration {
	return e.Period - time.Duration(rand.Int64N(int64(e.Period)/8+1))
}

// close makes all leave: at the other nodes at once, then here.
func (e *engine) close() {
	e.cancel()
	for _, s := range e.shards {
		s.close()
	}
	e.send("", &message{bye: true})
	e.deaf()
	e.telling.Wait()
	e.holders.mu.Lock()
	for _, h := range e.holders.all {
		h.stop()
	}
	e.holders.mu.Unlock()
	for _, s := range e.shards {
		for _, c := range s.clear() {
			e.tell(c)
		}
	}
}

// send sends a message to a node, or to all.
func (e *engine) send(to string, m *message) {
	m.id = e.id
	if err := e.Gossip.Send(to, m.encode()); err != nil {
		telemetry.Count(e.ctx, "presence.messages.unsent", 1)
		telemetry.Log(e.ctx).Debug("a message to other trackers was not sent", "tracker", e.Name, "to", to, "reason", err)
	}
}

// broadcast tells all how far we are, and what is new.
func (e *engine) broadcast() {
	var clocks [shards]uint64
	var news []part
	for i, s := range e.shards {
		s.mu.Lock()
		c := s.own
		if c.clock > c.sent && len(e.peers) > 0 {
			parts, _ := c.since(c.sent, mostPart) // if it is not remembered, they will ask
			news = append(news, parts...)
		}
		c.sent, clocks[i] = c.clock, c.clock
		s.mu.Unlock()
	}
	e.sendParts("", news, &message{clocks: &clocks, gone: e.departures()})
}

// sendParts sends parts in messages of a bearable size, the last one with what last says.
func (e *engine) sendParts(to string, parts []part, last *message) {
	from, size := 0, 0
	for i := range parts {
		if size > mostPart {
			e.send(to, &message{parts: parts[from:i]})
			from, size = i, 0
		}
		for j := range parts[i].adds {
			size += parts[i].adds[j].size()
		}
		size += 4 * len(parts[i].removes)
	}
	last.parts = parts[from:]
	e.send(to, last)
}
