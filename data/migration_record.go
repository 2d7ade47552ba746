package data

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// migrationRecord is a row of bennu_migrations.
type migrationRecord struct {
	name    string
	applied time.Time
	done    bool // not so: begun outside of a transaction
}

// The table of what is applied. It stays readable for programs from before it had parts.
var createRecords = map[Engine]string{
	SQLite: `CREATE TABLE bennu_migrations (
		part TEXT NOT NULL DEFAULT '',
		number BIGINT NOT NULL,
		name TEXT NOT NULL,
		applied_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
		done BOOLEAN NOT NULL DEFAULT TRUE,
		PRIMARY KEY (part, number))`,
	Postgres: `CREATE TABLE bennu_migrations (
		part TEXT NOT NULL DEFAULT '',
		number BIGINT NOT NULL,
		name TEXT NOT NULL,
		applied_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
		done BOOLEAN NOT NULL DEFAULT TRUE,
		PRIMARY KEY (part, number))`,
}

var recordColumns = map[Engine]string{
	SQLite:   `SELECT name FROM pragma_table_info('bennu_migrations')`,
	Postgres: `SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('bennu_migrations') AND attnum > 0 AND NOT attisdropped`,
}

// columns are those of the table of records; none if it is not there.
func (m *migrator) columns(ctx context.Context, tx Tx) (names []string, err error) {
	err = tx.NewRaw(recordColumns[m.engine]).Scan(ctx, &names)
	return names, err
}

// prepare makes the table of records, or brings one from before parts up to date.
func (m *migrator) prepare(ctx context.Context, tx Tx) error {
	columns, err := m.columns(ctx, tx)
	if err != nil || slices.Contains(columns, "part") {
		return err
	}
	if len(columns) == 0 {
		_, err := tx.ExecContext(ctx, createRecords[m.engine])
		return err
	}
	for _, statement := range []string{
		"ALTER TABLE bennu_migrations RENAME TO bennu_migrations_old",
		createRecords[m.engine],
		"INSERT INTO bennu_migrations (number, name, applied_at) SELECT number, name, applied_at FROM bennu_migrations_old",
		"DROP TABLE bennu_migrations_old",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// records gives what is recorded of a part, by number. Where nothing was migrated yet,
// or by a program from before parts, it changes nothing.
func (m *migrator) records(ctx context.Context, tx Tx, part string) (map[int64]migrationRecord, error) {
	columns, err := m.columns(ctx, tx)
	if err != nil || len(columns) == 0 {
		return nil, err
	}
	query, args := "SELECT number, name, applied_at, TRUE FROM bennu_migrations", []any(nil)
	if slices.Contains(columns, "part") {
		query, args = "SELECT number, name, applied_at, done FROM bennu_migrations WHERE part = ?", []any{part}
	} else if part != "" {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make(map[int64]migrationRecord)
	for rows.Next() {
		var number int64
		var r migrationRecord
		if err := rows.Scan(&number, &r.name, &r.applied, &r.done); err != nil {
			return nil, err
		}
		all[number] = r
	}
	return all, rows.Err()
}

// pending are the migrations that are not recorded, in order. What is recorded must be what
// the program has.
func (m *migrator) pending(ctx context.Context, tx Tx, s migrationSet) ([]migration, error) {
	records, err := m.records(ctx, tx, s.part)
	if err != nil {
		return nil, err
	}
	if err := s.check(records); err != nil {
		return nil, err
	}
	var pending []migration
	for _, one := range s.all {
		if _, applied := records[one.number]; !applied {
			pending = append(pending, one)
		}
	}
	return pending, nil
}

// check compares what the database has with what the program has.
func (s migrationSet) check(records map[int64]migrationRecord) error {
	known := make(map[int64]migration)
	for _, one := range s.all {
		known[one.number] = one
	}
	for number, r := range records {
		mine, ok := known[number]
		theirs := s.title(migration{name: r.name})
		switch {
		case !ok:
			return fault.Conflict.Errorf("the database is newer than this program, which does not know its migration %s: run the newer version, or put back a copy from before", theirs)
		case mine.name != r.name:
			return fault.Conflict.Errorf("migration %s is in the database as %s: applied migrations keep their names, new ones get new numbers", s.title(mine), theirs)
		case !r.done:
			where := fmt.Sprintf("WHERE part = '%s' AND number = %d", s.part, number)
			return fault.Conflict.Errorf("migration %s was cut off half-way, outside of a transaction: see what it has left, such as an index that is not valid. "+
				"Then either finish it by hand and UPDATE bennu_migrations SET done = TRUE %s; or take back what it did and DELETE FROM bennu_migrations %s", theirs, where, where)
		}
	}
	return nil
}

// note records a migration.
func (m *migrator) note(ctx context.Context, tx Tx, part string, one migration, done bool) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO bennu_migrations (part, number, name, done) VALUES (?, ?, ?, ?)", part, one.number, one.name, done)
	return err
}

// erase forgets a migration.
func (m *migrator) erase(ctx context.Context, tx Tx, part string, one migration) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM bennu_migrations WHERE part = ? AND number = ?", part, one.number)
	return err
}

// status is how far the migrations are that the program has, and which ones of other parts
// there are.
func (m *migrator) status(ctx context.Context, sets []migrationSet) (states []MigrationState, err error) {
	err = m.look(ctx, func(ctx context.Context, tx Tx) error {
		others, err := m.parts(ctx, tx)
		if err != nil {
			return err
		}
		for _, s := range sets {
			records, err := m.records(ctx, tx, s.part)
			if err != nil {
				return err
			}
			states = append(states, s.states(records)...)
			others = slices.DeleteFunc(others, func(part string) bool { return part == s.part })
		}
		for _, part := range others {
			records, err := m.records(ctx, tx, part)
			if err != nil {
				return err
			}
			for number, r := range records {
				states = append(states, MigrationState{Part: part, Number: number, Name: r.name, Applied: r.applied, Half: !r.done})
			}
		}
		return nil
	})
	slices.SortFunc(states, MigrationState.compare)
	return states, err
}

// states joins what the program has with what the database has.
func (s migrationSet) states(records map[int64]migrationRecord) []MigrationState {
	var states []MigrationState
	known := make(map[int64]bool)
	for _, one := range s.all {
		known[one.number] = true
		r := records[one.number]
		applied := !r.applied.IsZero()
		states = append(states, MigrationState{Part: s.part, Number: one.number, Name: one.name, Applied: r.applied, Half: applied && !r.done, Down: one.down.exists()})
	}
	for number, r := range records {
		if !known[number] {
			states = append(states, MigrationState{Part: s.part, Number: number, Name: r.name, Applied: r.applied, Half: !r.done, Unknown: true})
		}
	}
	return states
}

// parts are those with records, other than the program itself.
func (m *migrator) parts(ctx context.Context, tx Tx) (names []string, err error) {
	columns, err := m.columns(ctx, tx)
	if err != nil || !slices.Contains(columns, "part") {
		return nil, err
	}
	err = tx.NewRaw("SELECT DISTINCT part FROM bennu_migrations WHERE part <> ''").Scan(ctx, &names)
	return names, err
}
