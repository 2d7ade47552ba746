package data

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
	"github.com/bennu-go/bennu/telemetry"
)

// This is a runner of our own because bun/migrate records a migration in another
// transaction than the one that applies it, before or after it, and holds a lock
// that a killed process leaves behind. Either way a crash at the wrong moment needs
// somebody to repair it by hand.

// migrator changes the schema, on one connection of its own.
type migrator struct {
	store  *store
	engine Engine
	db     *bun.DB // makes queries
	conn   *sql.Conn
}

// migrating runs fn with a migrator, on the running repo or on one that is open for so long.
func (r *Repo) migrating(ctx context.Context, a absent, fn func(*migrator) error) error {
	if err := r.outside(ctx); err != nil {
		return err
	}
	return r.opened(ctx, a, func(st *store) error {
		return st.migrating(ctx, fn)
	})
}

// outside refuses the context of a transaction, which would wait for itself.
func (r *Repo) outside(ctx context.Context) error {
	if ctx.Value(frameKey{r}) != nil {
		return fault.Internal.Errorf("data: a migration inside a transaction: leave the Write or Read first")
	}
	return nil
}

// absent is what to do about a file that is not there.
type absent int

const (
	createAbsent   absent = iota
	pretendPresent        // that it is there and empty
	refuseAbsent
)

// opened runs fn with the store of the running repo, or with one that is open for so long.
func (r *Repo) opened(ctx context.Context, a absent, fn func(*store) error) error {
	if st := r.live.Load(); st != nil {
		if err := fn(st); err != nil {
			return st.engine.about(err)
		}
		return nil
	}
	at, err := engineOf(r.URL)
	if err != nil {
		return err
	}
	if file, ok := at.(*sqliteEngine); ok && file.absent() {
		switch a {
		case pretendPresent:
			at, err = engineOf("sqlite::memory:")
		case refuseAbsent:
			err = at.about(fault.NotFound.Errorf("there is no database"))
		}
		if err != nil {
			return err
		}
	}
	st, err := open(ctx, at, r)
	if err != nil {
		return at.about(err)
	}
	defer st.closePools()
	if err := fn(st); err != nil {
		return at.about(err)
	}
	return nil
}

// boot does with the schema what is configured to be done at a start.
func (st *store) boot(ctx context.Context, sets []migrationSet) error {
	if st.repo.OnBoot == Ignore {
		return nil
	}
	sets = slices.DeleteFunc(sets, func(s migrationSet) bool { return len(s.all) == 0 })
	if len(sets) == 0 {
		return nil
	}
	return st.migrating(ctx, func(m *migrator) error {
		for _, s := range sets {
			if err := m.boot(ctx, s, st.repo.OnBoot); err != nil {
				return err
			}
		}
		return nil
	})
}

// absent reports whether the file is still to be made.
func (e *sqliteEngine) absent() bool {
	if e.memory {
		return false
	}
	_, err := os.Stat(e.path)
	return errors.Is(err, fs.ErrNotExist)
}

// migrating keeps the writes of this program out while fn runs, where only one can write.
func (st *store) migrating(ctx context.Context, fn func(*migrator) error) error {
	if err := st.writing.enter(ctx, st.writePlaces); err != nil {
		return err
	}
	defer st.writing.leave(st.writePlaces)
	st.endGroup(ctx)
	pool, err := st.engine.migrator()
	if err != nil {
		return translate(ctx, err)
	}
	m := &migrator{store: st, engine: st.engine.name(), db: bun.NewDB(pool, st.writer.Dialect())}
	defer m.db.Close()
	if m.conn, err = pool.Conn(ctx); err != nil {
		return translate(ctx, err)
	}
	defer m.conn.Close()
	return fn(m)
}

// The lock of all migrating in a PostgreSQL database; the number spells "bennu".
const (
	lockSQL   = "SELECT pg_try_advisory_lock(422979890805)"
	unlockSQL = "SELECT pg_advisory_unlock(422979890805)"
)

// lockPoll is how often a program that waits for another's migrations asks for its turn.
const lockPoll = 100 * time.Millisecond

// locked runs fn while no other program migrates. A killed one leaves no lock behind: on
// PostgreSQL it belongs to the connection, and on SQLite it is that of each transaction,
// which looks again when it has it.
func (m *migrator) locked(ctx context.Context, fn func() error) error {
	if m.engine == Postgres {
		if err := m.lock(ctx); err != nil {
			return translate(ctx, err)
		}
		defer m.conn.ExecContext(context.WithoutCancel(ctx), unlockSQL)
	}
	return fn()
}

// lock asks again and again rather than wait in the database: CREATE INDEX CONCURRENTLY
// waits for the end of every transaction, so also for one that waits for this lock.
func (m *migrator) lock(ctx context.Context) error {
	// Or the server goes on with the statement of a killed program, and keeps its lock.
	// Where the system cannot do that, it refuses.
	_, _ = m.conn.ExecContext(ctx, "SET client_connection_check_interval = '1s'")
	poll := time.NewTicker(lockPoll)
	defer poll.Stop()
	for waiting := false; ; waiting = true {
		var mine bool
		err := m.conn.QueryRowContext(ctx, lockSQL).Scan(&mine)
		if err != nil || mine {
			return err
		}
		if !waiting {
			telemetry.Log(ctx).Info("data: another program migrates the database; waiting for it")
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// boot does at the start of a program what it is configured to do.
func (m *migrator) boot(ctx context.Context, s migrationSet, policy Boot) error {
	// Most starts find nothing to do, and need no lock for that.
	var pending []migration
	err := m.look(ctx, func(ctx context.Context, tx Tx) (err error) {
		pending, err = m.pending(ctx, tx, s)
		return err
	})
	if err != nil || len(pending) == 0 {
		return err
	}
	if policy == Refuse {
		return fault.Conflict.Errorf("the database lacks %s: run the migrations first, or let OnBoot be data.Run", s.pendingText(pending))
	}
	return m.locked(ctx, func() error { return m.to(ctx, s, Latest) })
}

// up runs what is missing, up to a number.
func (m *migrator) up(ctx context.Context, s migrationSet, number int64) error {
	pending, _, err := m.todo(ctx, s)
	if err != nil {
		return err
	}
	for _, one := range pending {
		if one.number > number {
			break
		}
		if err := m.step(ctx, s, one, goUp); err != nil {
			return err
		}
	}
	return nil
}

// to brings the database to a number, down and up.
func (m *migrator) to(ctx context.Context, s migrationSet, number int64) error {
	_, applied, err := m.todo(ctx, s)
	if err != nil {
		return err
	}
	if err := m.undo(ctx, s, above(applied, number)); err != nil {
		return err
	}
	return m.up(ctx, s, number)
}

// down undoes so many of what is applied.
func (m *migrator) down(ctx context.Context, s migrationSet, steps int) error {
	_, applied, err := m.todo(ctx, s)
	if err != nil {
		return err
	}
	return m.undo(ctx, s, applied[max(0, len(applied)-max(0, steps)):])
}

// todo is which migrations are pending and which are applied, in order. The table of records
// is ready then.
func (m *migrator) todo(ctx context.Context, s migrationSet) (pending, applied []migration, err error) {
	err = m.inTx(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := m.prepare(ctx, tx); err != nil {
			return err
		}
		pending, err = m.pending(ctx, tx, s)
		return err
	})
	return pending, without(s.all, pending), err
}

// undo goes down from the newest to the oldest, if there is a way for all of them.
func (m *migrator) undo(ctx context.Context, s migrationSet, applied []migration) error {
	if err := s.reversible(applied); err != nil {
		return err
	}
	for i := len(applied) - 1; i >= 0; i-- {
		if err := m.step(ctx, s, applied[i], goDown); err != nil {
			return err
		}
	}
	return nil
}

// reversible refuses migrations without a way down.
func (s migrationSet) reversible(some []migration) error {
	for _, one := range some {
		if !one.down.exists() {
			return fault.Invalid.Errorf("migration %s has no way down: give it one, or put back a copy of the database from before", s.title(one))
		}
	}
	return nil
}

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

// inTx runs fn in a transaction of the migrator's connection.
func (m *migrator) inTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return m.transact(ctx, nil, fn)
}

// look runs fn in a transaction that only reads, and so waits for nobody.
func (m *migrator) look(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return m.transact(ctx, &sql.TxOptions{ReadOnly: true}, fn)
}

func (m *migrator) transact(ctx context.Context, opts *sql.TxOptions, fn func(ctx context.Context, tx Tx) error) error {
	tx, err := m.conn.BeginTx(context.WithoutCancel(ctx), opts)
	if err != nil {
		return translate(ctx, err)
	}
	defer tx.Rollback()
	f := &frame{run: m.store.run(m.db, tx), write: opts == nil}
	f.watch.slow = 0 // migrations may be
	defer func() { f.over = true }()
	inside := context.WithValue(ctx, frameKey{m.store.repo}, f)
	if err := fn(inside, Tx{f}); err != nil {
		return f.explain(ctx, err)
	}
	if err := f.whole(ctx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return translate(ctx, err)
	}
	f.committed(ctx)
	return nil
}

// without is those of all that are not in some, in order.
func without(all, some []migration) (rest []migration) {
	in := make(map[int64]bool)
	for _, one := range some {
		in[one.number] = true
	}
	for _, one := range all {
		if !in[one.number] {
			rest = append(rest, one)
		}
	}
	return rest
}

// above is those with a greater number.
func above(all []migration, number int64) (rest []migration) {
	for _, one := range all {
		if one.number > number {
			rest = append(rest, one)
		}
	}
	return rest
}
