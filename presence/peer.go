package presence

import (
	"time"

	"github.com/bennu-go/bennu/telemetry"
)

// hear takes a message of another replica.
func (e *engine) hear(l letter) {
	m, err := decode(l.body)
	if err != nil {
		telemetry.Count(e.ctx, "presence.messages.refused", 1)
		telemetry.Log(e.ctx).Warn("a message of another tracker is not understood", "tracker", e.Name, "from", l.from, "bytes", len(l.body))
		return
	}
	for _, id := range m.gone {
		e.depart(id, false)
	}
	r := e.peer(m.id, l.from)
	if r == nil {
		return
	}
	if m.bye {
		e.depart(m.id, true)
		return
	}
	r.heard = time.Now()
	if !r.up {
		e.setUp(r, true)
	}
	for _, a := range m.asks {
		e.answer(r, a)
	}
	for _, d := range m.parts {
		c := r.parts[d.shard]
		c.shard.mu.Lock()
		gap := c.merge(d)
		c.shard.mu.Unlock()
		if gap && m.clocks == nil {
			e.ask(r, []int{d.shard})
		}
	}
	if m.clocks != nil {
		e.compare(r, m.clocks)
	}
}

// peer gives the replica with that id, or nil if it is not to be heard.
func (e *engine) peer(id replicaID, node string) *replica {
	if _, gone := e.gone[id]; gone || id == e.id {
		return nil
	}
	if r := e.peers[id]; r != nil {
		return r
	}
	for other, r := range e.peers {
		if r.node != node {
			continue
		}
		if other.born > id.born && r.up {
			return nil // it is the one before, and late
		}
		e.depart(other, true)
	}
	r := &replica{id: id, node: node, up: true}
	for i, s := range e.shards {
		r.parts[i] = &component{shard: s, tag: id.tag(), up: true, dots: make(map[uint64]*presence)}
	}
	e.peers[id] = r
	var clocks [shards]uint64
	for i, s := range e.shards {
		s.mu.Lock()
		clocks[i] = s.own.clock
		s.mu.Unlock()
	}
	e.send(node, &message{clocks: &clocks})
	return r
}

// compare asks a replica for what it is ahead.
func (e *engine) compare(r *replica, clocks *[shards]uint64) {
	var behind []int
	for i, c := range r.parts {
		if clocks[i] > c.clock {
			behind = append(behind, i)
		}
	}
	e.ask(r, behind)
}

// ask asks a replica for what is missing in shards, unless it has just been asked.
func (e *engine) ask(r *replica, missing []int) {
	var asks []ask
	for _, i := range missing {
		if now := time.Now(); now.Sub(r.asked[i]) >= e.Period/2 {
			r.asked[i] = now
			asks = append(asks, ask{i, r.parts[i].clock})
		}
	}
	if len(asks) > 0 {
		e.send(r.node, &message{asks: asks})
	}
}

// answer gives a replica what it has missed.
func (e *engine) answer(r *replica, a ask) {
	s := e.shards[a.shard]
	s.mu.Lock()
	parts, ok := s.own.since(a.clock, mostPart)
	if !ok {
		parts = s.own.whole(mostPart)
	}
	s.mu.Unlock()
	e.sendParts(r.node, parts, &message{})
}

// tick looks after those that are silent. Time in which this node itself stood still does not
// count: it could hear nobody.
func (e *engine) tick() {
	now := time.Now()
	still := now.Sub(e.ticks) - 2*e.Period
	e.ticks = now
	for id, r := range e.peers {
		if still > 0 {
			r.heard = r.heard.Add(still)
		}
		switch silent := now.Sub(r.heard); {
		case silent > e.Permanent:
			e.remove(id)
		case silent > e.Down && r.up:
			e.setUp(r, false)
		}
	}
	for id, d := range e.gone {
		if now.Sub(d.at) > e.Permanent {
			delete(e.gone, id)
		}
	}
}

// setUp shows or hides the presences of a replica.
func (e *engine) setUp(r *replica, up bool) {
	if r.up = up; up {
		telemetry.Log(e.ctx).Info("another tracker is back", "tracker", e.Name, "node", r.node)
	} else {
		telemetry.Count(e.ctx, "presence.nodes.down", 1)
		telemetry.Log(e.ctx).Warn("another tracker is silent; its presences are hidden", "tracker", e.Name, "node", r.node)
	}
	for _, c := range r.parts {
		c.shard.mu.Lock()
		c.setUp(up)
		c.shard.mu.Unlock()
	}
}

// depart removes a replica that has stopped, and has nothing of it heard any more.
func (e *engine) depart(id replicaID, firstHand bool) {
	if _, known := e.gone[id]; known || id == e.id {
		return
	}
	e.gone[id] = departure{time.Now(), firstHand}
	e.remove(id)
}

func (e *engine) remove(id replicaID) {
	r := e.peers[id]
	if r == nil {
		return
	}
	delete(e.peers, id)
	for _, c := range r.parts {
		c.shard.mu.Lock()
		c.setUp(false)
		c.shard.mu.Unlock()
	}
}

// departures lists who has stopped lately, for those that may have missed it.
func (e *engine) departures() (ids []replicaID) {
	for id, d := range e.gone {
		if d.firstHand && time.Since(d.at) <= 2*e.Down && len(ids) < mostGone {
			ids = append(ids, id)
		}
	}
	return ids
}
