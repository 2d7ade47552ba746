package sqltext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/internal/sqltext"
)

func texts(tokens []sqltext.Token) string {
	var all []string
	for _, t := range tokens {
		all = append(all, t.Text)
	}
	return strings.Join(all, "|")
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ sql, sqlite, postgres string }{
		{"", "", ""},
		{" a  b\n\tc ", "a|b|c", "a|b|c"},
		{"a1_b$ 12 1.5e-3 0x1e-3", "a1_b$|12|1.5e-3|0x1e|-|3", "a1_b$|12|1.5e-3|0x1e|-|3"},
		{"(x>=0)", "(|x|>|=|0|)", "(|x|>|=|0|)"},
		{`"a ""b" 'it''s'`, `a "b|'it''s'`, `a "b|'it''s'`},
		{"[c d] `e`", "c d|e", "[|c|d|]|`|e|`"},
		{"a -- b 'c\nd /* e ' */ f", "a|d|f", "a|d|f"},
		{"a /* /* b */ c */ d", "a|c|*|/|d", "a|d"},
		{"a -- b\rc", "a", "a|c"},
		{`E'a\'' c'`, `E|'a\'' c'`, `E'a\''|c|'`},
		{"$a$ b $a$", "$a$|b|$a$", "$a$ b $a$"},
		{"?1 ?| ? $2 $a", "?1|?|||?|$2|$a", "?1|?|||?|$2|$a"},
		{"x'00' ex'00'", "x'00'|ex|'00'", "x'00'|ex|'00'"},
		{"'open", "'open", "'open"},
		{`"open""`, `"open""`, `"open""`},
		{"[open", "[open", "[|open"},
		{"a /* open", "a", "a"},
		{"größe", "größe", "größe"},
	} {
		if got := texts(sqltext.Tokens(c.sql, sqltext.SQLite)); got != c.sqlite {
			t.Errorf("%q is cut into %q on SQLite, want %q", c.sql, got, c.sqlite)
		}
		if got := texts(sqltext.Tokens(c.sql, sqltext.Postgres)); got != c.postgres {
			t.Errorf("%q is cut into %q on PostgreSQL, want %q", c.sql, got, c.postgres)
		}
	}
}

func TestInParens(t *testing.T) {
	for sql, want := range map[string]string{"(a (b) c) d": "a|(|b|)|c", "(a": "a", "a (b)": "", "": ""} {
		if got := texts(sqltext.InParens(sqltext.Tokens(sql, sqltext.SQLite))); got != want {
			t.Errorf("in %q there is %q, want %q", sql, got, want)
		}
	}
}

var dialects = []sqltext.Dialect{sqltext.Either, sqltext.SQLite, sqltext.Postgres}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"SELECT 'a' /* b */ -- c", "'", "\"", "[", "/*", "--", "((", "$a$ $", "E'\\", "Key (a)=(b)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		for _, d := range dialects {
			last := -1
			tokens := sqltext.Tokens(sql, d)
			for _, token := range tokens {
				if token.At <= last || token.At >= len(sql) {
					t.Fatalf("a token of %q is at %d after %d", sql, token.At, last)
				}
				last = token.At
			}
			_ = sqltext.InParens(tokens)
		}
	})
}

func TestStatements(t *testing.T) {
	for _, c := range []struct {
		script string
		want   []string
	}{
		{"", nil},
		{" ; ;\n-- only this;\n/* and; this */ ;", nil},
		{"a; b", []string{"a", "b"}},
		{"a;b;", []string{"a", "b"}},
		{"-- x;\na -- y;\n;b", []string{"-- x;\na -- y;", "b"}},
		{"'a;''b;';c", []string{"'a;''b;'", "c"}},
		{`"a;""b;";c`, []string{`"a;""b;"`, "c"}},
		{`E'a\';b';c`, []string{`E'a\';b'`, "c"}},
		{`e'a\\';b`, []string{`e'a\\'`, "b"}},
		{`'a\';b`, []string{`'a\'`, "b"}},
		{`nameE'a\';b`, []string{`nameE'a\'`, "b"}},
		{"/* a; /* b; */ c; */ d; e", []string{"/* a; /* b; */ c; */ d", "e"}},
		{"$$a;b$$;c", []string{"$$a;b$$", "c"}},
		{"$x_1$a;$$;$x$;$x_1$;c", []string{"$x_1$a;$$;$x$;$x_1$", "c"}},
		{"$1;$2", []string{"$1", "$2"}},
		{"a$b$;c$b$", []string{"a$b$", "c$b$"}},
		{"'never ends; b", []string{"'never ends; b"}},
		{"/* never ends; b", nil},
		{"$a$ never ends; b", []string{"$a$ never ends; b"}},
		{"é;b", []string{"é", "b"}},
		{"-- a\rb;c", []string{"-- a\rb", "c"}},
		{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 2 THEN 3 END; SELECT 4; END; b", []string{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 2 THEN 3 END; SELECT 4; END", "b"}},
		{"CREATE TABLE a (begin int); CREATE TRIGGER b EXECUTE FUNCTION c(); d", []string{"CREATE TABLE a (begin int)", "CREATE TRIGGER b EXECUTE FUNCTION c()", "d"}},
	} {
		if got := sqltext.Statements(c.script, sqltext.Postgres); !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, want %q", c.script, got, c.want)
		}
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("a; 'b;' $x$ ; $x$ E'\\'' /* ; */ \";\" -- ;\n")
	f.Fuzz(func(t *testing.T, script string) {
		for _, d := range dialects {
			rest := script
			for _, one := range sqltext.Statements(script, d) {
				i := strings.Index(rest, one)
				if i < 0 || one == "" || one != strings.TrimSpace(one) {
					t.Fatalf("%q gives %q", script, one)
				}
				rest = rest[i+len(one):]
			}
		}
	})
}
