package data

import (
	"cmp"
	"context"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// Repo is a database and the schema it is to have. List it in a supervision tree
// before what uses it; a supervisor calls Start, then Serve, and both again when it
// restarts it. The fields are not to change once it has started. All methods are
// safe for concurrent use.
type Repo struct {
	// URL says where the data is.
	//
	// "sqlite:PATH" is a file, made if it is missing (its folder is not), and
	// "sqlite::memory:" is kept nowhere. The path is taken as it stands, whatever
	// characters it has.
	//
	// "postgres://user:password@host:5432/database" is a database of a server, with
	// PostgreSQL's usual parameters behind a question mark, as in ?sslmode=require.
	URL string

	// Migrations has the .sql files; the package comment says how they are named. Nil
	// leaves the schema alone.
	Migrations fs.FS

	// GoMigrations are those written in Go, numbered together with the files.
	GoMigrations []Migration

	// Parts are packages' own migrations, as that of [SessionTables], which are treated like
	// the program's. Packages run theirs when they start, so list them only where that is
	// not wanted: with OnBoot Refuse or Ignore.
	Parts []Part

	// OnBoot is what Start does about migrations that the database lacks. Default Run.
	OnBoot Boot

	// Models are the join tables of many-to-many relations, which bun must know
	// before it meets them, as in (*OrderItem)(nil). Other models need no mention.
	Models []any

	// Connections is how many transactions run at once. On SQLite those are Reads, 4
	// by default, beside the one Write; on PostgreSQL all of them, 10 by default, beside
	// one for what is [Urgent].
	Connections int

	// Drain is how long a stopping repo waits for running transactions before it
	// cuts them off. Default 5 s.
	Drain time.Duration

	// Slow is how long a statement may take before it is logged, its shape without the
	// values. Default 500 ms; negative: nothing is logged.
	Slow time.Duration

	live   atomic.Pointer[store]    // nil when not running
	outbox atomic.Pointer[dispatch] // nil when none runs on this repo
}

// Start opens the database, checks that it can be written, and brings the schema
// up to date. The repo is ready when it returns nil. It may be called again once
// Serve has returned; before that it gives fault.Conflict.
func (r *Repo) Start(ctx context.Context) error {
	if r.live.Load() != nil {
		return fault.Conflict.Errorf("the repo is running already")
	}
	at, err := engineOf(r.URL)
	if err != nil {
		return err
	}
	migrations, err := r.migrationSets(at.name())
	if err != nil {
		return err
	}
	st, err := open(ctx, at, r)
	if err != nil {
		return at.about(err)
	}
	if err := st.boot(ctx, migrations); err != nil {
		st.closePools()
		return at.about(err)
	}
	if !r.live.CompareAndSwap(nil, st) {
		st.closePools()
		return fault.Conflict.Errorf("the repo is running already")
	}
	return nil
}

// Serve keeps the repo open until the context ends. Then it refuses new
// transactions, gives the running ones [Repo.Drain] to end, and closes the
// database, so that the file is whole without its side files. It gives
// fault.Unavailable if Start was not called.
func (r *Repo) Serve(ctx context.Context) error {
	st := r.live.Load()
	if st == nil {
		return fault.Unavailable.Errorf("the repo is not open: call Start before Serve")
	}
	<-ctx.Done()
	st.close(ctx, r.drain())
	r.live.CompareAndSwap(st, nil)
	return nil
}

// Write runs fn in a transaction that commits when fn returns nil. On an error,
// which it returns, and on a panic, which goes on, everything is rolled back. With
// the context of another Write of this repo it joins that one, as a savepoint.
func (r *Repo) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return r.enter(ctx, true, false, fn)
}

// WriteOne is Write for a function that makes a single statement, as the typed functions do.
// On PostgreSQL that needs no BEGIN and COMMIT: one round trip in place of three, but what fails
// after the statement does not undo it. A second statement fails with fault.Internal, unless fn
// joins another transaction.
func (r *Repo) WriteOne(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return r.one(ctx, true, fn)
}

// Read runs fn on a snapshot of the database. Writing in it is an error. With the
// context of another transaction of this repo it reads through that one.
func (r *Repo) Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return r.enter(ctx, false, false, fn)
}

func (r *Repo) one(ctx context.Context, write bool, fn func(ctx context.Context, tx Tx) error) error {
	return r.enter(ctx, write, true, fn)
}

// Engine is the kind of database that the URL names.
func (r *Repo) Engine() Engine {
	if isPostgres(r.URL) {
		return Postgres
	}
	return SQLite
}

// File is the path of SQLite's file while the repo runs; "" in memory and on PostgreSQL.
func (r *Repo) File() string {
	if st := r.live.Load(); st != nil {
		if e, ok := st.engine.(*sqliteEngine); ok && !e.memory {
			return e.path
		}
	}
	return ""
}

func (r *Repo) connections(e Engine) int {
	if r.Connections > 0 {
		return r.Connections
	}
	return e.size()
}

func (r *Repo) slow() time.Duration { return cmp.Or(r.Slow, 500*time.Millisecond) }

func (r *Repo) drain() time.Duration {
	if r.Drain > 0 {
		return r.Drain
	}
	return 5 * time.Second
}
