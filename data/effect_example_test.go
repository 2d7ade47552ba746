package data_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/process"
)

type Mail struct{ To, Text string }

// A carrier is a function with a name that stays.
var SendMail = data.Carry("send_mail", func(_ context.Context, m Mail) error {
	fmt.Printf("to %s: %s\n", m.To, m.Text)
	return nil
})

func ExampleOutbox() {
	node := process.NewNode(context.Background())
	defer node.Close()
	repo := &data.Repo{URL: "sqlite::memory:"}
	outbox := &data.Outbox{Repo: repo, Carriers: []data.Carrier{SendMail}}

	// In a program the two are children in the tree, in this order, whose supervisor does this:
	ctx, stop := context.WithCancel(node.Context(context.Background()))
	defer stop()
	if err := errors.Join(repo.Start(ctx), outbox.Start(ctx)); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	serving, end := context.WithCancel(ctx)
	go func() { served <- repo.Serve(ctx) }()
	go func() { served <- outbox.Serve(serving) }()
	defer func() { end(); <-served; stop(); <-served }()

	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if err := tx.Emit(ctx, SendMail.Effect(Mail{"ada@example.org", "Welcome."})); err != nil {
			return err
		}
		return errors.New("the name is taken")
	})
	fmt.Println(err)
	err = repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.Emit(ctx, SendMail.Effect(Mail{"grace@example.org", "Welcome."}))
	})
	fmt.Println(err, outbox.Settle(ctx))
	// Unordered output:
	// the name is taken
	// to grace@example.org: Welcome.
	// <nil> <nil>
}
