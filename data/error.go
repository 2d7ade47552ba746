package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bennu-go/bennu/fault"
)

var errNotRunning = fault.Unavailable.Errorf(
	"the repo is not running: list the repo in the supervision tree before what uses it")

// The engine's words for what can go wrong, in ours. A longer code (its lower byte
// is the shorter one) is looked up first.
var faults = map[int]struct {
	kind fault.Kind
	text string
}{
	sqlite3.SQLITE_CONSTRAINT:            {fault.Conflict, "it breaks a rule of the table"},
	sqlite3.SQLITE_CONSTRAINT_UNIQUE:     {fault.Conflict, "there is one with the same key already"},
	sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: {fault.Conflict, "there is one with the same key already"},
	sqlite3.SQLITE_CONSTRAINT_ROWID:      {fault.Conflict, "there is one with the same key already"},
	sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: {fault.Conflict, "it refers to something that is not there, or is referred to"},
	sqlite3.SQLITE_CONSTRAINT_NOTNULL:    {fault.Conflict, "a value that must be there is missing"},
	sqlite3.SQLITE_CONSTRAINT_CHECK:      {fault.Conflict, "a value is not allowed"},
	sqlite3.SQLITE_CONSTRAINT_DATATYPE:   {fault.Conflict, "a value is of the wrong type"},
	sqlite3.SQLITE_MISMATCH:              {fault.Conflict, "a value is of the wrong type"},
	sqlite3.SQLITE_TOOBIG:                {fault.Invalid, "a value is too large"},

	sqlite3.SQLITE_BUSY:             {fault.Unavailable, "another process holds the database: try again, or end the other one"},
	sqlite3.SQLITE_LOCKED:           {fault.Unavailable, "another process holds the database: try again, or end the other one"},
	sqlite3.SQLITE_PROTOCOL:         {fault.Unavailable, "another process holds the database: try again, or end the other one"},
	sqlite3.SQLITE_FULL:             {fault.Unavailable, "the disk is full: make room"},
	sqlite3.SQLITE_READONLY:         {fault.Unavailable, "the file is read-only: let the program write it and its folder"},
	sqlite3.SQLITE_READONLY_DBMOVED: {fault.Unavailable, "the file was moved or deleted while it was open: put it back and restart"},
	sqlite3.SQLITE_PERM:             {fault.Unavailable, "the file may not be opened: let the program read and write it and its folder"},
	sqlite3.SQLITE_CANTOPEN:         {fault.Unavailable, "the file cannot be opened: let the program read and write it and its folder"},
	sqlite3.SQLITE_IOERR:            {fault.Unavailable, "the disk gives errors: see the log"},
	sqlite3.SQLITE_NOMEM:            {fault.Unavailable, "the memory is full"},
	sqlite3.SQLITE_IOERR_NOMEM:      {fault.Unavailable, "the memory is full"},

	sqlite3.SQLITE_NOTADB:  {fault.Invalid, "the file is not a database"},
	sqlite3.SQLITE_CORRUPT: {fault.Internal, "data: the database file is damaged: put back a copy"},
}

// translate gives an error its kind. Errors that have one, and those that do not
// come from the database, stay as they are.
func translate(ctx context.Context, err error) error {
	var has *fault.Error
	var kind fault.Kind
	var engine *sqlite.Error
	switch {
	case err == nil, errors.As(err, &has), errors.As(err, &kind):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return fault.NotFound.Wrap(err, "there is no such row")
	case errors.Is(err, sql.ErrTxDone):
		return fault.Internal.Wrap(err, "data: the transaction is over: use its context and Tx only inside the function")
	case errors.As(err, &engine) && engine.Code() == sqlite3.SQLITE_INTERRUPT,
		err == ctx.Err():
		return ended(ctx)
	case engine == nil:
		return err
	}
	if v := violationOf(err); v != nil {
		return v.fault()
	}
	known, ok := faults[engine.Code()]
	if !ok {
		known, ok = faults[engine.Code()&0xff]
	}
	if !ok {
		return fault.Internal.Wrap(err, "data: the database refuses the statement")
	}
	return known.kind.Wrap(err, "%s", known.text)
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
	return ok && code == sqlite3.SQLITE_READONLY
}

// codeOf is the engine's shorter code.
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
