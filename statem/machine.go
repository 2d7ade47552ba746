package statem

import (
	"context"
	"log/slog"
	"reflect"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

//lint:file-ignore ST1012 what is no failure is not called Err

// Postpone, returned by a method as its error, says that the message is not for this
// state: it is kept, whoever asked waits on, and its method runs again when the state has
// changed. It is process.Postpone.
var Postpone = process.Postpone

// Machine is what the struct of a state machine embeds. S is the type of its states: a
// string or an integer with constants, as a rule. As everything in a process, a Machine is
// for the process's own methods.
type Machine[S comparable] struct {
	state S
	run   *running[S] // nil until Begin
}

// Of is a pointer to a struct D that embeds a Machine[S].
type Of[D any, S comparable] interface {
	*D
	machine() *Machine[S]
}

func (m *Machine[S]) machine() *Machine[S] { return m }

// Enterer is a state machine that has something to do whenever it comes into a state.
// Enter runs in the new state: in [Machine.Goto] and [Machine.Repeat], and after the
// constructor, before any message; then, and in Repeat, from is the state itself.
//
// It may set time-outs. It is no message: Goto and Repeat fail in it, and it may not
// return Postpone or process.Deferred.
type Enterer[S comparable] interface {
	Enter(ctx context.Context, from S) error
}

// running is the part of a Machine that listings do not show.
type running[S comparable] struct {
	enterer  Enterer[S] // nil: it has none
	tables   []Table[S]
	fresh    bool // the first state has not been entered yet
	entering bool

	ofState *timeout
	ofEvent *timeout
	named   map[string]*timeout
	quiet   uint64 // messages before the one that set ofEvent
}

// LogValue keeps what only the package needs out of logs and of process.State.
func (*running[S]) LogValue() slog.Value { return slog.StringValue("statem") }

var (
	errNotBegun = fault.Internal.Errorf("statem: the machine has not begun; call statem.Begin in its constructor")
	errBegun    = fault.Internal.Errorf("statem: the machine has begun; change its state with Goto")
	errEntering = fault.Internal.Errorf("statem: an enter call may not change or repeat the state; do it where Goto was called, or in a StateTimeout of 0")
	errNoEvent  = fault.Internal.Errorf("statem: an enter call is no message: it may return neither Postpone nor Deferred")
)

// Begin says which state a machine is in at first. It is for the constructor, as its last
// step; Restore may call it again, with the state that goes on. The enter call follows
// when both are over, before any message; an error of it is a crash.
//
// With tables, Goto takes only a way that one of them has.
func Begin[D any, S comparable, P Of[D, S]](ctx context.Context, d P, first S, tables ...Table[S]) error {
	m := d.machine()
	if r := m.run; r != nil {
		if !r.fresh {
			return errBegun
		}
		if m.state != first {
			r.ofState.stop()
			m.state = first
		}
		if tables != nil {
			r.tables = tables
		}
		return nil
	}
	r := &running[S]{tables: tables, fresh: true}
	var entered bool
	r.enterer, entered = any(d).(Enterer[S])
	if !entered {
		if method, ok := reflect.TypeFor[P]().MethodByName("Enter"); ok {
			return fault.Internal.Errorf("statem: the method Enter of %v is the enter call, and must be %v; it is %v",
				reflect.TypeFor[P](), reflect.TypeFor[func(context.Context, S) error](), method.Type)
		}
	}
	if err := process.Next(ctx, enter[D, S, P], process.None{}); err != nil {
		return err
	}
	m.state, m.run = first, r
	return nil
}

// enter is the enter call of the first state.
func enter[D any, S comparable, P Of[D, S]](d *D, ctx context.Context, _ process.None) error {
	m := P(d).machine()
	r := m.run
	if r.fresh {
		if err := m.enter(ctx, m.state); err != nil {
			return err
		}
	}
	var err error
	r.quiet, err = handled[D](ctx) // an EventTimeout of the constructor begins here
	return err
}

// State is the state that the machine is in.
func (m *Machine[S]) State() S { return m.state }

// Goto changes the state. Where the machine is in it already, nothing happens. Else the
// state's time-out is cancelled, Enter runs, and after the running method come the
// messages that were postponed, in their old order and ahead of all others.
//
// An error leaves the state and its time-out as they were. It is Enter's own, or
// fault.Conflict where the machine's tables have no such way. Enter sees what the method
// has done so far, so call Goto last:
//
//	return d.Goto(ctx, Open)
func (m *Machine[S]) Goto(ctx context.Context, to S) error {
	r, err := m.begun()
	from := m.state
	switch {
	case err != nil:
		return err
	case to == from:
		return nil
	case !r.allow(from, to):
		return fault.Conflict.Errorf("there is no way from %v to %v", from, to)
	}
	if r.fresh { // in the constructor, or in Continue
		if err := m.enter(ctx, from); err != nil {
			return err
		}
	}
	before := r.ofState
	m.state, r.ofState = to, nil
	if err = m.enter(ctx, from); err == nil {
		err = process.Replay(ctx)
	}
	if err != nil {
		r.ofState.stop()
		m.state, r.ofState = from, before
		return err
	}
	before.stop()
	return nil
}

// Repeat runs the enter call of the present state once more, and gives its error. Nothing
// else changes: the time-out of the state runs on, and what was postponed waits on.
func (m *Machine[S]) Repeat(ctx context.Context) error {
	if _, err := m.begun(); err != nil {
		return err
	}
	return m.enter(ctx, m.state)
}

func (m *Machine[S]) begun() (*running[S], error) {
	switch {
	case m.run == nil:
		return nil, errNotBegun
	case m.run.entering:
		return nil, errEntering
	}
	return m.run, nil
}

func (m *Machine[S]) enter(ctx context.Context, from S) error {
	r := m.run
	r.fresh = false
	if r.enterer == nil {
		return nil
	}
	r.entering = true
	defer func() { r.entering = false }()
	err := r.enterer.Enter(ctx, from)
	if err == process.Postpone || err == process.Deferred {
		return errNoEvent
	}
	return err
}

func (r *running[S]) allow(from, to S) bool {
	for _, t := range r.tables {
		if t.has(from, to) {
			return true
		}
	}
	return len(r.tables) == 0
}
