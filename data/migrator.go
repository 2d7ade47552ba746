package data

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/fault"
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

// inTx runs fn in a transaction of the migrator's connection.
func (m *migrator) inTx(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return m.transact(ctx, nil, fn)
}

// look runs fn in a transaction that only reads, and so waits for nobody.
func (m *migrator) look(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return m.transact(ctx, &sql.TxOptions{ReadOnly: true}, fn)
}

func (m *migrator) transact(ctx context.Context, opts *sql.TxOptions, fn func(ctx context.Context, tx Tx) error) error {
	tx, err := begin(ctx, m.conn, opts)
	if err != nil {
		return err
	}
	defer tx.rollback(ctx)
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
	if err := tx.commit(ctx); err != nil {
		return err
	}
	f.committed(ctx)
	return nil
}
