package data

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
)

// badArgument finds the mark that bun leaves in SQL where it could not write an
// argument, and says what is wrong with it. A mark in a text is the user's own.
func badArgument(sql string, engine Engine) error {
	const mark = "?!("
	if !strings.Contains(sql, mark) {
		return nil
	}
	for _, t := range engine.tokens(sql) {
		if t.Kind != sqltext.Parameter || !strings.HasPrefix(sql[t.At:], mark) {
			continue
		}
		if strings.Contains(sql[t.At:], "NUL byte") {
			return fault.Invalid.Errorf("a text has a zero byte in it, which a database cannot keep in texts")
		}
		// What bun says would put the argument into the log.
		return fault.Internal.Errorf("data: an argument cannot be written as SQL: look at its type, and its Value or MarshalJSON method")
	}
	return nil
}

// failing is a connector that gives an error.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }

func (f failing) Driver() driver.Driver { return nil }

// failedRow is a row whose Scan gives an error. Only package sql can make one.
func failedRow(ctx context.Context, err error) *sql.Row {
	pool := sql.OpenDB(failing{err})
	defer pool.Close()
	return pool.QueryRowContext(context.WithoutCancel(ctx), "")
}
