package supervisor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Family is a child that owns the members of a process.Family. A member starts when the
// first message is sent to it, and falls asleep when it has had nothing to do for a
// while (process.Idle); a message that meets it then wakes it again, and is not lost.
//
// If the constructor fails at the first start, whoever sent the message gets its error
// and nothing stays: an unknown key is refused with fault.NotFound. At a restart only
// process.Ignore, fault.NotFound and fault.Forbidden refuse; other errors are bad luck, and
// it is tried again. A member that crashes is restarted with the child's [Backoff], or the default one, and never takes
// another down. Beyond process.Most, new members fail with fault.Exhausted.
func Family[S any](f process.Family[S], open func(context.Context) (*S, error), opts ...process.Option) Service {
	return familySpec[S]{f, open, opts}
}

type familySpec[S any] struct {
	family process.Family[S]
	open   func(context.Context) (*S, error)
	opts   []process.Option
}

func (f familySpec[S]) label() string { return string(f.family) }
func (f familySpec[S]) kind() string  { return "family" }

func (f familySpec[S]) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	opts := c.options(f.opts)
	o, err := process.Compose(opts...)
	if err != nil {
		return nil, err
	}
	make, err := process.Members(f.family, f.open, opts...)
	if err != nil {
		return nil, err
	}
	open := func(ctx context.Context) (*family, error) {
		h := &family{name: string(f.family), make: make, opts: o, backoff: c.Backoff.orDefault(), byKey: map[string]*member{}}
		if err := h.open(ctx); err != nil {
			return nil, err
		}
		release, err := process.Adopt(ctx, f.family, h)
		if err != nil {
			return nil, err
		}
		if _, err := h.port.OnEnd(func() { release(); h.kill() }); err != nil {
			release()
			return nil, err
		}
		return h, nil
	}
	return process.NewSlot(ctx, owner, process.Name[family](path), open, process.ShutdownTime(f.shutdown(c)))
}

// The family itself may take longer: it gives each member the whole time.
func (familySpec[S]) shutdown(Child) time.Duration { return -1 }

// Serve runs the family by itself, as a tree of one child.
func (f familySpec[S]) Serve(ctx context.Context) error { return alone(ctx, f) }

// family is the process that keeps the members. Senders look members up from their own
// goroutines, under the mutex; ends come to the process as messages.
type family struct {
	name    string
	make    func(context.Context, process.Port[process.Down], string) (*process.Slot, error)
	opts    *process.Options
	backoff Backoff
	port    process.Port[process.Down]
	ctx     context.Context // of the node alone

	mu     sync.RWMutex
	byKey  map[string]*member
	closed bool
}

type member struct {
	slot *process.Slot

	// Of the family's own goroutine.
	handled uint64 // at the latest sweep
	quiet   bool   // it had nothing to do since the sweep before
	proven  bool   // it has run: a failed start is trouble now, not a refusal
	row     row
}

var (
	_ process.Host       = (*family)(nil)
	_ process.Terminator = (*family)(nil)
)

func (f *family) open(ctx context.Context) (err error) {
	node, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	f.ctx = node.Context(context.Background())
	if f.port, err = process.Bind(ctx, (*family).ended); err != nil {
		return err
	}
	if f.opts.Idle > 0 {
		_, err = process.Every(ctx, max(f.opts.Idle/2, 1), (*family).sweep)
	}
	return err
}

// Member implements process.Host.
func (f *family) Member(ctx context.Context, key string, wake bool) (*process.Slot, error) {
	f.mu.RLock()
	m, closed := f.byKey[key], f.closed
	f.mu.RUnlock()
	switch {
	case m != nil && !closed:
		return m.slot, nil
	case !wake:
		return nil, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, process.ErrDead
	}
	if m := f.byKey[key]; m != nil {
		return m.slot, nil
	}
	if f.opts.Most > 0 && len(f.byKey) >= f.opts.Most {
		return nil, fault.Exhausted.Errorf("%s has %d members awake, which is the most", f.name, f.opts.Most)
	}
	slot, err := f.make(f.ctx, f.port, key)
	if err != nil {
		return nil, err
	}
	f.byKey[key] = &member{slot: slot}
	slot.Restart(ctx)
	return slot, nil
}

// ended handles the end of a member.
func (f *family) ended(ctx context.Context, d process.Down) error {
	slot := d.Target.(*process.Slot)
	wait, next := f.decide(slot, d)
	log := telemetry.Log(ctx).With("process", slot.String(), "reason", d.Reason)
	switch next {
	case forget:
		log.Error("member is given up: it crashed too often")
	case later:
		log.Warn("member will be restarted", "in", wait)
		if wait == 0 {
			slot.Restart(f.ctx)
			return nil
		}
		_, err := process.After(ctx, wait, func(*family, context.Context) error {
			slot.Restart(f.ctx)
			return nil
		})
		return err
	}
	return nil
}

// verdict is what becomes of a member that has ended.
type verdict uint8

const (
	done   verdict = iota // it has been seen to
	forget                // it crashed too often
	later                 // it is to be restarted
)

// decide does all that needs the lock, and nothing that runs other people's code.
func (f *family) decide(slot *process.Slot, d process.Down) (wait time.Duration, next verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.byKey[slot.Key()]
	if m == nil || m.slot != slot || f.closed {
		return 0, done
	}
	m.proven = m.proven || d.Started
	m.quiet = false
	switch {
	case !d.Started && (!m.proven || refuses(d.Reason)):
		delete(f.byKey, slot.Key())
		slot.Refuse(d.Reason)
		return 0, done
	case process.Clean(d.Reason):
		if slot.RetireIdle(d.Reason) {
			delete(f.byKey, slot.Key())
		} else {
			slot.Restart(f.ctx) // mail came while it fell asleep
		}
		return 0, done
	}
	wait, ok := m.row.next(f.backoff, time.Now())
	if !ok {
		delete(f.byKey, slot.Key())
		slot.Retire(d.Reason)
		return 0, forget
	}
	return wait, later
}

// refuses reports whether a constructor that failed with reason will have no member with
// that key, rather than having had bad luck.
func refuses(reason process.Reason) bool {
	return errors.Is(reason, process.Ignore) || errors.Is(reason, fault.NotFound) || errors.Is(reason, fault.Forbidden)
}

// sweep puts to sleep whoever had nothing to do since the sweep before.
func (f *family) sweep(context.Context) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, m := range f.byKey {
		if m.quiet && m.slot.ExitIdle(process.Normal, m.handled) {
			m.quiet = false
			continue
		}
		m.handled, m.quiet = m.slot.Idle(m.handled)
	}
	return nil
}

// Terminate stops all members at once, and waits for them.
func (f *family) Terminate(context.Context, process.Reason) {
	members := f.close()
	for _, s := range members {
		s.Exit(process.Shutdown)
	}
	for _, s := range members {
		s.Stop(process.Shutdown, f.opts.Shutdown)
		s.Retire(process.Shutdown)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byKey = nil
}

// kill ends at once what is left when the family's process has ended: nothing, unless it
// was killed.
func (f *family) kill() {
	for _, s := range f.close() {
		s.Retire(process.Kill)
	}
}

// close refuses new members, and gives those that are there.
func (f *family) close() []*process.Slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	members := make([]*process.Slot, 0, len(f.byKey))
	for _, m := range f.byKey {
		members = append(members, m.slot)
	}
	return members
}
