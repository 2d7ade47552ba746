package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
)

// Tx is a running transaction. It makes bun's queries, which run in it, and is
// itself a bun.IConn for raw SQL, with a question mark for each argument. It changes
// rows only: the schema is changed by migrations. It ends with the function it was given to.
type Tx struct{ f *frame }

var _ bun.IConn = Tx{}

// Repo is the database that the transaction is of.
func (t Tx) Repo() *Repo { return t.f.repo }

// Engine is the kind of database.
func (t Tx) Engine() Engine { return t.f.engine }

// Write runs fn in a savepoint: what it writes goes when it fails, and the transaction
// goes on.
func (t Tx) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return t.f.join(ctx, nil, true, fn)
}

// Read runs fn in the transaction.
func (t Tx) Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return t.f.join(ctx, nil, false, fn)
}

func (t Tx) one(ctx context.Context, _ bool, fn func(ctx context.Context, tx Tx) error) error {
	return t.f.join(ctx, nil, false, fn)
}

// OnCommit has fn called once the transaction is committed, after those of earlier
// transactions (on SQLite; PostgreSQL's commits run side by side). It is not called when the
// transaction, or the Write inside it that this Tx is of, rolls back. fn is to be quick and
// to leave the database alone: on SQLite other Writes wait for it.
func (t Tx) OnCommit(fn func()) { t.f.hooks = append(t.f.hooks, fn) }

// NewSelect makes a SELECT.
func (t Tx) NewSelect() *bun.SelectQuery { return t.f.db.NewSelect().Conn(t) }

// NewInsert makes an INSERT; a slice as model inserts all its rows at once.
func (t Tx) NewInsert() *bun.InsertQuery { return t.f.db.NewInsert().Conn(t) }

// NewUpdate makes an UPDATE.
func (t Tx) NewUpdate() *bun.UpdateQuery { return t.f.db.NewUpdate().Conn(t) }

// NewDelete makes a DELETE.
func (t Tx) NewDelete() *bun.DeleteQuery { return t.f.db.NewDelete().Conn(t) }

// NewValues makes a list of rows to use within another query.
func (t Tx) NewValues(model any) *bun.ValuesQuery { return t.f.db.NewValues(model).Conn(t) }

// NewRaw makes a query from SQL. A question mark stands for an argument.
func (t Tx) NewRaw(query string, args ...any) *bun.RawQuery {
	return t.f.db.NewRaw(query, args...).Conn(t)
}

// ExecContext runs SQL that gives no rows.
func (t Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execute(ctx, t, t.f.conn.ExecContext, query, args)
}

// QueryContext runs SQL that gives rows, which the caller closes.
func (t Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return execute(ctx, t, t.f.conn.QueryContext, query, args)
}

func execute[R any](ctx context.Context, t Tx, run func(context.Context, string, ...any) (R, error), query string, args []any) (res R, err error) {
	within, err := t.f.statement(ctx)
	if err != nil {
		return res, err
	}
	if query, err = t.format(query, args); err != nil {
		return res, err
	}
	begin := time.Now()
	res, err = run(within, query)
	err = t.f.note(ctx, err)
	t.f.executed(ctx, query, begin, err)
	return res, err
}

// QueryRowContext runs SQL that gives one row. Its errors come with Scan.
func (t Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	within, err := t.f.statement(ctx)
	if err == nil {
		query, err = t.format(query, args)
	}
	if err != nil {
		return failedRow(ctx, err)
	}
	begin := time.Now()
	row := t.f.conn.QueryRowContext(within, query)
	t.f.executed(ctx, query, begin, t.f.note(ctx, row.Err()))
	return row
}

// format puts arguments in the place of question marks. Without arguments the text stays
// as it is.
func (t Tx) format(query string, args []any) (string, error) {
	if len(args) > 0 {
		query = t.f.db.QueryGen().FormatQuery(query, args...)
	}
	return query, badArgument(query, t.f.engine)
}
