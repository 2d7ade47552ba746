package job

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// engine is a runner from Start to the end of Serve.
type engine struct {
	config
	place     *place
	ctx       context.Context // the node's, and nobody's; ends with the engine
	cancel    context.CancelFunc
	member    *member
	completer *completer
	producers map[string]*producer
	signals   *signals
	reports   *reports
	unknowns  unknowns
	counters  *telemetry.Counters
	manual    bool // a test works it by hand

	mu     sync.Mutex
	atWork map[int64]*attempt // that run, by the job's id
	fenced bool               // nothing may begin
	idle   chan struct{}      // closed when the last attempt has ended, if somebody waits
}

func newEngine(ctx context.Context, c config) *engine {
	e := &engine{config: c, atWork: make(map[int64]*attempt), producers: make(map[string]*producer), counters: telemetry.CountersOf(ctx)}
	e.ctx, e.cancel = context.WithCancel(ctx)
	e.completer = newCompleter(e)
	e.signals = newSignals()
	e.reports = newReports()
	e.member = newMember(e)
	for name, q := range c.queues {
		e.producers[name] = newProducer(e, name, q.Concurrency)
	}
	return e
}

// open makes the tables and lets the other nodes know of this one.
func (e *engine) open(ctx context.Context) error {
	schedules, err := e.programSchedules(ctx)
	if err != nil {
		return err
	}
	if err := migrate(ctx, e.repo()); err != nil {
		return err
	}
	if err := e.member.join(ctx); err != nil {
		return err
	}
	if err := e.declare(ctx, schedules); err != nil {
		e.stop()
		return err
	}
	return nil
}

func (e *engine) repo() *data.Repo { return e.Repo }

// stop is for what the tree has left, or has not begun.
func (e *engine) stop() {
	e.member.quit()
	e.cancel()
}

func (e *engine) count(name string, n int64) {
	if n != 0 {
		e.counters.Counter(name).Add(n)
	}
}

// duty is periodic work: of the leader, or of each node.
type duty struct {
	name  string
	every time.Duration
	do    func(ctx context.Context) error
	wake  <-chan struct{} // ahead of time; may be nil
}

// duties are the leader's. There may be two leaders for a moment: what they do must be right
// even then.
func (e *engine) duties() []duty {
	return slices.Concat([]duty{
		{name: "stage", every: stagePeriod, do: e.stage, wake: e.signals.staging},
		{name: "rescue", every: e.member.every(), do: e.rescue},
	}, e.scheduleDuties(), e.retentionDuties(), e.limitDuties(), e.controlDuties())
}

// chores are each node's. Something that another node has changed (see engine.tell) makes
// all of them run at once.
func (e *engine) chores() []duty { return slices.Concat(e.controlChores(), e.scheduleChores()) }

// stagePeriod is how late a job may become available that was inserted for later.
const stagePeriod = 200 * time.Millisecond

// repeating runs a chore until ctx ends.
func (e *engine) repeating(d duty) func(context.Context) error {
	return func(ctx context.Context) error {
		told := e.signals.news.watch()
		for e.perform(ctx, d) {
			if !pause(ctx, d.every, d.wake, told()) {
				break
			}
		}
		return nil
	}
}

// leading runs a duty while this node leads.
func (e *engine) leading(d duty) func(context.Context) error {
	return func(ctx context.Context) error {
		for ctx.Err() == nil {
			select {
			case <-e.member.leading():
			case <-ctx.Done():
				return nil
			}
			for e.member.leads() && e.perform(ctx, d) {
				if !pause(ctx, d.every, d.wake, nil) {
					break
				}
			}
		}
		return nil
	}
}

// perform does a duty once. What fails is tried again at its next time. It reports false
// when ctx has ended.
func (e *engine) perform(ctx context.Context, d duty) bool {
	if err := d.do(ctx); err != nil && ctx.Err() == nil {
		e.count("job.duties.failed", 1)
		telemetry.Log(ctx).Warn("job: a duty failed and is tried again", "duty", d.name, "error", err)
		return pause(ctx, min(d.every, time.Second), nil, nil)
	}
	e.count("job.duties."+d.name, 1)
	return ctx.Err() == nil
}

// pause waits for the first of these, and reports false when ctx has ended.
func pause(ctx context.Context, d time.Duration, wake, told <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-told:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// stage is the duty that makes jobs available whose time has come.
func (e *engine) stage(ctx context.Context) error {
	for {
		due, more := false, false
		now := e.now()
		err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			due, err = anyDue(ctx, tx, now)
			return err
		})
		if err != nil || !due {
			return err
		}
		err = e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			var queues []string
			queues, more, err = stage(ctx, tx, now)
			e.wakeAfter(tx, queues...)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// rescue is the duty that gives back the jobs of nodes that have died.
func (e *engine) rescue(ctx context.Context) error {
	for id, beat := range e.member.nodes.Dead() {
		err := e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return forget(ctx, tx, id, beat) })
		if err != nil {
			return err
		}
	}
	for {
		n, found := 0, false
		err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			found, err = anyOrphans(ctx, tx)
			return err
		})
		if err != nil || !found {
			return err
		}
		err = e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			n, err = e.adopt(ctx, tx)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
		e.count("job.rescued", int64(n))
		telemetry.Log(ctx).Warn("job: jobs of nodes that have died begin again", "jobs", n)
	}
}

// adopt gives back jobs whose nodes are gone, and tells how many.
func (e *engine) adopt(ctx context.Context, tx data.Tx) (int, error) {
	all, err := orphans(ctx, tx)
	if err != nil {
		return 0, err
	}
	ends := make([]end, 0, len(all))
	for _, o := range all {
		ended := o.giveBack(e.now())
		if _, err := conclude(ctx, tx, ended); err != nil {
			return 0, err
		}
		ends = append(ends, ended)
	}
	return len(all), e.settle(ctx, tx, ends)
}

// settle does, in the same transaction, what follows from the ends of jobs.
func (e *engine) settle(ctx context.Context, tx data.Tx, ends []end) error {
	queues := make(map[string]bool)
	for i := range ends {
		if s := &ends[i]; s.state == Available && !queues[s.queue] {
			queues[s.queue] = true
			e.wakeAfter(tx, s.queue)
		}
	}
	e.touchAfter(tx, ends)
	if err := e.settleNeeds(ctx, tx, ends); err != nil {
		return err
	}
	return e.settleLimits(ctx, tx, ends)
}

// attend is there to give jobs that run their time when the runner is to stop.
func (e *engine) attend(ctx context.Context) error {
	<-ctx.Done()
	if e.emptyIn(e.drain) {
		return nil
	}
	e.exitAll(process.Shutdown)
	if e.emptyIn(lastWait) {
		return nil
	}
	e.exitAll(process.Kill)
	e.emptyIn(lastWait / 2)
	return nil
}

// lastWait is what functions have to notice that their context has ended.
const lastWait = time.Second

// emptyIn reports whether nothing runs any more, and waits for it.
func (e *engine) emptyIn(d time.Duration) bool {
	e.mu.Lock()
	if len(e.atWork) == 0 {
		e.mu.Unlock()
		return true
	}
	if e.idle == nil {
		e.idle = make(chan struct{})
	}
	idle := e.idle
	e.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-idle:
		return true
	case <-timer.C:
		return false
	}
}

// working reports whether something runs.
func (e *engine) working() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.atWork) > 0
}

// exitAll asks all attempts to end.
func (e *engine) exitAll(reason process.Reason) {
	e.mu.Lock()
	all := make([]*attempt, 0, len(e.atWork))
	for _, a := range e.atWork {
		all = append(all, a)
	}
	e.mu.Unlock()
	for _, a := range all {
		a.interrupt(reason)
	}
}

// fence ends all that runs and lets nothing begin, until unfence: this node may be taken
// for dead.
func (e *engine) fence() {
	e.mu.Lock()
	already := e.fenced
	e.fenced = true
	e.mu.Unlock()
	if !already {
		e.count("job.fenced", 1)
		telemetry.Log(e.ctx).Error("job: the database could not be reached for so long that this node may be taken for dead: its jobs end, and begin again")
		e.exitAll(ErrLost)
	}
}

func (e *engine) unfence() {
	e.mu.Lock()
	e.fenced = false
	e.mu.Unlock()
	e.wakeAll()
}
