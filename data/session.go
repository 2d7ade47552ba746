package data

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// Sessions keeps the sessions of web.Sessions in the database, in a table of its own,
// bennu_sessions, which Start brings up to date with [Repo.Migrate]. List it in the
// supervision tree after the repo, and before the endpoint; each hour it deletes what is
// too old.
//
//	store := &data.Sessions{Repo: repo}
//	sessions := &web.Sessions{Keys: keys, Store: store}
//
// Its methods are safe for concurrent use.
type Sessions struct {
	Repo *Repo // required
}

// Start brings the table up to date.
func (s *Sessions) Start(ctx context.Context) error {
	if s.Repo == nil {
		return fault.Invalid.Errorf("the sessions have no Repo")
	}
	return s.Repo.Migrate(ctx, "sessions", sessionTables)
}

// The first one also meets tables from before they were made by a migration.
//
//go:embed migrations/sessions/*.sql
var sessionTables embed.FS

// SessionTables are the tables of [Sessions], for [Repo.Parts].
func SessionTables() Part { return Part{"sessions", sessionTables} }

// Serve deletes what is too old, until the context ends.
func (s *Sessions) Serve(ctx context.Context) error {
	hourly := time.NewTicker(time.Hour)
	defer hourly.Stop()
	for {
		if err := s.prune(ctx); err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Warn("old sessions could not be deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-hourly.C:
		}
	}
}

// prune deletes in small steps, so that nobody waits for long.
func (s *Sessions) prune(ctx context.Context) error {
	for {
		var gone int64
		err := s.Repo.Write(ctx, func(ctx context.Context, tx Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM bennu_sessions WHERE name IN
				(SELECT name FROM bennu_sessions WHERE until <= ? LIMIT 1000)`, time.Now().Unix())
			if err != nil {
				return err
			}
			gone, err = res.RowsAffected()
			return err
		})
		if err != nil || gone == 0 {
			return err
		}
		telemetry.Count(ctx, "data.sessions.deleted", gone)
	}
}

// Load gives what was saved under a name, or fault.NotFound.
func (s *Sessions) Load(ctx context.Context, name string) ([]byte, error) {
	var text string
	err := s.Repo.Read(ctx, func(ctx context.Context, tx Tx) error {
		row := tx.QueryRowContext(ctx, `SELECT data FROM bennu_sessions WHERE name = ? AND until > ?`, name, time.Now().Unix())
		if err := row.Scan(&text); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return fault.NotFound.Errorf("there is no such session")
	})
	return []byte(text), err
}

// Save keeps data under a name until a time, in place of what was there.
func (s *Sessions) Save(ctx context.Context, name string, data []byte, until time.Time) error {
	return s.Repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO bennu_sessions (name, data, until) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET data = excluded.data, until = excluded.until`, name, string(data), until.Unix())
		return err
	})
}

// Delete forgets a name. One that is unknown is no error.
func (s *Sessions) Delete(ctx context.Context, name string) error {
	return s.Repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM bennu_sessions WHERE name = ?`, name)
		return err
	})
}
