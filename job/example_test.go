package job_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/jobtest"
)

type Letter struct{ To string }

// Inserted with what they are about, and done when that has committed.
func Example() {
	letters := job.Define("letter", func(_ context.Context, l Letter) error {
		if l.To == "" {
			return fault.Invalid.Errorf("nobody to write to") // to try again would be of no use
		}
		fmt.Println("a letter to", l.To)
		return nil
	}, job.InQueue("letters"), job.Retry{Attempts: 5})

	exampletest.Run(func(t testing.TB) {
		repo := datatest.Open(t, nil)
		// In a program the Runner is a child in the tree, after the repo, and works by itself.
		k := jobtest.Start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{letters}})

		_ = repo.Write(k, func(ctx context.Context, tx data.Tx) error {
			_, err := letters.Enqueue(ctx, Letter{"ann"})
			return err
		})
		_ = repo.Write(k, func(ctx context.Context, tx data.Tx) error {
			_, _ = letters.Enqueue(ctx, Letter{"bob"})
			return errors.New("bob is not to be stored after all")
		})
		_, _ = letters.Enqueue(k, Letter{})
		fmt.Printf("%+v\n", k.Drain())
	})
	// Output:
	// a letter to ann
	// {Completed:1 Cancelled:0 Discarded:1 Failed:0}
}

type Sum struct {
	Job   int64 `bun:",pk"` // so that a second attempt could not store a second one
	Total int
}

// What a job stores, and that it is done, in one transaction.
func ExampleCommit() {
	migrations := fstest.MapFS{"0001_sums.sql": {Data: []byte("CREATE TABLE sums (job BIGINT NOT NULL PRIMARY KEY, total BIGINT NOT NULL);")}}
	add := job.Define("add", func(ctx context.Context, numbers []int) error {
		sum := Sum{Job: job.Current(ctx).ID}
		for _, n := range numbers {
			sum.Total += n
		}
		return job.Commit(ctx, func(ctx context.Context, tx data.Tx) error { return data.Insert(ctx, tx, &sum) })
	})

	exampletest.Run(func(t testing.TB) {
		repo := datatest.Open(t, migrations)
		k := jobtest.Start(t, &job.Runner{Repo: repo, Jobs: []job.Definition{add}})
		ref, _ := add.Enqueue(k, []int{1, 2, 3})
		k.Drain()
		sum, err := data.Get[Sum](k, repo, ref.ID)
		fmt.Println(sum.Total, err)
	})
	// Output: 6 <nil>
}
