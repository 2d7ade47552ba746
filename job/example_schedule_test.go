package job_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// A report each night, at a time that Parisians know. The program was down for it, so it
// is made up for when the program runs again.
func ExampleSchedule() {
	done := make(chan struct{})
	report := job.Define("report", func(ctx context.Context, _ struct{}) error {
		defer close(done)
		due, err := job.Due(ctx)
		fmt.Println("the report that was due at", due)
		return err
	})
	now := &clock{at: time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)}
	repo := &data.Repo{URL: "sqlite::memory:"}
	jobs := &job.Runner{
		Repo: repo,
		Jobs: []job.Definition{report},
		Schedules: []job.Schedule{
			{Name: "nightly report", Cron: "30 2 * * *", Zone: "Europe/Paris", Job: report.New(struct{}{}), Missed: job.Once},
		},
		Now: now.Now,
	}

	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	root, err := supervisor.Tree{Name: "app", Children: []supervisor.Child{{Name: "repo", Run: repo}, {Name: "jobs", Run: jobs}}}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Stop()

	all, err := job.Schedules(ctx)
	fmt.Println(all[0].Name, "is next at", all[0].Next, err) // that night has no 2:30
	now.Set(time.Date(2026, 3, 29, 9, 0, 0, 0, time.UTC))
	<-done

	// Output:
	// nightly report is next at 2026-03-29 01:00:00 +0000 UTC <nil>
	// the report that was due at 2026-03-29 01:00:00 +0000 UTC
}
