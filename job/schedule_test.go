package job_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// clock is one that stands until it is set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = t
}

func (c *clock) Add(d time.Duration) { c.Set(c.Now().Add(d)) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type none = process.None

var tick = job.Define("tick", func(context.Context, none) error { return nil })

// idle is a node whose duties are done when the test says so.
type idle struct {
	*clock
	context.Context
	runner *job.Runner
	keeper job.Keeper
	log    *bytes.Buffer
	stop   func()
}

// idleNode starts a runner with these schedules.
func idleNode(t testing.TB, repo *data.Repo, c *clock, schedules ...job.Schedule) *idle {
	t.Helper()
	n, err := tryIdleNode(t, &job.Runner{Repo: repo, Jobs: []job.Definition{tick}, Schedules: schedules, Now: c.Now}, c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func tryIdleNode(t testing.TB, r *job.Runner, c *clock) (*idle, error) {
	n := &idle{clock: c, runner: r, log: new(bytes.Buffer)}
	logger := slog.New(slog.NewTextHandler(n.log, nil))
	node := process.NewNode(telemetry.WithLogger(context.Background(), logger))
	n.Context = node.Context(telemetry.WithLogger(context.Background(), logger))
	stop, err := r.StartIdle(n)
	if err != nil {
		node.Close()
		return nil, err
	}
	n.keeper = r.Keeper()
	n.stop = sync.OnceFunc(func() { stop(); node.Close() })
	t.Cleanup(n.stop)
	return n, nil
}

// keep does the leader's duty at a time.
func (n *idle) keep(t testing.TB, at time.Time) {
	t.Helper()
	n.Set(at)
	if err := n.keeper.Keep(n); err != nil {
		t.Fatal(err)
	}
}

// dues are the due times of a schedule's runs, the oldest first.
func (n *idle) dues(t testing.TB, name string) (all []time.Time) {
	t.Helper()
	runs, err := job.Runs(n, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Backward(runs) {
		all = append(all, r.Due)
	}
	return all
}

func (n *idle) want(t testing.TB, name string, want ...time.Time) {
	t.Helper()
	if got := n.dues(t, name); !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Fatalf("at %v %s has run for\n%v, want\n%v", n.Now(), name, got, want)
	}
}

func (n *idle) info(t testing.TB, name string) job.ScheduleInfo {
	t.Helper()
	all, err := job.Schedules(n)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("there is no schedule %s in %+v", name, all)
	return job.ScheduleInfo{}
}

func minutely(missed job.Missed) job.Schedule {
	return job.Schedule{Name: "minutely", Cron: "* * * * *", Job: tick.New(none{}), Missed: missed}
}

func TestScheduleRuns(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon.Add(-30 * time.Second)}
		n := idleNode(t, repo, c,
			job.Schedule{Name: "daily", Cron: "0 0 13 * * *", Zone: "Europe/Paris", Job: tick.New(none{}, job.Label("d"), job.Priority(7), job.InQueue("q"), job.Retry{Attempts: 3})},
			job.Schedule{Name: "interval", Every: 20 * time.Second, Job: tick.New(none{}, job.In(time.Hour))},
		)
		n.keep(t, n.Now())
		n.want(t, "daily")
		if i := n.info(t, "daily"); !i.Next.Equal(noon) || !i.Last.IsZero() || i.Job != "tick" || !i.Code || i.Paused || i.Absent || i.Zone != "Europe/Paris" {
			t.Errorf("%+v", i)
		}
		n.keep(t, noon.Add(-time.Microsecond))
		n.want(t, "daily")
		n.keep(t, noon)
		n.keep(t, noon)
		n.want(t, "daily", noon)
		n.want(t, "interval", noon.Add(-10*time.Second))
		n.keep(t, noon.Add(20*time.Second))
		n.want(t, "interval", noon.Add(-10*time.Second), noon.Add(10*time.Second))
		if i := n.info(t, "daily"); !i.Next.Equal(noon.AddDate(0, 0, 1)) || !i.Last.Equal(noon) {
			t.Errorf("%+v", i)
		}
		runs, err := job.Runs(n, "daily")
		if err != nil || len(runs) != 1 {
			t.Fatal(runs, err)
		}
		j := runs[0].Job
		if j.Name != "tick" || j.Label != "d" || j.Priority != 7 || j.Queue != "q" || j.Attempts != 3 || j.State != job.Available || j.Schedule != "daily" || !j.RunAt.Equal(noon) {
			t.Errorf("%+v", j)
		}
		later, err := job.Runs(n, "interval")
		if err != nil || later[0].Job.State != job.Scheduled || !later[0].Job.RunAt.Equal(noon.Add(time.Hour+10*time.Second)) {
			t.Error(later, err)
		}
	})
}

// TestScheduleOverDaylightSaving goes through three nights, and the second has no half past two.
func TestScheduleOverDaylightSaving(t *testing.T) {
	c := &clock{at: time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)}
	n := idleNode(t, memoryRepo(t), c, job.Schedule{Name: "nightly", Cron: "30 2 * * *", Zone: "Europe/Paris", Job: tick.New(none{})})
	for range 3 * 24 * 60 {
		n.keep(t, n.Now().Add(time.Minute))
	}
	n.want(t, "nightly", time.Date(2026, 3, 28, 1, 30, 0, 0, time.UTC), time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 3, 30, 0, 30, 0, 0, time.UTC))
}

func TestMissed(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		at := func(minutes ...int) (all []time.Time) {
			for _, m := range minutes {
				all = append(all, noon.Add(time.Duration(m)*time.Minute))
			}
			return all
		}
		for _, test := range []struct {
			name   string
			missed job.Missed
			late   time.Duration // since noon, where a run was due, and each 10 minutes after it
			want   []time.Time
		}{
			{"a minute late is late", job.Skip, time.Minute - time.Microsecond, at(0)},
			{"more is missed", job.Skip, time.Minute, nil},
			{"skip: what is due is run", job.Skip, 30*time.Minute + 30*time.Second, at(30)},
			{"skip: nothing is due", job.Skip, 35 * time.Minute, nil},
			{"once: the latest", job.Once, 35 * time.Minute, at(30)},
			{"once: one is due anyway", job.Once, 30*time.Minute + 30*time.Second, at(30)},
			{"once: one was missed", job.Once, time.Minute, at(0)},
			{"all", job.All, 35 * time.Minute, at(0, 10, 20, 30)},
			{"all: one is due", job.All, 30*time.Minute + 30*time.Second, at(0, 10, 20, 30)},
			{"all: one was missed", job.All, time.Minute, at(0)},
		} {
			c := &clock{at: noon.Add(-time.Minute)}
			s := job.Schedule{Name: test.name, Cron: "*/10 * * * *", Job: tick.New(none{}), Missed: test.missed}
			idleNode(t, repo, c, s).stop()
			c.Set(noon.Add(test.late)) // nobody was there
			n := idleNode(t, repo, c, s)
			n.keep(t, n.Now())
			n.want(t, test.name, test.want...)
			if next := n.info(t, test.name).Next; !next.After(n.Now()) || next.Sub(n.Now()) > 10*time.Minute {
				t.Errorf("%s: next at %v", test.name, next)
			}
			if told := strings.Contains(n.log.String(), "missed"); told != (test.late >= time.Minute) {
				t.Errorf("%s: the log says %q", test.name, n.log)
			}
			n.stop()
		}
	})
}

func TestMissedAllIsCapped(t *testing.T) {
	for _, test := range []struct {
		missed, want int
		capped       bool
	}{{1000, 1000, false}, {1001, 1000, true}, {10_000_000, 1000, true}} {
		repo := memoryRepo(t)
		c := &clock{at: noon}
		n := idleNode(t, repo, c, job.Schedule{Name: "each second", Cron: "* * * * * *", Job: tick.New(none{}), Missed: job.All})
		n.keep(t, noon.Add(time.Duration(test.missed+60)*time.Second))
		w := &world{Context: n, repo: repo}
		if got := w.rows(t, "schedule = 'each second'"); got != test.want+60 {
			t.Errorf("of %d missed and 60 due, %d are run", test.missed, got)
		}
		if got := strings.Contains(n.log.String(), "missed more runs"); got != test.capped {
			t.Errorf("of %d missed, the log says %q", test.missed, n.log)
		}
		latest := n.dues(t, "each second")
		if got := latest[len(latest)-1]; !got.Equal(n.Now()) {
			t.Errorf("the latest is for %v", got)
		}
	}
}

// TestTwoLeaders: both do the duty at once, and each due time has one job.
func TestTwoLeaders(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		nodes := []*idle{idleNode(t, repo, c, minutely(job.All)), idleNode(t, repo, c, minutely(job.All)), idleNode(t, repo, c, minutely(job.All))}
		var want []time.Time
		for i := range 15 {
			c.Set(noon.Add(time.Duration(i+1) * time.Minute))
			want = append(want, c.Now())
			var wg sync.WaitGroup
			for _, n := range nodes {
				wg.Go(func() {
					if err := n.keeper.Keep(n); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		nodes[0].want(t, "minutely", want...)
		w := &world{Context: nodes[0], repo: repo}
		if got := w.rows(t, "name = 'tick'"); got != len(want) {
			t.Errorf("%d jobs for %d due times", got, len(want))
		}
	})
}

// TestClocksThatDiffer: the leader's is behind that of the one before.
func TestClocksThatDiffer(t *testing.T) {
	repo := memoryRepo(t)
	ahead, behind := &clock{at: noon}, &clock{at: noon}
	a, b := idleNode(t, repo, ahead, minutely(job.All)), idleNode(t, repo, behind, minutely(job.All))
	a.keep(t, noon.Add(time.Minute+time.Second))
	b.keep(t, noon.Add(time.Minute-time.Second))
	b.keep(t, noon.Add(time.Minute))
	b.keep(t, noon.Add(2*time.Minute))
	a.keep(t, noon.Add(2*time.Minute+2*time.Second))
	a.want(t, "minutely", noon.Add(time.Minute), noon.Add(2*time.Minute))
}

func TestClockGoesBack(t *testing.T) {
	for name, back := range map[string]time.Duration{"a little": 90 * time.Second, "ten years": 10 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := &clock{at: noon.Add(back)}
			n := idleNode(t, memoryRepo(t), c, minutely(job.Skip))
			n.keep(t, c.Now().Add(time.Minute)) // the wrong clock has it run
			ran := n.dues(t, "minutely")
			if len(ran) != 1 {
				t.Fatal(ran)
			}
			var want []time.Time
			for m := range 5 {
				at := noon.Add(time.Duration(m)*time.Minute + time.Second)
				n.keep(t, at)
				if due := at.Truncate(time.Minute); m > 0 && !due.Equal(ran[0]) {
					want = append(want, due)
				}
			}
			want = append(want, ran[0])
			slices.SortFunc(want, time.Time.Compare)
			n.want(t, "minutely", want...)
		})
	}
}

func TestClockGoesForward(t *testing.T) {
	c := &clock{at: noon}
	n := idleNode(t, memoryRepo(t), c, minutely(job.Once))
	n.keep(t, noon.AddDate(0, 0, 3).Add(30*time.Second))
	n.want(t, "minutely", noon.AddDate(0, 0, 3))
}

func TestPause(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		s := minutely(job.All)
		n := idleNode(t, repo, c, s)
		if err := job.PauseSchedule(n, "minutely"); err != nil {
			t.Fatal(err)
		}
		if i := n.info(t, "minutely"); !i.Paused || !i.Next.IsZero() || i.Absent {
			t.Errorf("%+v", i)
		}
		n.keep(t, noon.Add(time.Minute))
		n.stop()
		n = idleNode(t, repo, c, s) // the program begins again
		n.keep(t, noon.Add(2*time.Minute))
		n.want(t, "minutely")
		for range 2 { // the second does nothing
			if err := job.ResumeSchedule(n, "minutely"); err != nil {
				t.Fatal(err)
			}
		}
		n.keep(t, noon.Add(2*time.Minute+time.Second))
		n.want(t, "minutely")
		n.keep(t, noon.Add(3*time.Minute))
		n.want(t, "minutely", noon.Add(3*time.Minute))

		s.Paused = true
		n.stop()
		n = idleNode(t, repo, c, s) // now the program wants it paused
		n.keep(t, noon.Add(4*time.Minute))
		n.want(t, "minutely", noon.Add(3*time.Minute))
		s.Paused = false
		n.stop()
		n = idleNode(t, repo, c, s)
		n.keep(t, noon.Add(5*time.Minute))
		n.want(t, "minutely", noon.Add(3*time.Minute), noon.Add(5*time.Minute))

		for _, err := range []error{job.PauseSchedule(n, "x"), job.ResumeSchedule(n, "x"), job.RemoveSchedule(n, "x")} {
			if !errors.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
	})
}

func TestScheduleChanges(t *testing.T) {
	repo := memoryRepo(t)
	c := &clock{at: noon}
	hourly := job.Schedule{Name: "s", Cron: "0 * * * *", Job: tick.New(none{}), Missed: job.All}
	idleNode(t, repo, c, hourly).stop()

	c.Set(noon.Add(150 * time.Minute))
	hourly.Job = tick.New(none{}, job.Label("changed")) // the timing is the same: the due times go on
	n := idleNode(t, repo, c, hourly)
	n.keep(t, c.Now())
	n.want(t, "s", noon.Add(time.Hour), noon.Add(2*time.Hour))
	if runs, err := job.Runs(n, "s"); err != nil || runs[0].Job.Label != "changed" {
		t.Error(runs, err)
	}
	n.stop()

	for i, s := range []job.Schedule{
		{Name: "s", Cron: "30 * * * *", Job: tick.New(none{}), Missed: job.All},
		{Name: "s", Cron: "30 * * * *", Zone: "Asia/Kolkata", Job: tick.New(none{}), Missed: job.All},
		{Name: "s", Every: time.Hour, Job: tick.New(none{}), Missed: job.All},
		{Name: "s", Every: 2 * time.Hour, Job: tick.New(none{}), Missed: job.All},
	} {
		c.Add(48 * time.Hour) // of which nothing is made up for
		n := idleNode(t, repo, c, s)
		n.keep(t, c.Now())
		if got := len(n.dues(t, "s")); got != 2 {
			t.Errorf("change %d: %d runs", i, got)
		}
		if i := n.info(t, "s"); !i.Next.After(c.Now()) || i.Cron != s.Cron || i.Every != s.Every || i.Zone != s.Zone {
			t.Errorf("%+v", i)
		}
		n.stop()
	}
}

// TestIntervalGoesOn: it is counted from its beginning, whenever the program begins, and whatever
// the year.
func TestIntervalGoesOn(t *testing.T) {
	for _, began := range []time.Time{noon, time.Unix(0, 0), time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)} {
		repo := memoryRepo(t)
		c := &clock{at: began}
		s := job.Schedule{Name: "s", Every: 7*time.Hour + time.Nanosecond, Job: tick.New(none{})}
		var want []time.Time
		for i := range 3 {
			n := idleNode(t, repo, c, s)
			n.keep(t, began.Add(time.Duration(i+1)*7*time.Hour+time.Second))
			want = append(want, began.Add(time.Duration(i+1)*7*time.Hour))
			n.want(t, "s", want...)
			n.stop()
			c.Add(3 * time.Hour)
		}
	}
}

// TestScheduleLeavesTheProgram: it stops at once, comes back as it was, and is removed when it
// does not.
func TestScheduleLeavesTheProgram(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		idleNode(t, repo, c, minutely(job.All)).stop()
		other := idleNode(t, repo, c)
		absent := func(k job.Keeper) {
			t.Helper()
			if err := k.RemoveAbsent(other); err != nil {
				t.Fatal(err)
			}
		}
		other.keep(t, noon.Add(time.Minute))
		other.want(t, "minutely")
		if i := other.info(t, "minutely"); !i.Absent {
			t.Errorf("%+v", i)
		}
		absent(other.keeper)
		other.keeper.Grow(59 * time.Minute)
		absent(other.keeper)
		other.info(t, "minutely") // still there

		n := idleNode(t, repo, c, minutely(job.All))
		n.keep(t, noon.Add(2*time.Minute+10*time.Second))
		n.want(t, "minutely", noon.Add(time.Minute), noon.Add(2*time.Minute))
		other.keeper.Grow(2 * time.Hour)
		absent(other.keeper) // it was there
		n.stop()

		absent(other.keeper)
		other.keeper.Grow(2 * time.Hour)
		other.keeper.Forget(time.Hour) // another led, who may have seen it
		absent(other.keeper)
		other.info(t, "minutely")
		other.keeper.Grow(61 * time.Minute)
		absent(other.keeper)
		if all, err := job.Schedules(other); err != nil || len(all) != 0 {
			t.Error(all, err)
		}
		other.want(t, "minutely", noon.Add(time.Minute), noon.Add(2*time.Minute)) // history stays
	})
}

// TestNodeBecomesAnother: a node that was taken for dead says again what its program has.
func TestNodeBecomesAnother(t *testing.T) {
	repo := memoryRepo(t)
	c := &clock{at: noon}
	n := idleNode(t, repo, c, minutely(job.Skip))
	w := &world{Context: n, repo: repo}
	w.exec(t, "UPDATE bennu_job_nodes SET id = 77")
	if !n.info(t, "minutely").Absent {
		t.Fatal("it is not absent")
	}
	if err := n.runner.DeclareAs(n, 77); err != nil {
		t.Fatal(err)
	}
	if n.info(t, "minutely").Absent {
		t.Error("it is absent")
	}
}

func TestAddSchedule(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		n := idleNode(t, repo, c, minutely(job.Skip))
		s := job.Schedule{Name: "added", Cron: "*/5 * * * *", Job: tick.New(none{})}
		failure := errors.New("rolled back")
		err := repo.Write(n, func(ctx context.Context, _ data.Tx) error {
			if err := job.AddSchedule(ctx, s); err != nil {
				return err
			}
			return failure
		})
		if all, listed := job.Schedules(n); !errors.Is(err, failure) || listed != nil || len(all) != 1 {
			t.Fatal(all, listed, err)
		}
		if err := job.AddSchedule(n, s); err != nil {
			t.Fatal(err)
		}
		n.stop()
		n = idleNode(t, repo, c) // it needs no program that knows it
		n.keep(t, noon.Add(5*time.Minute))
		n.want(t, "added", noon.Add(5*time.Minute))

		s.Missed = job.All
		c.Add(12 * time.Minute)
		if err := job.AddSchedule(n, s); err != nil { // the same timing: it goes on
			t.Fatal(err)
		}
		n.keep(t, c.Now())
		n.want(t, "added", noon.Add(5*time.Minute), noon.Add(10*time.Minute), noon.Add(15*time.Minute))
		if i := n.info(t, "added"); i.Code || i.Missed != job.All || i.Absent {
			t.Errorf("%+v", i)
		}
		if err := job.RemoveSchedule(n, "added"); err != nil {
			t.Fatal(err)
		}
		n.keep(t, noon.Add(time.Hour))
		n.want(t, "added", noon.Add(5*time.Minute), noon.Add(10*time.Minute), noon.Add(15*time.Minute))

		for _, err := range []error{job.AddSchedule(n, minutely(job.All)), job.RemoveSchedule(n, "minutely")} {
			if !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Runner.Schedules") {
				t.Error(err)
			}
		}
		if err := job.AddSchedule(context.Background(), s); err == nil {
			t.Error("added without a runner")
		}
	})
}

func TestScheduleRefuses(t *testing.T) {
	good := tick.New(none{})
	repo := memoryRepo(t)
	c := &clock{at: noon}
	n := idleNode(t, repo, c)
	for _, test := range []struct {
		s    job.Schedule
		want string
	}{
		{job.Schedule{Cron: "@daily", Job: good}, "1 to 128 bytes"},
		{job.Schedule{Name: strings.Repeat("x", 129), Cron: "@daily", Job: good}, "1 to 128 bytes"},
		{job.Schedule{Name: "a\nb", Cron: "@daily", Job: good}, "control"},
		{job.Schedule{Name: "s", Job: good}, `"s": it needs Cron or Every`},
		{job.Schedule{Name: "s", Cron: "@daily", Every: time.Hour, Job: good}, "one is enough"},
		{job.Schedule{Name: "s", Every: time.Hour, Zone: "UTC", Job: good}, "Zone is for Cron"},
		{job.Schedule{Name: "s", Every: time.Second - 1, Job: good}, "at least 1s"},
		{job.Schedule{Name: "s", Every: -time.Hour, Job: good}, "at least 1s"},
		{job.Schedule{Name: "s", Cron: "61 * * * *", Job: good}, `the minute is "61"`},
		{job.Schedule{Name: "s", Cron: "0 0 30 2 *", Job: good}, "never be due"},
		{job.Schedule{Name: "s", Cron: "@daily", Zone: "Mars/Olympus", Job: good}, "not a time zone"},
		{job.Schedule{Name: "s", Cron: "@daily", Missed: 3, Job: good}, "Skip, Once or All"},
		{job.Schedule{Name: "s", Cron: "@daily"}, "needs a Job"},
		{job.Schedule{Name: "s", Cron: "@daily", Job: job.Name[none]("unknown").New(none{})}, `does not know "unknown"`},
		{job.Schedule{Name: "s", Cron: "@daily", Job: tick.New(none{}, job.At(noon))}, "At or After"},
		{job.Schedule{Name: "s", Cron: "@daily", Job: tick.New(none{}, job.Priority(9999))}, "Priority"},
	} {
		if err := job.AddSchedule(n, test.s); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.s, err, test.want)
		}
		if _, err := tryIdleNode(t, &job.Runner{Repo: repo, Jobs: []job.Definition{tick}, Schedules: []job.Schedule{test.s}}, c); !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Start with %+v: %v, want %q", test.s, err, test.want)
		}
	}
	_, err := tryIdleNode(t, &job.Runner{Repo: repo, Jobs: []job.Definition{tick}, Schedules: []job.Schedule{minutely(0), minutely(0)}}, c)
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "two Schedules") {
		t.Error(err)
	}
	w := &world{Context: n, repo: repo}
	if all, err := job.Schedules(n); err != nil || len(all) != 0 || w.rows(t, "1 = 1") != 0 {
		t.Error(all, err)
	}
	var nodes int
	if err := repo.Read(n, func(ctx context.Context, tx data.Tx) error {
		return tx.NewRaw("SELECT COUNT(*) FROM bennu_job_nodes").Scan(ctx, &nodes)
	}); err != nil || nodes != 1 {
		t.Errorf("%d nodes (%v), want the one that runs", nodes, err)
	}
}

// TestBrokenSchedule: one that a newer program stored holds up nobody.
func TestBrokenSchedule(t *testing.T) {
	repo := memoryRepo(t)
	n := idleNode(t, repo, &clock{at: noon}, minutely(job.Skip), job.Schedule{Name: "a", Cron: "* * * * *", Job: tick.New(none{})})
	w := &world{Context: n, repo: repo}
	w.exec(t, "UPDATE bennu_schedules SET zone = 'Mars/Olympus' WHERE name = 'a'")
	n.keep(t, noon.Add(time.Minute))
	n.keep(t, noon.Add(2*time.Minute))
	n.want(t, "minutely", noon.Add(time.Minute), noon.Add(2*time.Minute))
	n.want(t, "a")
	if got := strings.Count(n.log.String(), "Mars/Olympus"); got == 0 || strings.Count(n.log.String(), "left alone") != 1 {
		t.Errorf("%q", n.log)
	}
	w.exec(t, "UPDATE bennu_schedules SET job = '{' WHERE name = 'a'")
	w.exec(t, "UPDATE bennu_schedules SET zone = NULL WHERE name = 'a'")
	n.Set(noon.Add(3 * time.Minute))
	if err := n.keeper.Keep(n); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Error(err)
	}
	n.want(t, "minutely", noon.Add(time.Minute), noon.Add(2*time.Minute), noon.Add(3*time.Minute))
}

func TestScheduleOfUniqueJobs(t *testing.T) {
	t.Parallel()
	type in struct{ A string }
	sealed := job.Define("sealed", func(context.Context, in) error { return nil }, job.Encrypt(newKeys(t)), job.Unique{})
	plain := job.Define("plain", func(context.Context, in) error { return nil }, job.Unique{States: []job.State{job.Available, job.Completed}})
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		s := []job.Schedule{
			{Name: "sealed", Cron: "* * * * *", Job: sealed.New(in{"x"}), Missed: job.All},
			{Name: "plain", Cron: "* * * * *", Job: plain.New(in{"x"}), Missed: job.All},
			{Name: "by day", Cron: "0 * * * *", Job: plain.New(in{"y"}, job.Unique{Period: 24 * time.Hour}), Missed: job.All},
		}
		n, err := tryIdleNode(t, &job.Runner{Repo: repo, Jobs: []job.Definition{sealed, plain}, Schedules: s, Now: c.Now}, c)
		if err != nil {
			t.Fatal(err)
		}
		there, err := sealed.Enqueue(n, in{"x"}) // by hand
		if err != nil {
			t.Fatal(err)
		}
		n.keep(t, noon.Add(49*time.Hour))
		w := &world{Context: n, repo: repo}
		if got := w.rows(t, "name = 'sealed'"); got != 1 {
			t.Errorf("%d sealed jobs", got)
		}
		runs, err := job.Runs(n, "sealed")
		if err != nil || len(runs) != 100 || runs[0].Job.ID != there.ID || runs[99].Job.ID != there.ID {
			t.Error(len(runs), err)
		}
		if got := w.rows(t, "name = 'plain' AND schedule = 'plain'"); got != 1 {
			t.Errorf("%d plain jobs", got)
		}
		if got := w.rows(t, "schedule = 'by day'"); got != 3 {
			t.Errorf("%d jobs by day", got)
		}
		if got := w.rows(t, "args LIKE '%x%' AND name = 'sealed' AND args LIKE '{%'"); got != 0 {
			t.Error("the arguments can be read")
		}
	})
}

// TestDue: a job knows which time it is for, also when it runs late.
func TestDue(t *testing.T) {
	type answer struct {
		due time.Time
		err error
	}
	answers := make(chan answer, 1)
	report := job.Define("report", func(ctx context.Context, _ none) error {
		due, err := job.Due(ctx)
		answers <- answer{due, err}
		return nil
	})
	repo := memoryRepo(t)
	c := &clock{at: noon}
	s := job.Schedule{Name: "report", Cron: "0 * * * *", Job: report.New(none{}), Missed: job.Once}
	w := start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{report}, Schedules: []job.Schedule{s}, Now: c.Now})
	c.Set(noon.Add(90 * time.Minute)) // the leader sees it by itself
	if got := <-answers; got.err != nil || !got.due.Equal(noon.Add(time.Hour)) {
		t.Error(got)
	}
	if _, err := report.Enqueue(w, none{}); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; !errors.Is(got.err, fault.NotFound) {
		t.Error(got)
	}
	if _, err := job.Due(w); err == nil {
		t.Error("due outside of a job")
	}
}

// TestLatest compares with somebody who walks through all.
func TestLatest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]job.Schedule{
			{Every: time.Second}, {Every: 90 * time.Second}, {Every: 7*time.Second + 3*time.Microsecond},
			{Cron: "* * * * * *"}, {Cron: "*/7 * * * *"}, {Cron: "30 2 * * *", Zone: "Europe/Paris"}, {Cron: "0 0 29 2 *"},
		}).Draw(t, "schedule")
		timing, err := job.TimingOf(s, noon.Add(17*time.Microsecond))
		if err != nil {
			t.Fatal(err)
		}
		from := timing.Next(noon.Add(time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "from"))))
		until := from.Add(time.Duration(rapid.Int64Range(-1e9, 5e12).Draw(t, "until")))
		n := rapid.IntRange(1, 20).Draw(t, "n")
		var want []time.Time
		for due := from; !due.After(until); due = timing.Next(due) {
			want = append(want, due)
		}
		want = want[max(0, len(want)-n):]
		if got := job.Latest(timing, from, until, n); !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%v from %v until %v, %d:\ngot  %v\nwant %v", s, from, until, n, got, want)
		}
	})
}

func BenchmarkCatchUp(b *testing.B) {
	c := &clock{at: noon}
	n := idleNode(b, fileRepo(b), c, minutely(job.All))
	for b.Loop() {
		n.keep(b, c.Now().AddDate(0, 0, 7))
	}
}

func BenchmarkKeepNothingDue(b *testing.B) {
	var all []job.Schedule
	for i := range 100 {
		all = append(all, job.Schedule{Name: fmt.Sprint("s", i), Cron: "0 3 * * *", Job: tick.New(none{})})
	}
	n := idleNode(b, fileRepo(b), &clock{at: noon}, all...)
	for b.Loop() {
		if err := n.keeper.Keep(n); err != nil {
			b.Fatal(err)
		}
	}
}
