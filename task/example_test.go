package task_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/task"
)

func Example() {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())

	shout := func(_ context.Context, word string) (string, error) { return strings.ToUpper(word), nil }
	for word, err := range task.Stream(ctx, slices.Values([]string{"soup", "bread"}), shout) {
		fmt.Println(word, err)
	}

	sum := task.Async(ctx, func(context.Context) (int, error) { return 20 + 22, nil })
	fmt.Println(sum.Await(ctx))
	// Output:
	// SOUP <nil>
	// BREAD <nil>
	// 42 <nil>
}
