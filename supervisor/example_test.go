package supervisor_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// Till is a process that keeps a sum.
type Till struct{ sum int }

func (t *Till) Add(_ context.Context, n int) (int, error) {
	if n < 0 {
		panic("a coin below zero")
	}
	t.sum += n
	return t.sum, nil
}

const Front process.Name[Till] = "till:front"

func openTill(context.Context) (*Till, error) { return new(Till), nil }

// Side tills exist as soon as somebody speaks to them.
const Side process.Family[Till] = "till"

func openSideTill(ctx context.Context) (*Till, error) {
	if key := process.Self[Till](ctx).Key(); key > "9" {
		return nil, fault.NotFound.Errorf("there is no till %s", key)
	}
	return new(Till), nil
}

func Example() {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	node := process.NewNode(ctx)
	defer node.Close()
	ctx = node.Context(ctx)

	root, err := supervisor.Tree{Name: "shop", Children: []supervisor.Child{
		{Run: supervisor.Process(Front, openTill)},
		{Run: supervisor.Family(Side, openSideTill)},
		{Name: "door", Run: supervisor.Func(func(ctx context.Context) error {
			<-ctx.Done()
			fmt.Println("the door closes")
			return nil
		})},
	}}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}

	fmt.Println(process.Call(ctx, Front, (*Till).Add, 5))
	fmt.Println(process.Call(ctx, Front, (*Till).Add, -5)) // crashes it
	fmt.Println(process.Call(ctx, Front, (*Till).Add, 2))  // and here it is again

	fmt.Println(process.Call(ctx, Side.Of("3"), (*Till).Add, 1))
	fmt.Println(process.Call(ctx, Side.Of("A"), (*Till).Add, 1))

	status, _ := supervisor.StatusOf(ctx, "shop")
	fmt.Println("up:", status.Up(), "- restarts of the front till:", status.Children[0].Restarts)

	root.Stop()
	// Output:
	// 5 <nil>
	// 0 till:front crashed: the process has ended: panic: a coin below zero
	// 2 <nil>
	// 1 <nil>
	// 0 till/A: there is no till A
	// up: true - restarts of the front till: 1
	// the door closes
}
