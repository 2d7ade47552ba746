package presence

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A topic is paced so that no subscriber gets 1 MB of diffs within a second, and the node
// need not write more than so many: of those who are present most listen.
const (
	diffRate = 700 << 10 // bytes a second
	mostDiff = 256 << 10 // bytes of a diff, about
	toldRate = 25_000    // clients a second
)

// topic is who is present on it. Its shard's lock guards it.
type topic struct {
	name    string
	keys    map[string]*presence // that are live, the first of each ring
	dirty   []*presence          // that may have to be told of
	version uint64               // of the latest cut
	pacing  bool                 // something is being told, or the pause after it lasts
	due     bool                 // the first change after a rest is about to be told
	timer   *time.Timer

	rendering *rendering // the state as of version; nil: nobody has asked
}

// pause is how long a topic is to rest after a diff of so many bytes.
func (t *topic) pause(sent int) time.Duration {
	return max(time.Duration(sent)*time.Second/diffRate, time.Duration(len(t.keys))*time.Second/toldRate)
}

// cut is a diff before it is encoded.
type cut struct {
	topic         string
	version       uint64
	joins, leaves []*presence
}

func (c *cut) empty() bool { return len(c.joins)+len(c.leaves) == 0 }

// rendering is a state that somebody encodes for all who ask.
type rendering struct {
	done  chan struct{}
	state State
}

// state gives the payload of a topic's state.
func (s *shard) state(ctx context.Context, name string) (State, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return State{}, ErrDown
	}
	t := s.topics[name]
	if t != nil && t.due {
		s.mu.Unlock()
		s.tellDue(t)
		return s.state(ctx, name)
	}
	if t == nil {
		defer s.mu.Unlock()
		return State{s.engine.audience.versions.Load(), []byte("{}")}, nil
	}
	r := t.rendering
	if r != nil {
		s.mu.Unlock()
		select {
		case <-r.done:
			return r.state, nil
		case <-ctx.Done():
			return State{}, context.Cause(ctx)
		}
	}
	r = &rendering{done: make(chan struct{}), state: State{Version: t.version}}
	t.rendering = r
	told := t.told()
	s.mu.Unlock()

	defer close(r.done)
	fields, err := s.engine.fields(name, told)
	if err != nil { // the next who asks may have more luck
		s.mu.Lock()
		if t.rendering == r {
			t.rendering = nil
		}
		s.mu.Unlock()
	}
	r.state.Payload = appendEntries(nil, told, fields)
	return r.state, nil
}

// told lists whom hearers know of.
func (t *topic) told() []*presence {
	all := make([]*presence, 0, len(t.keys))
	for _, p := range t.dirty {
		if p.told && !p.live {
			all = append(all, p)
		}
	}
	for _, first := range t.keys {
		for p := first; ; p = p.after {
			if p.told {
				all = append(all, p)
			}
			if p.after == first {
				break
			}
		}
	}
	return all
}

// byKey sorts presences by key, and keeps the order of those with the same.
func byKey(ps []*presence) {
	slices.SortStableFunc(ps, func(a, b *presence) int { return strings.Compare(a.key, b.key) })
}
