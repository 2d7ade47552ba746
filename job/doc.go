// Package job does work later, elsewhere or again: what is inserted is done, whatever dies.
//
// A job is a function bound to a name. It is inserted with its input, in the transaction that
// makes it necessary, and kept in the database of a data.Repo until a node has done it.
//
// # Usage
//
//	var TripReport = job.Define("trip_report", reports.Trip,
//		job.InQueue("reports"), job.Retry{Attempts: 5}, job.Timeout(time.Minute))
//
//	ref, err := TripReport.Enqueue(ctx, Trip{Unit: "42"}, job.In(time.Hour))
//
// A [Runner] works on them. It is a child of the tree, after the repo and before what inserts:
//
//	jobs := &job.Runner{Repo: repo, Jobs: []job.Definition{TripReport, Prune}}
//
//	tree := supervisor.Tree{Children: []supervisor.Child{
//		{Name: "repo", Run: repo},
//		{Name: "jobs", Run: jobs},
//	}}
//
// All nodes with a Runner on the same database share its jobs: those of one machine, with SQLite
// in a file, or any number, with PostgreSQL. The functions of this package find the Runner through
// the node in their context.
//
// A function that needs more than its input is a method, whose job is defined where the tree is
// wired. A constant [Name] then inserts from anywhere, also from the function itself:
//
//	const TripReport job.Name[Trip] = "trip_report"
//
//	Jobs: []job.Definition{job.Define(TripReport, office.report)}
//
// # Inserting
//
// With the context of a Write on the Runner's repo, Enqueue joins it: the job is there when
// that has committed, and not at all when it rolls back. EnqueueAll inserts many, with few
// statements. New makes a [Draft], for data.Tx.Emit and schedules.
//
//	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
//		if err := data.Insert(ctx, tx, &trip); err != nil {
//			return err
//		}
//		_, err := TripReport.Enqueue(ctx, Trip{Unit: trip.Unit})
//		return err
//	})
//
// The input is kept as JSON, or encrypted ([Encrypt]). When its type changes so that old
// inputs cannot be read any more, [Upgrade] makes old ones into new ones.
//
// [In], [At], [Priority], [InQueue] and [Label] say when and how a job is to begin, [After]
// which others are to be completed before, [Unique] when it is the same as another, [Limit]
// how many may run at a time or begin within a period, on all nodes together.
//
// # What becomes of a job
//
//	| the function                  | the job                                             |
//	|-------------------------------|-----------------------------------------------------|
//	| returns nil                   | is completed                                        |
//	| returns Snooze(d)             | begins again after d; the attempt does not count    |
//	| returns Cancel(reason)        | is cancelled                                        |
//	| returns Discard(reason)       | is discarded                                        |
//	| returns fault.Invalid         | is discarded, for it can never go well              |
//	| returns another error         | is tried again, or discarded after the last attempt |
//	| panics                        | the same; the crash is reported with its stack      |
//	| takes longer than its Timeout | the same; completed if it returns nil after all     |
//	| is ended by CancelJob         | is cancelled; completed if it returns nil           |
//	| is ended, as its node stops   | begins again elsewhere; the attempt does not count  |
//	| dies with its node            | begins again elsewhere; the attempt counts          |
//	| has called Commit             | is completed, whatever comes then                   |
//
// The n-th time, a job that fails waits n⁴ s and up to a tenth more, and it is tried 20 times:
// over about a week. [Retry] says otherwise.
//
// In the function, [Current] tells what runs, [Progress] what others see of it, [Checkpoint]
// and [Resume] let the next attempt go on where this one ended.
//
// # Guarantees
//
// A job that was inserted is done at least once, and no two attempts of it are under way at
// the same time. So that it has its effect exactly once, store that with [Commit]: what the
// function has done and the job's completion are one transaction. A [Checkpoint] in a
// transaction does the same for a part of the work. What is done elsewhere needs a key that stays
// the same, such as Current(ctx).ID.
//
// Each attempt is fenced. A Write that is made with the context of a job's function commits
// only if the attempt still is the one that has the job, else it fails with [ErrLost]. That
// holds also for a function that was abandoned because it does not heed its context, and for
// a node that stood still for a minute and goes on. A Write on another repo than the Runner's is
// fenced as well, but there the job cannot be locked until it has committed.
//
// # Liveness
//
// A node lives as long as it raises a counter in the database. When another has seen it
// unchanged for a Lease (5 s), by its own monotonic clock, the node is dead and its jobs begin
// elsewhere; the attempt counts. A node that could not raise its counter for four fifths of
// that ends the contexts of its jobs, and begins none. No wall clocks are compared. So a database
// that is away for less than 4 s is not noticed; one that is away for longer interrupts what
// runs, and loses nothing.
//
// On an SQLite file of Linux a node also holds a lock, on an empty file beside it whose name
// ends with -alive. When its program is gone, so is the lock, and nobody waits for the Lease.
//
// A Runner that is stopped gives its jobs Drain (3 s) to end, then ends their contexts, and
// gives back what is left a second later; these attempts do not count.
//
// One node leads: it makes available what is due, gives back what the dead have left, runs
// schedules and deletes what is old. When it goes another takes over, within the Lease if it
// died.
//
// # Order
//
// Jobs of a queue begin by priority, then in the order of insertion, at once: this node knows
// of its own, others are told by PostgreSQL's NOTIFY, or look every Poll. A job for later may
// be 200 ms late. They end in any order: what has to come after something says so with [After],
// and what must not run beside another has a [Limit].
//
// # Concurrency
//
// An attempt is a process of its own, with the logger and the counters of the node; its log
// lines have a request_id such as job-42-1, the job's number and its attempt. A Queue's
// Concurrency is how many run at a time on a node. Nothing is claimed ahead of the places
// there are. Ends are stored together, 2 ms after the first of them.
//
// # Failure
//
// While the database cannot be reached, ends are kept and nothing begins. Beyond 10,000 ends
// nothing begins either. A claim whose answer was lost is found again and given back. A function
// that returns fault.Unavailable while the runner cannot reach the database, as of a Commit
// then, begins again 1 s later and the attempt does not count, unless ten of the job have not
// counted already: the job itself may be what the database cannot bear.
//
// On PostgreSQL, where transactions run side by side, those of this package lock jobs in the order
// of their ids. If two still get in each other's way, the functions that insert and change jobs
// try theirs again, up to 5 times; a Write of yours fails with fault.Unavailable.
//
// A job that this program does not know, or whose arguments are of a newer version, is given
// back at once, for another node may be newer, and with it in mind this node leaves such jobs
// alone for as long as it runs. It remembers 100 names, and gives others back for 10 s.
//
//	| error             | when                                                             |
//	|-------------------|------------------------------------------------------------------|
//	| ErrDown           | no Runner runs on the node of ctx                                |
//	| ErrLost           | the attempt is over, and may not write                           |
//	| process.ErrNoNode | ctx is of no node                                                |
//	| fault.Invalid     | the job is not in Runner.Jobs, or its input or an option is wrong |
//
// Counters: job.completed, job.failed (tried again), job.discarded, job.cancelled,
// job.rescued (given back by the dead), job.fenced, job.attempts.lost (ends that came too
// late), job.claims.lost, job.unknown (given back to nodes that know them), job.crossed
// (transactions that were tried again), job.excused (failed for want of the database), and job.claims.failed, job.completions.failed,
// job.completions.dropped, job.beats.failed, job.listens.failed, job.duties.failed for what
// the database refused.
//
// # Limits
//
//	| limit                            | it is                   | beyond it       |
//	|----------------------------------|-------------------------|-----------------|
//	| arguments, a checkpoint, as JSON | 1 MiB                   | fault.Invalid   |
//	| a name, a queue, a label         | 128 bytes               | fault.Invalid   |
//	| a priority                       | -1000 to 1000           | fault.Invalid   |
//	| attempts                         | 1,000,000               | fault.Invalid   |
//	| unknown names a node remembers   | 100                     | see Failure     |
//	| Concurrency of a queue on a node | 100,000                 | fault.Invalid   |
//	| failures kept of a job           | the latest 10           | older ones go   |
//	| the text of a failure            | 2,000 bytes             | it ends in …    |
//
// # Testing
//
// Package job/jobtest runs jobs by hand, and with a clock of the test's own.
package job
