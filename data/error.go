package data

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bennu-go/bennu/fault"
)

var errNotRunning = fault.Unavailable.Errorf(
	"the repo is not running: list the repo in the supervision tree before what uses it")

const (
	textBusy  = "another process holds the database: try again, or end the other one"
	textMoved = "the file was moved or deleted while it was open: put it back and restart"
)

// sqliteProblems are SQLite's words for what can go wrong, in ours; a violation has its own.
// A longer code (its lower byte is the shorter one) is looked up first.
var sqliteProblems = map[int]problem{
	sqlite3.SQLITE_CONSTRAINT:          {fault.Conflict, "it breaks a rule of the table"},
	sqlite3.SQLITE_CONSTRAINT_DATATYPE: {fault.Conflict, "a value is of the wrong type"},
	sqlite3.SQLITE_MISMATCH:            {fault.Conflict, "a value is of the wrong type"},
	sqlite3.SQLITE_TOOBIG:              {fault.Invalid, "a value is too large"},

	sqlite3.SQLITE_BUSY:             {fault.Unavailable, textBusy},
	sqlite3.SQLITE_LOCKED:           {fault.Unavailable, textBusy},
	sqlite3.SQLITE_PROTOCOL:         {fault.Unavailable, textBusy},
	sqlite3.SQLITE_FULL:             {fault.Unavailable, "the disk is full: make room"},
	sqlite3.SQLITE_READONLY:         {fault.Unavailable, "the file is read-only: let the program write it and its folder"},
	sqlite3.SQLITE_READONLY_DBMOVED: {fault.Unavailable, textMoved},
	sqlite3.SQLITE_PERM:             {fault.Unavailable, "the file may not be opened: let the program read and write it and its folder"},
	sqlite3.SQLITE_CANTOPEN:         {fault.Unavailable, "the file cannot be opened: let the program read and write it and its folder"},
	sqlite3.SQLITE_IOERR:            {fault.Unavailable, "the disk gives errors: see the log"},
	sqlite3.SQLITE_NOMEM:            {fault.Unavailable, "the memory is full"},
	sqlite3.SQLITE_IOERR_NOMEM:      {fault.Unavailable, "the memory is full"},

	sqlite3.SQLITE_NOTADB:  {fault.Invalid, "the file is not a database"},
	sqlite3.SQLITE_CORRUPT: {fault.Internal, "data: the database file is damaged: put back a copy"},
}

func sqliteProblem(err *sqlite.Error) problem {
	for _, code := range []int{err.Code(), err.Code() & 0xff} {
		if p, ok := sqliteProblems[code]; ok {
			return p
		}
	}
	return problem{fault.Internal, "data: the database refuses the statement"}
}

// translate gives an error its kind. Errors that have one, and those that do not
// come from the database, stay as they are.
func translate(ctx context.Context, err error) error {
	var has *fault.Error
	var kind fault.Kind
	if err == nil || errors.As(err, &has) || errors.As(err, &kind) {
		return err
	}
	var inSQLite *sqlite.Error
	var inPostgres *pgconn.PgError
	var connecting *pgconn.ConnectError
	var network net.Error
	var known problem
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fault.NotFound.Wrap(err, "there is no such row")
	case errors.Is(err, sql.ErrTxDone):
		return errOver
	case ctx.Err() != nil && (err == ctx.Err() || isInterrupt(err) || pgconn.Timeout(err) || errors.Is(err, driver.ErrBadConn)): // pgx closes what it was cut off from
		return ended(ctx)
	}
	if v := violationOf(err); v != nil {
		return v.fault()
	}
	switch {
	case errors.As(err, &inSQLite):
		if isInterrupt(err) {
			return ended(ctx)
		}
		known = sqliteProblem(inSQLite)
	case errors.As(err, &inPostgres):
		known = postgresProblem(inPostgres)
	case errors.As(err, &connecting):
		known = problem{fault.Unavailable, "the database server cannot be reached: check that it runs and listens there"}
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &network), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		known = postgresProblems["08"]
	default:
		return err
	}
	return known.kind.Wrap(err, "%s", known.text)
}

// isInterrupt reports whether the end of a context stopped a statement.
func isInterrupt(err error) bool {
	var inSQLite *sqlite.Error
	var inPostgres *pgconn.PgError
	return errors.As(err, &inSQLite) && inSQLite.Code() == sqlite3.SQLITE_INTERRUPT ||
		errors.As(err, &inPostgres) && inPostgres.Code == "57014"
}

// ended is the error of a context that has ended.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); errors.Is(cause, errNotRunning) {
		return cause
	}
	if kind := fault.Of(ctx.Err()); kind == fault.Timeout {
		return kind.Wrap(ctx.Err(), "the database took too long")
	}
	return fault.Canceled.Wrap(context.Canceled, "the asker went away before the database had answered")
}

// cutsOff reports whether a translated error may have ended the transaction. A
// statement that was merely wrong has not.
func cutsOff(err error) bool {
	switch fault.Of(err) {
	case fault.Timeout, fault.Canceled, fault.Unavailable:
		return true
	}
	code, ok := codeOf(err)
	return ok && code == sqlite3.SQLITE_CORRUPT
}

func isReadOnly(err error) bool {
	code, ok := codeOf(err)
	var inPostgres *pgconn.PgError
	return ok && code == sqlite3.SQLITE_READONLY || errors.As(err, &inPostgres) && inPostgres.Code == "25006"
}

// isBusy reports whether another process has SQLite's write lock.
func isBusy(err error) bool {
	code, ok := codeOf(err)
	return ok && code == sqlite3.SQLITE_BUSY
}

// codeOf is SQLite's shorter code.
func codeOf(err error) (int, bool) {
	var engine *sqlite.Error
	if !errors.As(err, &engine) {
		return 0, false
	}
	return engine.Code() & 0xff, true
}

// about puts what an error is about in front of its text.
func about(err error, format string, args ...any) error {
	var e *fault.Error
	subject := fmt.Sprintf(format, args...)
	if !errors.As(err, &e) {
		return fault.Of(err).Wrap(err, "%s", subject)
	}
	return &fault.Error{Kind: e.Kind, Detail: subject + ": " + e.Detail, Cause: e.Cause}
}
