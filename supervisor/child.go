package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/fault"
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
	Name        string        // unique in its tree; default: the own name of what runs
	Run         Service       // what runs
	Restart     Restart       // default: Permanent
	Significant bool          // its end may be the end of the tree: see AutoShutdown
	Shutdown    time.Duration // to end in when asked to; 0: 5 s, or its process.ShutdownTime, or for a tree no limit; negative: no limit; or BrutalKill
	Backoff     Backoff       // growing waits and an own budget, in place of the tree's
	Lifetime    time.Duration // then it is ended cleanly, and restarted by its type without counting as a crash; 0: none
}

// BrutalKill, as the Shutdown of a [Child], ends it at once: it is not waited for, and has
// no Terminate.
const BrutalKill time.Duration = 1

// spec is a Service that the supervisor runs in a way of its own.
type spec interface {
	Service
	label() string
	kind() string
	shutdown(c Child) time.Duration // of the slot
	slot(ctx context.Context, owner process.Port[process.Down], path string, c Child) (*process.Slot, error)
	supervises() bool
	check() error
	plan(c Child, s *Status)                               // adds what it will consist of
	ask(ctx context.Context, path string, s *Status) error // adds what it consists of while it runs
}

// keeper is a spec that keeps members: Restart, Shutdown, Backoff and Lifetime of its
// entry are theirs. It is itself permanent.
type keeper interface{ keeps() }

// plain is a spec that has nothing below it.
type plain struct{}

func (plain) supervises() bool                           { return false }
func (plain) check() error                               { return nil }
func (plain) plan(Child, *Status)                        {}
func (plain) ask(context.Context, string, *Status) error { return nil }

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
	return serviceSpec{Service: c.Run}
}

// self is the child without what is its members'.
func (c Child) self() Child {
	if _, ok := c.Run.(keeper); ok {
		return Child{Name: c.Name, Run: c.Run, Significant: c.Significant}
	}
	return c
}

// shutdownOr is the child's shutdown time, or usual where it has none of its own.
func (c Child) shutdownOr(usual time.Duration) time.Duration {
	switch c.Shutdown {
	case 0:
		return usual
	case BrutalKill:
		return 0
	}
	return c.Shutdown
}

// options are what runs is given; the child's own time comes last.
func (c Child) options(opts []process.Option) []process.Option {
	if c.Shutdown == 0 {
		return opts
	}
	return append(opts[:len(opts):len(opts)], process.ShutdownTime(c.shutdownOr(0)))
}

func (c Child) check(tree string, auto AutoShutdown) error {
	if c.Run == nil {
		return fault.Invalid.Errorf("supervisor: child %q of %q has nothing to run", c.Name, tree)
	}
	if c.name() == "" {
		return fault.Invalid.Errorf("supervisor: a child of %q (%T) has no name; set Child.Name", tree, c.Run)
	}
	wrong := func(format string, args ...any) error {
		return fault.Invalid.Errorf("supervisor: child %q of %q: %s", c.name(), tree, fmt.Sprintf(format, args...))
	}
	switch b := c.Backoff; {
	case c.Restart > Temporary:
		return wrong("there is no such restart type: %d", c.Restart)
	case min(b.First, b.Min, b.Max, b.Quiet) < 0 || b.Tries < 0:
		return wrong("a time or number of Backoff is below zero")
	case c.Lifetime < 0:
		return wrong("its Lifetime is below zero")
	case c.Significant && auto == Never:
		return wrong("it is Significant, but the tree's AutoShutdown is Never")
	case c.Significant && c.self().Restart == Permanent:
		return wrong("it is Significant, so it must be Transient or Temporary: a permanent child never ends")
	}
	return c.spec().check()
}

// Process is a child that is one process with a name. Callers who wait while it is
// restarted wait on; calls and casts in its mailbox survive.
func Process[S any](name process.Name[S], open func(context.Context) (*S, error), opts ...process.Option) Service {
	return processSpec[S]{name: name, open: open, opts: opts}
}

type processSpec[S any] struct {
	plain
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
