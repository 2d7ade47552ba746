package supervisor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

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

// Jobs are started while the program runs.
type Job struct{ file string }

func (j *Job) File(context.Context) (string, error) { return j.file, nil }

const Uploads supervisor.DynamicName[Job, string] = "uploads"

func openJob(_ context.Context, file string) (*Job, error) { return &Job{file}, nil }

func ExampleDynamic() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	root, err := supervisor.Tree{Children: []supervisor.Child{
		{Run: supervisor.Dynamic(Uploads, openJob, process.Most(2)), Restart: supervisor.Transient},
	}}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Stop()

	cat, _ := Uploads.Start(ctx, "cat.png")
	dog, _ := Uploads.Start(ctx, "dog.png")
	fmt.Println(process.Ask(ctx, dog, (*Job).File))
	_, err = Uploads.Start(ctx, "cow.png")
	fmt.Println(err)
	fmt.Println(Uploads.Terminate(ctx, cat))
	fmt.Println(Uploads.Count(ctx))
	// Output:
	// dog.png <nil>
	// uploads has 2 members, which is the most
	// <nil>
	// {1 1 0 1} <nil>
}

// Tills that share the work: a customer always comes to the same one.
const Tills process.Family[Till] = "tills"

func ExamplePartition() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	root, err := supervisor.Tree{Children: []supervisor.Child{
		{Run: supervisor.Partition(Tills, 4, openTill)},
	}}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Stop()

	fmt.Println(process.Call(ctx, Tills.Of("customer:ann"), (*Till).Add, 3))
	fmt.Println(process.Call(ctx, Tills.Of("customer:ann"), (*Till).Add, 4))
	fmt.Println(process.Call(ctx, Tills.Of("6"), (*Till).Add, 1)) // the till number 6 mod 4
	fmt.Println(process.Call(ctx, Tills.Of("2"), (*Till).Add, 1)) // the same
	// Output:
	// 3 <nil>
	// 7 <nil>
	// 1 <nil>
	// 2 <nil>
}

func ExamplePrint() {
	tree := supervisor.Tree{Name: "shop", Children: []supervisor.Child{
		{Run: supervisor.Process(Front, openTill)},
		{Run: supervisor.Tree{Name: "doors", Strategy: supervisor.RestForOne, Children: []supervisor.Child{
			{Name: "web", Run: supervisor.Func(func(ctx context.Context) error { <-ctx.Done(); return nil })},
			{Run: supervisor.Partition(Tills, 2, openTill), Restart: supervisor.Transient},
		}}},
	}}
	if err := supervisor.Print(os.Stdout, tree.Plan()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// shop           tree       one_for_one   permanent  planned
	// ├─ till:front  process                  permanent  planned
	// └─ doors       tree       rest_for_one  permanent  planned
	//    ├─ web      service                  permanent  planned
	//    └─ tills    partition  one_for_one   permanent  planned
	//       ├─ 0     process                  transient  planned
	//       └─ 1     process                  transient  planned
}

func ExampleStartChild() {
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	node := process.NewNode(ctx)
	defer node.Close()
	ctx = node.Context(ctx)
	root, err := supervisor.Tree{Name: "shop"}.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Stop()

	till := supervisor.Child{Run: supervisor.Process(Front, openTill)}
	fmt.Println(supervisor.StartChild(ctx, "shop", till))
	fmt.Println(supervisor.StartChild(ctx, "shop", till))
	fmt.Println(supervisor.TerminateChild(ctx, "shop", "till:front"))
	fmt.Println(supervisor.DeleteChild(ctx, "shop", "till:front"))
	fmt.Println(supervisor.RestartChild(ctx, "shop", "till:front"))
	// Output:
	// <nil>
	// "till:front" is already started in shop
	// <nil>
	// <nil>
	// shop has no child "till:front"
}
