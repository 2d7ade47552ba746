package supervisor

import (
	"iter"
	"strconv"
)

// table finds members by their keys. The keys of a family are anything; those of a
// dynamic supervisor are numbers that grow, and pages hold them with less work than a map:
// what was started at one time lies together.
type table[Arg any] struct {
	n       int
	byKey   map[string]*member[Arg]
	numbers map[uint64]*page[Arg] // by number / pageSize; else nil
}

const pageSize = 64

type page[Arg any] struct {
	n  int
	at [pageSize]*member[Arg]
}

func newTable[Arg any](numbers bool) *table[Arg] {
	if numbers {
		return &table[Arg]{numbers: make(map[uint64]*page[Arg])}
	}
	return &table[Arg]{byKey: make(map[string]*member[Arg])}
}

func (t *table[Arg]) len() int { return t.n }

// place gives the page that a number is on, if there is one, and where.
func (t *table[Arg]) place(key string) (p *page[Arg], at, on uint64) {
	number, err := strconv.ParseUint(key, 10, 64)
	if err != nil {
		return nil, 0, 0
	}
	return t.numbers[number/pageSize], number % pageSize, number / pageSize
}

func (t *table[Arg]) get(key string) *member[Arg] {
	if t.numbers == nil {
		return t.byKey[key]
	}
	if p, at, _ := t.place(key); p != nil {
		return p.at[at]
	}
	return nil
}

// put adds a member whose key is new.
func (t *table[Arg]) put(key string, m *member[Arg]) {
	t.n++
	if t.numbers == nil {
		t.byKey[key] = m
		return
	}
	p, at, on := t.place(key)
	if p == nil {
		p = new(page[Arg])
		t.numbers[on] = p
	}
	p.n++
	p.at[at] = m
}

// remove takes a member off, if it is in.
func (t *table[Arg]) remove(m *member[Arg]) {
	key := m.slot.Key()
	if t.get(key) != m {
		return
	}
	t.n--
	if t.numbers == nil {
		delete(t.byKey, key)
		return
	}
	p, at, on := t.place(key)
	p.at[at] = nil
	if p.n--; p.n == 0 {
		delete(t.numbers, on)
	}
}

// all gives the members, in no order.
func (t *table[Arg]) all() iter.Seq[*member[Arg]] {
	return func(yield func(*member[Arg]) bool) {
		for _, m := range t.byKey {
			if !yield(m) {
				return
			}
		}
		for _, p := range t.numbers {
			for _, m := range p.at {
				if m != nil && !yield(m) {
					return
				}
			}
		}
	}
}
