package process

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Down tells of the end of a process.
type Down struct {
	Target  Target
	Reason  Reason
	Started bool // false: its constructor failed
	Final   bool // the process will not come back
}

// Key is which member of its family the process was, or "".
func (d Down) Key() string {
	if t, ok := d.Target.(interface{ Key() string }); ok {
		return t.Key()
	}
	return ""
}

// Watch is a monitor that is set.
type Watch struct {
	port    Port[Down]
	target  Target
	always  bool
	slot    *Slot
	release func()
	stopped atomic.Bool
}

// MonitorOption changes what Monitor does. There is one, Always.
type MonitorOption func(*Watch)

// Always keeps the monitor over restarts: it fires at the end of each incarnation,
// and with Final when there will be no more.
func Always(w *Watch) { w.always = true }

// Monitor makes method run in this process when the target ends. It fires once, for
// the present incarnation; a target that is not running, or of which nobody knows,
// is Down at once. A sleeping member of a family is not woken. The monitor ends with
// the incarnation that set it.
func Monitor[S any](ctx context.Context, target Target, method func(*S, context.Context, Down) error, opts ...MonitorOption) (*Watch, error) {
	w := &Watch{target: target}
	inc, err := here[S](ctx)
	if err != nil {
		return nil, err
	}
	unlessStopped := func(s *S, ctx context.Context, d Down) error {
		if w.stopped.Load() {
			return nil
		}
		return method(s, ctx, d)
	}
	w.port = Port[Down]{inc, func(d Down) message {
		return &portMsg[S, Down]{inc: inc, call: unlessStopped, v: d, named: method}
	}}
	for _, o := range opts {
		o(w)
	}
	slot, err := target.locate(ctx, asleep)
	if err != nil {
		if !errors.Is(err, ErrNoProcess) {
			return nil, err
		}
		w.port.urgent(Down{Target: target, Reason: ErrNoProcess, Started: true, Final: true})
		return w, nil
	}
	if err := slot.here(); err != nil {
		return nil, err
	}
	w.slot = slot
	if w.release, err = w.port.OnEnd(w.forget); err != nil {
		return nil, err
	}
	slot.mu.Lock()
	down := slot.phase == vacant && !slot.want || slot.phase == retired
	final := slot.phase == retired
	if !down || w.always && !final {
		r := slot.seldom()
		if r.watchers == nil {
			r.watchers = make(map[*Watch]struct{})
		}
		r.watchers[w] = struct{}{}
	}
	var last Reason
	if slot.rare != nil {
		last = slot.rare.last
	}
	slot.mu.Unlock()
	if down {
		if last == nil {
			last = ErrNoProcess
		}
		w.fire(last, final)
	}
	return w, nil
}

// Stop takes the monitor back. After Stop its method does not run any more, not even for
// a Down that is already in the mailbox, unless it is running.
func (w *Watch) Stop() {
	w.stopped.Store(true)
	if w.slot != nil {
		w.forget()
		w.release()
	}
}

// forget leaves the target alone.
func (w *Watch) forget() {
	w.slot.mu.Lock()
	defer w.slot.mu.Unlock()
	if w.slot.rare != nil {
		delete(w.slot.rare.watchers, w)
	}
}

func (w *Watch) fire(reason Reason, final bool) {
	if !w.always || final {
		w.release()
	}
	w.port.urgent(Down{Target: w.target, Reason: reason, Started: true, Final: final})
}

// Wait waits until the present incarnation of the target has ended and gives the
// reason. One that does not run gives the reason of its latest end.
func Wait(ctx context.Context, target Target) (Reason, error) {
	s, err := locateHere(ctx, target)
	if err != nil {
		return nil, err
	}
	if frameOf(ctx).waitsFor(s) {
		return nil, fmt.Errorf("%w: %s", ErrCycle, s)
	}
	frameOf(ctx).yield()
	if ended := s.ended(); ended != nil {
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, explain(ctx.Err(), s)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rare == nil || s.rare.last == nil {
		return ErrNoProcess, nil
	}
	return s.rare.last, nil
}
