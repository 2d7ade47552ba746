package supervisor

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// members is the process that keeps the members of a family, or those of a dynamic
// supervisor, which is a family whose keys are numbers that it gives out. Who needs a
// member finds or starts it from its own goroutine, under the mutex; ends come to the
// process as messages.
type members[Arg any] struct {
	terms
	make func(ctx context.Context, owner process.Port[process.Down], key string) (*process.Slot, error)
	port process.Port[process.Down]
	ctx  context.Context // of the node alone

	mu     sync.RWMutex
	all    *table[Arg]
	closed bool
}

// terms are what members are kept on.
type terms struct {
	name  string
	lazy  bool  // of a family: they come with a message and go when there is nothing to do
	entry Child // Restart, Backoff and Lifetime of each
	opts  *process.Options
}

type member[Arg any] struct {
	slot *process.Slot
	arg  Arg // of its constructor, in a dynamic supervisor
	*events
	handled uint64 // at the latest sweep
	quiet   bool   // it had nothing to do since the sweep before
	proven  bool   // it has run: a failed start is trouble now, not a refusal
	leaving bool   // somebody terminates it
}

// events is the part of a member that most never need.
type events struct {
	row   row
	clock *time.Timer   // ends its Lifetime
	old   bool          // its Lifetime is over
	early *process.Down // that came before whoever started it had learned of the start
}

func (m *member[Arg]) seldom() *events {
	if m.events == nil {
		m.events = new(events)
	}
	return m.events
}

var _ process.Terminator = (*members[process.None])(nil)

// membersSlot makes the slot of the process. open is the constructor of a member; adopt
// makes the process known to those who need members, and gives what makes it unknown.
func membersSlot[S, Arg any](
	ctx context.Context, owner process.Port[process.Down], path string, t terms, opts []process.Option,
	open func(context.Context, *members[Arg]) (*S, error),
	adopt func(context.Context, *members[Arg]) (release func(), err error),
) (_ *process.Slot, err error) {
	t.entry.Backoff = t.entry.Backoff.orDefault()
	opts = t.entry.options(opts)
	if t.opts, err = process.Compose(opts...); err != nil {
		return nil, err
	}
	return process.NewSlot(ctx, owner, process.Name[members[Arg]](path), func(ctx context.Context) (*members[Arg], error) {
		f := &members[Arg]{terms: t, all: newTable[Arg](!t.lazy)}
		var err error
		f.make, err = process.Members(process.Family[S](t.name), func(ctx context.Context) (*S, error) { return open(ctx, f) }, opts...)
		if err != nil {
			return nil, err
		}
		if err := f.open(ctx); err != nil {
			return nil, err
		}
		release, err := adopt(ctx, f)
		if err != nil {
			return nil, err
		}
		if _, err := f.port.OnEnd(func() { release(); f.kill() }); err != nil {
			release()
			return nil, err
		}
		return f, nil
	}, process.ShutdownTime(-1), // it gives each member the whole time
		process.Mailbox{Size: math.MaxInt32}) // what comes back to it must find room
}

func (f *members[Arg]) open(ctx context.Context) error {
	node, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	f.ctx = node.Context(context.Background())
	if f.port, err = process.Bind(ctx, (*members[Arg]).ended); err != nil {
		return err
	}
	if f.lazy && f.opts.Idle > 0 {
		_, err = process.Every(ctx, max(f.opts.Idle/2, 1), (*members[Arg]).sweep)
	}
	return err
}

// enter makes a member, and does not start it. The mutex is held.
func (f *members[Arg]) enter(key string, arg Arg) (*member[Arg], error) {
	switch {
	case f.closed:
		return nil, process.ErrDead
	case f.opts.Most > 0 && f.all.len() >= f.opts.Most:
		return nil, fault.Exhausted.Errorf("%s has %d members, which is the most", f.name, f.opts.Most)
	}
	slot, err := f.make(f.ctx, f.port, key)
	if err != nil {
		return nil, err
	}
	m := &member[Arg]{slot: slot, arg: arg}
	f.all.put(key, m)
	return m, nil
}

// restart starts a member, and does not wait. The mutex is held.
func (f *members[Arg]) restart(m *member[Arg], by context.Context) {
	m.slot.Restart(by)
	f.live(m)
}

// live begins the Lifetime of a member. The mutex is held.
func (f *members[Arg]) live(m *member[Arg]) {
	if f.entry.Lifetime == 0 || f.closed {
		return
	}
	var clock *time.Timer
	clock = time.AfterFunc(f.entry.Lifetime, func() {
		f.mu.Lock()
		old := m.clock == clock
		m.old = m.old || old
		f.mu.Unlock()
		if old {
			m.slot.Exit(ending(f.opts.Shutdown))
		}
	})
	m.seldom().clock = clock
}

func (m *member[Arg]) stopClock() {
	if m.events != nil && m.clock != nil {
		m.clock.Stop()
		m.clock = nil
	}
}

// arrived is for a member whose starter waited, and learned that it runs.
func (f *members[Arg]) arrived(m *member[Arg]) {
	f.mu.Lock()
	m.proven = true
	var early *process.Down
	if m.events != nil {
		early = m.early
	}
	if early == nil {
		f.live(m)
	}
	f.mu.Unlock()
	if early != nil {
		_ = f.port.Send(*early) // where there is nobody to hear it, all members end
	}
}

// drop removes a member; whoever waits for its answer gets the reason. It reports whether
// all members are going.
func (f *members[Arg]) drop(m *member[Arg], reason process.Reason) (closed bool) {
	f.mu.Lock()
	f.forget(m)
	closed = f.closed
	f.mu.Unlock()
	m.slot.Retire(reason)
	return closed
}

// forget takes a member off the list. The mutex is held.
func (f *members[Arg]) forget(m *member[Arg]) {
	m.stopClock()
	f.all.remove(m)
}

// ended handles the end of a member.
func (f *members[Arg]) ended(ctx context.Context, d process.Down) error {
	slot := d.Target.(*process.Slot)
	wait, next := f.decide(slot, d)
	if next == done {
		return nil
	}
	log := telemetry.Log(ctx).With("process", slot.String(), "reason", d.Reason)
	if next == givenUp {
		log.Error("member is given up: it crashed too often")
		return nil
	}
	log.Warn("member will be restarted", "in", wait)
	if wait == 0 {
		return nil
	}
	_, err := process.After(ctx, wait, func(f *members[Arg], _ context.Context) error { //bennu:ok After takes no input
		f.mu.Lock()
		defer f.mu.Unlock()
		if m := f.at(slot); m != nil && !m.leaving {
			f.restart(m, f.ctx)
		}
		return nil
	})
	return err
}

// verdict is what becomes of a member that has ended.
type verdict uint8

const (
	done    verdict = iota // it has been seen to
	givenUp                // it crashed too often, and is forgotten
	again                  // it is restarted, after the wait
)

// decide does all that needs the mutex, and nothing that runs other people's code.
func (f *members[Arg]) decide(slot *process.Slot, d process.Down) (wait time.Duration, next verdict) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.at(slot)
	switch {
	case m == nil || f.closed || m.leaving:
		return 0, done
	case !m.proven && !f.lazy:
		m.seldom().early = &d
		return 0, done
	}
	old := m.events != nil && m.old && (process.Clean(d.Reason) || errors.Is(d.Reason, process.Killed))
	clean := d.Started && (old || process.Clean(d.Reason))
	m.stopClock()
	m.quiet = false
	if m.events != nil {
		m.old = false
	}
	m.proven = m.proven || d.Started
	switch {
	case !d.Started && f.refused(m, d.Reason):
		f.forget(m)
		slot.Refuse(d.Reason)
	case clean && f.lazy:
		if slot.RetireIdle(d.Reason) {
			f.forget(m)
		} else {
			f.restart(m, f.ctx) // mail came while it fell asleep
		}
	case f.entry.Restart == Temporary, clean && f.entry.Restart == Transient:
		f.forget(m)
		slot.Retire(d.Reason)
	case clean && old:
		f.restart(m, f.ctx)
	default:
		wait, ok := m.seldom().row.next(f.entry.Backoff, time.Now())
		switch {
		case !ok:
			f.forget(m)
			slot.Retire(d.Reason)
			return 0, givenUp
		case wait == 0:
			f.restart(m, f.ctx)
		}
		return wait, again
	}
	return 0, done
}

// refused reports whether a constructor that failed will have no such member, rather than
// having had bad luck.
func (f *members[Arg]) refused(m *member[Arg], reason process.Reason) bool {
	return errors.Is(reason, process.Ignore) ||
		f.lazy && (!m.proven || errors.Is(reason, fault.NotFound) || errors.Is(reason, fault.Forbidden))
}

// at gives the member in a slot. The mutex is held.
func (f *members[Arg]) at(slot *process.Slot) *member[Arg] {
	if m := f.all.get(slot.Key()); m != nil && m.slot == slot {
		return m
	}
	return nil
}

// sweep puts to sleep whoever had nothing to do since the sweep before.
func (f *members[Arg]) sweep(context.Context) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for m := range f.all.all() {
		if m.quiet && m.slot.ExitIdle(process.Normal, m.handled) {
			m.quiet = false
			continue
		}
		m.handled, m.quiet = m.slot.Idle(m.handled)
	}
	return nil
}

// list gives the members that somebody knows of.
func (f *members[Arg]) list() []*member[Arg] {
	f.mu.RLock()
	defer f.mu.RUnlock()
	all := make([]*member[Arg], 0, f.all.len())
	for m := range f.all.all() {
		if m.proven {
			all = append(all, m)
		}
	}
	return all
}

func (f *members[Arg]) size(context.Context) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.all.len(), nil
}

// askMembers adds how many members there are.
func askMembers[Arg any](ctx context.Context, path string, s *Status) (err error) {
	s.Members, err = process.Ask(ctx, process.Name[members[Arg]](path), (*members[Arg]).size)
	return err
}

// Terminate stops all members at once, and waits for them.
func (f *members[Arg]) Terminate(context.Context, process.Reason) {
	left := f.close()
	for _, slot := range left {
		slot.Exit(ending(f.opts.Shutdown))
	}
	for _, slot := range left {
		slot.Stop(ending(f.opts.Shutdown), f.opts.Shutdown)
		slot.Retire(process.Shutdown)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = newTable[Arg](!f.lazy)
}

// kill ends at once what is left when the process has ended: nothing, unless it was
// killed.
func (f *members[Arg]) kill() {
	for _, slot := range f.close() {
		slot.Retire(process.Killed)
	}
}

// close refuses new members, and gives those that are there.
func (f *members[Arg]) close() []*process.Slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	all := make([]*process.Slot, 0, f.all.len())
	for m := range f.all.all() {
		m.stopClock()
		all = append(all, m.slot)
	}
	return all
}
