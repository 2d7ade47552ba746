package presence

import (
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// shards is how many locks the topics of a tracker are spread over. It is the same on all
// nodes: each shard is replicated on its own.
const shards = 16

// shard is some of the topics.
type shard struct {
	engine *engine
	index  int

	mu     sync.Mutex
	closed bool
	topics map[string]*topic
	own    *component
}

func newShard(e *engine, index int) *shard {
	s := &shard{engine: e, index: index, topics: make(map[string]*topic)}
	s.own = &component{shard: s, tag: e.id.tag(), up: true, memory: mostRemovals}
	return s
}

// join adds a presence of this node, in place of old if that is not nil.
func (s *shard) join(topic, key, meta string, old *presence) (*presence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrDown
	}
	c := s.own
	p := &presence{owner: c, key: key, meta: meta}
	if old != nil {
		if !old.live {
			return nil, ErrDown
		}
		p.prev, p.key = old.clock, old.key
	}
	c.clock++
	p.clock = c.clock
	if old != nil {
		c.forget(old)
		s.hide(old)
	}
	if p.older = c.newest; p.older != nil {
		p.older.newer = p
	} else {
		c.oldest = p
	}
	c.newest = p
	s.show(p, topic)
	s.engine.changed()
	return p, nil
}

// leave removes a presence of this node.
func (s *shard) leave(p *presence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !p.live {
		return
	}
	s.own.clock++
	s.own.forget(p)
	s.hide(p)
	s.engine.changed()
}

// show makes a presence live. The shard is locked, as for all that follows.
func (s *shard) show(p *presence, name string) {
	t := s.topics[name]
	if t == nil {
		t = &topic{name: name, keys: make(map[string]*presence), version: s.engine.audience.versions.Load()}
		s.topics[name] = t
	}
	p.topic, p.live = t, true
	if first := t.keys[p.key]; first != nil {
		p.before, p.after = first.before, first
		p.before.after, p.after.before = p, p
	} else {
		p.before, p.after = p, p
		t.keys[p.key] = p
	}
	s.touch(p)
}

// hide makes a presence not live.
func (s *shard) hide(p *presence) {
	if !p.live {
		return
	}
	p.live = false
	t := p.topic
	if p.after == p {
		delete(t.keys, p.key)
	} else {
		p.before.after, p.after.before = p.after, p.before
		if t.keys[p.key] == p {
			t.keys[p.key] = p.after
		}
	}
	p.before, p.after = nil, nil
	s.touch(p)
}

// touch has hearers told of a presence that has changed.
func (s *shard) touch(p *presence) {
	t := p.topic
	if !p.queued {
		p.queued = true
		t.dirty = append(t.dirty, p)
	}
	if !t.pacing && !s.closed {
		t.pacing, t.due = true, true
		// No timer of nothing: in a bubble of synctest two at once crash the race detector.
		s.engine.telling.Go(func() { s.tellDue(t) })
	}
}

// tellDue tells the first change after a rest, unless somebody has. Who asks for the state
// does, so that who joins a quiet topic finds itself in it.
func (s *shard) tellDue(t *topic) {
	s.mu.Lock()
	if !t.due || s.closed {
		s.mu.Unlock()
		return
	}
	t.due = false
	s.engine.telling.Add(1)
	defer s.engine.telling.Done()
	s.tellNow(t)
}

// tellLater tells what has changed on a topic after a pause. The shard is locked.
func (s *shard) tellLater(t *topic, pause time.Duration) {
	if s.closed {
		return
	}
	s.engine.telling.Add(1)
	t.timer = time.AfterFunc(pause, func() {
		defer s.engine.telling.Done()
		s.mu.Lock()
		s.tellNow(t)
	})
}

// tellNow tells what has changed on a topic, and then pauses.
// A topic where nothing changes in a pause is at rest; one where nobody is is forgotten.
// The shard is locked, and is not afterwards.
func (s *shard) tellNow(t *topic) {
	c := s.cut(t, mostDiff)
	s.mu.Unlock()
	sent := s.engine.tell(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !c.empty() || len(t.dirty) > 0:
		s.tellLater(t, max(s.engine.Interval, t.pause(sent)))
	default:
		t.pacing = false
		if len(t.keys) == 0 {
			delete(s.topics, t.name)
		}
	}
}

// cut takes what is to be told next of a topic, up to about so many bytes.
func (s *shard) cut(t *topic, most int) cut {
	c := cut{topic: t.name}
	size, n := 0, 0
	for i, p := range t.dirty {
		if size > most && !(p.prev != 0 && p.prev == t.dirty[i-1].clock && p.owner == t.dirty[i-1].owner) {
			break // else it is the other half of an update
		}
		n++
		p.queued = false
		if p.live == p.told {
			continue // it came and went meanwhile, or the other way round
		}
		p.told = p.live
		if p.live {
			c.joins = append(c.joins, p)
		} else {
			c.leaves = append(c.leaves, p)
		}
		size += len(p.key) + len(p.meta) + 64
	}
	if n == len(t.dirty) {
		t.dirty = nil
	} else {
		clear(t.dirty[:n])
		t.dirty = t.dirty[n:]
	}
	if !c.empty() {
		t.version = s.engine.audience.versions.Add(1)
		c.version = t.version
		t.rendering = nil
	}
	return c
}

// close ends the telling, and makes whoever joins from here on fail.
func (s *shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, t := range s.topics {
		if t.timer != nil && t.timer.Stop() {
			s.engine.telling.Done()
		}
	}
}

// clear makes all leave, and gives what is to be told of it.
func (s *shard) clear() (last []cut) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		for _, first := range t.keys {
			for p := first; p != nil; p = t.keys[p.key] {
				s.hide(p)
			}
		}
		for len(t.dirty) > 0 {
			if c := s.cut(t, mostDiff); !c.empty() {
				last = append(last, c)
			}
		}
	}
	clear(s.topics)
	return last
}

// present lists who is live on a topic, those with the same key one after the other.
func (s *shard) present(name string) (all []*presence, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		return nil, 0
	}
	all = make([]*presence, 0, len(t.keys))
	for _, first := range t.keys {
		all = append(all, ring(first)...)
	}
	return all, len(t.keys)
}

// under lists who is live on a topic under a key.
func (s *shard) under(name, key string) ([]*presence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.topics[name]; t != nil && t.keys[key] != nil {
		return ring(t.keys[key]), nil
	}
	return nil, fault.NotFound.Errorf("nobody is present on %q as %q", name, key)
}

func ring(first *presence) (all []*presence) {
	for p := first; ; p = p.after {
		all = append(all, p)
		if p.after == first {
			return all
		}
	}
}

// count is how many keys are live on a topic.
func (s *shard) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.topics[name]; t != nil {
		return len(t.keys)
	}
	return 0
}
