package job

import (
	"context"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Current is the job whose function runs with ctx. Elsewhere its ID is 0.
func Current(ctx context.Context) Info {
	a := attemptOf(ctx)
	if a == nil {
		return Info{}
	}
	i := Info{
		ID: a.id, Name: a.name, Queue: a.claimed.queue, State: Running, Priority: a.priority,
		Attempt: a.attempt(), Attempts: a.attempts, Node: a.owner,
		RunAt: ofMicros(a.runAt), CreatedAt: ofMicros(a.createdAt), BegunAt: ofMicros(a.begunAt),
		Label: a.label.String, Schedule: a.schedule.String,
	}
	i.Errors = failuresOf(a.claimed.errors.String)
	return i
}

var errNoJob = fault.Internal.Errorf("job: the context is not of a job's function")

// Commit completes the job in the transaction in which fn stores what it has done: both
// happen, or neither, exactly once. It fails with [ErrLost] where the attempt is over, and
// with fn's error. After it has returned nil the job is completed, whatever its function
// returns, and the function may not write any more.
func Commit(ctx context.Context, fn func(ctx context.Context, tx data.Tx) error) error {
	a := attemptOf(ctx)
	if a == nil {
		return errNoJob
	}
	err := a.Repo.Write(committing(ctx), func(ctx context.Context, tx data.Tx) error {
		if err := fn(ctx, tx); err != nil {
			return err
		}
		tx.OnCommit(func() { // of an outer Write, perhaps, which may still be rolled back
			a.mu.Lock()
			a.committed = true
			a.mu.Unlock()
			a.counted(Completed)
		})
		return a.completeIn(ctx, tx)
	})
	a.mu.Lock()
	a.committing = err == nil
	a.mu.Unlock()
	return err
}

// completeIn completes the job in a transaction.
func (a *attempt) completeIn(ctx context.Context, tx data.Tx) error {
	if a.isOver() {
		return ErrLost
	}
	e := a.as(Completed)
	n, err := complete(ctx, tx, []int64{a.id}, e)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrLost
	}
	return a.settle(ctx, tx, []end{e})
}

func (a *attempt) isOver() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over || a.committed || a.cause != nil && a.cause != process.Shutdown
}

// fenceOff is the guard of every Write that is made with the context of a job's function:
// it fails where the attempt is over. It runs for other repos as well, where it can look, but
// not lock.
func (a *attempt) fenceOff(ctx context.Context, tx data.Tx) error {
	if isCommitting(ctx) {
		return nil // completing is fenced itself
	}
	if a.isOver() {
		return ErrLost
	}
	a.mu.Lock()
	committing := a.committing
	a.mu.Unlock()
	return a.Repo.Read(ctx, func(ctx context.Context, ours data.Tx) error {
		own, err := stillOwn(ctx, ours, &a.claimed, ours == tx, committing)
		if err == nil && !own {
			err = ErrLost
		}
		return err
	})
}

type committingKey struct{}

func committing(ctx context.Context) context.Context {
	return context.WithValue(ctx, committingKey{}, true)
}

func isCommitting(ctx context.Context) bool { return ctx.Value(committingKey{}) != nil }
