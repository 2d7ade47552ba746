package task

import (
	"context"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// Supervisor is the name of a supervisor of tasks. Declare it as a constant.
type Supervisor string

func (s Supervisor) name() supervisor.DynamicName[work, *work] {
	return supervisor.DynamicName[work, *work](s)
}

// Supervise is the child that runs the supervisor s. process.Most is how many tasks may run
// at a time; one more fails with fault.Exhausted. Its tasks are not restarted; set Restart
// to supervisor.Transient to have those that crash run again, and Shutdown for how long
// they have to end (5 s).
func Supervise(s Supervisor, opts ...process.Option) supervisor.Child {
	open := func(_ context.Context, w *work) (*work, error) { return w, nil }
	return supervisor.Child{Run: supervisor.Dynamic(s.name(), open, opts...), Restart: supervisor.Temporary}
}

// AsyncIn is Async under a supervisor: the task does not end with who started it.
func AsyncIn[Out any](ctx context.Context, s Supervisor, fn func(context.Context) (Out, error)) *Task[Out] {
	t := newTask(ctx, fn)
	ref, err := s.name().Start(ctx, &t.work)
	t.started(ctx, ref, err)
	return t
}

// Start runs fn under a supervisor. Nobody waits for it: an error is a crash, which is
// reported.
func Start(ctx context.Context, s Supervisor, fn func(context.Context) error) error {
	_, err := s.name().Start(ctx, &work{job: chore(fn), trace: telemetry.TraceOf(ctx)})
	return err
}

// chore is a job that nobody asks for.
type chore func(context.Context) error

func (c chore) run(own, ctx context.Context) error {
	if err := c(ctx); err != nil {
		return err
	}
	return process.Stop(own, process.Normal)
}
