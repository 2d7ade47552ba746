package job

import (
	"context"
	"embed"
	"io/fs"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
)

// What package data is about to give.

//go:embed migrations/*.sql
var migrations embed.FS

func migrate(ctx context.Context, repo *data.Repo) error {
	files, err := fs.Glob(migrations, "migrations/*.sqlite.sql")
	if err != nil {
		return err
	}
	return repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
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

func pollOf(*data.Repo) time.Duration { return 100 * time.Millisecond }

func isPostgres(data.Tx) bool { return false }

func (e *engine) canNotify() bool { return false }

// onCommit runs fn too early: who looks waits for the writer.
func onCommit(_ data.Tx, fn func()) { fn() }

func withGuard(ctx context.Context, _ *attempt) context.Context { return ctx }
