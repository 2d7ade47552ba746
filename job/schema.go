package job

import (
	"context"
	"embed"

	"github.com/bennu-go/bennu/data"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate makes the tables, or brings them up to date.
func migrate(ctx context.Context, repo *data.Repo) error {
	return repo.Migrate(ctx, "job", migrations)
}
