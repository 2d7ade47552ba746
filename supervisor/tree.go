package supervisor

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Tree is a supervisor and its children.
type Tree struct {
	Name         string
	Strategy     Strategy      // who is restarted along with a child; default: OneForOne
	Intensity    int           // most restarts within Period; 0: 3; NoRestarts: none
	Period       time.Duration // 0: 5 s
	AutoShutdown AutoShutdown  // default: Never
	Parallel     bool          // its children, which do not need each other, are stopped all at once; only with OneForOne
	Children     []Child       // in start order
}

// NoRestarts is the Intensity of a tree that gives up at the first crash.
const NoRestarts = -1

const (
	defaultIntensity = 3
	defaultPeriod    = 5 * time.Second
)

func (t Tree) orDefault() Tree {
	switch t.Intensity {
	case 0:
		t.Intensity = defaultIntensity
	case NoRestarts:
		t.Intensity = 0
	}
	if t.Period == 0 {
		t.Period = defaultPeriod
	}
	return t
}

// Check says what is wrong with the tree as written: names missing or taken twice,
// nothing to run, settings that contradict each other. Start does it too.
func (t Tree) Check() error {
	switch {
	case t.Strategy > RestForOne:
		return fault.Invalid.Errorf("supervisor: %q: there is no such Strategy: %d", t.Name, t.Strategy)
	case t.AutoShutdown > AllSignificant:
		return fault.Invalid.Errorf("supervisor: %q: there is no such AutoShutdown: %d", t.Name, t.AutoShutdown)
	case t.Intensity < NoRestarts:
		return fault.Invalid.Errorf("supervisor: the Intensity of %q is below zero", t.Name)
	case t.Period < 0:
		return fault.Invalid.Errorf("supervisor: the Period of %q is below zero", t.Name)
	case t.Parallel && t.Strategy != OneForOne:
		return fault.Invalid.Errorf("supervisor: %q is Parallel and %v: children that need each other cannot stop all at once", t.Name, t.Strategy)
	}
	seen := make(map[string]bool)
	for _, c := range t.Children {
		if err := c.check(t.Name, t.AutoShutdown); err != nil {
			return err
		}
		if seen[c.name()] {
			return fault.Invalid.Errorf("supervisor: %q has two children named %q", t.Name, c.name())
		}
		seen[c.name()] = true
	}
	return nil
}

// Serve runs the tree until ctx ends. It returns an error if the tree cannot start, or
// has ended by itself.
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

func (t Tree) label() string                  { return t.Name }
func (t Tree) kind() string                   { return "tree" }
func (t Tree) supervises() bool               { return true }
func (t Tree) check() error                   { return t.Check() }
func (t Tree) shutdown(c Child) time.Duration { return c.shutdownOr(-1) }

func (t Tree) slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error) {
	open := func(ctx context.Context) (*supervisor, error) { return supervise(ctx, path, t, nil) }
	return process.NewSlot(ctx, owner, process.Name[supervisor](path), open, process.ShutdownTime(t.shutdown(c)))
}

func (t Tree) plan(_ Child, s *Status) {
	s.Strategy = t.Strategy.String()
	for _, c := range t.Children {
		s.Children = append(s.Children, c.plan())
	}
}

func (Tree) ask(ctx context.Context, path string, s *Status) error { return askTree(ctx, path, s) }

// Root is a running tree that no other supervises.
type Root struct {
	slot *process.Slot
	node *process.Node
	name string
}

// Start starts the tree and returns when all children have started. ctx must have a
// node, and bounds the start only. If a child fails to start, those before it are stopped
// in reverse order, and Start gives its error. The default Name is "root".
func (t Tree) Start(ctx context.Context) (*Root, error) {
	if t.Name == "" {
		t.Name = "root"
	}
	if err := t.Check(); err != nil {
		return nil, err
	}
	node, err := process.NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	s, err := t.slot(process.Outside(ctx), process.Port[process.Down]{}, t.Name, Child{Run: t})
	if err != nil {
		return nil, err
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return &Root{s, node, t.Name}, nil
}

// Wait waits until the tree has ended by itself, or ctx ends, and gives the reason.
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

// Status is StatusOf the tree. ctx needs no node.
func (r *Root) Status(ctx context.Context) (Status, error) {
	return StatusOf(r.node.Context(ctx), r.name)
}
