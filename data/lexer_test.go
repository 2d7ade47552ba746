package data

import (
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bennu-go/bennu/fault"
)

func texts(tokens []token) (all []string) {
	for _, t := range tokens {
		all = append(all, t.text)
	}
	return all
}

func TestLex(t *testing.T) {
	for sql, want := range map[string]string{
		"":                               "",
		" a  b\n\tc ":                    "a|b|c",
		"a1_b$ 12":                       "a1_b$|12",
		"(x>=0)":                         "(|x|>|=|0|)",
		`"a ""b" 'it''s' [c d] ` + "`e`": `a "b||c d|e`,
		"a -- b 'c\nd /* e ' */ f":       "a|d|f",
		"'open":                          "",
		`"open`:                          "open",
		"a /* open":                      "a",
		"größe":                          "größe",
	} {
		if got := strings.Join(texts(lex(sql)), "|"); got != want {
			t.Errorf("%q is cut into %q, want %q", sql, got, want)
		}
	}
	if got := texts(inParens(lex("(a (b) c) d"))); !reflect.DeepEqual(got, []string{"a", "(", "b", ")", "c"}) {
		t.Errorf("the group is %q", got)
	}
	if got := texts(inParens(lex("(a"))); !reflect.DeepEqual(got, []string{"a"}) {
		t.Errorf("the open group is %q", got)
	}
	if inParens(lex("a (b)")) != nil || inParens(nil) != nil {
		t.Error("a group begins with a parenthesis")
	}
}

func FuzzLex(f *testing.F) {
	for _, seed := range []string{"SELECT 'a' /* b */ -- c", "'", "\"", "[", "/*", "--", "?!('", "((", "Key (a)=(b)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		last := -1
		tokens := lex(sql)
		for _, token := range tokens {
			if token.at <= last || token.at >= len(sql) {
				t.Fatalf("a piece of %q is at %d after %d", sql, token.at, last)
			}
			last = token.at
		}
		_ = inParens(tokens)
		_ = plainColumns(tokens)
		_ = badArgument(sql)
		_, _ = sqliteColumns(sql)
		_ = postgresViolation(&pgconn.PgError{Code: "23505", Detail: sql})
	})
}

func TestBadArgument(t *testing.T) {
	const zero = "?!(bun: string contains a NUL byte (0x00))"
	for sql, kind := range map[string]fault.Kind{
		"SELECT " + zero: fault.Invalid,
		"INSERT INTO a VALUES ('x', " + zero + ")":     fault.Invalid,
		"SELECT 'it''s' || " + zero:                    fault.Invalid,
		"SELECT ?!(json: unsupported type: chan int)":  fault.Internal,
		"SELECT '?!(text)' WHERE a = ?!(hunter2 is x)": fault.Internal,
	} {
		if err := badArgument(sql); fault.Of(err) != kind || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"SELECT 1", "SELECT '" + zero + "'", `SELECT "?!(a"`, "SELECT 1 -- ?!(", "SELECT 'it''s " + zero + "'", "SELECT a ? b"} {
		if err := badArgument(sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

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
