package data

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

var (
	errDump = fault.Invalid.Errorf("a PostgreSQL database is backed up by its own tools: " +
		"pg_dump --format=custom --file=PATH URL, and for all of a server pg_basebackup")
	errUndump = fault.Invalid.Errorf("a PostgreSQL database is restored by its own tools: " +
		"createdb, then pg_restore --dbname=URL --exit-on-error PATH")
	errAmcheck = fault.Invalid.Errorf("a PostgreSQL database is checked by its own tools: " +
		"pg_amcheck DATABASE, and pg_checksums while the server is stopped")
)

// Backup writes a copy of the database to a file, while others read and write. It is what
// was committed at one moment, without the room that deleted rows left. The copy has its
// name only when it is whole: on the disk, opened and checked. It takes the place of an
// earlier one. A backup that is cut off leaves a hidden file in the folder, which the next
// one deletes after an hour. The file is for its owner only (0600).
//
// It gives fault.Invalid on PostgreSQL, with what to do, and fault.Unavailable if the disk is
// full or the folder not there. The repo may run or not.
func (r *Repo) Backup(ctx context.Context, path string) error {
	begin := time.Now()
	path, err := filepath.Abs(path)
	if err != nil {
		return fault.Unavailable.Wrap(err, "the working directory cannot be read")
	}
	err = r.beside(ctx, errDump, func(ctx context.Context, db *sql.DB) error {
		if err := notInUse(path); err != nil {
			return err
		}
		return replaceFile(path, func(part string) error {
			// A rowid that is no column of its table may change, as nobody can refer to it.
			if _, err := db.ExecContext(ctx, "VACUUM INTO ?", onDiskURI(part)); err != nil {
				return err
			}
			return verifyFile(ctx, part)
		})
	})
	if err != nil {
		return about(translate(ctx, err), "backup to %s", path)
	}
	telemetry.Count(ctx, "data.backups", 1)
	telemetry.Log(ctx).Info("data: backed up", "to", path, slog.Duration("took", time.Since(begin)))
	return nil
}

// Check reads all of a SQLite database and gives fault.Internal if it is damaged, or if rows
// refer to others that are not there. It takes as long as reading the file does; others
// read and write meanwhile. It gives fault.Invalid on PostgreSQL, with what to do.
func (r *Repo) Check(ctx context.Context) error {
	return r.beside(ctx, errAmcheck, func(ctx context.Context, db *sql.DB) error {
		if err := integrity(ctx, db); err != nil {
			return err
		}
		return checkForeignKeys(ctx, db)
	})
}

// Restore puts a backup in the place of the SQLite database at a URL: all of it or nothing.
// What was there is gone, so back it up first. It gives fault.Invalid if the file is damaged
// or no database, and fault.Unavailable while a program has the database open.
func Restore(ctx context.Context, url, from string) error {
	at, err := restorable(url)
	if err != nil {
		return err
	}
	if from, err = filepath.Abs(from); err != nil {
		return fault.Unavailable.Wrap(err, "the working directory cannot be read")
	}
	if err := at.check(); err != nil {
		return at.about(err)
	}
	if err := intact(from, at.path); err != nil {
		return about(err, "restore from %s", from)
	}
	free := func() {}
	defer func() { free() }()
	err = replaceFile(at.path, func(part string) error {
		if err := copyFile(ctx, from, part); err != nil {
			return err
		}
		if err := translate(ctx, verifyFile(ctx, part)); err != nil {
			if fault.Of(err) == fault.Internal {
				err = fault.Invalid.Wrap(err, "the file is damaged")
			}
			return about(err, "%s", from)
		}
		free, err = at.claim(ctx)
		return err
	})
	if err != nil {
		return about(translate(ctx, err), "restore %s", at.path)
	}
	telemetry.Log(ctx).Info("data: restored", "database", at.path, "from", from)
	return nil
}

// restorable gives the SQLite file of a URL.
func restorable(url string) (*sqliteEngine, error) {
	at, err := engineOf(url)
	if err != nil {
		return nil, err
	}
	file, ok := at.(*sqliteEngine)
	if !ok {
		return nil, errUndump
	}
	if file.memory {
		return nil, fault.Invalid.Errorf("a database in memory cannot be restored: it is new each time")
	}
	return file, nil
}

// beside runs fn with a connection of its own to a SQLite database, while others go on.
func (r *Repo) beside(ctx context.Context, elsewhere error, fn func(context.Context, *sql.DB) error) error {
	if r.Engine() != SQLite {
		return elsewhere
	}
	return r.opened(ctx, refuseAbsent, func(st *store) error {
		gate, places := st.reading, 1
		if st.reading == st.writing { // in memory: one write or many reads
			places = st.writePlaces
		}
		if err := gate.enter(ctx, places); err != nil {
			return err
		}
		defer gate.leave(places)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(st.ctx, func() { cancel(errNotRunning) })()
		db, err := st.engine.migrator()
		if err != nil {
			return translate(ctx, err)
		}
		defer db.Close()
		return translate(ctx, fn(ctx, db))
	})
}

// sideFiles are what SQLite keeps beside a database that is open, or was when its program died.
var sideFiles = []string{"-wal", "-journal", "-shm"}

// notInUse refuses a path at which a program may have a database open.
func notInUse(path string) error {
	for _, side := range sideFiles {
		if _, err := os.Lstat(path + side); err == nil {
			return fault.Conflict.Errorf("there is %s beside it, so it is a database in use: choose another file", filepath.Base(path+side))
		}
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fault.Invalid.Errorf("this is not a file")
	}
	return nil
}

// intact refuses what is not a whole database in one file.
func intact(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return fault.Invalid.Wrap(err, "the file cannot be read")
	}
	if target, err := os.Stat(to); err == nil && os.SameFile(info, target) {
		return fault.Invalid.Errorf("this is the database itself")
	}
	if info.Mode().IsRegular() && info.Size() == 0 {
		return fault.Invalid.Errorf("the file is empty")
	}
	for _, side := range sideFiles[:2] {
		if side, err := os.Stat(from + side); err == nil && side.Size() > 0 {
			return fault.Invalid.Errorf("there is %s beside it, which holds a part of it: make a backup of that database, and restore from the backup", side.Name())
		}
	}
	if !info.Mode().IsRegular() {
		return fault.Invalid.Errorf("this is not a file")
	}
	return nil
}

// verifyFile opens a file that nobody writes, and reads all of it.
func verifyFile(ctx context.Context, path string) error {
	q := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_error_rc": {"1"}}
	db, err := openFile(path, q)
	if err != nil {
		return err
	}
	defer db.Close()
	return integrity(ctx, db)
}

// integrity reads all of a database.
func integrity(ctx context.Context, db *sql.DB) error {
	var first string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&first); err != nil {
		return err
	}
	if first != "ok" {
		return fault.Internal.Wrap(errors.New(first), "data: the database file is damaged: put back a copy")
	}
	return nil
}

func openFile(path string, q url.Values) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(fileURI(path, q))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

var errInUse = fault.Unavailable.Errorf("a program has the database open: stop it first")

// claim locks out everybody else from the database file, if there is one, and brings it
// into one file, so that it can be replaced by another. free is to be called afterwards.
func (e *sqliteEngine) claim(ctx context.Context) (free func(), err error) {
	_, err = os.Stat(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, notInUse(e.path)
	}
	db, err := openFile(e.path, url.Values{"_busy_timeout": {"0"}, "_error_rc": {"1"}})
	if err != nil {
		return func() {}, err
	}
	free = func() { db.Close() }
	// In this mode the first look takes the file for itself, which fails while anybody
	// has it open, and keeps it.
	err = execAll(ctx, db, "PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE")
	switch code, _ := codeOf(err); code {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return free, errInUse
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		// That may be why it is replaced. But the lock does not tell who has it.
		if notInUse(e.path) != nil {
			return free, fault.Unavailable.Wrap(err, "the database is damaged, and may be open: stop the program, and move the file and those beside it (-wal, -shm) away")
		}
		return free, nil
	}
	return free, err
}

func execAll(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
