package job

import (
	"context"
	"embed"

	"github.com/bennu-go/bennu/data"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Tables are the tables of jobs, for data.Repo.Parts. [Runner.Start] makes them, or brings
// them up to date, by itself.
func Tables() data.Part { return data.Part{Name: "job", Files: migrations} }

func migrate(ctx context.Context, repo *data.Repo) error {
	return repo.Migrate(ctx, Tables().Name, Tables().Files)
}
