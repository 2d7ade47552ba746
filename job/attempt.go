package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// attempt is a job that runs: a process of its own.
type attempt struct {
	*engine
	claimed
	def   *definition
	queue *producer

	mu         sync.Mutex
	ref        process.Ref[attempt]
	opened     bool
	over       bool           // what became of it is settled: nothing more counts
	cause      process.Reason // why it was asked to end, if it was
	returned   bool
	err        error // that the function returned
	excused    bool  // it failed because the database is away
	committing bool  // with Commit, perhaps inside a Write that has not ended
	committed  bool  // with Commit
}

// begin runs a claimed job.
func (e *engine) begin(c claimed, p *producer) *attempt {
	a := &attempt{engine: e, claimed: c, def: e.defs[c.name], queue: p}
	p.begun()
	e.mu.Lock()
	fenced, earlier := e.fenced, e.atWork[c.id]
	if earlier != nil && !earlier.hasEnded() {
		fenced = true // it was given to others, and has come back before it was noticed here
	}
	if !fenced {
		e.atWork[c.id] = a // in place of an earlier one that is just about to leave
	}
	e.mu.Unlock()
	switch {
	case fenced:
		if earlier != nil {
			earlier.interrupt(ErrLost)
		}
		a.giveBack(claimPause)
	case !e.isKnown(c):
		a.meet()
	default:
		if _, err := process.Launch(e.ctx, a.open); err != nil {
			a.ended()
		}
	}
	return a
}

func (a *attempt) open(ctx context.Context) (*attempt, error) {
	life, err := process.LifeOf(ctx)
	if err == nil {
		_, err = life.OnEnd(a.ended)
	}
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ref, a.opened = process.Self[attempt](ctx), true
	if a.cause != nil {
		return nil, process.Ignore
	}
	return a, nil
}

// Continue runs the job's function.
func (a *attempt) Continue(ctx context.Context) error {
	inside, cancel := a.context(ctx)
	defer cancel()
	args, err := a.arguments()
	if err == nil {
		err = a.def.run(inside, args)
	}
	excused := a.isExcused(err)
	a.mu.Lock()
	if a.returned, a.err, a.excused = true, err, excused; a.cause == nil && context.Cause(inside) == errTimeout {
		a.cause = errTimeout
	}
	a.mu.Unlock()
	return process.Stop(ctx, process.Normal)
}

// isExcused reports whether an attempt failed because the database cannot be reached, as it
// still cannot. That may be the work of the job itself, so that it counts after a while.
func (a *attempt) isExcused(err error) bool {
	if fault.Of(err) != fault.Unavailable || a.claims-a.attempt() >= mostExcused {
		return false
	}
	ctx, cancel := context.WithTimeout(a.engine.ctx, lastWait)
	defer cancel()
	err = a.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := stillOwn(ctx, tx, &a.claimed, true, false)
		return err
	})
	return fault.Of(err) == fault.Unavailable
}

const (
	mostExcused = 10          // attempts of a job that have not counted, whatever for
	excusePause = time.Second // until it begins again
)

func (a *attempt) hasEnded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.over
}

type attemptKey struct{}

// attemptOf is the attempt that a job's function runs in, or nil.
func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

// context is that of the function.
func (a *attempt) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithValue(ctx, attemptKey{}, a)
	ctx = telemetry.WithTrace(ctx, &telemetry.Trace{RequestID: "job-" + itoa(a.id) + "-" + itoa(int64(a.attempt()))})
	ctx = data.WithGuard(ctx, a.fenceOff)
	if a.def.timeout == 0 {
		return ctx, func() {}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, a.def.timeout, errTimeout)
	timer := time.AfterFunc(a.def.timeout, func() { a.interrupt(errTimeout) })
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}

func (a *attempt) attempt() int { return a.claimed.attempt }

func (a *attempt) arguments() ([]byte, error) {
	args := []byte(a.args)
	if isSealed(a.args) {
		if a.def.keys == nil {
			return nil, fault.Internal.Errorf("job: the arguments of %q are encrypted: define it with Encrypt and the keys", a.name)
		}
		var err error
		if args, err = unseal(a.def.keys, a.name, a.args); err != nil {
			return nil, err
		}
	}
	return a.def.upgraded(args, a.version)
}

// interrupt asks the function to end. What ignores that is abandoned after its shutdown time.
func (a *attempt) interrupt(cause process.Reason) {
	a.mu.Lock()
	if a.cause == nil {
		a.cause = cause
	}
	ref, opened := a.ref, a.opened
	a.mu.Unlock()
	if !opened {
		return // open will see it
	}
	reason := process.Shutdown
	if cause == process.Kill {
		reason = process.Kill
	}
	_ = process.Exit(a.engine.ctx, ref, reason) // it may have ended already
}

// leave takes the attempt out of those that run.
func (a *attempt) leave() {
	e := a.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.atWork[a.id] == a {
		delete(e.atWork, a.id)
	}
	if e.idle != nil && len(e.atWork) == 0 {
		close(e.idle)
		e.idle = nil
	}
}

// giveBack ends an attempt that has not begun.
func (a *attempt) giveBack(after time.Duration) {
	a.completer.add(a.again(after))
	a.queue.ended()
}

// ended runs when the process has ended, however it did.
func (a *attempt) ended() {
	e, write := a.outcome()
	if write {
		a.completer.add(e)
	}
	a.leave()
	a.queue.ended()
}

// outcome is what becomes of the job; false: that is stored already.
func (a *attempt) outcome() (end, bool) {
	a.mu.Lock()
	a.over = true
	committed, returned, err, excused, cause, ref := a.committed, a.returned, a.err, a.excused, a.cause, a.ref
	a.mu.Unlock()

	var snoozed snooze
	var asked *ending
	var stopped *cancellation
	switch {
	case committed:
		if err != nil {
			a.log("a job failed after it had committed; it is completed", err)
		}
		return end{}, false
	case returned && err == nil:
		a.counted(Completed)
		return a.as(Completed), true
	case returned && errors.As(err, &snoozed):
		return a.again(time.Duration(snoozed)), true
	case returned && errors.As(err, &asked):
		return a.done(asked.state, asked.reason), true
	case errors.As(cause, &stopped):
		return a.done(Cancelled, stopped.reason), true
	case errors.Is(cause, errTimeout):
		return a.failed(errTimeout), true
	case cause != nil: // the node is to stop, or is fenced
		return a.again(0), true
	case !returned:
		return a.failed(crashOf(a.engine.ctx, ref)), true
	case errors.Is(err, fault.Invalid):
		return a.discarded(err), true
	case excused:
		a.engine.count("job.excused", 1)
		a.log("the database is away, for which a job has failed; the attempt does not count", err)
		return a.again(excusePause), true
	}
	return a.failed(err), true
}

// cancellation is why an attempt was asked to end when its job was cancelled.
type cancellation struct{ reason string }

func (c *cancellation) Error() string { return "the job was cancelled: " + c.reason }

// crashOf is what a process ended with that did not return.
func crashOf(ctx context.Context, ref process.Ref[attempt]) error {
	info, err := process.InfoOf(ctx, ref)
	switch {
	case err != nil:
		return err
	case info.Last == nil:
		return process.ErrDead
	}
	var p *process.Panic
	if errors.As(info.Last, &p) && p.At() != "" {
		return fmt.Errorf("%w (at %s)", p, p.At())
	}
	return info.Last
}

// as is the end of this attempt in a state.
func (a *attempt) as(s State) end {
	now := a.now()
	return end{id: a.id, queue: a.claimed.queue, owner: a.owner, claims: a.claims, unique: a.unique, limitKey: a.limitKey.String, state: s, at: now, runAt: now}
}

// again makes the job begin once more without counting this attempt.
func (a *attempt) again(after time.Duration) end {
	e := a.as(Available)
	if after > 0 {
		e.state, e.runAt = Scheduled, e.at.Add(after)
	}
	e.uncount = true
	return e
}

func (a *attempt) done(s State, reason string) end {
	a.counted(s)
	e := a.as(s)
	e.reason = cut(reason)
	return e
}

// failed makes the job begin once more after a while, or discards it.
func (a *attempt) failed(err error) end {
	if a.attempt() >= a.attempts {
		return a.discarded(err)
	}
	e := a.as(Available)
	if wait := a.def.wait(a.attempt()); wait > 0 {
		e.state, e.runAt = Scheduled, e.at.Add(wait)
	}
	e.errors = withFailure(a.errors.String, Failure{a.attempt(), e.at.UTC(), cut(err.Error())})
	a.engine.count("job.failed", 1)
	a.log("a job failed and is tried again", err, "in", e.runAt.Sub(e.at))
	return e
}

func (a *attempt) discarded(err error) end {
	a.counted(Discarded)
	e := a.as(Discarded)
	e.errors = withFailure(a.errors.String, Failure{a.attempt(), e.at.UTC(), cut(err.Error())})
	a.log("a job failed and is discarded", err)
	return e
}

func (a *attempt) counted(s State) { a.engine.count("job."+s.String(), 1) }

func (a *attempt) log(what string, err error, more ...any) {
	telemetry.Log(a.engine.ctx).Warn("job: "+what, append([]any{"job", a.name, "id", a.id, "attempt", a.attempt(), "error", cut(err.Error())}, more...)...)
}

// mostText is how much is kept of an error's text, in bytes.
const mostText = 2000

func cut(s string) string {
	if len(s) > mostText {
		return s[:mostText] + "…"
	}
	return s
}

// wait is how long a job waits after so many failures.
func (d *definition) wait(failures int) (wait time.Duration) {
	if d.backoff == nil {
		return standardBackoff(failures)
	}
	defer func() {
		if recover() != nil { // the job must not be lost with it
			wait = standardBackoff(failures)
		}
	}()
	return d.backoff(failures)
}

func standardBackoff(failures int) time.Duration {
	n := min(failures, mostBackoff)
	wait := time.Duration(n*n*n*n) * time.Second
	return wait + rand.N(wait/10+1)
}

// mostBackoff is from how many failures on a job waits no longer: about 12 days.
const mostBackoff = 32
