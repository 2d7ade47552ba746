package statem

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/process"
)

// StateTimeout makes method run when that time has passed and the state has not changed
// before. Another StateTimeout takes its place.
//
// For all time-outs: one of zero or less comes after what is in the mailbox, and before
// what comes later. An error that method returns is a crash, but for [Postpone]; what has
// come and is postponed is a message as any other, and nothing cancels it.
func StateTimeout[D any, S comparable, P Of[D, S]](ctx context.Context, d P, after time.Duration, method func(*D, context.Context) error) error {
	r := d.machine().run
	if r == nil {
		return errNotBegun
	}
	return start(ctx, r, &r.ofState, after, &timed[D, S]{method: method, what: "state time-out"})
}

// CancelState cancels the StateTimeout, and reports whether it was still to come.
func CancelState[D any, S comparable, P Of[D, S]](d P) bool {
	r := d.machine().run
	return r != nil && r.ofState.stop()
}

// Timeout makes method run when that time has passed, whatever happens to the state. There
// may be any number; another Timeout of the same name takes the place of the one before.
func Timeout[D any, S comparable, P Of[D, S]](ctx context.Context, d P, name string, after time.Duration, method func(*D, context.Context) error) error {
	r := d.machine().run
	if r == nil {
		return errNotBegun
	}
	t := r.named[name]
	if err := start(ctx, r, &t, after, &timed[D, S]{method: method, what: "time-out ", name: name}); err != nil {
		return err
	}
	if r.named == nil {
		r.named = make(map[string]*timeout)
	}
	r.named[name] = t
	return nil
}

// Update gives the Timeout of that name another method, and leaves it its time. Where none
// is to come, method runs as with a Timeout of zero.
func Update[D any, S comparable, P Of[D, S]](ctx context.Context, d P, name string, method func(*D, context.Context) error) error {
	var left time.Duration
	if r := d.machine().run; r != nil {
		if t := r.named[name]; t.stop() {
			left = time.Until(t.due)
		}
	}
	return Timeout(ctx, d, name, left, method)
}

// Cancel cancels the Timeout of that name, and reports whether it was still to come.
func Cancel[D any, S comparable, P Of[D, S]](d P, name string) bool {
	r := d.machine().run
	if r == nil {
		return false
	}
	t := r.named[name]
	delete(r.named, name)
	return t.stop()
}

// EventTimeout makes method run when that time has passed and the process has handled
// nothing before: no message, no other time-out, no Down, no Next. An enter call does not
// count; a look at the process with process.State does. Set it anew in the methods after
// which it is wanted.
func EventTimeout[D any, S comparable, P Of[D, S]](ctx context.Context, d P, after time.Duration, method func(*D, context.Context) error) error {
	r := d.machine().run
	if r == nil {
		return errNotBegun
	}
	if err := start(ctx, r, &r.ofEvent, after, &timed[D, S]{method: method, what: "event time-out", quiet: true}); err != nil {
		return err
	}
	var err error
	r.quiet, err = handled[D](ctx)
	return err
}

// handled is how many messages the process had handled before this one.
func handled[D any](ctx context.Context) (uint64, error) {
	info, err := process.InfoOf(ctx, process.Self[D](ctx))
	return info.Handled, err
}

// timeout is a time-out that is set; nil: none.
type timeout struct {
	due   time.Time
	timer *process.Timer // nil: of no time, in the mailbox from the beginning
	over  bool           // cancelled
	came  bool           // its method runs, has run, or has been postponed
}

// near is how shortly before it is due a time-out may be in the mailbox already. From then
// on it is left to come, so that it can be told from an event.
const near = time.Millisecond

// stop reports whether the time-out was still to come.
func (t *timeout) stop() bool {
	if t == nil || t.over || t.came {
		return false
	}
	t.over = true
	if t.timer != nil && time.Until(t.due) > near {
		t.timer.Stop()
	}
	return true
}

// timed is a time-out with what it is for.
type timed[D any, S comparable] struct {
	timeout
	run    *running[S]
	method func(*D, context.Context) error
	what   string
	name   string
	quiet  bool // any event cancels it
}

// start sets a time-out in the place of the one that is there.
func start[D any, S comparable](ctx context.Context, r *running[S], place **timeout, after time.Duration, t *timed[D, S]) error {
	t.run, t.due = r, time.Now().Add(after)
	queued := false
	if after <= 0 {
		port, err := process.Bind(ctx, t.now)
		if err != nil {
			return err
		}
		queued = port.Send(process.None{}) == nil
	}
	if !queued { // a timer always has room
		var err error
		if t.timer, err = process.After(ctx, after, t.come); err != nil {
			return err
		}
	}
	(*place).stop()
	*place = &t.timeout
	return nil
}

func (t *timed[D, S]) now(d *D, ctx context.Context, _ process.None) error { return t.come(d, ctx) }

func (t *timed[D, S]) come(d *D, ctx context.Context) error {
	r := t.run
	if !t.came {
		n, err := handled[D](ctx)
		alone := n == r.quiet+1
		switch {
		case err != nil:
			return err
		case t.over && alone: // it is no event
			r.quiet = n
			return nil
		case t.over, t.quiet && !alone:
			return nil
		}
		t.came = true
		if r.named[t.name] == &t.timeout {
			delete(r.named, t.name)
		}
	}
	err := t.method(d, ctx)
	switch err {
	case nil, process.Postpone, process.Deferred:
		return err
	}
	return fmt.Errorf("%s%s: %w", t.what, t.name, err)
}
