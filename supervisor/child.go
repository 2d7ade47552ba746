package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/process"
)

// Service is what a child runs. Serve runs until ctx ends, and then returns.
type Service interface {
	Serve(ctx context.Context) error
}

// Starter is a Service that must be ready before the next child starts: its Start runs
// before Serve, at each restart too. After a Start that succeeds Serve always runs, with
// ctx ended if the child is to stop already, so that it can let go of what Start took.
type Starter interface {
	Start(ctx context.Context) error
}

// Restart says after which ends a child is restarted.
type Restart uint8

// The restart types.
const (
	Permanent Restart = iota // always
	Transient                // after a crash
	Temporary                // never
)

// String is the type's name in OTP's words.
func (r Restart) String() string {
	return [...]string{"permanent", "transient", "temporary"}[r]
}

// Child is one entry of a tree.
type Child struct {
	Name     string        // unique in its tree; default: the own name of what runs
	Run      Service       // what runs
	Restart  Restart       // default: Permanent
	Shutdown time.Duration // to end in when asked to; 0: 5 s, or its process.ShutdownTime, or for a tree no limit; negative: no limit
	Backoff  Backoff       // growing waits and an own budget, in place of the tree's
}

// spec is a Service that the supervisor runs in a way of its own.
type spec interface {
	Service
	label() string
	kind() string
	shutdown(c Child) time.Duration // of the slot
	slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error)
}

func (c Child) name() string {
	if s, ok := c.Run.(spec); ok && c.Name == "" {
		return s.label()
	}
	return c.Name
}

func (c Child) spec() spec {
	if s, ok := c.Run.(spec); ok {
		return s
	}
	return serviceSpec{c.Run}
}

// shutdownOr is the child's shutdown time, or usual where it has none of its own.
func (c Child) shutdownOr(usual time.Duration) time.Duration {
	if c.Shutdown != 0 {
		return c.Shutdown
	}
	return usual
}

// options are what runs is given; the child's own time comes last.
func (c Child) options(opts []process.Option) []process.Option {
	if c.Shutdown == 0 {
		return opts
	}
	return append(opts[:len(opts):len(opts)], process.ShutdownTime(c.Shutdown))
}

// Process is a child that is one process with a name. Callers who wait while it is
// restarted wait on; calls and casts in its mailbox survive.
func Process[S any](name process.Name[S], open func(context.Context) (*S, error), opts ...process.Option) Service {
	return processSpec[S]{name, open, opts}
}

type processSpec[S any] struct {
	name process.Name[S]
	open func(context.Context) (*S, error)
	opts []process.Option
}

func (p processSpec[S]) label() string { return string(p.name) }
func (p processSpec[S]) kind() string  { return "process" }

func (p processSpec[S]) slot(ctx context.Context, owner process.Port[process.Down], _ string, c Child) (*process.Slot, error) {
	return process.NewSlot(ctx, owner, p.name, p.open, c.options(p.opts)...)
}

func (p processSpec[S]) shutdown(c Child) time.Duration {
	o, err := process.Compose(c.options(p.opts)...)
	if err != nil {
		return 0 // it never started
	}
	return o.Shutdown
}

// Serve runs the process by itself, as a tree of one child.
func (p processSpec[S]) Serve(ctx context.Context) error { return alone(ctx, p) }

// Func is a child that is a function: a Service without a type.
type Func func(ctx context.Context) error

// Serve calls the function.
func (f Func) Serve(ctx context.Context) error { return f(ctx) }

func alone(ctx context.Context, s spec) error {
	return Tree{Name: s.label() + ".tree", Children: []Child{{Run: s}}}.Serve(ctx)
}

func (c Child) check(tree string) error {
	if c.Run == nil {
		return fmt.Errorf("supervisor: child %q of %q has nothing to run", c.Name, tree)
	}
	if c.name() == "" {
		return fmt.Errorf("supervisor: a child of %q (%T) has no name; set Child.Name", tree, c.Run)
	}
	if c.Restart > Temporary {
		return fmt.Errorf("supervisor: child %q of %q: there is no such restart type: %d", c.name(), tree, c.Restart)
	}
	if b := c.Backoff; min(b.First, b.Min, b.Max, b.Quiet) < 0 || b.Tries < 0 {
		return fmt.Errorf("supervisor: child %q of %q: a time or number of Backoff is below zero", c.name(), tree)
	}
	return nil
}
