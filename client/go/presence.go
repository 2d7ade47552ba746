package client

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Roster is who is present on a channel, as the server tells it.
type Roster[M any] struct {
	c       *Channel
	synced  bool      // since the last join; of the channel's callbacks, as is pending
	pending []diff[M] // what came before the state

	joins, leaves listeners[func(before, change Present[M])]
	syncs         listeners[func()]

	mu      sync.Mutex
	present map[string]Present[M]
}

// Present is one key of those who are present, with what it has said about itself, once
// for each time that it is there: two tabs of a browser are two metas.
type Present[M any] struct {
	Key   string
	Metas []Meta[M]
	// Entry is the JSON of the whole, for what a server adds beside the metas.
	Entry json.RawMessage
}

// Meta is what is said of one presence. An update is a new one, whose Prev is the Ref of
// the one that goes.
type Meta[M any] struct {
	Ref, Prev string
	Value     M
}

type diff[M any] struct {
	Joins  map[string]Present[M] `json:"joins"`
	Leaves map[string]Present[M] `json:"leaves"`
}

// Presence follows who is present on a channel. Call it before the channel joins. The
// roster's callbacks are some of the channel's.
func Presence[M any](c *Channel) *Roster[M] {
	r := &Roster[M]{c: c, present: make(map[string]Present[M])}
	c.joins.add(c.s, func(raw, bool) { r.synced, r.pending = false, nil })
	On(c, "presence_state", r.state)
	On(c, "presence_diff", r.diff)
	return r
}

// List is who is present, sorted by key.
func (r *Roster[M]) List() []Present[M] {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.SortedFunc(maps.Values(r.present), func(a, b Present[M]) int { return strings.Compare(a.Key, b.Key) })
}

// Get is one of those who are present.
func (r *Roster[M]) Get(key string) (Present[M], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.present[key]
	return p, ok
}

// OnJoin has fn told of new metas of a key. Before is how it was present until then: not
// at all, if it has no metas.
func (r *Roster[M]) OnJoin(fn func(before, joined Present[M])) (stop func()) {
	return r.joins.add(r.c.s, fn)
}

// OnLeave has fn told of metas that are gone. Remaining are those that stay: if there are
// none, the key is not present any more.
func (r *Roster[M]) OnLeave(fn func(remaining, left Present[M])) (stop func()) {
	return r.leaves.add(r.c.s, fn)
}

// OnSync has fn called after each change, once OnJoin and OnLeave have been told.
func (r *Roster[M]) OnSync(fn func()) (stop func()) { return r.syncs.add(r.c.s, fn) }

// state hears who is present after a join.
func (r *Roster[M]) state(now map[string]Present[M]) {
	d := diff[M]{make(map[string]Present[M]), make(map[string]Present[M])}
	for key, p := range now {
		if p = p.without(r.present[key].Metas); len(p.Metas) > 0 {
			d.Joins[key] = p
		}
	}
	for key, p := range r.present {
		if p = p.without(now[key].Metas); len(p.Metas) > 0 {
			d.Leaves[key] = p
		}
	}
	r.merge(d)
	r.synced = true
	for _, d := range r.pending {
		r.merge(d)
	}
	r.pending = nil
	tellNow(r.c.s, &r.syncs, func(fn func()) { fn() })
}

func (r *Roster[M]) diff(d diff[M]) {
	if !r.synced {
		r.pending = append(r.pending, d)
		return
	}
	r.merge(d)
	tellNow(r.c.s, &r.syncs, func(fn func()) { fn() })
}

// merge applies a change. Only the channel's callbacks write what is present.
func (r *Roster[M]) merge(d diff[M]) {
	for _, key := range slices.Sorted(maps.Keys(d.Joins)) {
		joined := d.Joins[key]
		joined.Key = key
		before := r.present[key]
		after := joined
		after.Metas = append(before.without(joined.Metas).Metas, joined.Metas...)
		r.put(after)
		before.Key = key
		r.changed(&r.joins, before, joined)
	}
	for _, key := range slices.Sorted(maps.Keys(d.Leaves)) {
		before, there := r.present[key]
		if !there {
			continue
		}
		left := d.Leaves[key]
		left.Key = key
		remaining := before.without(left.Metas)
		r.put(remaining)
		r.changed(&r.leaves, remaining, left)
	}
}

func (r *Roster[M]) put(p Present[M]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(p.Metas) == 0 {
		delete(r.present, p.Key)
	} else {
		r.present[p.Key] = p
	}
}

func (r *Roster[M]) changed(l *listeners[func(a, b Present[M])], a, b Present[M]) {
	tellNow(r.c.s, l, func(fn func(a, b Present[M])) { fn(a, b) })
}

// tellNow tells those who listen, in a callback.
func tellNow[F any](s *Socket, l *listeners[F], call func(F)) {
	s.mu.Lock()
	tell := l.tell(call)
	s.mu.Unlock()
	if tell != nil {
		tell()
	}
}

// without is the same without these metas, as a copy.
func (p Present[M]) without(metas []Meta[M]) Present[M] {
	refs := make(map[string]bool, len(metas))
	for _, m := range metas {
		refs[m.Ref] = true
	}
	p.Metas = slices.DeleteFunc(slices.Clone(p.Metas), func(m Meta[M]) bool { return refs[m.Ref] })
	return p
}

// UnmarshalJSON keeps the entry beside its metas.
func (p *Present[M]) UnmarshalJSON(data []byte) error {
	var entry struct {
		Metas []Meta[M] `json:"metas"`
	}
	err := json.Unmarshal(data, &entry)
	p.Metas, p.Entry = entry.Metas, slices.Clone(data)
	return err
}

// UnmarshalJSON takes the refs out of a meta.
func (m *Meta[M]) UnmarshalJSON(data []byte) error {
	var refs struct {
		Ref  string `json:"phx_ref"`
		Prev string `json:"phx_ref_prev"`
	}
	if err := json.Unmarshal(data, &refs); err != nil {
		return err
	}
	m.Ref, m.Prev = refs.Ref, refs.Prev
	return json.Unmarshal(data, &m.Value)
}
