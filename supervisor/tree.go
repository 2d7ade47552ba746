package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Tree is a supervisor and its children: when a child must be restarted, it alone is
// (one_for_one).
type Tree struct {
	Name      string
	Intensity int           // most restarts within Period; 0: 3; NoRestarts: none
	Period    time.Duration // 0: 5 s
	Children  []Child       // in start order
}

// NoRestarts is the Intensity of a tree that gives up at the first crash.
const NoRestarts = -1

const (
	defaultIntensity = 3
	defaultPeriod    = 5 * time.Second
)

func (t Tree) label() string { return t.Name }
func (t Tree) kind() string  { return "tree" }

func (t Tree) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	open := func(ctx context.Context) (*tree, error) { return openTree(ctx, path, t) }
	return process.NewSlot(ctx, owner, process.Name[tree](path), open, process.ShutdownTime(t.shutdown(c)))
}

func (t Tree) shutdown(c Child) time.Duration { return c.shutdownOr(-1) }

// Check says what is wrong with the tree as written: names missing or taken twice,
// nothing to run, times below zero. Start does it too.
func (t Tree) Check() error {
	if t.Period < 0 {
		return fmt.Errorf("supervisor: the Period of %q is below zero", t.Name)
	}
	seen := make(map[string]bool)
	for _, c := range t.Children {
		if err := c.check(t.Name); err != nil {
			return err
		}
		if seen[c.name()] {
			return fmt.Errorf("supervisor: %q has two children named %q", t.Name, c.name())
		}
		seen[c.name()] = true
		var err error
		switch sub := c.Run.(type) {
		case Tree:
			err = sub.Check()
		case *Tree:
			err = sub.Check()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Root is a running tree that no other supervises.
type Root struct{ slot *process.Slot }

// Start starts the tree and returns when all children have started. ctx must have a
// node, and bounds the start only.
func (t Tree) Start(ctx context.Context) (*Root, error) {
	if t.Name == "" {
		t.Name = "root"
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	s, err := t.slot(process.Outside(ctx), process.Port[process.Down]{}, t.Name, Child{Run: t})
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return &Root{s}, nil
}

// Wait waits until the tree has ended by itself, because it gave up, or ctx ends, and
// gives the reason.
func (r *Root) Wait(ctx context.Context) error {
	reason, err := process.Wait(ctx, r.slot)
	if err != nil {
		return err
	}
	return reason
}

// Stop stops the children in reverse order, each within its shutdown time, and returns
// when all have ended.
func (r *Root) Stop() { r.slot.Stop(process.Shutdown, -1) }

// Serve runs the tree until ctx ends. It returns an error if the tree cannot start, or
// gives up.
func (t Tree) Serve(ctx context.Context) error {
	root, err := t.Start(ctx)
	if err != nil {
		return err
	}
	defer root.Stop()
	if reason := root.Wait(ctx); ctx.Err() == nil {
		return reason
	}
	return nil
}

// ErrGaveUp is the reason of a supervisor whose children crashed too often. It is a
// clean end, as in OTP: a Transient tree is not restarted after it.
var ErrGaveUp = fmt.Errorf("%w: a child crashed too often", process.Shutdown)

// tree is a supervisor's process.
type tree struct {
	Tree
	path     string
	port     process.Port[process.Down]
	restarts []time.Time // within the period

	// Changed by the process alone; its end may come from elsewhere while it does.
	mu   sync.Mutex
	kids []*kid // in start order
	dead bool
}

type kid struct {
	Child
	slot     *process.Slot // nil: ended for good
	restarts int
	row      row
}

func openTree(ctx context.Context, path string, spec Tree) (*tree, error) {
	t := &tree{Tree: spec, path: path}
	if t.Intensity == 0 {
		t.Intensity = defaultIntensity
	}
	if t.Period == 0 {
		t.Period = defaultPeriod
	}
	var err error
	if t.port, err = process.Bind(ctx, (*tree).ended); err != nil {
		return nil, err
	}
	if _, err = t.port.OnEnd(t.kill); err != nil {
		return nil, err
	}
	for _, c := range spec.Children {
		if err := t.start(ctx, c); err != nil {
			t.stop(process.Shutdown)
			return nil, fmt.Errorf("%s: %q failed to start: %w", path, c.name(), err)
		}
	}
	return t, nil
}

func (t *tree) start(ctx context.Context, c Child) error {
	if c.Backoff != (Backoff{}) {
		c.Backoff = c.Backoff.orDefault()
	}
	slot, err := c.spec().slot(ctx, t.port, t.path+"/"+c.name(), c)
	if err != nil {
		return err
	}
	k := &kid{Child: c, slot: slot}
	if !t.add(k) {
		slot.Retire(process.Shutdown)
		return process.ErrDead
	}
	switch err := slot.Start(ctx); {
	case errors.Is(err, process.Ignore):
		t.retire(k, process.Normal)
		if c.Restart == Temporary {
			t.remove(k)
		}
	case err != nil:
		t.retire(k, err)
		return err
	}
	return nil
}

// ended handles the end of a child.
func (t *tree) ended(ctx context.Context, d process.Down) error {
	k := t.kid(d.Target)
	if k == nil {
		return nil
	}
	log := telemetry.Log(ctx).With("supervisor", t.path, "child", k.name())
	clean := process.Clean(d.Reason) || errors.Is(d.Reason, process.Ignore)
	switch {
	case k.Restart == Temporary:
		t.retire(k, d.Reason)
		t.remove(k)
		return nil
	case clean && k.Restart == Transient, errors.Is(d.Reason, process.Ignore):
		t.retire(k, d.Reason)
		return nil
	}
	wait, ok := t.budget(k, time.Now())
	if !ok {
		log.Error("the supervisor gives up: its child crashed too often", "reason", d.Reason)
		return process.Stop(ctx, fmt.Errorf("%w: %q, at last with: %v", ErrGaveUp, k.name(), d.Reason))
	}
	log.Warn("child will be restarted", "reason", d.Reason, "in", wait)
	if wait == 0 {
		return t.restart(ctx, k)
	}
	_, err := process.After(ctx, wait, func(t *tree, ctx context.Context) error { return t.restart(ctx, k) })
	return err
}

// budget counts a restart, and gives the wait before it. It reports false where there
// may be no more.
func (t *tree) budget(k *kid, now time.Time) (wait time.Duration, ok bool) {
	if k.Backoff != (Backoff{}) {
		return k.row.next(k.Backoff, now)
	}
	recent := t.restarts[:0]
	for _, at := range t.restarts {
		if now.Sub(at) <= t.Period {
			recent = append(recent, at)
		}
	}
	t.restarts = append(recent, now)
	return 0, len(t.restarts) <= t.Intensity
}

func (t *tree) restart(ctx context.Context, k *kid) error {
	k.restarts++
	k.slot.Restart(process.Outside(ctx))
	return nil
}

func (t *tree) kid(target process.Target) *kid {
	for _, k := range t.kids {
		if k.slot != nil && process.Target(k.slot) == target {
			return k
		}
	}
	return nil
}

// add is refused when the tree has been abandoned while it started its children.
func (t *tree) add(k *kid) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.dead {
		t.kids = append(t.kids, k)
	}
	return !t.dead
}

func (t *tree) remove(gone *kid) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kids = slices.DeleteFunc(t.kids, func(k *kid) bool { return k == gone })
}

func (t *tree) retire(k *kid, reason process.Reason) {
	k.slot.Retire(reason)
	t.mu.Lock()
	defer t.mu.Unlock()
	k.slot = nil
}

var _ process.Terminator = (*tree)(nil)

// Terminate stops the children in reverse order.
func (t *tree) Terminate(_ context.Context, reason process.Reason) { t.stop(reason) }

// stop gives reason to whoever still waits for one of the children. If the tree is killed
// meanwhile, the rest is left to kill.
func (t *tree) stop(reason process.Reason) {
	for _, k := range slices.Backward(t.kids) {
		if t.killed() {
			return
		}
		if k.slot != nil {
			k.slot.Stop(process.Shutdown, k.spec().shutdown(k.Child))
			t.retire(k, reason)
		}
	}
}

func (t *tree) killed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead
}

// kill ends at once what is left when the tree's process has ended: nothing, unless the
// tree was itself abandoned, or killed.
func (t *tree) kill() {
	t.mu.Lock()
	t.dead = true
	var left []*process.Slot
	for _, k := range slices.Backward(t.kids) {
		if k.slot != nil {
			left = append(left, k.slot)
		}
	}
	t.mu.Unlock()
	for _, s := range left {
		s.Retire(process.Kill)
	}
}
