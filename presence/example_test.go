package presence_test

import (
	"context"
	"fmt"

	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

// Member is what clients are told of each other.
type Member struct {
	Status string `json:"status"`
}

// Visit is a process: one client in the lobby.
type Visit struct{ members *presence.Tracker[Member] }

func (v *Visit) Enter(ctx context.Context, user string) error {
	_, err := v.members.Track(ctx, "lobby", user, Member{Status: "here"})
	return err
}

func (v *Visit) Away(ctx context.Context, user string) error {
	_, err := v.members.Update(ctx, "lobby", user, Member{Status: "away"})
	return err
}

func Example() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())

	members := &presence.Tracker[Member]{Name: "members"}
	tree, err := supervisor.Tree{Children: []supervisor.Child{{Name: "members", Run: members}}}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tree.Stop()

	enter := func(user string) process.Ref[Visit] {
		visit, _ := process.Spawn(ctx, func(context.Context) (*Visit, error) { return &Visit{members}, nil })
		if err := process.Do(ctx, visit, (*Visit).Enter, user); err != nil {
			fmt.Println(err)
		}
		return visit
	}
	amy := enter("amy")
	enter("bob") // in one tab
	enter("bob") // and in another

	if err := process.Do(ctx, amy, (*Visit).Away, "amy"); err != nil {
		fmt.Println(err)
	}
	everybody, _ := members.List(ctx, "lobby")
	for _, user := range []string{"amy", "bob"} {
		for _, m := range everybody[user].Metas {
			fmt.Println(user, "is", m.Value.Status)
		}
	}
	// Output:
	// amy is away
	// bob is here
	// bob is here
}
