package process

//lint:file-ignore ST1012 what is no failure is not called Err

import (
	"context"
	"errors"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Reason is why a process ended. Normal, Shutdown and whatever wraps them are
// clean; everything else is a crash.
type Reason = error

// The reasons with a meaning of their own. Wrap Shutdown to say more:
// fmt.Errorf("%w: left", process.Shutdown) is still a clean end.
var (
	Normal   Reason = errors.New("normal")
	Shutdown Reason = errors.New("shutdown")
	Kill     Reason = errors.New("kill")   // asks for an end at once, without Terminate; it cannot be trapped
	Killed   Reason = errors.New("killed") // of a process that was killed, as others see it
)

// Clean reports whether a reason is no crash.
func Clean(r Reason) bool {
	return r == nil || errors.Is(r, Normal) || errors.Is(r, Shutdown)
}

// orNormal makes a missing reason the normal one.
func orNormal(r Reason) Reason {
	if r == nil {
		return Normal
	}
	return r
}

// Ignore, returned by a constructor, says that there is nothing to run and that
// this is no failure.
var Ignore = errors.New("process: nothing to run")

// What the verbs and the other functions of this package can return.
var (
	// ErrNoNode: the context carries no node.
	ErrNoNode = fault.Internal.Errorf("process: the context has no node; take it from bennu.Run, from a handler, or from Node.Context")

	// ErrNoProcess: no process has that name, and no tree owns that family.
	ErrNoProcess = fault.Unavailable.Errorf("no such process")

	// ErrDead: the process has ended, or ended before it could answer; or the
	// context is of a process that has.
	ErrDead = fault.Unavailable.Errorf("the process has ended")

	// ErrCycle: the process that is asked is itself waiting, through a chain of
	// calls, for the one that asks.
	ErrCycle = fault.Internal.Errorf("process: a chain of calls came back to a process that is waiting in it")

	// ErrNotHere: the context is of no process, or of one of another type.
	ErrNotHere = fault.Internal.Errorf("process: the context is not of the process whose method was given")

	// ErrFull: the mailbox has no room, and the sender may not wait for it.
	ErrFull = fault.Exhausted.Errorf("the mailbox is full")

	// ErrOverflow is the reason of a process that its mailbox's Crash ended.
	ErrOverflow = fault.Exhausted.Errorf("the mailbox overflowed")

	// ErrTimeout: there was no answer, or no room in the mailbox, in time.
	ErrTimeout = fault.Timeout.Wrap(context.DeadlineExceeded, "the process did not answer in time")
)

// Panic is the reason of a process that panicked, or that called
// runtime.Goexit.
type Panic struct {
	Value any // what was given to panic; nil for Goexit
	stack []uintptr
}

// caught makes a Panic of a recovered value. It is called by the deferred
// function itself, while the stack of the panic is still there.
func caught(value any) *Panic {
	pcs := make([]uintptr, 64)
	return &Panic{Value: value, stack: pcs[:runtime.Callers(3, pcs)]}
}

func (p *Panic) Error() string {
	if p.Value == nil {
		return "runtime.Goexit was called"
	}
	return fmt.Sprintf("panic: %v", p.Value)
}

// Unwrap gives the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// At is where it happened, as "unit.go:83": the first place on the stack that is neither
// the runtime's nor this package's.
func (p *Panic) At() string {
	frames := runtime.CallersFrames(p.stack)
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, own) {
			return fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// own is how the names of this package's functions begin.
var own = reflect.TypeFor[Panic]().PkgPath() + "."

// Stack prints the stack at the panic, one function a line with its place. Only
// program counters are kept until it is called.
func (p *Panic) Stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(p.stack)
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			fmt.Fprintf(&b, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

// hasEnded is ErrDead with whose end and why. It is printed for those alone who ask.
type hasEnded struct {
	process *Slot
	reason  Reason
}

func (e *hasEnded) Error() string {
	return fmt.Sprintf("%s: %v (%v)", e.process, ErrDead, e.reason)
}

func (e *hasEnded) Unwrap() []error { return []error{ErrDead, e.reason} }

// died is what a caller gets whose process ended with its question.
func died(s *Slot, reason Reason) error {
	if Clean(reason) {
		return &hasEnded{s, reason}
	}
	return fault.Internal.Wrap(fmt.Errorf("%w: %w", ErrDead, reason), "%s crashed", s)
}
