package sqltext_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/internal/sqltext"
)

func TestShape(t *testing.T) {
	for _, c := range []struct{ sql, want string }{
		{``, ``},
		{`SELECT 1`, `SELECT ?`},
		{` SELECT  *
			FROM a `, `SELECT * FROM a`},

		// Texts.
		{`x = 'it''s'`, `x = ?`},
		{`x = ''`, `x = ?`},
		{`x = 'a\' AND y = 'b'`, `x = ? AND y = ?`},
		{`x = E'a\' AND y' AND z`, `x = ? AND z`},
		{`x = e'a\\' AND z`, `x = ? AND z`},
		{`x = E'a''b' AND z`, `x = ? AND z`},
		{`x = E'a\`, `x = ?`},
		{`x = E'open`, `x = ?`},
		{`x = X'00ff' AND y = b'01' AND z = N'a'`, `x = ? AND y = ? AND z = ?`},
		{`x = U&'d\0061'`, `x = U&?`},
		{`x LIKE'a\' AND y`, `x LIKE? AND y`}, // LIKE is no prefix
		{`name'a\'`, `name?`},
		{`x = 'open`, `x = ?`},
		{`'\x00ff'::bytea`, `?::bytea`},
		{`$$it's$$ AND $a$ $$ $b$ $a$ AND x`, `? AND ? AND x`},
		{`$$open`, `?`},
		{`$été$a$été$`, `?`},
		{`a$b$c AND $b$d`, `a$b$c AND ?`},
		{`x = $name AND 1`, `x = $name AND ?`},

		// Numbers.
		{`1 1.5 .5 1e5 1.5E-10 1e+3 0xFF 1_000`, `? ? ? ? ? ? ? ?`},
		{`x=1`, `x=?`},
		{`x = -1 AND y = - 1 AND z > -.5`, `x = ? AND y = ? AND z > ?`},
		{`x - 1, x-1, "x" -1`, `x - ?, x-?, "x" -?`},
		{`LIMIT -1`, `LIMIT ?`},
		{`(-1), (x - -1), (- 1)`, `(?), (x - ?), (?)`},
		{`2-1, y1, "a1"-1`, `?-?, y1, "a1"-?`},
		{`t.5`, `t.?`},
		{`0x1e-5`, `?-?`},

		// Parameters.
		{`x = ? AND y = ?1 AND z = $12`, `x = ? AND y = ? AND z = ?`},
		{`x = :name AND y = @name`, `x = :name AND y = @name`},
		{`a ? 'k' AND a ?| ARRAY['k'] AND a ?& b`, `a ? ? AND a ?| ARRAY[?] AND a ?& b`},
		{`a->'$.x'->>'y' @> '{}'`, `a->?->>? @> ?`},

		// Names.
		{`"a""b1"."c'd" = 'e'`, `"a""b1"."c'd" = ?`},
		{"`a``b 1` = 'e'", "`a``b 1` = ?"},
		{`[my column 1] = 'e'`, `[my column 1] = ?`},
		{`ARRAY[1, 2], a[1], a[i], a[1:2]`, `ARRAY[?], a[?], a[i], a[?:?]`},
		{`ARRAY['secret', "x y"]`, `ARRAY[?, "x y"]`},
		{`[it's] = 'secret'`, `…`},
		{`a[open`, `a…`},
		{`x = "open 'secret'`, `x =…`},
		{`été = 'été'`, `été = ?`},

		// Values that are words.
		{`x IS NULL AND y IS NOT NULL AND z = NULL`, `x IS NULL AND y IS NOT NULL AND z = ?`},
		{`SET x = NULL, y = TRUE, z = false, w = DEFAULT`, `SET x = ?, y = ?, z = ?, w = ?`},
		{`x INT DEFAULT 5 NOT NULL`, `x INT DEFAULT ? NOT NULL`},
		{`a.default, nulls`, `a.default, nulls`},

		// Comments.
		{"SELECT 1 -- it's\n+ 2", `SELECT ? + ?`},
		{`a/* it's */b`, `a b`},
		{`a /* /* x */ 'y' */ b`, `a b`},
		{`a /* open 'y'`, `a`},
		{`a --`, `a`},
		{`a/b-c`, `a/b-c`},
		{`a /*/ b */ c`, `a c`},

		// Lists.
		{`x IN (1, 2, 3)`, `x IN (?)`},
		{`x IN (1,NULL,'a',X'00',-1)`, `x IN (?)`},
		{`x IN ((1, 2), (3, 4))`, `x IN ((?))`},
		{`x IN (SELECT 1, 2)`, `x IN (SELECT ?, ?)`},
		{`SELECT 1, 2`, `SELECT ?, ?`},
		{`f(1, x, 2, 3)`, `f(?, x, ?, ?)`},
		{`f(1, 2 + 3)`, `f(?, ? + ?)`},
		{`VALUES (1, 'a'), (2, 'b'), (DEFAULT, NULL)`, `VALUES (?)`},
		{`VALUES (1, now()), (2, now()) , (3,now())`, `VALUES (?, now())`},
		{`VALUES (1, f(x)), (2, g(x)) RETURNING (id)`, `VALUES (?, f(x)), (?, g(x)) RETURNING (id)`},
		{`((a), (a)), ((a), (a))`, `((a))`},
		{`(a), (b), (b), (a)`, `(a), (b), (a)`},
		{`))((`, `))((`},
		{strings.Repeat("(", 20) + "1, 2" + strings.Repeat(")", 20), strings.Repeat("(", 20) + "?" + strings.Repeat(")", 20)},

		{`WITH "_data" ("id", "n") AS (VALUES (1, 'a'::text), (2, 'b'::text)) UPDATE "a" SET "n" = _data.n WHERE ("a"."id" = "_data"."id")`,
			`WITH "_data" ("id", "n") AS (VALUES (?, ?::text)) UPDATE "a" SET "n" = _data.n WHERE ("a"."id" = "_data"."id")`},
	} {
		if got := sqltext.Shape(c.sql); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestShapeIsNotLong(t *testing.T) {
	for _, sql := range []string{
		strings.Repeat("a ", sqltext.MaxShape/2) + "bc",
		strings.Repeat("ab", sqltext.MaxShape),
		strings.Repeat("été ", sqltext.MaxShape),
		`"` + strings.Repeat("é", sqltext.MaxShape) + `"`,
		strings.Repeat("a ", sqltext.MaxShape) + "'secret'",
	} {
		got := sqltext.Shape(sql)
		if len(got) > sqltext.MaxShape || !utf8.ValidString(got) {
			t.Errorf("%d bytes, ends with %q", len(got), got[len(got)-10:])
		}
		if !strings.HasSuffix(got, "…") {
			t.Errorf("ends with %q", got[len(got)-10:])
		}
	}
	long := "SELECT " + strings.Repeat("a", sqltext.MaxShape-20)
	if got := sqltext.Shape(long); got != long {
		t.Error("a shape below the limit was cut off")
	}
	if got := sqltext.Shape("x IN (1" + strings.Repeat(", 1", 100_000) + ")"); got != "x IN (?)" {
		t.Errorf("got %s", got)
	}
}

// FuzzNoValueIsLeft writes values as bun writes them, in statements of every form.
func FuzzNoValueIsLeft(f *testing.F) {
	f.Add("it's", []byte("x"), int64(-1), 1.5)
	f.Add(`\'`, []byte{0, '\''}, int64(0), -1e-300)
	f.Add(`$$ /* -- "`, []byte(nil), int64(1)<<62, 1e300)
	formatters := []schema.QueryGen{schema.NewQueryGen(pgdialect.New()), schema.NewQueryGen(sqlitedialect.New())}
	const form = `SELECT "a"."x", E'\'?' FROM "a" AS "b" WHERE x = ? AND (y = ? OR z IN (?, ?, NULL)) AND d->? -- ?
		LIMIT ? ; INSERT INTO a ("x", y) VALUES (?, ?), (?, now() - ?) RETURNING "x"`
	f.Fuzz(func(t *testing.T, text string, bytes []byte, n int64, x float64) {
		for _, gen := range formatters {
			shape := func(text string, bytes []byte, n int64, x float64) string {
				sql := gen.FormatQuery(form, 1, text, bytes, n, x, text, "", n, text, bytes, n, x)
				return sqltext.Shape(sql)
			}
			if bytes == nil {
				bytes = []byte{} // nil is NULL
			}
			if strings.ContainsRune(text, 0) {
				return // bun makes no statement of that
			}
			plain := shape("a", []byte("b"), 1, 1.5)
			if got := shape(text, bytes, n, x); got != plain {
				t.Errorf("with %q %x %d %v it is\n%s\nand not\n%s", text, bytes, n, x, got, plain)
			}
		}
	})
}

// FuzzShape reads anything.
func FuzzShape(f *testing.F) {
	for _, sql := range []string{"(-1, 'a", "[a'", "$$a$$", "/*/**/", `"`, "(?),(?)", "-.5e-"} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		got := sqltext.Shape(sql)
		if len(got) > sqltext.MaxShape || len(got) > 3*len(sql)+len("…") {
			t.Errorf("%d bytes of %d", len(got), len(sql))
		}
		if utf8.ValidString(sql) && !utf8.ValidString(got) {
			t.Errorf("%q", got)
		}
	})
}

func ExampleShape() {
	fmt.Println(sqltext.Shape(`SELECT * FROM "a" WHERE "x" = 'y' AND n IN (1, 2, 3)`))
	fmt.Println(sqltext.Shape(`INSERT INTO a (x, y) VALUES ($1, $2), ($3, DEFAULT)`))
	// Output:
	// SELECT * FROM "a" WHERE "x" = ? AND n IN (?)
	// INSERT INTO a (x, y) VALUES (?)
}

func BenchmarkShape(b *testing.B) {
	sql := `SELECT "p"."id", "p"."unit", "p"."lat", "p"."lon", "p"."at" FROM "positions" AS "p" WHERE ("p"."unit" = 'truck-17') ` +
		`AND ("p"."at" >= '2026-11-21 13:00:00+00:00') ORDER BY "p"."id" DESC LIMIT 100`
	b.Run(fmt.Sprintf("select%d", len(sql)), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sqltext.Shape(sql)
		}
	})
	insert := `INSERT INTO "positions" ("unit", "lat", "lon") VALUES ('truck-17', 48.8566, 2.3522)` + strings.Repeat(`, ('truck-17', 48.8566, 2.3522)`, 1000)
	b.Run(fmt.Sprintf("insert%d", len(insert)), func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(insert)))
		for b.Loop() {
			sqltext.Shape(insert)
		}
	})
}
