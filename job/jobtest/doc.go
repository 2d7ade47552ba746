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
//		jobtest.AssertEnqueued(k, Mail, Message{To: "ann@example.com"}, job.In(time.Hour))
//		jobtest.RefuteEnqueued(k, TripReport)
//	}
//
// What names a job here is the job itself or its job.Name.
//
// # Running
//
// [Kit.Drain] runs all jobs that are due, one after the other and in this goroutine's time,
// with those that they insert, and says how they ended. What is for later stays: [Kit.Advance]
// moves the clock, and then it is due. Retries and limits go by the same clock, and so do
// schedules: Advance stops at each of their due times, as the clock would, so that a day has 24
// runs of what is @hourly. Their jobs run at the next Drain, all of them then.
//
//	k.Advance(24 * time.Hour)
//	if r := k.Drain(); r.Discarded > 0 { … }
//
// Nothing is ever missed so. To see what Schedule.Missed does, start a second Kit on the same
// Repo, as a program that was away: with a Runner whose Now is later.
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
