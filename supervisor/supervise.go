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

// ErrGaveUp is the reason of a supervisor whose children crashed too often. It is a
// clean end, as in OTP: a Transient tree is not restarted after it.
var ErrGaveUp = fmt.Errorf("%w: a child crashed too often", process.Shutdown)

// supervisor is the process of a tree.
type supervisor struct {
	Tree
	path   string
	router *router // of a partition
	port   process.Port[process.Down]
	stamps []time.Time // of the restarts within the period

	// Changed by the process alone; its end may come from elsewhere while it does.
	mu   sync.Mutex
	kids []*kid // in start order
	dead bool
}

func supervise(ctx context.Context, path string, spec Tree, r *router) (*supervisor, error) {
	s := &supervisor{Tree: spec.orDefault(), path: path, router: r}
	var err error
	if s.port, err = process.Bind(ctx, (*supervisor).ended); err != nil {
		return nil, err
	}
	if _, err = s.port.OnEnd(s.kill); err != nil {
		return nil, err
	}
	for _, c := range spec.Children {
		if err := s.start(ctx, s.add(c)); err != nil {
			s.stop(process.Shutdown)
			return nil, failedToStart(path, c, err)
		}
	}
	return s, nil
}

func failedToStart(path string, c Child, err error) error {
	return fmt.Errorf("%s: %q failed to start: %w", path, c.name(), err)
}

// start starts a child and waits until it is ready. One that has nothing to run stays
// listed, if it is not temporary.
func (s *supervisor) start(ctx context.Context, k *kid) error {
	if k.slot == nil {
		slot, err := k.spec().slot(ctx, s.port, s.path+"/"+k.name(), k.entry)
		if err != nil {
			return err
		}
		if !s.give(k, slot) {
			slot.Retire(process.Shutdown)
			return process.ErrDead
		}
	}
	switch err := k.slot.Start(ctx); {
	case errors.Is(err, process.Ignore):
		s.retire(k, process.Normal)
		return nil
	case err != nil:
		return err
	}
	return s.up(ctx, k)
}

// up is for a child that has been started.
func (s *supervisor) up(ctx context.Context, k *kid) (err error) {
	k.state, k.old = started, false
	if k.Lifetime > 0 {
		k.clock, err = process.After(ctx, k.Lifetime, func(*supervisor, context.Context) error { //bennu:ok After takes no input
			k.old = true
			k.exit()
			return nil
		})
	}
	return err
}

// ended handles the end of a child.
func (s *supervisor) ended(ctx context.Context, d process.Down) error {
	k := s.kid(d.Target)
	switch {
	case k == nil:
		return nil
	case k.owed > 0:
		k.owed--
		return nil
	}
	k.stopClock()
	k.state = restarting
	old := k.old && d.Started && (process.Clean(d.Reason) || errors.Is(d.Reason, process.Killed))
	clean := old || d.Started && process.Clean(d.Reason)
	switch {
	case !d.Started && errors.Is(d.Reason, process.Ignore):
		s.retire(k, d.Reason)
	case k.Restart == Temporary, k.Restart == Transient && clean:
		s.retire(k, d.Reason)
		if k.Significant && !old && s.isOver() {
			return process.Stop(ctx, fmt.Errorf("%w: the significant child %q has ended", process.Shutdown, k.name()))
		}
	case old:
		return s.restart(ctx, k, 0, true)
	default:
		return s.crashed(ctx, k, d.Reason, d.Started)
	}
	return nil
}

// isOver reports whether the tree is to end, now that a significant child has.
func (s *supervisor) isOver() bool {
	return s.AutoShutdown == AnySignificant || !slices.ContainsFunc(s.kids, func(k *kid) bool {
		return k.Significant && k.state != ended
	})
}

// crashed has a child restarted that crashed, or could not start, if the budget allows.
func (s *supervisor) crashed(ctx context.Context, k *kid, reason process.Reason, ran bool) error {
	log := telemetry.Log(ctx).With("supervisor", s.path, "child", k.name())
	k.state = restarting
	wait, ok := s.budget(k, time.Now())
	if !ok {
		log.Error("the supervisor gives up: its child crashed too often", "reason", reason)
		return process.Stop(ctx, fmt.Errorf("%w: %q, at last with: %v", ErrGaveUp, k.name(), reason))
	}
	log.Warn("child will be restarted", "reason", reason, "in", wait)
	return s.restart(ctx, k, wait, ran)
}

// budget counts a restart, and gives the wait before it. It reports false where there
// may be no more.
func (s *supervisor) budget(k *kid, now time.Time) (wait time.Duration, ok bool) {
	if k.Backoff != (Backoff{}) {
		return k.row.next(k.Backoff, now)
	}
	recent := s.stamps[:0]
	for _, at := range s.stamps {
		if now.Sub(at) <= s.Period {
			recent = append(recent, at)
		}
	}
	s.stamps = append(recent, now)
	return 0, len(s.stamps) <= s.Intensity
}

// restart stops the rest of a child's group, and has all of it started after the wait.
// Others get a turn before what could not start is tried again.
func (s *supervisor) restart(ctx context.Context, k *kid, wait time.Duration, ran bool) (err error) {
	s.halt(k)
	if wait == 0 && ran {
		return s.revive(ctx, k)
	}
	k.clock, err = process.After(ctx, wait, func(s *supervisor, ctx context.Context) error { return s.revive(ctx, k) }) //bennu:ok After takes no input
	return err
}

// group is whom the strategy restarts along with a child, the child included.
func (s *supervisor) group(k *kid) []*kid {
	switch s.Strategy {
	case OneForAll:
		return slices.Clone(s.kids)
	case RestForOne:
		return slices.Clone(s.kids[slices.Index(s.kids, k):])
	}
	return []*kid{k}
}

// halt stops the others of a child's group. Their mail stays.
func (s *supervisor) halt(first *kid) {
	for _, k := range slices.Backward(s.group(first)) {
		if k == first {
			continue
		}
		k.stop()
		if k.Restart == Temporary {
			s.retire(k, process.Shutdown)
		} else {
			k.state = restarting
		}
	}
}

// revive starts a child again, with its group. Alone it is not waited for.
func (s *supervisor) revive(ctx context.Context, k *kid) error {
	k.clock = nil
	if s.Strategy == OneForOne {
		k.count(time.Now())
		k.slot.Restart(process.Outside(ctx))
		return s.up(ctx, k)
	}
	s.halt(k) // who has been added meanwhile
	return s.startAll(ctx, s.group(k))
}

// startAll starts the children that wait for it, in order. If one fails, the attempt
// will be repeated.
func (s *supervisor) startAll(ctx context.Context, kids []*kid) error {
	for _, k := range kids {
		if ctx.Err() != nil {
			return nil // it is to stop
		}
		if k.state != restarting {
			continue
		}
		k.count(time.Now())
		if err := s.start(ctx, k); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return s.crashed(ctx, k, err, false)
		}
	}
	return nil
}

func (s *supervisor) kid(target process.Target) *kid {
	for _, k := range s.kids {
		if k.slot != nil && process.Target(k.slot) == target {
			return k
		}
	}
	return nil
}

// add lists a child that is not started yet.
func (s *supervisor) add(c Child) *kid {
	k := &kid{Child: c.self(), entry: c}
	if k.Backoff != (Backoff{}) {
		k.Backoff = k.Backoff.orDefault()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kids = append(s.kids, k)
	return k
}

func (s *supervisor) remove(gone *kid) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kids = slices.DeleteFunc(s.kids, func(k *kid) bool { return k == gone })
}

// give is refused when the tree has been abandoned while it started its children.
func (s *supervisor) give(k *kid, slot *process.Slot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.dead {
		k.slot, k.owed = slot, 0
	}
	return !s.dead
}

// retire is the end of a child's process and of its mail; a temporary child is removed.
func (s *supervisor) retire(k *kid, reason process.Reason) {
	k.stopClock()
	k.state = ended
	if k.slot != nil {
		k.slot.Retire(reason)
		s.mu.Lock()
		k.slot = nil
		s.mu.Unlock()
	}
	if k.Restart == Temporary {
		s.remove(k)
	}
}

var _ process.Terminator = (*supervisor)(nil)

// Terminate stops the children in reverse order.
func (s *supervisor) Terminate(_ context.Context, reason process.Reason) { s.stop(reason) }

// stop gives reason to whoever still waits for one of the children. If the tree is killed
// meanwhile, the rest is left to kill.
func (s *supervisor) stop(reason process.Reason) {
	if s.Parallel {
		for _, k := range slices.Backward(s.kids) {
			k.exit()
		}
	}
	for _, k := range slices.Backward(slices.Clone(s.kids)) {
		if s.killed() {
			return
		}
		k.stop()
		s.retire(k, reason)
	}
}

func (s *supervisor) killed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// kill ends at once what is left when the tree's process has ended: nothing, unless the
// tree was itself abandoned, or killed.
func (s *supervisor) kill() {
	s.mu.Lock()
	s.dead = true
	var left []*process.Slot
	for _, k := range slices.Backward(s.kids) {
		if k.slot != nil {
			left = append(left, k.slot)
		}
	}
	s.mu.Unlock()
	if s.router != nil {
		s.router.release()
	}
	for _, slot := range left {
		slot.Retire(process.Killed)
	}
}
