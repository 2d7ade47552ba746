package supervisor

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/process"
)

// Family is a child that owns the members of a process.Family. A member starts when the
// first message is sent to it, and falls asleep when it has had nothing to do for a
// while (process.Idle); a message that meets it then wakes it again, and is not lost.
//
// If the constructor fails at the first start, whoever sent the message gets its error
// and nothing stays: an unknown key is refused with fault.NotFound. At a restart only
// process.Ignore, fault.NotFound and fault.Forbidden refuse; other errors are bad luck, and
// it is tried again. A member that crashes is restarted with the child's [Backoff], or the
// default one, and never takes another down; a Temporary one sleeps until the next message.
// Beyond process.Most, new members fail with fault.Exhausted.
//
// Restart, Shutdown, Backoff and Lifetime of the [Child] are the members'.
func Family[S any](f process.Family[S], open func(context.Context) (*S, error), opts ...process.Option) Service {
	return familySpec[S]{family: f, open: open, opts: opts}
}

type familySpec[S any] struct {
	ofMembers
	family process.Family[S]
	open   func(context.Context) (*S, error)
	opts   []process.Option
}

func (f familySpec[S]) label() string { return string(f.family) }
func (f familySpec[S]) kind() string  { return "family" }

func (f familySpec[S]) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	return membersSlot(ctx, owner, path, terms{name: string(f.family), lazy: true, entry: c}, f.opts,
		func(ctx context.Context, _ *members[process.None]) (*S, error) { return f.open(ctx) },
		func(ctx context.Context, m *members[process.None]) (func(), error) {
			return process.Adopt(ctx, f.family, host{m})
		})
}

func (familySpec[S]) ask(ctx context.Context, path string, s *Status) error {
	return askMembers[process.None](ctx, path, s)
}

// Serve runs the family by itself, as a tree of one child.
func (f familySpec[S]) Serve(ctx context.Context) error { return alone(ctx, f) }

// ofMembers is what the specs that keep members have in common.
type ofMembers struct{ plain }

func (ofMembers) keeps()                       {}
func (ofMembers) supervises() bool             { return true }
func (ofMembers) shutdown(Child) time.Duration { return -1 } // it gives each member the whole time

// host finds the members of a family.
type host struct{ *members[process.None] }

var _ process.Host = host{}

// Member implements process.Host.
func (h host) Member(ctx context.Context, key string, wake bool) (*process.Slot, error) {
	h.mu.RLock()
	m, closed := h.all.get(key), h.closed
	h.mu.RUnlock()
	switch {
	case m != nil && !closed:
		return m.slot, nil
	case !wake:
		return nil, nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.all.get(key); m != nil && !h.closed {
		return m.slot, nil
	}
	m, err := h.enter(key, process.None{})
	if err != nil {
		return nil, err
	}
	h.restart(m, ctx)
	return m.slot, nil
}
