package data

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// Tx is a running transaction. It makes bun's queries, which run in it, and is
// itself a bun.IConn for raw SQL. It changes rows only: the schema is changed by
// migrations. It ends with the function it was given to.
type Tx struct{ run *running }

var _ bun.IConn = Tx{}

// NewSelect makes a SELECT.
func (t Tx) NewSelect() *bun.SelectQuery { return t.run.tx.NewSelect().Conn(t) }

// NewInsert makes an INSERT; a slice as model inserts all its rows at once.
func (t Tx) NewInsert() *bun.InsertQuery { return t.run.tx.NewInsert().Conn(t) }

// NewUpdate makes an UPDATE.
func (t Tx) NewUpdate() *bun.UpdateQuery { return t.run.tx.NewUpdate().Conn(t) }

// NewDelete makes a DELETE.
func (t Tx) NewDelete() *bun.DeleteQuery { return t.run.tx.NewDelete().Conn(t) }

// NewValues makes a list of rows to use within another query.
func (t Tx) NewValues(model any) *bun.ValuesQuery { return t.run.tx.NewValues(model).Conn(t) }

// NewRaw makes a query from SQL. A question mark stands for an argument.
func (t Tx) NewRaw(query string, args ...any) *bun.RawQuery {
	return t.run.tx.NewRaw(query, args...).Conn(t)
}

// ExecContext runs SQL that gives no rows.
func (t Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if t.run.broken != nil {
		return nil, t.run.broken
	}
	if err := badArgument(query); err != nil {
		return nil, err
	}
	res, err := t.run.tx.ExecContext(ctx, query, args...)
	return res, t.run.note(ctx, err)
}

// QueryContext runs SQL that gives rows, which the caller closes.
func (t Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if t.run.broken != nil {
		return nil, t.run.broken
	}
	if err := badArgument(query); err != nil {
		return nil, err
	}
	rows, err := t.run.tx.QueryContext(ctx, query, args...)
	return rows, t.run.note(ctx, err)
}

// QueryRowContext runs SQL that gives one row. Its errors come with Scan.
func (t Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if t.run.broken != nil {
		// A sql.Row cannot be made from an error, but this one will have one.
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return t.run.tx.QueryRowContext(ended, query, args...)
	}
	row := t.run.tx.QueryRowContext(ctx, query, args...)
	_ = t.run.note(ctx, row.Err())
	return row
}
