package job_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/job"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// Welcome is the input of a job.
type Welcome struct {
	Name string `json:"name"`
}

func Example() {
	done := make(chan struct{})
	welcome := job.Define("welcome", func(ctx context.Context, in Welcome) error {
		defer close(done)
		fmt.Println("welcome,", in.Name)
		return nil
	})

	repo := &data.Repo{URL: "sqlite::memory:"}
	tree := supervisor.Tree{Children: []supervisor.Child{
		{Name: "repo", Run: repo},
		{Name: "jobs", Run: &job.Runner{Repo: repo, Jobs: []job.Definition{welcome}}},
	}}
	node := process.NewNode(telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))) // as bennu.Run makes one
	ctx := node.Context(context.Background())
	defer node.Close()
	root, err := tree.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Stop()

	// The job is inserted with what makes it necessary, or not at all.
	signUp := func(name string, fail error) error {
		return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
			// … insert the user …
			if _, err := welcome.Enqueue(ctx, Welcome{name}); err != nil {
				return err
			}
			return fail
		})
	}
	fmt.Println(signUp("bob", errors.New("the name is taken")))
	fmt.Println(signUp("ann", nil))
	<-done

	// Unordered output:
	// the name is taken
	// <nil>
	// welcome, ann
}
