package supervisor

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// The functions of this file change a running tree, or look at it. They take its path, as
// StatusOf does: "shop/doors" is the tree "doors" in the tree "shop". The tree does one
// thing at a time, so they wait while it starts or stops something else; they wait as long
// as ctx allows.

// StartChild adds a child to the running tree, after the others, and starts it. It returns
// when the child is ready; if it fails to start, its error, and nothing stays. What is
// added so is lost when the tree itself is restarted.
//
// It fails with fault.Conflict where the tree has a child of that name: one that is
// already started, or one that is already present but has ended, for RestartChild.
func StartChild(ctx context.Context, tree string, c Child) error {
	return tell(ctx, tree, (*supervisor).startChild, c)
}

// TerminateChild stops a child within its shutdown time, and takes back its restart if
// one is pending. It stays listed, for RestartChild, if it is not temporary; and it is
// started again when its group is. It fails with fault.NotFound where there is no such
// child; one that has ended is no failure.
func TerminateChild(ctx context.Context, tree, child string) error {
	return tell(ctx, tree, (*supervisor).terminateChild, child)
}

// RestartChild starts a child that has ended, and returns when it is ready, or its error.
// It fails with fault.NotFound where there is no such child, and with fault.Conflict where
// it runs or is being restarted.
func RestartChild(ctx context.Context, tree, child string) error {
	return tell(ctx, tree, (*supervisor).restartChild, child)
}

// DeleteChild removes a child that has ended. It fails with fault.NotFound where there is
// no such child, and with fault.Conflict where it runs or is being restarted.
func DeleteChild(ctx context.Context, tree, child string) error {
	return tell(ctx, tree, (*supervisor).deleteChild, child)
}

// ChildSpec gives a child as it was written, or fault.NotFound.
func ChildSpec(ctx context.Context, tree, child string) (Child, error) {
	ctx = waiting(ctx)
	return process.Call(ctx, process.Name[supervisor](tree), (*supervisor).childSpec, child)
}

// WhichChildren lists the children of a tree, in start order, without what is below them.
func WhichChildren(ctx context.Context, tree string) ([]Status, error) {
	ctx = waiting(ctx)
	return process.Ask(ctx, process.Name[supervisor](tree), (*supervisor).whichChildren)
}

// Counts is how many children a supervisor has.
type Counts struct {
	Specs       int // that are listed
	Active      int // that run
	Supervisors int // of all, those that keep others: trees, families, partitions, dynamic supervisors
	Workers     int // of all, the rest
}

// CountChildren counts the children of a tree.
func CountChildren(ctx context.Context, tree string) (Counts, error) {
	ctx = waiting(ctx)
	return process.Ask(ctx, process.Name[supervisor](tree), (*supervisor).countChildren)
}

func tell[In any](ctx context.Context, tree string, what func(*supervisor, context.Context, In) error, in In) error {
	return process.Do(waiting(ctx), process.Name[supervisor](tree), what, in)
}

// waiting makes ctx wait without a limit, if it has none, and shows who waits for it.
func waiting(ctx context.Context) context.Context {
	ctx = unveil(ctx)
	if _, ok := ctx.Deadline(); ok {
		return ctx
	}
	return patient{ctx, time.Now().Add(math.MaxInt64)}
}

// patient has a deadline that never comes, since a verb sets one where there is none.
type patient struct {
	context.Context
	never time.Time
}

func (p patient) Deadline() (time.Time, bool) { return p.never, true }

func (s *supervisor) startChild(ctx context.Context, c Child) error {
	if s.router != nil {
		return fault.Invalid.Errorf("%s has its partitions, and takes no other child; Resize it", s.path)
	}
	if err := c.check(s.path, s.AutoShutdown); err != nil {
		return err
	}
	if k := s.named(c.name()); k != nil {
		if k.state == ended {
			return fault.Conflict.Errorf("%q is already present in %s, and has ended; RestartChild starts it", c.name(), s.path)
		}
		return fault.Conflict.Errorf("%q is already started in %s", c.name(), s.path)
	}
	k := s.add(c)
	err := s.try(ctx, k)
	if err != nil {
		s.remove(k)
	}
	return err
}

// try is start, after which a child that failed has ended.
func (s *supervisor) try(ctx context.Context, k *kid) error {
	err := s.start(ctx, k)
	if err == nil {
		return nil
	}
	s.retire(k, err)
	return failedToStart(s.path, k.entry, err)
}

func (s *supervisor) terminateChild(ctx context.Context, name string) error {
	k, err := s.known(name)
	if err != nil {
		return err
	}
	resume := k.state == restarting && k.clock != nil && s.Strategy != OneForOne
	k.stop()
	s.retire(k, process.Shutdown)
	if resume { // the rest of its group starts without it
		_, err = process.After(ctx, 0, (*supervisor).resume)
	}
	return err
}

// resume starts the children that wait for the start of one that is gone. Those of them
// that are in the group of another wait on, for that one.
func (s *supervisor) resume(ctx context.Context) error {
	kids := slices.Clone(s.kids)
	first := slices.IndexFunc(kids, func(k *kid) bool { return k.state == restarting && k.clock != nil })
	switch {
	case first >= 0 && s.Strategy == OneForAll:
		return nil
	case first >= 0:
		kids = kids[:first]
	}
	return s.startAll(ctx, kids)
}

func (s *supervisor) restartChild(ctx context.Context, name string) error {
	k, err := s.resting(name)
	if err != nil {
		return err
	}
	return s.try(ctx, k)
}

func (s *supervisor) deleteChild(_ context.Context, name string) error {
	if s.router != nil {
		return fault.Invalid.Errorf("%s keeps its partitions; Resize it", s.path)
	}
	k, err := s.resting(name)
	if err == nil {
		s.remove(k)
	}
	return err
}

func (s *supervisor) childSpec(_ context.Context, name string) (Child, error) {
	k, err := s.known(name)
	if err != nil {
		return Child{}, err
	}
	return k.entry, nil
}

func (s *supervisor) whichChildren(context.Context) (all []Status, _ error) {
	for _, k := range s.kids {
		all = append(all, k.status())
	}
	return all, nil
}

func (s *supervisor) countChildren(ctx context.Context) (n Counts, _ error) {
	n.Specs = len(s.kids)
	for _, k := range s.kids {
		if k.slot != nil && process.Alive(ctx, k.slot) {
			n.Active++
		}
		if k.spec().supervises() {
			n.Supervisors++
		}
	}
	n.Workers = n.Specs - n.Supervisors
	return n, nil
}

func (s *supervisor) named(name string) *kid {
	for _, k := range s.kids {
		if k.name() == name {
			return k
		}
	}
	return nil
}

func (s *supervisor) known(name string) (*kid, error) {
	if k := s.named(name); k != nil {
		return k, nil
	}
	return nil, fault.NotFound.Errorf("%s has no child %q", s.path, name)
}

// resting gives a child that has ended.
func (s *supervisor) resting(name string) (*kid, error) {
	k, err := s.known(name)
	if err != nil {
		return nil, err
	}
	switch state := k.status().State; state {
	case "ended":
		return k, nil
	case "restarting", "starting":
		return nil, fault.Conflict.Errorf("%q of %s is being restarted", name, s.path)
	}
	return nil, fault.Conflict.Errorf("%q of %s is running; TerminateChild stops it", name, s.path)
}
