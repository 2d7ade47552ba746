package data

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// This is a runner of our own because bun/migrate records a migration in another
// transaction than the one that applies it, before or after it, and holds a lock
// that a killed process leaves behind. Either way a crash at the wrong moment needs
// somebody to repair it by hand.

type migration struct {
	number int64
	name   string // of the file, without its folder
	script string
}

var (
	migrationName = regexp.MustCompile(`^([0-9]+)_[A-Za-z0-9_-]+\.sql$`)

	// A trigger's BEGIN and END stand without a semicolon or with another word.
	transactionControl = regexp.MustCompile(`(?im)^\s*(begin(\s+(transaction|deferred|immediate|exclusive))*|(commit|rollback)(\s+transaction)?)\s*;`)
)

// readMigrations finds the .sql files, in whatever folder they were embedded.
func readMigrations(fsys fs.FS) ([]migration, error) {
	if fsys == nil {
		return nil, nil
	}
	var all []migration
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".sql" {
			return err
		}
		m := migration{name: path.Base(file)}
		parts := migrationName.FindStringSubmatch(m.name)
		if parts == nil {
			return fault.Invalid.Errorf("migration %s: name it by number and purpose, as in 0001_create_positions.sql", file)
		}
		if m.number, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
			return fault.Invalid.Errorf("migration %s: its number is too large", file)
		}
		script, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		m.script = string(script)
		if transactionControl.MatchString(m.script) {
			return fault.Invalid.Errorf("migration %s: it runs in a transaction already; leave BEGIN, COMMIT and ROLLBACK out", file)
		}
		all = append(all, m)
		return nil
	})
	if err != nil {
		if fault.Of(err) == fault.Internal {
			err = fault.Internal.Wrap(err, "data: the migrations cannot be read")
		}
		return nil, err
	}
	if len(all) == 0 {
		return nil, fault.Invalid.Errorf("there is no .sql file in Migrations: is the right folder embedded? Nil means none")
	}
	slices.SortFunc(all, func(a, b migration) int { return cmp.Compare(a.number, b.number) })
	for i := 1; i < len(all); i++ {
		if all[i-1].number == all[i].number {
			return nil, fault.Invalid.Errorf("migrations %s and %s have the same number: renumber one", all[i-1].name, all[i].name)
		}
	}
	return all, nil
}

// migrate applies what is missing.
func (st *store) migrate(ctx context.Context, all []migration) error {
	if len(all) == 0 {
		return nil
	}
	pool, err := st.engine.migrator()
	if err != nil {
		return translate(ctx, err)
	}
	defer pool.Close()

	var applied map[int64]string
	err = inTx(ctx, pool, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS bennu_migrations (
			number BIGINT PRIMARY KEY,
			name TEXT NOT NULL,
			applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)`)
		if err != nil {
			return err
		}
		applied, err = appliedMigrations(ctx, tx)
		return err
	})
	if err != nil {
		return translate(ctx, err)
	}
	if err := checkApplied(all, applied); err != nil {
		return err
	}
	for _, m := range all {
		if _, ok := applied[m.number]; ok {
			continue
		}
		if err := m.apply(ctx, pool); err != nil {
			return about(translate(ctx, err), "migration %s is rolled back", m.name)
		}
		telemetry.Log(ctx).Info("data: migrated", "migration", m.name)
	}
	return nil
}

// checkApplied compares what the database has with what the program has.
func checkApplied(all []migration, applied map[int64]string) error {
	known := make(map[int64]string)
	for _, m := range all {
		known[m.number] = m.name
	}
	for number, name := range applied {
		switch mine, ok := known[number]; {
		case !ok:
			return fault.Conflict.Errorf("the database is newer than this program, which does not know its migration %s: run the newer version, or put back a copy from before", name)
		case mine != name:
			return fault.Conflict.Errorf("migration %s is in the database as %s: applied migrations keep their names, new ones get new numbers", mine, name)
		}
	}
	return nil
}

// apply runs one migration and records it, both or neither.
func (m migration) apply(ctx context.Context, pool *sql.DB) error {
	return inTx(ctx, pool, func(tx *sql.Tx) error {
		// Another process may have done it since we looked; now it cannot.
		applied, err := appliedMigrations(ctx, tx)
		if err != nil {
			return err
		}
		if _, ok := applied[m.number]; ok {
			return nil
		}
		if _, err := tx.ExecContext(ctx, m.script); err != nil {
			return err
		}
		if err := checkForeignKeys(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO bennu_migrations (number, name) VALUES (?, ?)", m.number, m.name); err != nil {
			return err
		}
		return nil
	})
}

func checkForeignKeys(ctx context.Context, tx *sql.Tx) error {
	var table string
	err := tx.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fault.Conflict.Errorf("it leaves rows in table %s that refer to something that is not there", table)
}

func appliedMigrations(ctx context.Context, tx *sql.Tx) (map[int64]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT number, name FROM bennu_migrations")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := make(map[int64]string)
	for rows.Next() {
		var number int64
		var name string
		if err := rows.Scan(&number, &name); err != nil {
			return nil, err
		}
		applied[number] = name
	}
	return applied, rows.Err()
}

func inTx(ctx context.Context, pool *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}
