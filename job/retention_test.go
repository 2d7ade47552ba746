package job_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
)

const micros = time.Microsecond

func keeping(t testing.TB, repo *data.Repo, c *clock, r job.Retention, schedules ...job.Schedule) (*idle, *world) {
	t.Helper()
	n, err := tryIdleNode(t, &job.Runner{Repo: repo, Jobs: []job.Definition{tick}, Retention: r, Schedules: schedules, Now: c.Now}, c)
	if err != nil {
		t.Fatal(err)
	}
	return n, &world{Context: n, repo: repo}
}

func (n *idle) sweep(t testing.TB) {
	t.Helper()
	if err := errors.Join(n.keeper.Sweep(n), n.keeper.SweepRuns(n)); err != nil {
		t.Fatal(err)
	}
}

// ended inserts jobs that ended so long ago.
func (n *idle) ended(t testing.TB, w *world, s job.State, ago time.Duration, jobs int) {
	t.Helper()
	refs, err := tick.EnqueueAll(n, make([]none, jobs))
	if err != nil {
		t.Fatal(err)
	}
	w.exec(t, "UPDATE bennu_jobs SET state = ?, ended_at = ? WHERE id BETWEEN ? AND ?", int(s), n.Now().Add(-ago).UnixMicro(), refs[0].ID, refs[jobs-1].ID)
}

func TestRetention(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		const day = 24 * time.Hour
		for _, test := range []struct {
			kept  job.Retention
			state job.State
			ago   time.Duration
			stays bool
		}{
			{job.Retention{}, job.Completed, day, true},
			{job.Retention{}, job.Completed, day + micros, false},
			{job.Retention{}, job.Cancelled, day, true},
			{job.Retention{}, job.Cancelled, day + micros, false},
			{job.Retention{}, job.Discarded, 7 * day, true},
			{job.Retention{}, job.Discarded, 7*day + micros, false},
			{job.Retention{Completed: time.Minute}, job.Completed, time.Minute, true},
			{job.Retention{Completed: time.Minute}, job.Completed, time.Minute + micros, false},
			{job.Retention{Completed: time.Minute}, job.Cancelled, time.Hour, true},
			{job.Retention{Cancelled: time.Minute}, job.Cancelled, time.Hour, false},
			{job.Retention{Discarded: time.Minute}, job.Discarded, time.Hour, false},
			{job.Retention{Completed: job.Forever, Discarded: time.Minute}, job.Completed, 1000 * day, true},
			{job.Retention{Completed: job.Forever, Cancelled: job.Forever, Discarded: job.Forever}, job.Discarded, 1000 * day, true},
		} {
			n, w := keeping(t, repo, &clock{at: noon}, test.kept)
			w.exec(t, "DELETE FROM bennu_jobs")
			n.ended(t, w, test.state, test.ago, 1)
			n.sweep(t)
			if got := w.rows(t, "1 = 1") == 1; got != test.stays {
				t.Errorf("%+v: %v since %v: there is %v, want %v", test.kept, test.state, test.ago, got, test.stays)
			}
			n.stop()
		}
	})
}

func TestRetentionInChunks(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		n, w := keeping(t, repo, &clock{at: noon}, job.Retention{})
		for i, jobs := range []int{499, 500, 501, 1700} {
			w.exec(t, "DELETE FROM bennu_jobs")
			n.ended(t, w, job.Discarded, 30*time.Hour, 600) // stay, and are first in the index
			n.ended(t, w, job.Completed, 25*time.Hour, jobs)
			n.ended(t, w, job.Completed, 23*time.Hour, 3)
			n.sweep(t)
			if got := w.rows(t, "1 = 1"); got != 603 {
				t.Errorf("%d: of %d that are too old, %d are left", i, jobs, got-603)
			}
		}
	})
}

func TestRetentionLeavesWhatHasNotEnded(t *testing.T) {
	n, w := keeping(t, memoryRepo(t), &clock{at: noon}, job.Retention{})
	for _, s := range []job.State{job.Available, job.Running, job.Scheduled, job.Waiting} {
		n.ended(t, w, s, 1000*time.Hour, 1)
	}
	n.sweep(t)
	if got := w.rows(t, "1 = 1"); got != 4 {
		t.Errorf("%d of 4 are left", got)
	}
}

// TestRetentionOfRuns: the latest 20 of a schedule stay, and what was run is known for a day.
func TestRetentionOfRuns(t *testing.T) {
	datatest.Each(t, nil, func(t *testing.T, repo *data.Repo) {
		c := &clock{at: noon}
		n, w := keeping(t, repo, c, job.Retention{}, job.Schedule{Name: "rare", Cron: "0 0 * * *", Job: tick.New(none{})},
			job.Schedule{Name: "often", Cron: "0 * * * *", Job: tick.New(none{}), Missed: job.All})
		if err := job.AddSchedule(n, job.Schedule{Name: "gone", Cron: "0 * * * *", Job: tick.New(none{}), Missed: job.All}); err != nil {
			t.Fatal(err)
		}
		midnight := noon.Add(12 * time.Hour)
		for i := range 3 {
			n.keep(t, midnight.AddDate(0, 0, i))
		}
		w.exec(t, "UPDATE bennu_jobs SET state = 4, ended_at = run_at")
		if err := job.RemoveSchedule(n, "gone"); err != nil {
			t.Fatal(err)
		}
		c.Add(100 * time.Hour)
		n.sweep(t)
		for name, want := range map[string]int{"rare": 3, "often": 20, "gone": 0} {
			if got := w.rows(t, fmt.Sprintf("schedule = '%s'", name)); got != want {
				t.Errorf("%s has %d jobs, want %d", name, got, want)
			}
			if got := n.dues(t, name); len(got) != want {
				t.Errorf("%s has %d runs, want %d", name, len(got), want)
			}
		}
		if last := n.info(t, "often").Last; !last.Equal(midnight.AddDate(0, 0, 2)) {
			t.Error(last)
		}

		n.keep(t, c.Now()) // often is run again, and its jobs are deleted by hand
		w.exec(t, "DELETE FROM bennu_jobs")
		for _, test := range []struct {
			later time.Duration
			want  int
		}{{0, 25}, {24 * time.Hour, 1}, {micros, 0}} {
			c.Add(test.later)
			if n.sweep(t); len(n.dues(t, "often")) != test.want {
				t.Errorf("%v later there are %d runs, want %d", test.later, len(n.dues(t, "often")), test.want)
			}
		}
	})
}

func TestRetentionRefuses(t *testing.T) {
	for _, r := range []job.Retention{{Completed: -2}, {Cancelled: -time.Hour}, {Discarded: -time.Second}} {
		_, err := tryIdleNode(t, &job.Runner{Repo: memoryRepo(t), Retention: r}, &clock{at: noon})
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func BenchmarkSweep(b *testing.B) {
	n, w := keeping(b, fileRepo(b), &clock{at: noon}, job.Retention{})
	for b.Loop() {
		b.StopTimer()
		n.ended(b, w, job.Completed, 25*time.Hour, 10_000)
		b.StartTimer()
		n.sweep(b)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10_000, "us/job")
}
