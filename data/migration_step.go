package data

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
	"github.com/bennu-go/bennu/telemetry"
)

type direction bool

const (
	goUp   direction = true
	goDown direction = false
)

func (m migration) action(way direction) action {
	if way == goDown {
		return m.down
	}
	return m.up
}

// step runs or undoes one migration.
func (m *migrator) step(ctx context.Context, s migrationSet, one migration, way direction) error {
	c := one.action(way)
	var err error
	if c.alone {
		err = m.stepAlone(ctx, s, one, c, way)
	} else {
		err = m.inTx(ctx, func(ctx context.Context, tx Tx) error { return m.stepIn(ctx, tx, s, one, c, way) })
	}
	switch {
	case err != nil && c.alone:
		return about(err, "migration %s is half done", s.title(one))
	case err != nil:
		return about(err, "migration %s is rolled back", s.title(one))
	}
	text := map[direction]string{goUp: "data: migrated", goDown: "data: migration undone"}[way]
	telemetry.Log(ctx).Info(text, "migration", s.title(one))
	return nil
}

// stepIn makes a change and records it in a transaction, both or neither.
func (m *migrator) stepIn(ctx context.Context, tx Tx, s migrationSet, one migration, c action, way direction) error {
	// Another program may have done it since we looked; now it cannot.
	records, err := m.records(ctx, tx, s.part)
	if err != nil {
		return err
	}
	if _, applied := records[one.number]; applied == bool(way) {
		return nil
	}
	if err := c.runIn(ctx, tx); err != nil {
		return err
	}
	if m.engine == SQLite {
		if err := checkForeignKeys(ctx, tx); err != nil {
			return err
		}
	}
	if way == goDown {
		return m.erase(ctx, tx, s.part, one)
	}
	return m.note(ctx, tx, s.part, one, true)
}

// stepAlone records a change as begun, makes it outside of a transaction, and records it as
// done. What is between is found by the next one to look.
func (m *migrator) stepAlone(ctx context.Context, s migrationSet, one migration, c action, way direction) error {
	err := m.inTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := m.erase(ctx, tx, s.part, one); err != nil {
			return err
		}
		return m.note(ctx, tx, s.part, one, false)
	})
	if err != nil {
		return err
	}
	for _, statement := range sqltext.Statements(c.script, sqltext.Postgres) {
		if _, err := m.conn.ExecContext(ctx, statement); err != nil {
			return translate(ctx, err)
		}
	}
	return m.inTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := m.erase(ctx, tx, s.part, one); err != nil || way == goDown {
			return err
		}
		return m.note(ctx, tx, s.part, one, true)
	})
}

// runIn makes the change.
func (a action) runIn(ctx context.Context, tx Tx) error {
	if a.run != nil {
		if err := a.run(ctx, tx); err != nil {
			return err
		}
		return tx.f.whole(ctx) // it may have overlooked an error
	}
	_, err := tx.ExecContext(ctx, a.script)
	var at *pgconn.PgError
	if errors.As(err, &at) && at.Position > 0 {
		return about(err, "line %d", lineOf(a.script, int(at.Position)))
	}
	return err
}

// lineOf is the line of the n-th character.
func lineOf(text string, n int) int {
	line := 1
	for _, c := range text {
		if n--; n <= 0 {
			break
		}
		if c == '\n' {
			line++
		}
	}
	return line
}

// checkForeignKeys finds on SQLite what a migration broke, which runs with the checks off so
// that it can rebuild a table.
func checkForeignKeys(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) error {
	var table string
	err := db.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fault.Conflict.Errorf("rows in table %s refer to something that is not there", table)
}
