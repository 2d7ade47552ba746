// Package jobtest is the kit for tests of jobs: a runner in which nothing runs by itself, so
// that a test says when.
//
//	func TestTripIsReported(t *testing.T) {
//		k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{TripReport, Mail}})
//
//		err := trips.End(k, trip) // the code that is tested; a Kit is a context
//		…
//		jobtest.AssertEnqueued(k, TripReport, Trip{ID: 7})
//		k.Drain()
//		jobtest.AssertEnqueued(k, Mail, Message{To: "ann@example.com"})
//		jobtest.RefuteEnqueued(k, TripReport)
//	}
//
// # Running
//
// [Kit.Drain] runs all jobs that are due, one after the other and in this goroutine's time,
// with those that they insert, and says how they ended. What is for later stays: [Kit.Advance]
// moves the clock, and then it is due. Schedules, retries and limits go by the same clock. It
// moves in one step: a run of a schedule that is passed by more than a minute was missed, as if
// no program had run, and becomes what Schedule.Missed says. So advance to the time itself.
//
//	k.Advance(24 * time.Hour)
//	if r := k.Drain(); r.Discarded > 0 { … }
//
// [Run] is for the job's function alone: it inserts a job, runs it inline, and gives what the
// function returned. Arguments go through JSON on their way, the job has a number, and what
// job.Progress, job.Checkpoint and job.Commit do is real.
//
//	err := jobtest.Run(k, TripReport, Trip{ID: 7})
//
// # Database
//
// A Runner without a Repo gets one in memory. With the Repo of datatest.Each the test runs on
// both engines. A Kit is for one goroutine at a time, save its context and its clock.
package jobtest
