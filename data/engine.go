package data

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
)

// Engine is the kind of database behind a repo.
type Engine string

const (
	SQLite   Engine = "sqlite"   // in the program, one file
	Postgres Engine = "postgres" // a server
)

func (e Engine) dialect() sqltext.Dialect {
	if e == Postgres {
		return sqltext.Postgres
	}
	return sqltext.SQLite
}

// tokens are the pieces of SQL.
func (e Engine) tokens(sql string) []sqltext.Token { return sqltext.Tokens(sql, e.dialect()) }

// DB is where data is read and written: a [*Repo], in a transaction of its own or in the
// context's, or a [Tx], in that.
type DB interface {
	// Write runs fn in a transaction that commits when fn returns nil.
	Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// Read runs fn on a snapshot.
	Read(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error

	// one is Write or Read for a single statement, which needs no BEGIN around it.
	one(ctx context.Context, write bool, fn func(ctx context.Context, tx Tx) error) error
}

var (
	_ DB = (*Repo)(nil)
	_ DB = Tx{}
)

// engine is what differs between the kinds of databases.
type engine interface {
	name() Engine

	// open makes the pools of a store, and tries them.
	open(ctx context.Context, st *store, size int) error

	// migrator is a pool of one connection to change the schema with.
	migrator() (*sql.DB, error)

	// about puts in front of an error which database it is about.
	about(err error) error

	// unresolved says why what a transaction has done so far cannot be committed, where
	// that is not said by its statements.
	unresolved() error

	// lost reports whether what is committed now would not be found later.
	lost() bool

	close()
}

// engineOf reads the URL of a repo.
func engineOf(url string) (engine, error) {
	if isPostgres(url) {
		return parsePostgres(url)
	}
	at, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	return &sqliteEngine{address: at}, nil
}

// size is how many transactions run at once by default: on SQLite beside the one that
// writes.
func (e Engine) size() int {
	if e == Postgres {
		return 10
	}
	return 4
}

func newDB(pool *sql.DB, dialect schema.Dialect, size int) *bun.DB {
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return bun.NewDB(pool, dialect)
}

// problem is what an engine's error means.
type problem struct {
	kind fault.Kind
	text string
}

// lastWait is what transactions get to notice that they were cut off.
const lastWait = time.Second
