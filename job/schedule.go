package job

import (
	"context"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/cron"
)

// Schedule inserts a job whenever it is due. Those of a program are in [Runner.Schedules];
// others are added while it runs, with [AddSchedule]. The leader of the nodes inserts: there is
// one job for each due time, whatever dies.
//
//	Schedules: []job.Schedule{
//		{Name: "prune", Cron: "30 3 * * *", Zone: "Europe/Paris", Job: Prune.New(process.None{}), Missed: job.Once},
//		{Name: "poll", Every: 10 * time.Second, Job: Poll.New(process.None{})},
//	}
//
// A job can begin up to 300 ms after it is due. Its function learns with [Due] which
// time it is for.
//
// A schedule of a program is at work as long as a node lives whose program has it. When none
// has had it for an hour it is removed. If nodes have different ones of a name, the one
// that started last has its way.
type Schedule struct {
	// Name is how the schedule is known, to the database too. Required.
	Name string

	// Cron is when it is due: minute hour day month weekday, with the seconds first if
	// there are six fields, or @hourly, @daily, @weekly, @monthly or @yearly. Weekdays
	// are 0 (Sunday) to 6 or SUN to SAT. If the day and the weekday are both limited, one
	// of them is enough.
	//
	// With daylight saving, an hour that is given by itself (3, or each of 3,15) is a
	// time of day: one that a day does not have is made up for at the first instant
	// after the gap, and one that comes twice runs once. Hours given as *, */2 or 9-17 go
	// by real time: what comes twice runs twice, what is left out does not run.
	Cron string

	// Every is the interval, in place of Cron: at least 1 s, counted from when the
	// schedule was first known. The first run is after one interval.
	Every time.Duration

	// Zone is the time zone of Cron, as in "Europe/Paris". Default: UTC.
	Zone string

	// Job is what is inserted. Its options count for each job, but At and After. A job
	// with Unique is not inserted while another stands for it.
	Job Draft

	// Missed is what becomes of runs that nobody was there for. Default: Skip.
	Missed Missed

	// Paused has the schedule begin paused. A change of it in the program counts; the
	// program's next start without one does not undo what [PauseSchedule] and
	// [ResumeSchedule] did.
	Paused bool
}

// Missed is what becomes of runs that are more than a minute late, because no program ran, or
// the clock went forward. What is less late is run: a new leader takes some seconds.
type Missed uint8

// The policies.
const (
	Skip Missed = iota // nothing
	Once               // the latest is run, unless one is due within that minute anyway
	All                // each is run, the latest 1,000 of them
)

var missedNames = [...]string{"skip", "once", "all"}

func (m Missed) String() string {
	if int(m) < len(missedNames) {
		return missedNames[m]
	}
	return "unknown"
}

// MarshalText is the policy's name.
func (m Missed) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// ScheduleInfo is a schedule as data.
type ScheduleInfo struct {
	Name   string        `json:"name"`
	Cron   string        `json:"cron,omitempty"`
	Every  time.Duration `json:"every,omitempty"` // nanoseconds
	Zone   string        `json:"zone,omitempty"`
	Missed Missed        `json:"missed"`
	Job    string        `json:"job"` // its name
	Paused bool          `json:"paused"`
	Code   bool          `json:"code"`          // it is in a program
	Absent bool          `json:"absent"`        // it is in none that runs now
	Next   time.Time     `json:"next,omitzero"` // zero: paused, or never again
	Last   time.Time     `json:"last,omitzero"` // the latest due time that was run
}

// Run is a due time, and the job that was inserted for it.
type Run struct {
	Due time.Time `json:"due"`
	Job Info      `json:"job"` // of a job that was deleted it has the ID only
}

// AddSchedule adds a schedule that is kept in the database, in the transaction of ctx if there
// is one. It replaces one of the same name: the due times go on where the timing is the same,
// and begin anew where it changes. It fails with fault.Invalid where something in it makes
// no sense, and with fault.Conflict if the name is that of a schedule in a program.
func AddSchedule(ctx context.Context, s Schedule) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	row, err := e.scheduleRow(ctx, s)
	if err != nil {
		return err
	}
	return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		return saveSchedule(ctx, tx, row, e.now())
	})
}

// RemoveSchedule removes a schedule that was added. Jobs that it has inserted stay. It fails
// with fault.NotFound, and with fault.Conflict if the schedule is in a program.
func RemoveSchedule(ctx context.Context, name string) error {
	return withSchedule(ctx, name, func(ctx context.Context, tx data.Tx, r scheduleRow, _ time.Time) error {
		if r.code {
			return errInCode(name)
		}
		return deleteSchedule(ctx, tx, name)
	})
}

// PauseSchedule has a schedule insert nothing until [ResumeSchedule]. It holds for all nodes,
// and after a restart. It fails with fault.NotFound.
func PauseSchedule(ctx context.Context, name string) error {
	return withSchedule(ctx, name, func(ctx context.Context, tx data.Tx, r scheduleRow, _ time.Time) error {
		r.paused = true
		return r.update(ctx, tx)
	})
}

// ResumeSchedule ends a pause. What was due in it is not made up for.
func ResumeSchedule(ctx context.Context, name string) error {
	return withSchedule(ctx, name, func(ctx context.Context, tx data.Tx, r scheduleRow, now time.Time) error {
		if !r.paused {
			return nil
		}
		r.paused = false
		if err := r.wind(now); err != nil {
			return err
		}
		return r.update(ctx, tx)
	})
}

// Schedules are all schedules of the database, by name.
func Schedules(ctx context.Context) (all []ScheduleInfo, err error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		all, err = scheduleInfos(ctx, tx)
		return err
	})
	return all, err
}

// Runs are the latest 100 runs of a schedule, the newest first. The jobs of the latest 20 are
// kept however old they are; those before as long as [Retention] says.
func Runs(ctx context.Context, name string) (all []Run, err error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	err = e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		all, err = runsOf(ctx, tx, name, mostRuns)
		return err
	})
	return all, err
}

// mostRuns is how many runs Runs gives.
const mostRuns = 100

// Due is the time that the job of ctx was due by its schedule, in UTC: the day that a daily
// report is about, say, also if it runs late. It fails with fault.NotFound in a job that no
// schedule inserted, and reads the database.
func Due(ctx context.Context) (due time.Time, err error) {
	a := attemptOf(ctx)
	if a == nil {
		return due, errNoJob
	}
	err = a.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		due, err = dueOf(ctx, tx, a.id)
		return err
	})
	if err == nil && due.IsZero() {
		err = fault.NotFound.Errorf("job: no schedule inserted this job")
	}
	return due, err
}

// withSchedule changes a stored schedule.
func withSchedule(ctx context.Context, name string, fn func(context.Context, data.Tx, scheduleRow, time.Time) error) error {
	e, err := running(ctx)
	if err != nil {
		return err
	}
	return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		r, found, err := lockSchedule(ctx, tx, name)
		switch {
		case err != nil:
			return err
		case !found:
			return fault.NotFound.Errorf("there is no schedule %q", name)
		}
		return fn(ctx, tx, r, e.now())
	})
}

func errInCode(name string) error {
	return fault.Conflict.Errorf("the schedule %q is in a program's Runner.Schedules: change it there, or pause it", name)
}

// scheduleRow checks a schedule and makes what is stored of it, but for its times.
func (e *engine) scheduleRow(ctx context.Context, s Schedule) (scheduleRow, error) {
	r := scheduleRow{
		name: s.Name, cron: strings.Join(strings.Fields(s.Cron), " "), every: s.Every.Truncate(time.Microsecond), zone: s.Zone,
		missed: s.Missed, rests: s.Paused, paused: s.Paused,
	}
	switch {
	case s.Name == "" || len(s.Name) > mostName || strings.ContainsFunc(s.Name, isControl):
		return r, fault.Invalid.Errorf("job: a schedule's name has 1 to %d bytes and no control characters, not %q", mostName, s.Name)
	case s.Missed > All:
		return r, fault.Invalid.Errorf("job: schedule %q: Missed is Skip, Once or All", s.Name)
	}
	if _, err := r.timing(); err != nil {
		return r, fault.Invalid.Wrap(err, "job: schedule %q: %s", s.Name, fault.Detail(err))
	}
	var err error
	if r.job, err = e.template(ctx, s.Job); err != nil {
		return r, fault.Invalid.Wrap(err, "job: schedule %q: %s", s.Name, fault.Detail(err))
	}
	return r, nil
}

// timing is when a schedule is due.
type timing interface {
	Next(after time.Time) time.Time
	String() string
}

func (r scheduleRow) timing() (timing, error) {
	switch {
	case r.cron != "" && r.every != 0:
		return nil, fault.Invalid.Errorf("it has Cron and Every; one is enough")
	case r.cron == "" && r.every == 0:
		return nil, fault.Invalid.Errorf("it needs Cron or Every")
	case r.cron == "" && r.zone != "":
		return nil, fault.Invalid.Errorf("Zone is for Cron; Every is the same everywhere")
	case r.cron == "":
		return cron.Every(r.every, r.start)
	}
	zone, err := cron.Zone(r.zone)
	if err != nil {
		return nil, err
	}
	return cron.Parse(r.cron, zone)
}
