package job

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// What is in this file works from any node on the jobs of all. It finds the Runner of ctx's
// node, and joins ctx's transaction.

// Scope is where a setting of a queue holds: on all nodes, on this one, or on the one whose
// Runner has this Name. What is set for all nodes is kept; it replaces what was set for one.
// What is set for one node is kept as long as it is up.
type Scope string

// The scopes.
const (
	AllNodes Scope = ""
	ThisNode Scope = "."
)

// PauseQueue lets no more jobs of a queue begin. Those that run go on, and jobs may still be
// inserted.
func PauseQueue(ctx context.Context, queue string, where Scope) error {
	return setQueue(ctx, queue, where, "paused", "TRUE")
}

// ResumeQueue ends what PauseQueue or DrainQueue did.
func ResumeQueue(ctx context.Context, queue string, where Scope) error {
	return setQueue(ctx, queue, where, "paused", "FALSE")
}

// ScaleQueue changes how many jobs of a queue run at a time on each node. Zero is what the
// Runner says. If it is less than what runs, no more begin until enough have ended.
func ScaleQueue(ctx context.Context, queue string, where Scope, concurrency int) error {
	if concurrency < 0 || concurrency > mostConcurrency {
		return fault.Invalid.Errorf("job: a queue's concurrency is between 1 and %d, or 0 for what the Runner says", mostConcurrency)
	}
	return setQueue(ctx, queue, where, "concurrency", itoa(int64(concurrency)))
}

// DrainQueue pauses a queue and waits until none of its jobs runs there, or ctx ends. It
// stays paused.
func DrainQueue(ctx context.Context, queue string, where Scope) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	if err := PauseQueue(ctx, queue, where); err != nil {
		return err
	}
	parts := []any{"SELECT 1 FROM bennu_jobs WHERE state = 1 AND queue = ", text(queue)}
	if where != AllNodes {
		parts = append(parts, " AND owner IN (SELECT id FROM bennu_job_nodes WHERE name = ", text(e.named(where)), ")")
	}
	parts = append(parts, " LIMIT 1")
	for quiet := 0; quiet < drainLooks; {
		some := false
		err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			some, err = exists(ctx, tx, parts...)
			return err
		})
		if err != nil {
			return err
		}
		if quiet++; some {
			quiet = 0
		}
		if quiet < drainLooks && !pause(ctx, 20*time.Millisecond, nil, nil) {
			return fault.Timeout.Wrap(ctx.Err(), "job: the queue %q still has jobs that run; it is paused", queue)
		}
	}
	return nil
}

// drainLooks is how often in a row nothing may run for a queue to be drained: on PostgreSQL a
// node may be about to commit what it began before the queue was paused.
const drainLooks = 3

// unlessPaused is the condition of a claim.
func unlessPaused(queue, node string) string {
	return statement(" AND NOT EXISTS (SELECT 1 FROM bennu_job_queues WHERE paused AND queue = ", text(queue), " AND node IN ('', ", text(node), "))")
}

func (e *engine) named(where Scope) string {
	if where == ThisNode {
		return e.name
	}
	return string(where)
}

// setQueue keeps a setting and lets all nodes know.
func setQueue(ctx context.Context, queue string, where Scope, column, value string) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	if queue == "" || len(queue) > mostName || strings.ContainsFunc(queue, isControl) {
		return fault.Invalid.Errorf("job: a queue's name has 1 to %d bytes and no control characters", mostName)
	}
	return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		node := "''"
		if where != AllNodes {
			node = statement(text(e.named(where)))
		} else if _, err := exec(ctx, tx, "UPDATE bennu_job_queues SET ", column, " = ", value, " WHERE queue = ", text(queue)); err != nil {
			return err
		}
		_, err := exec(ctx, tx, "INSERT INTO bennu_job_queues (queue, node, ", column, ") VALUES (", text(queue), ", ", node, ", ", value,
			") ON CONFLICT (queue, node) DO UPDATE SET ", column, " = excluded.", column)
		e.tell(tx)
		return err
	})
}

// controlChores are what each node does each second, and at once when e.tell has been called
// on any node.
func (e *engine) controlChores() []duty {
	return []duty{
		{name: "control", every: time.Second, do: e.obey},
		{name: "reports", every: reportEvery, do: e.report, wake: e.reports.wake},
	}
}

// controlDuties are the leader's.
func (e *engine) controlDuties() []duty {
	return []duty{{name: "nodes", every: time.Minute, do: func(ctx context.Context) error { return e.Repo.Write(ctx, forgetNodes) }}}
}

// queueSetting is what holds for a queue on this node.
type queueSetting struct {
	paused      bool
	concurrency int // 0: as the Runner says
}

// obey is the chore that does what was asked of this node: settings of queues, and jobs to
// be cancelled.
func (e *engine) obey(ctx context.Context) error {
	settings := make(map[string]queueSetting)
	var cancelled map[int64]string
	err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		if settings, err = settingsOf(ctx, tx, e.name); err != nil {
			return err
		}
		cancelled, err = cancelledOf(ctx, tx, e.member.owner())
		return err
	})
	if err != nil {
		return err
	}
	for queue, p := range e.producers {
		s := settings[queue]
		p.obey(cmp.Or(s.concurrency, e.queues[queue].Concurrency), s.paused)
	}
	for id, reason := range cancelled {
		e.cancelRunning(id, reason)
	}
	return nil
}

// obey sets what has changed.
func (p *producer) obey(most int, paused bool) {
	p.mu.Lock()
	same := p.most == most && p.paused == paused
	p.mu.Unlock()
	if !same {
		p.set(most, paused)
	}
}

// cancelRunning ends the context of a job that runs on this node; it ends as Cancelled. It
// reports whether it runs here.
func (e *engine) cancelRunning(id int64, reason string) bool {
	e.mu.Lock()
	a := e.atWork[id]
	e.mu.Unlock()
	if a != nil {
		a.interrupt(&cancellation{reason})
	}
	return a != nil
}

func settingsOf(ctx context.Context, tx data.Tx, node string) (map[string]queueSetting, error) {
	settings := make(map[string]queueSetting)
	// That of the node comes last.
	err := query(ctx, tx, statement("SELECT queue, paused, concurrency FROM bennu_job_queues WHERE node = '' OR node = ", text(node), " ORDER BY node"), func(r *sql.Rows) error {
		var queue string
		var s queueSetting
		err := r.Scan(&queue, &s.paused, &s.concurrency)
		all := settings[queue]
		settings[queue] = queueSetting{s.paused || all.paused, cmp.Or(s.concurrency, all.concurrency)}
		return err
	})
	return settings, err
}

// cancelledOf gives the jobs that run on a node and are to be cancelled, with the reasons.
func cancelledOf(ctx context.Context, tx data.Tx, owner int64) (map[int64]string, error) {
	reasons := make(map[int64]string)
	err := query(ctx, tx, statement("SELECT id, cancel FROM bennu_jobs WHERE state = 1 AND cancel IS NOT NULL AND owner = ", owner), func(r *sql.Rows) error {
		var id int64
		var reason string
		err := r.Scan(&id, &reason)
		reasons[id] = reason
		return err
	})
	return reasons, err
}

// CancelJob ends a job that is not needed any more, for a reason that is kept with it. One
// that has not begun is cancelled at once. The context of one that runs ends, on its node:
// within about a second if that is another program on SQLite. It is cancelled when its
// function returns an error, and completed if it returns nil after all. Jobs that wait for
// it are cancelled too. A job that has ended gives fault.Conflict.
func CancelJob(ctx context.Context, id int64, reason string) error {
	reason = cmp.Or(reason, "no reason was given")
	return changeJob(ctx, id, func(ctx context.Context, e *engine, tx data.Tx) error {
		done, err := cancelWaiting(ctx, tx, []int64{id}, reason, e.now())
		if err != nil {
			return err
		}
		if len(done) > 0 {
			return e.gone(ctx, tx, id)
		}
		n, err := exec(ctx, tx, "UPDATE bennu_jobs SET cancel = ", text(reason), " WHERE state = 1 AND id = ", id)
		if err == nil && n == 0 {
			err = fault.Conflict.Errorf("job: %d has ended already", id)
		}
		e.tell(tx)
		return err
	})
}

// changeJob runs fn in a transaction in which nobody else changes the job. It gives
// fault.NotFound.
func changeJob(ctx context.Context, id int64, fn func(ctx context.Context, e *engine, tx data.Tx) error) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	return e.write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := lockJob(ctx, tx, id); err != nil {
			return err
		}
		return fn(ctx, e, tx)
	})
}

// lockJob keeps a job as it is until the transaction ends. It gives fault.NotFound.
func lockJob(ctx context.Context, tx data.Tx, id int64) error {
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE"
	}
	found, err := exists(ctx, tx, "SELECT 1 FROM bennu_jobs WHERE id = ", id, lock)
	if err == nil && !found {
		err = fault.NotFound.Errorf("job: there is no job %d, or not any more", id)
	}
	return err
}

// RetryJob makes a job begin again as soon as there is a place: one that is scheduled at
// once, one that has ended once more, even if its attempts are used up. Jobs that were
// cancelled because they waited for it stay so. One that runs, or waits for others, gives
// fault.Conflict.
func RetryJob(ctx context.Context, id int64) error {
	return changeJob(ctx, id, func(ctx context.Context, e *engine, tx data.Tx) error {
		queue := ""
		err := query(ctx, tx, statement("UPDATE bennu_jobs SET state = 0, run_at = ", toMicros(e.now()), ", ended_at = NULL, cancel = NULL",
			", attempts = CASE WHEN attempts > attempt THEN attempts ELSE attempt + 1 END",
			", unique_key = CASE WHEN unique_states & 1 <> 0 THEN unique_key END WHERE state NOT IN (1, 3) AND id = ", id, " RETURNING queue"), func(r *sql.Rows) error {
			return r.Scan(&queue)
		})
		if err == nil && queue == "" {
			err = fault.Conflict.Errorf("job: %d runs, or waits for other jobs", id)
		}
		if queue != "" {
			e.wakeAfter(tx, queue)
		}
		tx.OnCommit(func() { e.reports.touch(id) })
		return err
	})
}

// DeleteJob removes a job, which must not be running. Jobs that wait for it are cancelled.
func DeleteJob(ctx context.Context, id int64) error {
	return changeJob(ctx, id, func(ctx context.Context, e *engine, tx data.Tx) error {
		if _, err := cancelWaiting(ctx, tx, []int64{id}, "it was deleted", e.now()); err != nil {
			return err
		}
		n, err := exec(ctx, tx, "DELETE FROM bennu_jobs WHERE state <> 1 AND id = ", id)
		if err == nil && n == 0 {
			err = fault.Conflict.Errorf("job: %d runs; cancel it first", id)
		}
		if err != nil {
			return err
		}
		return e.gone(ctx, tx, id)
	})
}

// Get gives a job, or fault.NotFound.
func Get(ctx context.Context, id int64) (Info, error) {
	all, err := infos(ctx, statement("WHERE id = ", id))
	if err == nil && len(all) == 0 {
		err = fault.NotFound.Errorf("job: there is no job %d, or not any more", id)
	}
	if err != nil {
		return Info{}, err
	}
	return all[0], nil
}

// Filter chooses jobs. What is zero does not matter.
type Filter struct {
	Queue    string
	Name     string
	Label    string
	Schedule string  // those that a schedule inserted
	States   []State // one of these
	Before   int64   // inserted before the one with this id: for the next page
	Limit    int     // how many at most; 0: 100, up to 1000
}

const (
	defaultPage = 100
	mostPage    = 1000
)

// List gives jobs, the latest first.
func List(ctx context.Context, f Filter) ([]Info, error) {
	if f.Limit < 0 || f.Limit > mostPage || f.Before < 0 {
		return nil, fault.Invalid.Errorf("job: a List has a Limit of up to %d, and Before is the id of a job", mostPage)
	}
	where := []any{"WHERE TRUE"}
	for _, equal := range [][2]string{{"queue", f.Queue}, {"name", f.Name}, {"label", f.Label}, {"schedule", f.Schedule}} {
		if equal[1] != "" {
			where = append(where, " AND ", equal[0], " = ", text(equal[1]))
		}
	}
	if f.Before > 0 {
		where = append(where, " AND id < ", f.Before)
	}
	if len(f.States) > 0 {
		states := make([]int64, 0, len(f.States))
		for _, s := range f.States {
			states = append(states, int64(s))
		}
		where = append(where, " AND state IN ", states)
	}
	return infos(ctx, statement(append(where, " ORDER BY id DESC LIMIT ", cmp.Or(f.Limit, defaultPage))...))
}

// infos reads jobs as data.
func infos(ctx context.Context, which string) (all []Info, err error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		all, err = infosIn(ctx, tx, which)
		return err
	})
	return all, err
}

func infosIn(ctx context.Context, tx data.Tx, which string) (all []Info, err error) {
	err = query(ctx, tx, `SELECT id, name, queue, state, priority, attempt, attempts, run_at, created_at, COALESCE(begun_at, 0), COALESCE(ended_at, 0),
		COALESCE(errors, ''), COALESCE(label, ''), COALESCE(schedule, ''), COALESCE(owner, 0), COALESCE(cancel, ''), COALESCE(progress, '') FROM bennu_jobs `+which, func(r *sql.Rows) error {
		info, err := scanInfo(r)
		all = append(all, info)
		return err
	})
	return all, err
}

func scanInfo(r *sql.Rows) (i Info, err error) {
	var runAt, created, begun, ended int64
	var failures, kept string
	err = r.Scan(&i.ID, &i.Name, &i.Queue, &i.State, &i.Priority, &i.Attempt, &i.Attempts, &runAt, &created, &begun, &ended,
		&failures, &i.Label, &i.Schedule, &i.Node, &i.Cancel, &kept)
	i.RunAt, i.CreatedAt, i.BegunAt, i.EndedAt = ofMicros(runAt), ofMicros(created), ofMicros(begun), ofMicros(ended)
	i.Errors = failuresOf(failures)
	if i.State != Running {
		i.Node = 0
	}
	p := progressOf(kept)
	i.Done, i.Doing = p.Done, p.Text
	return i, err
}

// QueueStats is a queue as data.
type QueueStats struct {
	Queue       string    `json:"queue"`
	Available   int       `json:"available"`
	Running     int       `json:"running"`
	Scheduled   int       `json:"scheduled"`
	Waiting     int       `json:"waiting"`
	Completed   int       `json:"completed"` // and still kept, as the next two
	Cancelled   int       `json:"cancelled"`
	Discarded   int       `json:"discarded"`
	Oldest      time.Time `json:"oldest,omitzero"` // since when the available one waits that waits longest
	Paused      bool      `json:"paused"`          // on all nodes
	Concurrency int       `json:"concurrency"`     // on each node, if it was set for all; else 0
}

// Stats gives all queues that have jobs, or settings for all nodes, by name. It counts the
// jobs that are there: with a million that takes part of a second.
func Stats(ctx context.Context) ([]QueueStats, error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	var queues map[string]*QueueStats
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		queues = make(map[string]*QueueStats)
		of := func(queue string) *QueueStats {
			if queues[queue] == nil {
				queues[queue] = &QueueStats{Queue: queue}
			}
			return queues[queue]
		}
		err := query(ctx, tx, "SELECT queue, state, count(*), min(run_at) FROM bennu_jobs GROUP BY queue, state", func(r *sql.Rows) error {
			var queue string
			var state State
			var n int
			var oldest int64
			err := r.Scan(&queue, &state, &n, &oldest)
			of(queue).add(state, n, oldest)
			return err
		})
		if err != nil {
			return err
		}
		return query(ctx, tx, "SELECT queue, paused, concurrency FROM bennu_job_queues WHERE node = ''", func(r *sql.Rows) error {
			var queue string
			var s queueSetting
			err := r.Scan(&queue, &s.paused, &s.concurrency)
			q := of(queue)
			q.Paused, q.Concurrency = s.paused, s.concurrency
			return err
		})
	})
	all := make([]QueueStats, 0, len(queues))
	for _, q := range queues {
		all = append(all, *q)
	}
	slices.SortFunc(all, func(a, b QueueStats) int { return strings.Compare(a.Queue, b.Queue) })
	return all, err
}

func (q *QueueStats) add(state State, n int, oldest int64) {
	switch state {
	case Available:
		q.Available, q.Oldest = n, ofMicros(oldest)
	case Running:
		q.Running = n
	case Scheduled:
		q.Scheduled = n
	case Waiting:
		q.Waiting = n
	case Completed:
		q.Completed = n
	case Cancelled:
		q.Cancelled = n
	case Discarded:
		q.Discarded = n
	}
}

// NodeInfo is a node that works on jobs, as data.
type NodeInfo struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Leader  bool   `json:"leader"`  // it schedules, rescues and deletes for all
	Running int    `json:"running"` // jobs
}

// Nodes gives the nodes, by name. One that has died is among them until it is taken for dead.
func Nodes(ctx context.Context) (all []NodeInfo, err error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		all = nil
		return query(ctx, tx, `SELECT n.id, n.name, EXISTS (SELECT 1 FROM bennu_job_leader l WHERE l.owner = n.id),
			(SELECT count(*) FROM bennu_jobs j WHERE j.state = 1 AND j.owner = n.id) FROM bennu_job_nodes n ORDER BY n.name, n.id`, func(r *sql.Rows) error {
			var n NodeInfo
			err := r.Scan(&n.ID, &n.Name, &n.Leader, &n.Running)
			all = append(all, n)
			return err
		})
	})
	return all, err
}

// forgetNodes deletes the settings of nodes that are not there any more.
func forgetNodes(ctx context.Context, tx data.Tx) error {
	_, err := exec(ctx, tx, "DELETE FROM bennu_job_queues WHERE node <> '' AND node NOT IN (SELECT name FROM bennu_job_nodes)")
	return err
}
