package data

import (
	"slices"
	"strings"
	"testing"
)

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
	} {
		if got := statements(c.script); !slices.Equal(got, c.want) {
			t.Errorf("%q gives %q, want %q", c.script, got, c.want)
		}
	}
}

func TestControlOfTransactions(t *testing.T) {
	for _, c := range []struct {
		engine Engine
		script string
		want   bool
	}{
		{SQLite, "SELECT 1;\n Begin Immediate;", true},
		{SQLite, "COMMIT TRANSACTION;", true},
		{SQLite, "END TRANSACTION;", true},
		{SQLite, "CREATE TRIGGER a AFTER DELETE ON b BEGIN\n SELECT 1;\nEND;", false},
		{Postgres, "begin", true},
		{Postgres, "-- x\n/* y */ START  TRANSACTION; SELECT 1", true},
		{Postgres, "SELECT 1; END;", true},
		{Postgres, "COMMIT AND CHAIN;", true},
		{Postgres, "BEGIN ISOLATION LEVEL SERIALIZABLE;", true},
		{Postgres, "ROLLBACK WORK;", true},
		{Postgres, "ABORT", true},
		{Postgres, "SAVEPOINT a; ROLLBACK TO SAVEPOINT a; ROLLBACK TO a; RELEASE a;", false},
		{Postgres, "CREATE PROCEDURE a() LANGUAGE plpgsql AS $$\nBEGIN\n SELECT 1;\nCOMMIT;\nEND;\n$$;", false},
		{Postgres, "SELECT 'x;\nCOMMIT;'", false},
		{Postgres, "COMMENT ON TABLE a IS 'b'", false},
	} {
		if got := controls(c.script, c.engine); got != c.want {
			t.Errorf("%s: %q: %v", c.engine, c.script, got)
		}
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("a; 'b;' $x$ ; $x$ E'\\'' /* ; */ \";\" -- ;\n")
	f.Fuzz(func(t *testing.T, script string) {
		rest := script
		for _, one := range statements(script) {
			i := strings.Index(rest, one)
			if i < 0 || one == "" || one != strings.TrimSpace(one) {
				t.Fatalf("%q gives %q", script, one)
			}
			rest = rest[i+len(one):]
		}
	})
}
