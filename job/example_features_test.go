package job_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/jobtest"
)

// A batch: parts in any order, and then the whole.
func ExampleAfter() {
	part := job.Define("part", func(_ context.Context, n int) error { fmt.Println("part", n); return nil })
	whole := job.Define("whole", func(context.Context, string) error { fmt.Println("the whole"); return nil })

	exampletest.Run(func(t testing.TB) {
		k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{part, whole}})

		parts, _ := part.EnqueueAll(k, []int{1, 2}, job.In(time.Minute))
		_, _ = whole.Enqueue(k, "report", job.After(parts...))

		k.Drain() // nothing yet
		k.Advance(time.Minute)
		k.Drain()
	})
	// Output:
	// part 1
	// part 2
	// the whole
}

// An import goes on where it was.
func ExampleCheckpoint() {
	lines := []string{"ann", "bob", "eve"}
	broken := true
	imports := job.Define("import", func(ctx context.Context, file string) error {
		at, _, err := job.Resume[int](ctx)
		if err != nil {
			return err
		}
		for ; at < len(lines); at++ {
			if lines[at] == "eve" && broken {
				return errors.New("no connection")
			}
			fmt.Println(lines[at])
			_ = job.Progress(ctx, float64(at+1)/float64(len(lines)), "importing "+file)
			if err := job.Checkpoint(ctx, at+1); err != nil {
				return err
			}
		}
		return nil
	})

	exampletest.Run(func(t testing.TB) {
		k := jobtest.Start(t, &job.Runner{Jobs: []job.Definition{imports}})
		_, _ = imports.Enqueue(k, "people.csv")
		fmt.Printf("%+v\n", k.Drain())

		broken = false
		k.Advance(time.Minute)
		fmt.Printf("%+v\n", k.Drain())
	})
	// Output:
	// ann
	// bob
	// {Completed:0 Cancelled:0 Discarded:0 Failed:1}
	// eve
	// {Completed:1 Cancelled:0 Discarded:0 Failed:0}
}

// Two at a time for each team, on all nodes together.
func ExampleLimitBy() {
	type Trip struct{ Team string }
	report := func(context.Context, Trip) error { return nil }

	_ = job.Define("trip_report", report, job.LimitBy(func(t Trip) string { return t.Team }, job.Limit{Concurrency: 2}))
}
