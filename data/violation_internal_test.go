package data

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestPostgresViolation(t *testing.T) {
	for name, c := range map[string]struct {
		err  pgconn.PgError
		want Violation
	}{
		"unique": {pgconn.PgError{Code: "23505", TableName: "users", ConstraintName: "users_email_key", Detail: "Key (email)=(a) already exists."},
			Violation{Kind: Unique, Table: "users", Name: "users_email_key", Columns: []string{"email"}}},
		"in German": {pgconn.PgError{Code: "23505", Detail: `Schlüssel »(email, "Team, (x)")=(a, b)« existiert bereits.`},
			Violation{Kind: Unique, Columns: []string{"email", "Team, (x)"}}},
		"a value like a key": {pgconn.PgError{Code: "23505", Detail: "Key (a)=((b)=(c)) already exists."},
			Violation{Kind: Unique, Columns: []string{"a"}}},
		"an expression": {pgconn.PgError{Code: "23505", Detail: "Key (lower(email))=(a) already exists."}, Violation{Kind: Unique}},
		"no detail":     {pgconn.PgError{Code: "23505", TableName: "users"}, Violation{Kind: Unique, Table: "users"}},
		"a foreign key": {pgconn.PgError{Code: "23503", TableName: "seats", ConstraintName: "fk", Detail: `Key (unit)=(9) is not present in table "units".`,
			Message: `insert or update on table "seats" violates foreign key constraint "fk"`},
			Violation{Kind: ForeignKey, Table: "seats", Name: "fk", Columns: []string{"unit"}}},
		"referred": {pgconn.PgError{Code: "23503", TableName: "seats", Detail: `Key (id)=(9) is still referenced from table "seats".`,
			Message: `update or delete on table "units" violates foreign key constraint "fk" on table "seats"`},
			Violation{Kind: ForeignKey, Table: "seats", Referred: true}},
		"restricted": {pgconn.PgError{Code: "23001", TableName: "seats", Detail: `Key (id)=(9) is referenced from table "seats".`},
			Violation{Kind: ForeignKey, Table: "seats", Referred: true}},
		"a check":     {pgconn.PgError{Code: "23514", TableName: "users", ConstraintName: "adult"}, Violation{Kind: Check, Table: "users", Name: "adult"}},
		"not null":    {pgconn.PgError{Code: "23502", TableName: "users", ColumnName: "name"}, Violation{Kind: NotNull, Table: "users", Columns: []string{"name"}}},
		"exclusion":   {pgconn.PgError{Code: "23P01", Detail: "Key (room, during)=(1, [a,b)) conflicts with existing key (room, during)=(1, [a,b))."}, Violation{Kind: Exclusion, Columns: []string{"room", "during"}}},
		"of a domain": {pgconn.PgError{Code: "23514", ConstraintName: "positive"}, Violation{Kind: Check, Name: "positive"}},
	} {
		got := violationOf(&c.err)
		if got == nil || got.cause != &c.err {
			t.Errorf("%s: %v", name, got)
			continue
		}
		got.cause = nil
		if !reflect.DeepEqual(*got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
	if v := violationOf(&pgconn.PgError{Code: "42601"}); v != nil {
		t.Errorf("a syntax error is %+v", v)
	}
}

func FuzzViolation(f *testing.F) {
	for _, seed := range []string{"Key (a)=(b)", "users.email, users.team", "?!('", "((", "CHECK", "[a.b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		_, _ = sqliteColumns(said)
		_ = plainColumns(SQLite.tokens(said))
		_ = postgresViolation(&pgconn.PgError{Code: "23505", Detail: said})
		for _, engine := range []Engine{SQLite, Postgres} {
			_ = badArgument(said, engine)
		}
	})
}
