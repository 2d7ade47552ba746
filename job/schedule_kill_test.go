package job_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/job"
)

// childURL makes TestScheduleChild a program of its own.
const childURL = "BENNU_TEST_SCHEDULE_CHILD"

// each second of the fast clock is 10 ms.
func fastClock(began time.Time) func() time.Time {
	return func() time.Time { return noon.Add(time.Since(began) * 100) }
}

func eachSecond() job.Schedule {
	return job.Schedule{Name: "each second", Cron: "* * * * * *", Job: tick.New(none{}), Missed: job.All}
}

// TestScheduleChild is a node with a fast clock, until it is killed or its parent is.
func TestScheduleChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		return // it is a part of TestScheduleKilled
	}
	began, err := time.Parse(time.RFC3339Nano, os.Getenv(childURL+"_BEGAN"))
	if err != nil {
		t.Fatal(err)
	}
	repo := &data.Repo{URL: url}
	datatest.Start(t, repo)
	start(t, &job.Runner{
		Repo: repo, Jobs: []job.Definition{tick}, Queues: map[string]job.Queue{}, Schedules: []job.Schedule{eachSecond()},
		Lease: time.Second, Now: fastClock(began),
	})
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startChild(t *testing.T, url string, began time.Time) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestScheduleChild$")
	cmd.Env = append(os.Environ(), childURL+"="+url, childURL+"_BEGAN="+began.Format(time.RFC3339Nano))
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			_ = in.Close()
		}
	}
	t.Cleanup(kill)
	return kill
}

// TestScheduleKilled kills the nodes that lead, one after the other and both at once: each due
// time has one job.
func TestScheduleKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	datatest.EachURL(t, func(t *testing.T, url string) {
		began := time.Now()
		repo := &data.Repo{URL: url}
		datatest.Start(t, repo)
		w := &world{Context: t.Context(), repo: repo}
		more := func() {
			t.Helper()
			runs := 0
			count := func() (n int) {
				err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
					return tx.NewRaw("SELECT COUNT(*) FROM bennu_schedule_runs").Scan(ctx, &n)
				})
				if err != nil && !errors.Is(err, context.Canceled) {
					return 0 // there are no tables yet
				}
				return n
			}
			runs = count()
			eventually(t, func() bool { return count() >= runs+50 })
		}
		first, second := startChild(t, url, began), startChild(t, url, began)
		more()
		first()
		more()
		first = startChild(t, url, began)
		more()
		second()
		first()
		first = startChild(t, url, began)
		more()
		first()

		var runs, oldest, last, jobs, distinct int64
		err := repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
			err := tx.NewRaw("SELECT COUNT(*), MIN(due_at), MAX(due_at), COUNT(DISTINCT job) FROM bennu_schedule_runs").Scan(ctx, &runs, &oldest, &last, &distinct)
			if err != nil {
				return err
			}
			return tx.NewRaw("SELECT COUNT(*) FROM bennu_jobs").Scan(ctx, &jobs)
		})
		if err != nil {
			t.Fatal(err)
		}
		span := (last-oldest)/1e6 + 1
		if runs != span || jobs != span || distinct != span {
			t.Errorf("of %d due times %d have a run, of %d jobs; there are %d jobs", span, runs, distinct, jobs)
		}
		if n := w.rows(t, "id NOT IN (SELECT job FROM bennu_schedule_runs)"); n != 0 {
			t.Errorf("%d jobs are for no due time", n)
		}
		t.Logf("%d due times", span)
	})
}
