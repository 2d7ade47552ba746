package process

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Exited tells of the end of a linked process.
type Exited struct {
	From   Target
	Reason Reason
}

// Link ties the process of the context to another one: when either ends with another
// reason than Normal, so does the other, with the same reason, unless it traps. Links are
// between the present incarnations, in both directions, and one is as good as many. A
// target that is not running counts as one that ended with ErrNoProcess.
func Link(ctx context.Context, target Target) error {
	inc, err := incarnationOf(ctx)
	if err != nil {
		return err
	}
	s, err := target.locate(ctx, asleep)
	switch {
	case errors.Is(err, ErrNoProcess):
		inc.exited(target, ErrNoProcess)
		return nil
	case err != nil:
		return err
	}
	if err := s.here(); err != nil {
		return err
	}
	s.mu.Lock()
	peer := s.present()
	s.mu.Unlock()
	if peer == inc {
		return nil
	}
	if peer == nil || !link2(inc, peer) {
		inc.exited(target, ErrNoProcess)
	}
	return nil
}

// link2 reports whether both live.
func link2(a, b *incarnation) bool {
	if !a.linkTo(b) {
		return false
	}
	if !b.linkTo(a) {
		a.unlink(b)
		return false
	}
	if a.dead.Load() { // meanwhile, and did not tell b
		b.unlink(a)
		return false
	}
	return true
}

func (inc *incarnation) linkTo(peer *incarnation) bool {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	if inc.slot.present() != inc {
		return false
	}
	t := inc.keep()
	if t.links == nil {
		t.links = make(map[*incarnation]struct{})
	}
	t.links[peer] = struct{}{}
	return true
}

// unlink reports whether there was a link.
func (inc *incarnation) unlink(peer *incarnation) bool {
	inc.slot.mu.Lock()
	defer inc.slot.mu.Unlock()
	if inc.things == nil {
		return false
	}
	_, was := inc.things.links[peer]
	delete(inc.things.links, peer)
	return was
}

// Unlink takes a link back. An end of the target that comes later does not reach the
// process; one that has been told already is in its mailbox.
func Unlink(ctx context.Context, target Target) error {
	inc, err := incarnationOf(ctx)
	if err != nil {
		return err
	}
	s, err := target.locate(ctx, asleep)
	if err != nil {
		return nil //nolint:nilerr // what is not there is not linked
	}
	s.mu.Lock()
	peer := s.present()
	s.mu.Unlock()
	if peer != nil {
		inc.unlink(peer)
		peer.unlink(inc)
	}
	return nil
}

// Trap makes method run in this process when a linked one ends, whatever the reason, in
// place of ending with it. An error that the method returns is a crash.
func Trap[S any](ctx context.Context, method func(*S, context.Context, Exited) error) error {
	port, err := Bind(ctx, method)
	if err != nil {
		return err
	}
	s := port.inc.slot
	s.mu.Lock()
	defer s.mu.Unlock()
	port.inc.keep().trap = port
	return nil
}

// incarnationOf is that of a handler's context.
func incarnationOf(ctx context.Context) (*incarnation, error) {
	f := frameOf(ctx)
	if f == nil {
		return nil, ErrNotHere
	}
	if f.inc.dead.Load() {
		return nil, ErrDead
	}
	return f.inc, nil
}

// takeLinks gives the peers of an incarnation that has ended. The slot is locked.
func (inc *incarnation) takeLinks() []*incarnation {
	if inc.things == nil {
		return nil
	}
	links := slices.Collect(maps.Keys(inc.things.links))
	inc.things.links = nil
	return links
}

// linkEnded is told to the peers of an incarnation that has ended.
func (inc *incarnation) linkEnded(peer *incarnation, reason Reason) {
	if inc.unlink(peer) {
		inc.exited(peer.slot, reason)
	}
}

// exited is an exit signal from a link.
func (inc *incarnation) exited(from Target, reason Reason) {
	s := inc.slot
	s.mu.Lock()
	var trap Port[Exited]
	if inc.things != nil {
		trap = inc.things.trap
	}
	s.mu.Unlock()
	switch {
	case trap.inc != nil:
		trap.urgent(Exited{from, reason})
	case !errors.Is(reason, Normal):
		s.endIncarnation(inc, reason)
	}
}

// linkToParent makes the link that the option Linked asks for.
func (inc *incarnation) linkToParent() {
	if !inc.slot.opts.linked {
		return
	}
	inc.slot.mu.Lock()
	parent := inc.slot.rare.parent
	inc.slot.mu.Unlock()
	if parent != nil && !link2(inc, parent) {
		inc.slot.endIncarnation(inc, ErrDead)
	}
}
