package data

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/bennu-go/bennu/fault"
)

// sqliteEngine is a database in the program: one connection writes, others read.
type sqliteEngine struct {
	address
	anchor driver.Conn // holds a database in memory together
	writer *remembered // its one connection
	file   fs.FileInfo // as it was opened; nil in memory
}

func (e *sqliteEngine) name() Engine { return SQLite }

func (e *sqliteEngine) open(ctx context.Context, st *store, size int) error {
	if err := e.check(); err != nil {
		return err
	}
	st.reading, st.writing, st.writePlaces = newGate(size), newGate(1), 1
	st.grouping = !e.memory
	if e.memory {
		// The engine has no snapshots in memory: a read would fail while a write
		// runs, and a commit while a read does. So one write takes all places.
		st.writing, st.writePlaces = st.reading, size
		connector, err := sqlite.NewConnector(e.dsn(writing))
		if err != nil {
			return err
		}
		if e.anchor, err = connector.Connect(ctx); err != nil {
			return err
		}
	}
	dialect := sqlitedialect.New() // one, so that both know the same models
	connector, err := sqlite.NewConnector(e.dsn(writing))
	if err != nil {
		return err
	}
	e.writer = &remembered{Connector: connector}
	writer := sql.OpenDB(e.writer)
	st.writer = newDB(writer, dialect, 1)
	err = e.try(ctx, writer, writing)
	for end := time.Now().Add(busyWait); isBusy(err) && time.Now().Before(end) && ctx.Err() == nil; {
		err = e.try(ctx, writer, writing)
	}
	if err != nil {
		return err
	}
	reader, err := openSQLite(e.address, reading)
	if err != nil {
		return err
	}
	st.readers = newDB(reader, dialect, size)
	if err := e.try(ctx, reader, reading); err != nil {
		return err
	}
	if e.memory {
		return nil
	}
	if e.file, err = os.Stat(e.path); err != nil {
		return fault.Unavailable.Wrap(err, "the file cannot be read")
	}
	return nil
}

func (e *sqliteEngine) migrator() (*sql.DB, error) {
	db, err := openSQLite(e.address, migrating)
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func openSQLite(at address, as role) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(at.dsn(as))
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// try finds at the start what would otherwise be found by the first query.
func (e *sqliteEngine) try(ctx context.Context, pool *sql.DB, as role) error {
	tx, err := pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: as == reading})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if as == writing { // only a write finds that a file is read-only; it is rolled back
		if _, err := tx.ExecContext(ctx, "PRAGMA user_version = 0"); err != nil {
			return err
		}
	}
	var mode string
	if err := tx.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if !e.memory && mode != "wal" {
		return fault.Unavailable.Errorf("the file system cannot share memory between connections: put the database on a local disk")
	}
	return nil
}

// check gives the common mistakes a better text than SQLite's.
func (e *sqliteEngine) check() error {
	if e.memory {
		return nil
	}
	if info, err := os.Stat(e.path); err == nil && !info.Mode().IsRegular() {
		return fault.Invalid.Errorf("this is not a file")
	}
	if _, err := os.Stat(filepath.Dir(e.path)); errors.Is(err, fs.ErrNotExist) {
		return fault.Unavailable.Wrap(err, "its folder is not there: make it first")
	}
	return nil
}

// absent reports whether the file is still to be made.
func (e *sqliteEngine) absent() bool {
	if e.memory {
		return false
	}
	_, err := os.Stat(e.path)
	return errors.Is(err, fs.ErrNotExist)
}

// lost reports whether the file that is open is no longer the one at its path. SQLite
// does not mind, but what it writes is lost with the program.
func (e *sqliteEngine) lost() bool {
	if e.file == nil {
		return false
	}
	file, err := os.Stat(e.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(file, e.file)
}

// remembered is a connector that knows the connection it made last.
type remembered struct {
	driver.Connector
	conn driver.Conn
}

func (r *remembered) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	r.conn = conn
	return conn, err
}

// unresolved gives the error that the commit would have because of deferred foreign keys.
// It is for whoever has the writing connection to itself.
func (e *sqliteEngine) unresolved() error {
	n, _, err := e.writer.conn.(sqlite.DBStatus).Status(sqlite.DBStatusDeferredFKs, false)
	if err != nil || n == 0 {
		return err
	}
	return (&Violation{Kind: ForeignKey}).fault()
}

func (e *sqliteEngine) close() {
	if e.anchor != nil {
		e.anchor.Close()
	}
}
