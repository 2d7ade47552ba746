// Package job does work later, elsewhere or again: what is inserted is done, whatever dies.
//
// Jobs are rows of the program's own database, of SQLite or PostgreSQL, so they are inserted in
// the transaction of what they are about, and there is nothing else to install.
//
// # Usage
//
// A job is a function bound to a name. The name stays in the database; the input is kept as JSON:
//
//	var TripReport = job.Define("trip_report", reports.Trip, job.InQueue("reports"), job.Timeout(time.Minute))
//
// A [Runner] works on the jobs of a repo. It is a child in the supervision tree, after the repo
// and before what inserts jobs:
//
//	jobs := &job.Runner{Repo: repo, Jobs: []job.Definition{TripReport}}
//
// Whoever has a context of the program inserts (an action, a process, another job). With the context
// of a transaction, the job is there when that commits, and not before:
//
//	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
//		if err := data.Insert(ctx, tx, &trip); err != nil {
//			return err
//		}
//		_, err := TripReport.Enqueue(ctx, Trip{trip.ID}, job.In(time.Hour))
//		return err
//	})
//
// A function that needs more than its input is a method, whose job is defined where the tree is
// wired. Then a constant [Name] inserts, from anywhere, also from the function itself:
//
//	const TripReport job.Name[Trip] = "trip_report"
//
//	Jobs: []job.Definition{job.Define(TripReport, office.report)}
//
// # Outcomes
//
// What the function returns says what becomes of the job.
//
//	| it returns, or                    | the job                                      | the attempt    |
//	|-----------------------------------|----------------------------------------------|----------------|
//	| nil                               | is completed                                 | counts         |
//	| an error                          | is tried again; with its last one, discarded | counts         |
//	| an error of kind fault.Invalid    | is discarded                                 | counts         |
//	| [Discard], [Cancel]               | is discarded, cancelled, with a reason       | counts         |
//	| [Snooze]                          | begins again later                           | does not count |
//	| it panics, or its [Timeout] ends  | as with an error                             | counts         |
//	| it was cancelled with [CancelJob] | is cancelled, but completed if it gives nil  | counts         |
//	| it has called [Commit]            | is completed, whatever comes after           | counts         |
//	| its node stops in order           | begins again elsewhere                       | does not count |
//	| its node dies                     | begins again elsewhere, or as with an error  | counts         |
//
// It is tried 20 times if [Retry] does not say otherwise, after 1 s, 16 s, 81 s and so on: the
// fourth power of the failures, and up to a tenth more.
//
// # Guarantees
//
// A job that is inserted runs at least once, and never in two attempts that can both store
// something. A function may be cut off after it has done something and before that is known, and
// then it runs again. What it does in its own database can be exactly once:
//
//   - [Commit] completes the job in the transaction in which the function stores what it has done.
//   - [Checkpoint] in a transaction does the same for a part of the work: the next attempt goes on
//     behind it, with [Resume].
//   - Every data.Repo.Write with the context of the function is fenced: right before it commits it
//     is looked whether the job is still this attempt's. One that was given to another node, was
//     cancelled or has timed out gets [ErrLost], and nothing is kept. On other repos than the
//     Runner's it is looked as well, but the job cannot be locked meanwhile.
//
// What is done elsewhere needs a key that stays the same, such as Current(ctx).ID.
//
// Jobs of a queue begin by priority, and those of one priority by age. They end in any order: what
// has to come after something says so with [After], and what must not run beside itself has a
// [Limit].
//
// # Queues
//
// Each node works on the queues of its Runner, with a number of places for each. A job takes one
// while it runs, and none while it waits for its time, for other jobs or for a limit. Queues are
// paused, scaled and drained on one node or on all: see [PauseQueue]. A job that was inserted here
// begins here at once. Other nodes are told on PostgreSQL; on SQLite they look ten times a second.
//
// # Liveness
//
// A node lives as long as it raises a counter of its own in the database, which it does each
// second. The others see that it changes, by their own monotonic clocks; no wall clocks are compared. One
// that has not for Runner.Lease, 5 s, is dead, and its jobs begin elsewhere. One that cannot reach the
// database for four fifths of that ends the contexts of its jobs by itself; if a function goes on
// nevertheless, the fence keeps it from storing anything. When the database is back the node takes part
// again.
//
// One of the nodes leads: it inserts what is due by a [Schedule], gives the jobs of the dead to
// others and deletes what is old. When it dies another one leads after a lease; when it
// stops in order, within a second or so.
//
// # Changes of a program
//
// Old and new programs may work on the same jobs, as during an upgrade. One that meets a job that
// it does not know, or an input of a newer version, gives it back for ten seconds. Inputs that older
// programs have inserted are brought up to date with [Upgrade]. Fields that are added to an input
// need none.
//
// # Limits
//
//	| what                              | is at most                            |
//	|-----------------------------------|---------------------------------------|
//	| an input, a checkpoint            | 1 MiB of JSON                         |
//	| names, labels                     | 128 bytes                             |
//	| Priority                          | 1,000 and at least -1,000             |
//	| places of a queue on a node       | 100,000, by default 10                |
//	| Limit.Rate                        | 10,000 in its Period                  |
//	| what is kept of errors            | 2,000 bytes each, of the latest ten   |
//	| completed and cancelled jobs stay | 24 h, discarded ones 7 days: [Retention] |
//
// # Failure
//
// Enqueue fails with fault.Invalid where the input or an option makes no sense, with [ErrDown] where
// there is no runner, and as data.Repo.Write does. What is wrong in a definition, a queue or a
// schedule is an error of the Runner's Start.
//
// When the database is away, nothing begins, and what has ended is written down when it is back. An
// input that cannot be read, or decrypted, is an error like any other, so a program that can may
// come in time. Errors are kept with the job (Info.Errors), and so are reasons; inputs are never in a
// log or an error.
//
// # What it tells
//
// [Get], [List], [Stats], [Nodes], [Schedules] and [Runs] give all as data, and [Follow] tells a
// process how far a job is. The counters job.completed, job.failed, job.cancelled and job.discarded
// are the attempts of this node. job.rescued are jobs that it took from dead nodes, job.fenced is
// how often it could not reach the database in time itself, job.attempts.lost what it had to give up, and
// job.unknown are those that this program did not know.
//
// # Testing
//
// Package job/jobtest has a runner in which nothing runs by itself.
package job
