package data

import "context"

// DB is where the typed functions work: a [*Repo], where each call is a transaction
// of its own or joins the context's, or a [Tx].
type DB interface {
	// Write and Read run a function in a transaction, as [Repo.Write] and [Repo.Read] do.
	Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
	Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// one is for exactly one statement.
	one(ctx context.Context, write bool, fn func(ctx context.Context, tx Tx) error) error
}

// Engine is what a database is made of.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Engine is the engine of the repo.
func (r *Repo) Engine() Engine { return SQLite }

// Engine is the engine of the transaction.
func (t Tx) Engine() Engine { return SQLite }

// Write runs fn in a savepoint.
func (t Tx) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return t.run.join(ctx, true, fn)
}

// Read runs fn in the transaction.
func (t Tx) Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return t.run.join(ctx, false, fn)
}

func (t Tx) one(ctx context.Context, write bool, fn func(ctx context.Context, tx Tx) error) error {
	return t.run.explain(ctx, fn(ctx, t))
}

func (r *Repo) one(ctx context.Context, write bool, fn func(ctx context.Context, tx Tx) error) error {
	return r.transact(ctx, write, fn)
}

// aside reads on another connection, outside of the transaction.
func (t Tx) aside(ctx context.Context, sql string, dest ...any) error { return errNotRunning }
