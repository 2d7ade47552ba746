package presence

import (
	"slices"
	"sort"
)

// part is what a replica tells of one of its components: of its operations after from, up to
// to, all that still counts. Of the presences that they added exactly adds are left; of those
// that were there before, removes went.
//
// A part with a count is one of so many pieces of a transfer: all that is left after the
// operation to. Its from is zero.
type part struct {
	shard    int
	from, to uint64
	index    int // of the piece
	count    int
	adds     []add    // in order
	removes  []uint64 // dots up to from
}

// add is a presence on its way.
type add struct {
	clock, prev      uint64
	topic, key, meta string
}

func (a *add) size() int { return len(a.topic) + len(a.key) + len(a.meta) + 12 }

const mostPart = 256 << 10 // bytes, about

// forget removes a presence from our own component. Its clock has been advanced already.
func (c *component) forget(p *presence) {
	if p.older != nil {
		p.older.newer = p.newer
	} else {
		c.oldest = p.newer
	}
	if p.newer != nil {
		p.newer.older = p.older
	} else {
		c.newest = p.older
	}
	p.older, p.newer = nil, nil
	if len(c.removed) == c.memory {
		half := c.memory / 2
		c.cover = c.removed[half-1].at
		c.removed = append(c.removed[:0], c.removed[half:]...)
	}
	c.removed = append(c.removed, removal{c.clock, p.clock})
}

// since tells our own operations after one, in parts of about so many bytes, or fails where
// they are not remembered.
func (c *component) since(from uint64, most int) (parts []part, ok bool) {
	if from < c.cover {
		return nil, false
	}
	first := c.newest
	for ; first != nil && first.older != nil && first.older.clock > from; first = first.older {
	}
	if first != nil && first.clock <= from {
		first = nil
	}
	removed := c.removed[sort.Search(len(c.removed), func(i int) bool { return c.removed[i].at > from }):]
	now := part{shard: c.shard.index, from: from, to: from}
	size := 0
	for first != nil || len(removed) > 0 {
		at := c.clock
		if first != nil {
			at = first.clock
		}
		if len(removed) > 0 {
			at = min(at, removed[0].at)
		}
		if size > most {
			parts = append(parts, now)
			now, size = part{shard: now.shard, from: now.to, to: now.to}, 0
		}
		now.to = at
		if first != nil && first.clock == at {
			a := first.add()
			now.adds, size = append(now.adds, a), size+a.size()
			first = first.newer
		}
		if len(removed) > 0 && removed[0].at == at {
			if dot := removed[0].dot; dot <= now.from {
				now.removes, size = append(now.removes, dot), size+4
			}
			removed = removed[1:]
		}
	}
	now.to = c.clock
	return append(parts, now), true
}

// whole tells all of our own component, as a transfer in pieces of about so many bytes.
func (c *component) whole(most int) (parts []part) {
	now := part{shard: c.shard.index, to: c.clock}
	size := 0
	for p := c.oldest; p != nil; p = p.newer {
		if size > most {
			parts = append(parts, now)
			now.adds, size = nil, 0
		}
		a := p.add()
		now.adds, size = append(now.adds, a), size+a.size()
	}
	parts = append(parts, now)
	for i := range parts {
		parts[i].index, parts[i].count = i, len(parts)
	}
	return parts
}

func (p *presence) add() add { return add{p.clock, p.prev, p.topic.name, p.key, p.meta} }

// merge takes in what another replica tells of a component. It reports whether something
// before it is missing. The shard is locked, as for all that follows.
func (c *component) merge(d part) (gap bool) {
	switch {
	case d.count > 0:
		c.assemble(d)
		return false
	case d.from > c.clock:
		return true
	case d.to <= c.clock:
		return false
	}
	if d.from < c.clock {
		c.retain(d.from, d.adds)
	}
	for _, a := range d.adds {
		c.take(a)
	}
	for _, dot := range d.removes {
		c.drop(dot)
	}
	c.clock = d.to
	return false
}

// retain drops what was added after from and is not listed.
func (c *component) retain(from uint64, adds []add) {
	listed := make(map[uint64]struct{}, len(adds))
	for _, a := range adds {
		listed[a.clock] = struct{}{}
	}
	for dot := range c.dots {
		if _, ok := listed[dot]; !ok && dot > from {
			c.drop(dot)
		}
	}
}

// take adds a presence, unless it has been seen.
func (c *component) take(a add) {
	if a.clock <= c.clock {
		return
	}
	if a.prev != 0 {
		c.drop(a.prev)
	}
	p := &presence{owner: c, key: a.key, meta: a.meta, clock: a.clock, prev: a.prev}
	c.dots[a.clock] = p
	if c.up {
		c.shard.show(p, a.topic)
	} else {
		p.topic = &topic{name: a.topic}
	}
}

func (c *component) drop(dot uint64) {
	if p := c.dots[dot]; p != nil {
		delete(c.dots, dot)
		c.shard.hide(p)
	}
}

// setUp shows or hides all.
func (c *component) setUp(up bool) {
	c.up = up
	for _, p := range c.inOrder() {
		if up && !p.live {
			c.shard.show(p, p.topic.name)
		} else if !up {
			c.shard.hide(p)
		}
	}
}

func (c *component) inOrder() []*presence {
	all := make([]*presence, 0, len(c.dots))
	for _, p := range c.dots {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *presence) int {
		if a.clock < b.clock {
			return -1
		}
		return 1
	})
	return all
}

// transfer is the pieces of a whole component that have come.
type transfer struct {
	to     uint64
	pieces [][]add
	left   int
}

// assemble takes a piece, and merges the whole when it was the last.
func (c *component) assemble(d part) {
	if d.to <= c.clock {
		return
	}
	t := c.transfer
	if t == nil || t.to < d.to || len(t.pieces) != d.count {
		t = &transfer{to: d.to, pieces: make([][]add, d.count), left: d.count}
		c.transfer = t
	}
	if t.to > d.to || t.pieces[d.index] != nil {
		return
	}
	t.pieces[d.index] = d.adds
	if d.adds == nil {
		t.pieces[d.index] = []add{}
	}
	if t.left--; t.left > 0 {
		return
	}
	c.transfer = nil
	all := slices.Concat(t.pieces...)
	c.retain(0, all)
	for _, a := range all {
		c.take(a)
	}
	c.clock = t.to
}
