package supervisor

import (
	"context"

	"github.com/bennu-go/bennu/process"
)

// KillTree kills the process of a tree or a partition, and KillMembers that of a dynamic
// supervisor or, with process.None, of a family: nobody outside can name them.
func KillTree(ctx context.Context, path string) error {
	return process.Exit(ctx, process.Name[supervisor](path), process.Kill)
}

func KillMembers[Arg any](ctx context.Context, path string) error {
	return process.Exit(ctx, process.Name[members[Arg]](path), process.Kill)
}
