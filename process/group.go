package process

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/bennu-go/bennu/fault"
)

// Group is the name of many processes of one type. Declare groups as constants, and let
// the processes join in their constructor:
//
//	const Dispatchers process.Group[Dispatcher] = "dispatchers"
//
//	err := process.Join(ctx, Dispatchers)
//	err := process.CastAll(ctx, Dispatchers, (*Dispatcher).Announce, text)
//	route, err := process.Call(ctx, Dispatchers.Any(), (*Dispatcher).Plan, trip)
//
// A process leaves with its incarnation. A group that nobody is in is just empty.
type Group[S any] string

// String is the name itself.
func (g Group[S]) String() string { return string(g) }

// Any is the address of one member that runs, each in its turn.
func (g Group[S]) Any() Address[S] { return pick[S]{group: string(g)} }

// For is the address of the member that a key belongs to. It stays the same while the
// same members are there; when one comes or goes, only a part of the keys moves.
func (g Group[S]) For(key string) Address[S] { return pick[S]{string(g), key, true} }

// Refs lists the members that run, in the order in which they joined.
func (g Group[S]) Refs(ctx context.Context) ([]Ref[S], error) {
	in, err := groupOf[S](ctx, string(g), false)
	if err != nil || in == nil {
		return nil, err
	}
	var refs []Ref[S]
	for _, m := range in.list() {
		if m.runs() {
			refs = append(refs, Ref[S]{m.slot})
		}
	}
	return refs, nil
}

// Join makes the process of the context a member, until its incarnation ends or leave is
// called. Who joins twice is in it twice.
func Join[S any](ctx context.Context, g Group[S]) (leave func(), err error) {
	inc, err := here[S](ctx)
	if err != nil {
		return nil, err
	}
	in, err := groupOf[S](ctx, string(g), true)
	if err != nil {
		return nil, err
	}
	m := &membership{inc: inc, slot: inc.slot}
	in.add(m)
	release, err := inc.hold(func() { in.remove(m) })
	if err != nil {
		in.remove(m)
		return nil, err
	}
	return func() { release(); in.remove(m) }, nil
}

// CastAll casts to every member. It never waits: a member whose mailbox is full does not
// get the message, which is counted, and told by ErrFull; the others do.
func CastAll[S, In any](ctx context.Context, g Group[S], method func(*S, context.Context, In) error, in In) error {
	f := frameOf(ctx)
	if f != nil && f.inc.dead.Load() {
		return errDeadCaller
	}
	members, err := groupOf[S](ctx, string(g), false)
	if err != nil || members == nil {
		return err
	}
	b := burst(f, members.node)
	defer b.End()
	trace := traceOf(ctx, f)
	missed := 0
	for _, m := range members.list() {
		if !m.runs() {
			continue
		}
		err := m.slot.push(ctx, &castMsg[S, In]{trace: trace, call: method, in: in}, true, noTime, b.worker)
		if errors.Is(err, ErrFull) {
			missed++
			m.slot.miss()
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d members of %s: %w", missed, g, ErrFull)
	}
	return nil
}

// group is the members of one name. The list is copied when it changes, so that whoever
// reads it needs no lock.
type group struct {
	node  *Node
	state reflect.Type
	turn  atomic.Uint64

	mu      sync.Mutex
	members []*membership
	stable  []*membership // a copy of members; nil: to be made anew
	dead    int           // of members: nil
}

type membership struct {
	inc  *incarnation
	slot *Slot
	at   int // in members; -1: left
}

// runs reports whether the member lives.
func (m *membership) runs() bool { return !m.inc.dead.Load() }

func groupOf[S any](ctx context.Context, name string, create bool) (*group, error) {
	n, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	n.registry.RLock()
	in := n.groups[name]
	n.registry.RUnlock()
	if in == nil && create {
		n.registry.Lock()
		if in = n.groups[name]; in == nil {
			in = &group{node: n, state: reflect.TypeFor[S]()}
			n.groups[name] = in
		}
		n.registry.Unlock()
	}
	if in != nil && in.state != reflect.TypeFor[S]() {
		return nil, fault.Conflict.Errorf("process: group %q is of %v, not of %v", name, in.state, reflect.TypeFor[S]())
	}
	return in, nil
}

func (g *group) add(m *membership) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m.at = len(g.members)
	g.members = append(g.members, m)
	g.stable = nil
}

// remove leaves a hole, which is closed when there are as many holes as members.
func (g *group) remove(m *membership) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.at < 0 {
		return
	}
	g.members[m.at] = nil
	m.at = -1
	g.stable = nil
	if g.dead++; 2*g.dead < len(g.members) {
		return
	}
	kept := g.members[:0]
	for _, m := range g.members {
		if m != nil {
			m.at = len(kept)
			kept = append(kept, m)
		}
	}
	clear(g.members[len(kept):])
	g.members, g.dead = kept, 0
}

// list gives the members, which is not to be changed.
func (g *group) list() []*membership {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stable == nil {
		g.stable = make([]*membership, 0, len(g.members)-g.dead)
		for _, m := range g.members {
			if m != nil {
				g.stable = append(g.stable, m)
			}
		}
	}
	return g.stable
}

// pick is the address of one member of a group.
type pick[S any] struct {
	group, key string
	keyed      bool
}

func (pick[S]) of(*S) {}

// String is the group, and the key if there is one.
func (p pick[S]) String() string {
	if p.keyed {
		return p.group + "/" + p.key
	}
	return p.group
}

func (p pick[S]) locate(ctx context.Context, _ waking) (*Slot, error) {
	in, err := groupOf[S](ctx, p.group, false)
	if err != nil {
		return nil, err
	}
	var best *membership
	if in != nil {
		if p.keyed {
			best = in.nearest(p.key)
		} else {
			best = in.any()
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: nobody is in the group %q", ErrNoProcess, p.group)
	}
	return best.slot, nil
}

func (g *group) any() *membership {
	all := g.list()
	for range all {
		if m := all[g.turn.Add(1)%uint64(len(all))]; m.runs() {
			return m
		}
	}
	return nil
}

// nearest is rendezvous hashing: each member draws a number for the key, and the highest
// one has it.
func (g *group) nearest(key string) (best *membership) {
	var most uint64
	for _, m := range g.list() {
		draw := maphash.Comparable(g.node.seed, draw{key, m.slot.id})
		if m.runs() && (best == nil || draw > most) {
			best, most = m, draw
		}
	}
	return best
}

type draw struct {
	key    string
	member uint64
}

// Burst sends to many processes with few goroutines: those that are idle are run one
// after the other when it ends, not each on a goroutine of its own. One that takes long
// does not hold up the others.
type Burst struct {
	worker *worker
	extra  bool
}

// NewBurst begins one. It is to be ended with End, soon, by the same goroutine.
func NewBurst(ctx context.Context) (*Burst, error) {
	n, err := NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	b := burst(frameOf(ctx), n)
	return &b, nil
}

// burst uses the worker of the handler that sends, or one of its own.
func burst(f *frame, n *Node) Burst {
	if w := f.worker(); w != nil {
		return Burst{worker: w}
	}
	w := n.hire()
	w.mu.Lock()
	w.open = true
	w.mu.Unlock()
	return Burst{w, true}
}

// CastIn is [Cast] to one of many. It never waits: ErrFull says that the mailbox has no room.
func CastIn[S, In any](ctx context.Context, b *Burst, to Ref[S], method func(*S, context.Context, In) error, in In) error {
	if to.slot == nil {
		return ErrNoProcess
	}
	return to.slot.push(ctx, &castMsg[S, In]{trace: traceOf(ctx, nil), call: method, in: in}, true, noTime, b.worker)
}

// End lets the processes run.
func (b *Burst) End() {
	if b.extra && !b.worker.quit() {
		go b.worker.run()
	}
}
