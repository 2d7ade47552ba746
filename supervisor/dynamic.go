package supervisor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// DynamicName is the name of a dynamic supervisor: one whose children, all of one kind,
// are started while it runs, each with an argument of its own. Declare names as constants:
//
//	const Uploads supervisor.DynamicName[Upload, File] = "uploads"
//
//	ref, err := Uploads.Start(ctx, file)
//
// The supervision tree has it as a child, [Dynamic].
type DynamicName[S, Arg any] string

// Dynamic is a child that is a dynamic supervisor. It starts empty. A child of it runs
// open in a process of its own, with the argument that Start was given, and again at each
// restart.
//
// Restart, Shutdown, Backoff and Lifetime of the [Child] are the children's; without a
// [Backoff] they have the default one. One that crashes takes no other down. A Transient one
// that ends cleanly and a Temporary one that ends are dropped, and so is one that may not be
// restarted any more (Backoff.Tries) or whose constructor returns process.Ignore at a restart.
// There are at most process.Most (1,000,000). They are stopped all at once.
func Dynamic[S, Arg any](name DynamicName[S, Arg], open func(context.Context, Arg) (*S, error), opts ...process.Option) Service {
	return dynamicSpec[S, Arg]{name: name, open: open, opts: opts}
}

type dynamicSpec[S, Arg any] struct {
	ofMembers
	name DynamicName[S, Arg]
	open func(context.Context, Arg) (*S, error)
	opts []process.Option
}

func (d dynamicSpec[S, Arg]) label() string { return string(d.name) }
func (d dynamicSpec[S, Arg]) kind() string  { return "dynamic" }

func (d dynamicSpec[S, Arg]) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	return membersSlot(ctx, owner, path, terms{name: string(d.name), entry: c}, d.opts,
		func(ctx context.Context, m *members[Arg]) (*S, error) {
			arg, err := m.argOf(process.Self[S](ctx).Key())
			if err != nil {
				return nil, err
			}
			return d.open(ctx, arg)
		},
		func(ctx context.Context, m *members[Arg]) (func(), error) {
			node, err := process.NodeOf(ctx)
			if err != nil {
				return nil, err
			}
			return dynamicsOf(node).adopt(string(d.name), &dynamic[S, Arg]{members: m})
		})
}

func (dynamicSpec[S, Arg]) ask(ctx context.Context, path string, s *Status) error {
	return askMembers[Arg](ctx, path, s)
}

// Serve runs the dynamic supervisor by itself, as a tree of one child.
func (d dynamicSpec[S, Arg]) Serve(ctx context.Context) error { return alone(ctx, d) }

// dynamic is a dynamic supervisor that runs.
type dynamic[S, Arg any] struct {
	*members[Arg]
	born uint64 // children so far
}

// place makes a child, and does not start it.
func (d *dynamic[S, Arg]) place(arg Arg) (*member[Arg], error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.born++
	return d.enter(strconv.FormatUint(d.born, 10), arg)
}

func (d *dynamic[S, Arg]) ref(m *member[Arg]) process.Ref[S] {
	ref, _ := process.RefOf[S](m.slot) // it was made for an S
	return ref
}

// argOf gives the argument of a member.
func (f *members[Arg]) argOf(key string) (Arg, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	m := f.all.get(key)
	if m == nil { // it has been terminated
		var none Arg
		return none, process.ErrDead
	}
	return m.arg, nil
}

// dynamics finds a node's dynamic supervisors.
type dynamics struct {
	mu     sync.RWMutex
	byName map[string]any // *dynamic[S, Arg]
}

func dynamicsOf(node *process.Node) *dynamics {
	return process.Part(node, func() *dynamics { return &dynamics{byName: make(map[string]any)} })
}

func (ds *dynamics) adopt(name string, d any) (release func(), err error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.byName[name] != nil {
		return nil, fault.Conflict.Errorf("supervisor: there is a dynamic supervisor %q already", name)
	}
	ds.byName[name] = d
	return func() {
		ds.mu.Lock()
		defer ds.mu.Unlock()
		delete(ds.byName, name)
	}, nil
}

func (n DynamicName[S, Arg]) find(ctx context.Context) (*dynamic[S, Arg], error) {
	node, err := process.NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	ds := dynamicsOf(node)
	ds.mu.RLock()
	found := ds.byName[string(n)]
	ds.mu.RUnlock()
	if found == nil {
		return nil, fmt.Errorf("%w: there is no dynamic supervisor %q; is it in the supervision tree, before what uses it?", process.ErrNoProcess, string(n))
	}
	d, ok := found.(*dynamic[S, Arg])
	if !ok {
		return nil, fault.Conflict.Errorf("supervisor: %q is a %T, not a %T", string(n), found, d)
	}
	return d, nil
}

// Start starts a child, waits for its constructor, and gives its Ref, which outlives
// restarts. ctx bounds the start only. The constructor holds up nobody else.
//
// If the constructor fails, Start gives its error and nothing stays; process.Ignore is no
// failure, but there is no child. Beyond process.Most it fails with fault.Exhausted; those
// that are starting or being restarted count.
func (n DynamicName[S, Arg]) Start(ctx context.Context, arg Arg) (process.Ref[S], error) {
	var none process.Ref[S]
	d, err := n.find(ctx)
	if err != nil {
		return none, err
	}
	m, err := d.place(arg)
	if err != nil {
		return none, err
	}
	if err := m.slot.Start(unveil(ctx)); err != nil {
		if d.drop(m, err) && ctx.Err() == nil {
			err = fmt.Errorf("%s: %w (%w)", d.name, process.ErrDead, err)
		}
		return none, err
	}
	d.arrived(m)
	return d.ref(m), nil
}

// Terminate stops a child within its shutdown time and drops it, restart or not. It fails
// with fault.NotFound where the supervisor has no such child, and with process.ErrCycle
// where the child itself waits for it: it uses process.Stop. If ctx ends first, the child
// still goes.
func (n DynamicName[S, Arg]) Terminate(ctx context.Context, ref process.Ref[S]) error {
	d, err := n.find(ctx)
	if err != nil {
		return err
	}
	if _, err := process.Wait(process.NoWait(ctx), ref); errors.Is(err, process.ErrCycle) {
		return err
	}
	d.mu.Lock()
	m := d.all.get(ref.Key())
	if m == nil || !m.proven || d.ref(m) != ref {
		d.mu.Unlock()
		return fault.NotFound.Errorf("%s has no child %v", d.name, ref)
	}
	m.leaving = true
	d.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		m.slot.Stop(ending(d.opts.Shutdown), d.opts.Shutdown)
		d.drop(m, process.Shutdown)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%v: %w", ref, ctx.Err())
	}
}

// Children gives the children, in no order, those that are being restarted included.
func (n DynamicName[S, Arg]) Children(ctx context.Context) ([]process.Ref[S], error) {
	d, err := n.find(ctx)
	if err != nil {
		return nil, err
	}
	list := d.list()
	all := make([]process.Ref[S], len(list))
	for i, m := range list {
		all[i] = d.ref(m)
	}
	return all, nil
}

// Count counts the children. Those that are being restarted are not Active.
func (n DynamicName[S, Arg]) Count(ctx context.Context) (Counts, error) {
	d, err := n.find(ctx)
	if err != nil {
		return Counts{}, err
	}
	list := d.list()
	c := Counts{Specs: len(list), Workers: len(list)}
	for _, m := range list {
		if process.Alive(ctx, m.slot) {
			c.Active++
		}
	}
	return c, nil
}
