package data

import (
	"context"

	"github.com/bennu-go/bennu/fault"
)

// Multi is a list of named steps that are one transaction: all of them happen, or none.
// A later step has the results of earlier ones:
//
//	m := data.NewMulti()
//	user := data.Step(m, "user", func(ctx context.Context, tx data.Tx) (User, error) {
//		err := data.Insert(ctx, tx, &newUser)
//		return newUser, err
//	})
//	data.Step(m, "welcome", func(ctx context.Context, tx data.Tx) (Mail, error) {
//		return sendLater(ctx, tx, user.Value().Email)
//	})
//	err := m.Run(ctx, repo)
//
// It is for one goroutine. What other functions add steps to can be tested step by step.
type Multi struct {
	steps []multiStep
	names map[string]bool
	twice string // a name that two steps have
}

type multiStep struct {
	name   string
	run    func(ctx context.Context, tx Tx) error
	forget func()
}

// NewMulti makes a Multi without steps.
func NewMulti() *Multi { return &Multi{names: make(map[string]bool)} }

// Result is what a step of a [Multi] gives.
type Result[T any] struct {
	step  string
	value T
	done  bool
}

// Value is what the step gave. It panics if the step has not run, or what it did was
// rolled back: a step asks earlier ones only, and everybody else after a Run without
// an error.
func (r *Result[T]) Value() T {
	if !r.done {
		panic("data: the result of step " + r.step + " is asked for, and there is none: ask in a later step, or after Run")
	}
	return r.value
}

// Step adds a step, which runs after those that are there. Its name is its own.
func Step[T any](m *Multi, name string, fn func(ctx context.Context, tx Tx) (T, error)) *Result[T] {
	result := &Result[T]{step: name}
	m.add(multiStep{
		name: name,
		run: func(ctx context.Context, tx Tx) (err error) {
			result.value, err = fn(ctx, tx)
			result.done = err == nil
			return err
		},
		forget: func() { *result = Result[T]{step: name} },
	})
	return result
}

// Emit adds a step that emits an effect, which earlier steps may have given what it is of.
func (m *Multi) Emit(name string, effect func() Effect) {
	m.add(multiStep{
		name:   name,
		run:    func(ctx context.Context, tx Tx) error { return tx.Emit(ctx, effect()) },
		forget: func() {},
	})
}

func (m *Multi) add(step multiStep) {
	if m.names[step.name] {
		m.twice = step.name
	}
	m.names[step.name] = true
	m.steps = append(m.steps, step)
}

// StepError says which step of a [Multi] failed. Its kind and fields are those of Err.
type StepError struct {
	Step string
	Err  error
}

// Error is the step and what was wrong with it.
func (e *StepError) Error() string { return "step " + e.Step + ": " + e.Err.Error() }

// Unwrap gives what was wrong.
func (e *StepError) Unwrap() error { return e.Err }

// Run runs the steps in one Write, and gives the first one's error as a [*StepError].
// Then everything is rolled back. It may be called again.
func (m *Multi) Run(ctx context.Context, db DB) error {
	if m.twice != "" {
		return fault.Internal.Errorf("data: two steps have the name %s", m.twice)
	}
	done := false
	defer func() {
		if !done {
			m.forget()
		}
	}()
	m.forget()
	err := db.Write(ctx, func(ctx context.Context, tx Tx) error {
		for _, step := range m.steps {
			if err := step.run(ctx, tx); err != nil {
				return &StepError{Step: step.name, Err: err}
			}
		}
		return nil
	})
	done = err == nil
	return err
}

func (m *Multi) forget() {
	for _, step := range m.steps {
		step.forget()
	}
}
