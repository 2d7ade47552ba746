package data

import (
	"context"
	"database/sql"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/bennu-go/bennu/fault"
)

// postgresEngine is a server, with one pool for everything.
type postgresEngine struct{ config *pgx.ConnConfig }

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres:") || strings.HasPrefix(url, "postgresql:")
}

// settings are those of each connection, unless the URL says otherwise. PostgreSQL's own
// defaults wait for ever.
var settings = map[string]string{
	"application_name":                    "bennu",
	"statement_timeout":                   "60s",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "60s",
	"timezone":                            "UTC",
}

const connectTimeout = 5 * time.Second

func parsePostgres(url string) (*postgresEngine, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil { // the text may hold the password, and so may the cause
		return nil, fault.Invalid.Errorf("the database URL cannot be read: it is to be postgres://user:password@host:5432/database, with characters such as @ and / in the password as %%40 and %%2F")
	}
	for name, value := range settings {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	// What is written into the text of a query is quoted for these, whatever the database or
	// the URL say.
	config.RuntimeParams["standard_conforming_strings"] = "on"
	config.RuntimeParams["client_encoding"] = "UTF8"
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	// bun writes arguments into the text, so no two statements are the same: to prepare
	// them would cost a round trip each.
	if !strings.Contains(url, "default_query_exec_mode=") {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	return &postgresEngine{config}, nil
}

func (e *postgresEngine) name() Engine { return Postgres }

func (e *postgresEngine) open(ctx context.Context, st *store, size int) error {
	st.reading, st.urgent = newGate(size), newGate(1)
	st.writing, st.writePlaces = st.reading, 1
	st.concurrent = true
	st.past = e.config.DefaultQueryExecMode == pgx.QueryExecModeExec // what the URL says otherwise may be for a pooler's sake
	dialect := pgdialect.New(pgdialect.WithAppendUintAsInt(true))
	db := stdlib.OpenDB(*e.config, stdlib.OptionAfterConnect(inUTC))
	db.SetConnMaxIdleTime(5 * time.Minute)
	st.writer = newDB(db, dialect, size+1) // one for what is urgent
	st.readers = st.writer
	return db.PingContext(ctx)
}

// inUTC has points in time read as in UTC, in whatever format they come.
func inUTC(_ context.Context, conn *pgx.Conn) error {
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

func (e *postgresEngine) migrator() (*sql.DB, error) {
	config := e.config.Copy()
	config.RuntimeParams["statement_timeout"] = "0" // an index takes as long as it takes
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // many statements in one text
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	return db, nil
}

// about names the server and the database, never the user's password.
func (e *postgresEngine) about(err error) error {
	return about(err, "%s on %s", e.config.Database, net.JoinHostPort(e.config.Host, strconv.Itoa(int(e.config.Port))))
}

// unresolved is left to the commit, which is nobody else's.
func (e *postgresEngine) unresolved() error { return nil }

func (e *postgresEngine) lost() bool { return false }

func (e *postgresEngine) close() {}

// postgresProblems are the SQLSTATEs that callers can do something about, but for violations; a
// code of two characters is a class of them.
var postgresProblems = map[string]problem{
	"23": {fault.Conflict, "it breaks a rule of the table"},

	"22":    {fault.Invalid, "a value is not of its column's type, or out of its range"},
	"22001": {fault.Invalid, "a value is too large"},
	"22003": {fault.Invalid, "a number is too large"},
	"22021": {fault.Invalid, "a text has a zero byte or is not UTF-8"},
	"54000": {fault.Invalid, "a value is too large"},

	"40001": {fault.Unavailable, "another transaction got in between: try again"},
	"40P01": {fault.Unavailable, "two transactions waited for each other: try again"},
	"55P03": {fault.Unavailable, "another transaction holds the row or the table: try again"},
	"57014": {fault.Timeout, "the statement took longer than statement_timeout"},
	"25P03": {fault.Timeout, "the transaction did nothing for longer than idle_in_transaction_session_timeout"},

	"08":    {fault.Unavailable, "the connection to the database broke: try again"},
	"53":    {fault.Unavailable, "the database server has no room: see its log"},
	"53100": {fault.Unavailable, "the database server's disk is full: make room"},
	"53300": {fault.Unavailable, "the database server takes no more connections: lower Connections or raise max_connections"},
	"57P01": {fault.Unavailable, "the database server is being stopped: try again"},
	"57P02": {fault.Unavailable, "the database server has crashed: try again"},
	"57P03": {fault.Unavailable, "the database server is starting or stopping: try again"},
	"58":    {fault.Unavailable, "the database server's disk gives errors: see its log"},
	"25006": {fault.Unavailable, "the database takes no writes: is it a replica?"},

	"28":    {fault.Unavailable, "the database server does not let the program in: check user and password"},
	"3D000": {fault.Unavailable, "there is no such database: make it with CREATE DATABASE"},
	"42501": {fault.Unavailable, "the program's database user may not do this: GRANT it"},
	"XX001": {fault.Internal, "data: the database is damaged: put back a copy"},
}

// postgresProblem looks an error of the server up.
func postgresProblem(err *pgconn.PgError) problem {
	for _, code := range []string{err.Code, err.Code[:min(2, len(err.Code))]} {
		if p, ok := postgresProblems[code]; ok {
			return p
		}
	}
	return problem{fault.Internal, "data: the database refuses the statement"}
}
