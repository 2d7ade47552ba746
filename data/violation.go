package data

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/sqltext"
)

// Violation is a constraint of a table that a statement would have broken. It is in the
// chain of a fault.Conflict, and is the same on both engines when it comes from a typed
// function ([Insert] and the like). From SQL it has what the engine tells: SQLite does
// not say which foreign key it was, nor, PostgreSQL neither, what a check is about.
type Violation struct {
	Kind    ViolationKind
	Table   string   // that has the constraint; "" if the engine does not say
	Name    string   // of the constraint or index; "" if it has none, or the engine does not say
	Columns []string // in the order of the constraint; nil if nobody says

	// Referred is true of a ForeignKey if others still refer to the row. Then Table is
	// theirs, and Columns is nil. Otherwise the row refers to something that is not there.
	Referred bool

	cause error // the engine's
}

// ViolationKind is what a constraint is for.
type ViolationKind string

// The kinds of constraints. An Exclusion is PostgreSQL's only.
const (
	Unique     ViolationKind = "unique"
	ForeignKey ViolationKind = "foreign_key"
	Check      ViolationKind = "check"
	NotNull    ViolationKind = "not_null"
	Exclusion  ViolationKind = "exclusion"
)

// Error says which constraint it is.
func (v *Violation) Error() string {
	var b strings.Builder
	b.WriteString(string(v.Kind))
	for _, part := range []string{v.Name, v.Table} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	if v.Columns != nil {
		b.WriteString(" (" + strings.Join(v.Columns, ", ") + ")")
	}
	if v.cause != nil {
		b.WriteString(": " + v.cause.Error())
	}
	return b.String()
}

// Unwrap gives the engine's error.
func (v *Violation) Unwrap() error { return v.cause }

// Constraint is the violation for packages that do not know this one. The kind is
// "unique", "foreign_key", "check", "not_null" or "exclusion".
func (v *Violation) Constraint() (kind, table, name string, columns []string) {
	return string(v.Kind), v.Table, v.Name, v.Columns
}

// fault is the error for whoever asked.
func (v *Violation) fault() error {
	detail, message := v.words()
	fields := fault.Fields{}
	for _, column := range v.Columns {
		fields.Add(column, message)
	}
	if len(fields) == 0 {
		fields.Add("", message)
	}
	return &fault.Error{Kind: fault.Conflict, Detail: detail, Fields: fields, Cause: v}
}

// words are the text about the whole, and the one that goes on from a column's name.
func (v *Violation) words() (detail, message string) {
	switch v.Kind {
	case Unique:
		return "there is one with the same key already", "has already been taken"
	case NotNull:
		return "a value that must be there is missing", "can't be blank"
	case Check:
		return "a value is not allowed", "is invalid"
	case Exclusion:
		return "it clashes with one that is there already", "clashes with one that is there already"
	}
	switch {
	case v.Referred:
		return "it is still referred to", "is still referred to"
	case v.Columns != nil:
		return "it refers to something that is not there", "does not exist"
	}
	return "it refers to something that is not there, or is referred to", "refers to something that is not there, or is referred to"
}

// violationOf reads an engine's error. It gives nil if it is about something else.
func violationOf(err error) *Violation {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &lite):
		return sqliteViolation(lite)
	case errors.As(err, &pg):
		return postgresViolation(pg)
	}
	return nil
}

func sqliteViolation(err *sqlite.Error) *Violation {
	v := &Violation{cause: err}
	said := sqliteSaid(err)
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		v.Kind = Unique
		if name, ok := strings.CutPrefix(said, "index '"); ok { // of an expression
			v.Name = strings.TrimSuffix(name, "'")
			return v
		}
		v.Table, v.Columns = sqliteColumns(said)
	case sqlite3.SQLITE_CONSTRAINT_NOTNULL:
		v.Kind = NotNull
		v.Table, v.Columns = sqliteColumns(said)
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		v.Kind = Check
		if tokens := SQLite.tokens(said); len(tokens) == 1 && tokens[0].Kind == sqltext.Word {
			v.Name = said
		}
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		v.Kind = ForeignKey
	default:
		return nil
	}
	return v
}

// sqliteSaid is what SQLite says a constraint is about: columns, a name or an expression.
func sqliteSaid(err *sqlite.Error) string {
	_, said, _ := strings.Cut(err.Error(), " constraint failed: ")
	if i := strings.LastIndex(said, " ("); i >= 0 { // the code
		said = said[:i]
	}
	return said
}

// sqliteColumns reads "users.email, users.team".
func sqliteColumns(said string) (table string, columns []string) {
	for _, part := range strings.Split(said, ", ") {
		i := strings.LastIndexByte(part, '.')
		if i < 0 {
			return "", nil
		}
		table, columns = part[:i], append(columns, part[i+1:])
	}
	return table, columns
}

func postgresViolation(err *pgconn.PgError) *Violation {
	v := &Violation{Table: err.TableName, Name: err.ConstraintName, cause: err}
	switch err.Code {
	case "23505":
		v.Kind, v.Columns = Unique, plainColumns(postgresKey(err))
	case "23P01":
		v.Kind, v.Columns = Exclusion, plainColumns(postgresKey(err))
	case "23503", "23001": // the latter of RESTRICT, since PostgreSQL 18
		v.Kind = ForeignKey
		// In another language than English the typed functions find it out.
		v.Referred = err.Code == "23001" || strings.HasPrefix(err.Message, "update or delete on table")
		if !v.Referred {
			v.Columns = plainColumns(postgresKey(err))
		}
	case "23514":
		v.Kind = Check
	case "23502":
		v.Kind = NotNull
		if err.ColumnName != "" {
			v.Columns = []string{err.ColumnName}
		}
	default:
		return nil
	}
	return v
}

// postgresKey reads the key in "Key (email, lower(team))=(a, b) already exists." What
// is around it is in the language of the server.
func postgresKey(err *pgconn.PgError) []sqltext.Token {
	i := strings.IndexByte(err.Detail, '(')
	if i < 0 {
		return nil
	}
	return sqltext.InParens(Postgres.tokens(err.Detail[i:]))
}

// plainColumns are the columns of a key that has no expression in it.
func plainColumns(key []sqltext.Token) (columns []string) {
	for i, t := range key {
		switch {
		case i%2 == 1 && t.Is(","):
		case i%2 == 0 && (t.Kind == sqltext.Word || t.Kind == sqltext.Name):
			columns = append(columns, t.Text)
		default:
			return nil
		}
	}
	return columns
}
