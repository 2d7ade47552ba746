package job

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job/internal/manual"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// Runner works on the jobs of a database, together with the Runners of all other nodes that
// have the same one. List it in the supervision tree after the repo, and before what inserts
// jobs. A node has one. The fields are not to change once it has started.
//
//	jobs := &job.Runner{
//		Repo:   repo,
//		Jobs:   []job.Definition{TripReport, Prune},
//		Queues: map[string]job.Queue{"default": {Concurrency: 50}, "reports": {Concurrency: 2}},
//	}
type Runner struct {
	Repo *data.Repo   // required
	Jobs []Definition // that it may run and insert

	// Queues are those that this node works on. Nil: "default" and all that the Jobs
	// name, with the default Concurrency. One that inserts only has an empty map.
	Queues map[string]Queue

	Schedules []Schedule
	Retention Retention

	// Drain is how long jobs that run may go on when the runner is to stop. Then their
	// contexts end, and after one second more they are given back: another node begins
	// them again, and the attempt does not count. Default 3 s. The Shutdown of the
	// runner's Child (5 s by default) must be more by 2 s.
	Drain time.Duration

	// Lease is after how long without a sign of life a node is taken for dead, and its
	// jobs begin elsewhere. Default 5 s, at least 1 s, the same on all nodes. A node that
	// cannot reach the database for four fifths of it ends its jobs' contexts. On an SQLite
	// file of Linux a node that was killed is known to be dead at once.
	Lease time.Duration

	// Poll is how often a queue is looked at without having been told of a job. Default
	// 100 ms on SQLite, where other programs cannot tell, and 1 s on PostgreSQL.
	Poll time.Duration

	// Name is the node's name, for people. Default: the host's, and the process id.
	Name string

	// Now is the clock that jobs are scheduled, retried and kept by. Default time.Now.
	Now func() time.Time

	engine atomic.Pointer[engine] // nil: it does not run
}

// Queue is how a node works on a queue.
type Queue struct {
	// Concurrency is how many of its jobs run at a time on this node. Default 10.
	Concurrency int
}

const (
	defaultConcurrency = 10
	mostConcurrency    = 100_000
	defaultDrain       = 3 * time.Second
	defaultLease       = 5 * time.Second
)

// ErrDown: the runner does not run.
var ErrDown = fault.Unavailable.Errorf("job: the runner does not run; list it in the tree before what uses it")

// Start makes the tables if they are missing, and takes part from then on: jobs may be
// inserted when it returns.
func (r *Runner) Start(ctx context.Context) error {
	s, err := r.settings()
	if err != nil {
		return err
	}
	node, err := process.NodeOf(ctx)
	if err != nil {
		return err
	}
	control := manual.Of(ctx)
	if control != nil {
		s.lease = manualLease
	}
	e := newEngine(node.Context(context.WithoutCancel(ctx)), s)
	if err := e.open(ctx); err != nil {
		e.stop()
		return err
	}
	if err := runnerOf(node).enter(e); err != nil {
		e.stop()
		return err
	}
	if !r.engine.CompareAndSwap(nil, e) {
		runnerOf(node).leave(e)
		e.stop()
		return fault.Conflict.Errorf("job: the runner runs already")
	}
	e.warnOfQueues(ctx)
	if control != nil {
		e.manual = true
		e.obeyBy(control)
	}
	return nil
}

// warnOfQueues tells of jobs that wait for ever if no other node works on their queue.
func (e *engine) warnOfQueues(ctx context.Context) {
	for _, d := range e.defs {
		if _, ok := e.queues[d.queue]; !ok && len(e.queues) > 0 {
			telemetry.Log(ctx).Warn("job: this node does not work on the queue of a job that it may insert: is it in Queues of another?", "job", d.name, "queue", d.queue)
		}
	}
}

// Serve works until ctx ends. Then it begins no more jobs, gives those that run their time
// (Drain), and gives back what is left.
func (r *Runner) Serve(ctx context.Context) error {
	e := r.engine.Load()
	if e == nil {
		return ErrDown
	}
	defer r.engine.Store(nil)
	defer e.stop()
	defer e.place.leave(e)
	if e.manual {
		<-ctx.Done()
		return nil
	}
	return e.tree().Serve(ctx)
}

// config is what a Runner says, defaults filled in.
type config struct {
	*Runner
	defs    map[string]*definition
	limited bool // one of them has a Limit
	queues  map[string]Queue
	drain   time.Duration
	lease   time.Duration
	poll    time.Duration
	name    string
	now     func() time.Time
}

func (r *Runner) settings() (config, error) {
	c := config{Runner: r, drain: r.Drain, lease: r.Lease, poll: r.Poll, name: r.Name, now: r.Now}
	if r.Repo == nil {
		return c, fault.Invalid.Errorf("job: a Runner needs a Repo")
	}
	for _, d := range []struct {
		set      *time.Duration
		standard time.Duration
	}{{&c.drain, defaultDrain}, {&c.lease, defaultLease}, {&c.poll, pollOf(r.Repo)}} {
		if *d.set < 0 {
			return c, fault.Invalid.Errorf("job: the Runner has a negative duration")
		}
		if *d.set == 0 {
			*d.set = d.standard
		}
	}
	if c.lease < time.Second {
		return c, fault.Invalid.Errorf("job: a Lease is at least 1 s")
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.name == "" {
		c.name = hostName()
	}
	err := r.Retention.check()
	if err != nil {
		return c, err
	}
	if c.defs, err = byName(r.Jobs); err != nil {
		return c, err
	}
	for _, d := range c.defs {
		c.limited = c.limited || d.limit != nil
	}
	c.queues, err = queuesOf(r.Queues, c.defs)
	return c, err
}

func byName(jobs []Definition) (map[string]*definition, error) {
	defs := make(map[string]*definition)
	for _, j := range jobs {
		if j == nil || j.definition() == nil {
			return nil, fault.Invalid.Errorf("job: the Runner's Jobs have one that is nil")
		}
		d := j.definition()
		if err := d.check(); err != nil {
			return nil, err
		}
		if defs[d.name] != nil {
			return nil, fault.Invalid.Errorf("job: two Jobs are named %q", d.name)
		}
		defs[d.name] = d
	}
	return defs, nil
}

func queuesOf(set map[string]Queue, defs map[string]*definition) (map[string]Queue, error) {
	queues := make(map[string]Queue)
	if set == nil {
		queues[DefaultQueue] = Queue{}
		for _, d := range defs {
			queues[d.queue] = Queue{}
		}
	}
	for name, q := range set {
		queues[name] = q
	}
	for name, q := range queues {
		if q.Concurrency == 0 {
			q.Concurrency = defaultConcurrency
		}
		if name == "" || len(name) > mostName || q.Concurrency < 0 || q.Concurrency > mostConcurrency {
			return nil, fault.Invalid.Errorf("job: the queue %q needs a name of 1 to %d bytes and a Concurrency between 1 and %d", name, mostName, mostConcurrency)
		}
		queues[name] = q
	}
	return queues, nil
}

func pollOf(r *data.Repo) time.Duration {
	if r.Engine() == data.Postgres {
		return time.Second
	}
	return 100 * time.Millisecond
}

func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	return host + ":" + itoa(int64(os.Getpid()))
}

// place is where a node's runner is found.
type place struct {
	mu sync.Mutex
	at *engine
}

func runnerOf(n *process.Node) *place {
	return process.Part(n, func() *place { return new(place) })
}

func (p *place) enter(e *engine) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at != nil {
		return fault.Conflict.Errorf("job: the node has a Runner already")
	}
	p.at, e.place = e, p
	return nil
}

func (p *place) leave(e *engine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == e {
		p.at = nil
	}
}

// running gives the engine of the node of ctx.
func running(ctx context.Context) (*engine, error) {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return nil, err
	}
	p := runnerOf(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		return nil, ErrDown
	}
	return p.at, nil
}

// tree is what a runner runs. It is stopped from the last to the first: nothing more is
// begun, what runs has its time, what has ended is written down, the node takes its leave.
func (e *engine) tree() supervisor.Tree {
	t := supervisor.Tree{Name: "bennu.jobs"}
	add := func(name string, shutdown time.Duration, run func(context.Context) error) {
		t.Children = append(t.Children, supervisor.Child{
			Name: name, Run: supervisor.Func(run), Shutdown: shutdown,
			Backoff: supervisor.Backoff{Max: time.Second},
		})
	}
	add("node", time.Second, e.member.serve)
	add("completer", time.Second, e.completer.serve)
	add("attempts", e.drain+2*time.Second, e.attend)
	for _, d := range e.duties() {
		add("duty."+d.name, time.Second, e.leading(d))
	}
	for _, d := range e.chores() {
		add("chore."+d.name, time.Second, e.repeating(d))
	}
	add("listener", time.Second, e.listen)
	add("notifier", time.Second, e.notify)
	for name := range e.queues {
		add("queue."+name, time.Second, e.producers[name].serve)
	}
	return t
}
