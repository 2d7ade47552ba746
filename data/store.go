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

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// lastWait is what transactions get to notice that they were cut off.
const lastWait = time.Second

// store is what a repo has from Start to the end of Serve.
type store struct {
	writer, readers  *bun.DB
	writing, reading *gate
	writePlaces      int         // of the writing gate that one write takes
	anchor           driver.Conn // holds a database in memory together
	at               address
	path             string      // of the file; "" in memory
	file             fs.FileInfo // as it was opened

	ctx  context.Context // ends when running transactions are cut off
	stop context.CancelFunc
}

// open makes the pools and tries both.
func open(ctx context.Context, at address, r *Repo) (*store, error) {
	if err := at.check(); err != nil {
		return nil, err
	}
	n := r.readers()
	st := &store{at: at, reading: newGate(n), writing: newGate(1), writePlaces: 1}
	st.ctx, st.stop = context.WithCancel(context.WithoutCancel(ctx))
	if at.memory {
		// The engine has no snapshots in memory: a read would fail while a write
		// runs, and a commit while a read does. So one write takes all places.
		st.writing, st.writePlaces = st.reading, n
	}
	err := st.connect(ctx, at, n)
	if err != nil {
		st.closePools()
		return nil, translate(ctx, err)
	}
	if !at.memory {
		st.path = at.path
		if st.file, err = os.Stat(at.path); err != nil {
			st.closePools()
			return nil, fault.Unavailable.Wrap(err, "the file cannot be read")
		}
	}
	st.writer.RegisterModel(r.Models...)
	return st, nil
}

func (st *store) connect(ctx context.Context, at address, readers int) error {
	if at.memory {
		connector, err := sqlite.NewConnector(at.dsn(writing))
		if err != nil {
			return err
		}
		if st.anchor, err = connector.Connect(ctx); err != nil {
			return err
		}
	}
	writer, err := openPool(at, writing, 1)
	if err != nil {
		return err
	}
	dialect := sqlitedialect.New() // one, so that both know the same models
	st.writer = bun.NewDB(writer, dialect)
	if err := try(ctx, writer, writing, at); err != nil {
		return err
	}
	reader, err := openPool(at, reading, readers)
	if err != nil {
		return err
	}
	st.readers = bun.NewDB(reader, dialect)
	return try(ctx, reader, reading, at)
}

func openPool(at address, as role, size int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(at.dsn(as))
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// try finds at the start what would otherwise be found by the first query.
func try(ctx context.Context, pool *sql.DB, as role, at address) error {
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
	if !at.memory && mode != "wal" {
		return fault.Unavailable.Errorf("the file system cannot share memory between connections: put the database on a local disk")
	}
	return nil
}

// check gives the common mistakes a better text than the engine's.
func (a address) check() error {
	if a.memory {
		return nil
	}
	if info, err := os.Stat(a.path); err == nil && !info.Mode().IsRegular() {
		return fault.Invalid.Errorf("this is not a file")
	}
	if _, err := os.Stat(filepath.Dir(a.path)); errors.Is(err, fs.ErrNotExist) {
		return fault.Unavailable.Wrap(err, "its folder is not there: make it first")
	}
	return nil
}

// close lets what runs end, cuts off what does not, and closes the pools.
func (st *store) close(ctx context.Context, drain time.Duration) {
	st.writing.close()
	st.reading.close()
	if !st.empty(drain) {
		st.stop()
		if !st.empty(lastWait) {
			telemetry.Log(ctx).Error("data: a transaction ignores the end of its context; closing without it")
		}
	}
	st.closePools()
}

var errMoved = fault.Unavailable.Errorf("the file was moved or deleted while it was open: put it back and restart")

// moved reports whether the file that is open is no longer the one at its path. The
// engine does not mind, but what it writes is lost with the program.
func (st *store) moved() bool {
	if st.path == "" {
		return false
	}
	file, err := os.Stat(st.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(file, st.file)
}

func (st *store) empty(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for _, g := range []*gate{st.writing, st.reading} {
		select {
		case <-g.empty:
		case <-timer.C:
			return false
		}
	}
	return true
}

// closePools closes the writer last: the last connection to a file brings it up
// to date and removes the side files. Nothing in here can lose what is committed,
// so there is no error to report.
func (st *store) closePools() {
	st.stop()
	for _, db := range []*bun.DB{st.readers, st.writer} {
		if db != nil {
			db.Close()
		}
	}
	if st.anchor != nil {
		st.anchor.Close()
	}
}
