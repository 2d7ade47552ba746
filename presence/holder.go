package presence

import (
	"context"
	"sync"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// holder is an incarnation of a process that is present somewhere.
type holder struct {
	mu    sync.Mutex
	first *presence // of those that it holds
	ended bool
	stop  func() // forgets to call end
}

// find gives what the process holds there, and what leads to it. The holder is locked.
func (h *holder) find(topic, key string) (link **presence) {
	for link = &h.first; *link != nil; link = &(*link).held {
		if p := *link; p.key == key && p.topic.name == topic {
			return link
		}
	}
	return link
}

// holders finds them by the incarnation.
type holders struct {
	mu  sync.Mutex
	all map[process.Life]*holder
}

// holder gives the holder of the process of ctx, locked. Where there is none, it makes one if
// it is to, or gives nil.
func (e *engine) holder(ctx context.Context, create bool) (*holder, error) {
	life, err := process.LifeOf(ctx)
	if err != nil {
		return nil, err
	}
	h, err := e.holders.of(life, create, e.end)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, nil
	}
	h.mu.Lock()
	if h.ended {
		h.mu.Unlock()
		return nil, process.ErrDead
	}
	return h, nil
}

// of gives the holder of an incarnation, at whose end all that it holds is to leave.
func (all *holders) of(life process.Life, create bool, end func(*holder)) (h *holder, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if h = all.all[life]; h != nil || !create {
		return h, nil
	}
	h = new(holder)
	h.stop, err = life.OnEnd(func() {
		all.mu.Lock()
		delete(all.all, life)
		all.mu.Unlock()
		end(h)
	})
	if err != nil {
		return nil, err
	}
	all.all[life] = h
	return h, nil
}

// end makes all leave that a process holds.
func (e *engine) end(h *holder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for p := h.first; p != nil; p = p.held {
		p.shard().leave(p)
	}
	h.first = nil
}

func (e *engine) track(ctx context.Context, topic, key, meta string) (ref string, err error) {
	h, err := e.holder(ctx, true)
	if err != nil {
		return "", err
	}
	defer h.mu.Unlock()
	if *h.find(topic, key) != nil {
		return "", fault.Conflict.Errorf("the process is present on %q as %q already; use Update", topic, key)
	}
	p, err := e.shardOf(topic).join(topic, key, meta, nil)
	if err != nil {
		return "", err
	}
	p.held, h.first = h.first, p
	return p.ref(), nil
}

func (e *engine) update(ctx context.Context, topic, key, meta string) (ref string, err error) {
	h, err := e.holder(ctx, false)
	if err != nil {
		return "", err
	}
	if h == nil {
		return "", notPresent(topic, key)
	}
	defer h.mu.Unlock()
	link := h.find(topic, key)
	old := *link
	if old == nil {
		return "", notPresent(topic, key)
	}
	p, err := old.shard().join(topic, key, meta, old)
	if err != nil {
		return "", err
	}
	p.held, *link = old.held, p
	return p.ref(), nil
}

func (e *engine) untrack(ctx context.Context, topic, key string) error {
	h, err := e.holder(ctx, false)
	if err != nil {
		return err
	}
	if h == nil {
		return notPresent(topic, key)
	}
	defer h.mu.Unlock()
	link := h.find(topic, key)
	if *link == nil {
		return notPresent(topic, key)
	}
	(*link).shard().leave(*link)
	*link = (*link).held
	return nil
}

func notPresent(topic, key string) error {
	return fault.NotFound.Errorf("the process is not present on %q as %q", topic, key)
}
