package presence

import (
	"context"
	"encoding/json"

	"github.com/bennu-go/bennu/fault"
)

// Entry is who is present under one key: by one process or more.
type Entry[M any] struct {
	Metas  []Meta[M] // in the order in which they joined
	Fields any       // what Fetch gave for the key, or nil
}

// Meta is one presence.
type Meta[M any] struct {
	Value M
	Ref   string // phx_ref: of this presence with this meta
	Prev  string // phx_ref_prev: what Ref was before the latest Update; "" if there was none
}

// List is who is present on the topic now, by key.
func (t *Tracker[M]) List(ctx context.Context, topic string) (map[string]Entry[M], error) {
	e, err := t.running()
	if err != nil {
		return nil, err
	}
	all, keys := e.shardOf(topic).present(topic)
	return entries[M](e, topic, all, keys)
}

// Get is who is present on the topic under the key, or fault.NotFound.
func (t *Tracker[M]) Get(ctx context.Context, topic, key string) (Entry[M], error) {
	e, err := t.running()
	if err != nil {
		return Entry[M]{}, err
	}
	all, err := e.shardOf(topic).under(topic, key)
	if err != nil {
		return Entry[M]{}, err
	}
	found, err := entries[M](e, topic, all, 1)
	return found[key], err
}

// Count is how many keys are present on the topic.
func (t *Tracker[M]) Count(ctx context.Context, topic string) (int, error) {
	e, err := t.running()
	if err != nil {
		return 0, err
	}
	return e.shardOf(topic).count(topic), nil
}

func entries[M any](e *engine, topic string, all []*presence, keys int) (map[string]Entry[M], error) {
	fields, _ := e.fetch(topic, all) // without them it is still true
	found := make(map[string]Entry[M], keys)
	for _, p := range all {
		m := Meta[M]{Ref: p.ref()}
		if p.prev != 0 {
			m.Prev = string(p.appendRef(nil, p.prev))
		}
		if err := json.Unmarshal([]byte(p.meta), &m.Value); err != nil {
			return nil, fault.Internal.Wrap(err, "presence: the meta of %q on %q is not of type %T", p.key, topic, m.Value)
		}
		entry := found[p.key]
		entry.Metas = append(entry.Metas, m)
		entry.Fields = fields[p.key]
		found[p.key] = entry
	}
	return found, nil
}
