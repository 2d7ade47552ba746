package job_test

import (
	"context"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/internal/exampletest"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/job/jobtest"
)

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
