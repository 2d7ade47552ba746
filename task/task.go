package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Task is work that goes on in a process of its own, and the place of its answer. Its
// methods may be called by anybody, many times and at once.
type Task[Out any] struct {
	work
	ref process.Ref[work]
	fn  func(context.Context) (Out, error)

	mu    sync.Mutex
	state state
	out   Out
	err   error
	lost  unseen
}

type state uint8

const (
	pending  state = iota
	answered       // fn has returned, or there was nothing to run it
	ended          // its process is gone, and somebody has been told so
)

// work is a task's process.
type work struct {
	job   job
	trace *telemetry.Trace
}

// job is what a task's process runs.
type job interface {
	run(own, ctx context.Context) error
}

// Continue runs the work. Whoever asks for the answer meanwhile waits in the mailbox, until
// the end.
func (w *work) Continue(ctx context.Context) error {
	if w.trace == nil {
		return w.job.run(ctx, ctx)
	}
	return w.job.run(ctx, telemetry.WithTrace(ctx, w.trace))
}

// wait never answers: the process ends before it comes to it.
func (w *work) wait(context.Context) error { return process.ErrDead }

func newTask[Out any](ctx context.Context, fn func(context.Context) (Out, error)) *Task[Out] {
	t := &Task[Out]{fn: fn}
	t.work = work{job: t, trace: telemetry.TraceOf(ctx)}
	return t
}

// Async runs fn in a process of its own and does not wait. fn's context is of that
// process, with the trace of ctx and nothing else of it: no deadline. Options are those of
// process.Spawn, as process.ShutdownTime (5 s) or process.Linked.
//
// A task that cannot be started has why as its answer. An error that nobody has asked for
// when the Task is garbage is logged, and counted as task.errors.lost; a panic is logged at
// once.
func Async[Out any](ctx context.Context, fn func(context.Context) (Out, error), opts ...process.Option) *Task[Out] {
	t := newTask(ctx, fn)
	ref, err := process.Launch(ctx, func(context.Context) (*work, error) { return &t.work, nil }, opts...)
	t.started(ctx, ref, err)
	return t
}

func (t *Task[Out]) started(ctx context.Context, ref process.Ref[work], err error) {
	if t.ref = ref; err != nil {
		t.answer(ctx, ref, *new(Out), err)
	}
}

// run is fn. Its error is an answer, so the process ends well.
func (t *Task[Out]) run(own, ctx context.Context) error {
	out, err := t.fn(ctx)
	stopped := err != nil && own.Err() != nil && errors.Is(err, context.Canceled) // because it was asked to
	if dead := process.Stop(own, process.Normal); dead == nil && !stopped {
		t.answer(own, process.Self[work](own), out, err)
	}
	return nil
}

// answer is called by what may not read t.ref yet.
func (t *Task[Out]) answer(ctx context.Context, ref process.Ref[work], out Out, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != pending {
		return
	}
	if t.state, t.out, t.err = answered, out, err; err != nil {
		t.lost.watch(ctx, ref.String(), t.trace, err)
	}
}

// Await waits for the answer: what fn returned, or fault.Internal with a *process.Panic in
// it where fn panicked. It fails with process.ErrTimeout when ctx has no more time (5 s if
// it has no deadline), and the task goes on; with process.ErrDead where the task was ended
// from outside, and with why it could not be started.
//
// A process that waits for its task, and a task that calls this process, wait for each
// other until one has no more time.
func (t *Task[Out]) Await(ctx context.Context) (Out, error) {
	if out, done, err := t.look(); done {
		return out, err
	}
	failed := process.Run(ctx, t.ref, (*work).wait)
	if out, done, err := t.Poll(); done {
		return out, err
	}
	var none Out
	return none, failed
}

// Poll gives the answer if it is there, and does not wait. While done is false there is
// neither an answer nor an error.
func (t *Task[Out]) Poll() (out Out, done bool, err error) {
	if out, done, err := t.look(); done {
		return out, done, err
	}
	info, err := process.InfoOf(context.Background(), t.ref)
	if err != nil || info.State != "ended" {
		return out, false, nil
	}
	out, err = t.outcome(info.Last)
	return out, true, err
}

// look gives the answer that fn gave.
func (t *Task[Out]) look() (out Out, done bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state != answered {
		return out, false, nil
	}
	t.lost.seen()
	return t.out, true, t.err
}

// outcome is the answer of a task whose process has ended with reason.
func (t *Task[Out]) outcome(reason process.Reason) (Out, error) {
	t.mu.Lock()
	if t.state == pending {
		t.state = ended
	}
	t.mu.Unlock()
	if out, done, err := t.look(); done {
		return out, err
	}
	var none Out
	if process.Clean(reason) || errors.Is(reason, process.Killed) {
		return none, fmt.Errorf("%v: %w (%w)", t.ref, process.ErrDead, reason)
	}
	return none, fault.Internal.Wrap(fmt.Errorf("%w: %w", process.ErrDead, reason), "task %v crashed", t.ref)
}

// Shutdown ends the task and gives its answer, if it had one or gives it now, else an error
// that is process.ErrDead. Its context is cancelled, and it has so long to return, and at
// most its process.ShutdownTime; a negative time is no limit of its own, and zero ends it at
// once. A goroutine that does not end is abandoned, and counted.
//
// It does not end the process that is linked to the task; where the task is killed, only if
// that one calls Shutdown. If ctx ends first, Shutdown gives its error, and the task has its
// ShutdownTime.
func (t *Task[Out]) Shutdown(ctx context.Context, within time.Duration) (Out, error) {
	if out, done, err := t.Poll(); done {
		return out, err
	}
	reason, err := t.exit(ctx, within)
	if err != nil {
		var none Out
		return none, err
	}
	return t.outcome(reason)
}

// errShutdown is a shutdown that is also normal, which a link does not pass on.
var errShutdown = fmt.Errorf("%w, %w", process.Shutdown, process.Normal)

func (t *Task[Out]) exit(ctx context.Context, within time.Duration) (process.Reason, error) {
	if within != 0 {
		if err := process.Exit(ctx, t.ref, errShutdown); err != nil {
			return nil, err
		}
		short, cancel := ctx, context.CancelFunc(func() {})
		if within > 0 {
			short, cancel = context.WithTimeout(ctx, within)
		}
		reason, err := process.Wait(short, t.ref)
		cancel()
		if err == nil || ctx.Err() != nil || fault.Of(err) != fault.Timeout {
			return reason, err
		}
	}
	_ = process.Unlink(ctx, t.ref) // where it is not linked there is nothing to do
	if err := process.Exit(ctx, t.ref, process.Kill); err != nil {
		return nil, err
	}
	return process.Wait(context.WithoutCancel(ctx), t.ref)
}

// Ref is the task's process, for process.Monitor and the like. It leads nowhere where the
// task could not be started.
func (t *Task[Out]) Ref() process.Target { return t.ref }

// LogValue makes a Task show as its process in logs and in fault.Inspect.
func (t *Task[Out]) LogValue() slog.Value { return t.ref.LogValue() }
