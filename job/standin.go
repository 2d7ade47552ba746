package job

import (
	"context"
	"embed"
	"io/fs"
	"strings"

	"github.com/bennu-go/bennu/data"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate makes the tables. It is what package data is about to do.
func migrate(ctx context.Context, repo *data.Repo) error {
	files, err := fs.Glob(migrations, "migrations/*."+string(repo.Engine())+".sql")
	if err != nil {
		return err
	}
	return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		if isPostgres(tx) {
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(6265776)"); err != nil {
				return err
			}
		}
		for _, name := range files {
			text, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			for _, s := range strings.Split(string(text), ";\n") {
				if strings.TrimSpace(s) == "" {
					continue
				}
				if _, err := tx.ExecContext(ctx, s); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
