package data

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun/schema"
	"modernc.org/sqlite"

	"github.com/bennu-go/bennu/internal/sqltext"
)

// asideWait is how long an explanation may wait for a connection.
const asideWait = time.Second

// explain completes the violation in an error with what the engine did not say. The
// rows are those of the failed statement.
func (rec *record) explain(ctx context.Context, tx Tx, err error, rows []reflect.Value) error {
	return rec.complete(ctx, tx, err, func(v *Violation) {
		switch {
		case v.Kind == ForeignKey && tx.Engine() == Postgres:
			rec.referred(v, v.Table != rec.bareName())
		case v.Kind == ForeignKey:
			if v.Columns = rec.brokenKey(ctx, tx, rows); v.Columns != nil {
				v.Table = rec.bareName()
			} else if len(rows) == 1 {
				rec.findReferrer(ctx, tx, v, "on_update", rows[0])
			}
		}
	})
}

// explainDelete is explain for a DELETE of one row.
func (rec *record) explainDelete(ctx context.Context, tx Tx, err error, row reflect.Value) error {
	return rec.complete(ctx, tx, err, func(v *Violation) {
		if v.Kind != ForeignKey {
			return
		}
		rec.referred(v, true)
		if tx.Engine() == SQLite {
			rec.findReferrer(ctx, tx, v, "on_delete", row)
		}
	})
}

func (rec *record) referred(v *Violation, is bool) {
	if v.Referred = v.Referred || is; v.Referred {
		v.Columns = nil
	}
}

// complete gives an error its violation with all columns, and what more does to it.
func (rec *record) complete(ctx context.Context, tx Tx, err error, more func(*Violation)) error {
	var found *Violation
	if !errors.As(err, &found) {
		return err
	}
	v := *found
	var lite *sqlite.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(v.cause, &lite):
		rec.completeSQLite(ctx, tx, &v, sqliteSaid(lite))
	case errors.As(v.cause, &pg):
		rec.completePostgres(ctx, tx, &v, pg)
	}
	more(&v)
	return v.fault()
}

// bareName is the table's name without its schema.
func (rec *record) bareName() string {
	return rec.Name[strings.LastIndexByte(rec.Name, '.')+1:]
}

// columnsIn are the columns that are mentioned in an expression.
func (rec *record) columnsIn(tokens []sqltext.Token) (columns []string) {
	for i, t := range tokens {
		if i > 0 && tokens[i-1].Is(":") { // a type
			continue
		}
		for _, f := range rec.Fields {
			if t.Names(f.Name) && !slices.Contains(columns, f.Name) {
				columns = append(columns, f.Name)
			}
		}
	}
	return columns
}

// text is a text in SQL.
func (rec *record) text(s string) string {
	return string(rec.gen.Dialect().AppendString(nil, s))
}

func (rec *record) name(s string) string {
	return string(rec.gen.AppendName(nil, s))
}

// lookUp reads one row on the transaction's connection, if there is one, also when a
// statement has failed there.
func lookUp(ctx context.Context, tx Tx, query string, dest ...any) (n int, err error) {
	return lookUpAll(ctx, tx, query, func() {}, dest...)
}

// lookUpAll reads rows, and calls each after every one.
func lookUpAll(ctx context.Context, tx Tx, query string, each func(), dest ...any) (n int, err error) {
	within := ctx
	if tx.f.late != nil {
		within = lateContext{tx.f.late, ctx}
	}
	rows, err := tx.f.conn.QueryContext(within, query)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		if err := rows.Scan(dest...); err != nil {
			return n, err
		}
		each()
	}
	return n, rows.Err()
}

// completePostgres asks the catalogue what a check is about, on another connection:
// this one answers nothing before it is rolled back.
func (rec *record) completePostgres(ctx context.Context, tx Tx, v *Violation, err *pgconn.PgError) {
	if v.Columns != nil || v.Referred {
		return
	}
	if v.Kind != Check {
		v.Columns = rec.columnsIn(postgresKey(err))
		return
	}
	ctx, cancel := context.WithTimeout(ctx, asideWait)
	defer cancel()
	var columns string
	query := `SELECT coalesce(string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(c.conkey, a.attnum)), '')
		FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace s ON s.oid = t.relnamespace
		JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY(c.conkey)
		WHERE c.conname = ` + rec.text(err.ConstraintName) + ` AND t.relname = ` + rec.text(err.TableName) + ` AND s.nspname = ` + rec.text(err.SchemaName)
	if tx.f.db.QueryRowContext(ctx, query).Scan(&columns) == nil {
		v.Columns = plainColumns(Postgres.tokens(columns))
	}
}

// completeSQLite reads in the schema what SQLite does not say.
func (rec *record) completeSQLite(ctx context.Context, tx Tx, v *Violation, said string) {
	switch {
	case v.Kind == Unique && v.Columns == nil:
		rec.readIndex(ctx, tx, v)
	case v.Kind == Unique:
		rec.nameIndex(ctx, tx, v)
	case v.Kind == Check:
		v.Table = rec.bareName()
		rec.readCheck(ctx, tx, v, said)
	}
}

// readIndex finds the columns of an index of expressions.
func (rec *record) readIndex(ctx context.Context, tx Tx, v *Violation) {
	var text string
	n, err := lookUp(ctx, tx, `SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND name = `+rec.text(v.Name), &v.Table, &text)
	if err != nil || n == 0 {
		return
	}
	tokens := SQLite.tokens(text)
	for i, t := range tokens {
		if t.Is("(") {
			v.Columns = rec.columnsIn(sqltext.InParens(tokens[i:]))
			return
		}
	}
}

// nameIndex finds the name of the index with these columns, if it was given one.
func (rec *record) nameIndex(ctx context.Context, tx Tx, v *Violation) {
	_, _ = lookUp(ctx, tx, `SELECT l.name FROM pragma_index_list(`+rec.text(v.Table)+`) l WHERE l."unique" AND l.origin = 'c' AND
		(SELECT group_concat(i.name, ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) i) = `+rec.text(strings.Join(v.Columns, ", ")), &v.Name)
}

// readCheck finds the columns of a check, of which SQLite says the name or the expression.
func (rec *record) readCheck(ctx context.Context, tx Tx, v *Violation, said string) {
	var text string
	_, _ = lookUp(ctx, tx, `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = `+rec.text(v.Table)+` COLLATE NOCASE`, &text)
	tokens := SQLite.tokens(text)
	for i, t := range tokens {
		if t.Is("CONSTRAINT") && i+3 < len(tokens) && tokens[i+1].Text == said && tokens[i+2].Is("CHECK") {
			v.Name, v.Columns = said, rec.columnsIn(sqltext.InParens(tokens[i+3:]))
			return
		}
	}
	v.Name, v.Columns = "", rec.columnsIn(SQLite.tokens(said))
}

// reference is a foreign key of SQLite.
type reference struct {
	child, parent string
	from, to      []string // to is empty for the primary key
}

// references reads foreign keys: columns of pragma_foreign_key_list, the last declared first.
func (rec *record) references(ctx context.Context, tx Tx, from string) (all []reference) {
	var child, parent, column string
	var to sql.NullString
	var id int
	last := -1
	_, err := lookUpAll(ctx, tx, `SELECT m.name, f.id, f."table", f."from", f."to" `+from, func() {
		if n := len(all); n == 0 || id != last || all[n-1].child != child {
			all = append(all, reference{child: child, parent: parent})
		}
		last = id
		ref := &all[len(all)-1]
		ref.from = append(ref.from, column)
		if to.Valid {
			ref.to = append(ref.to, to.String)
		}
	}, &child, &id, &parent, &column, &to)
	if err != nil {
		return nil
	}
	for i := range all {
		if len(all[i].to) == 0 {
			all[i].to = rec.keyOf(ctx, tx, all[i].parent)
		}
	}
	return slices.DeleteFunc(all, func(ref reference) bool { return len(ref.to) != len(ref.from) })
}

// keyOf is the primary key of a table.
func (rec *record) keyOf(ctx context.Context, tx Tx, table string) (columns []string) {
	var column string
	_, _ = lookUpAll(ctx, tx, `SELECT name FROM pragma_table_info(`+rec.text(table)+`) WHERE pk > 0 ORDER BY pk`,
		func() { columns = append(columns, column) }, &column)
	return columns
}

// brokenKey finds the columns of the first foreign key by which one of the rows refers
// to nothing.
func (rec *record) brokenKey(ctx context.Context, tx Tx, rows []reflect.Value) []string {
	refs := rec.references(ctx, tx, `FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
		WHERE m.type = 'table' AND m.name = `+rec.text(rec.bareName())+` COLLATE NOCASE ORDER BY f.id DESC, f.seq`)
	for _, ref := range refs {
		from, err := rec.fields(ref.from)
		if err != nil { // a column that the type does not have
			continue
		}
		for _, row := range rows {
			if !rec.refers(ctx, tx, ref, from, row, rows) {
				return ref.from
			}
		}
	}
	return nil
}

// refers reports whether what a row refers to is there, or among the rows themselves.
func (rec *record) refers(ctx context.Context, tx Tx, ref reference, from []*schema.Field, row reflect.Value, rows []reflect.Value) bool {
	values := make([]string, len(from))
	query := "SELECT 1 FROM " + rec.name(ref.parent) + " WHERE TRUE"
	for i, f := range from {
		values[i] = string(f.AppendValue(rec.gen, nil, row))
		if values[i] == "NULL" {
			return true
		}
		query += " AND " + rec.name(ref.to[i]) + " = " + values[i]
	}
	var there int
	if n, err := lookUp(ctx, tx, query, &there); n > 0 || err != nil {
		return true
	}
	to, err := rec.fields(ref.to)
	if err != nil || !strings.EqualFold(ref.parent, rec.bareName()) {
		return false
	}
	return slices.ContainsFunc(rows, func(other reflect.Value) bool {
		for i, f := range to {
			if string(f.AppendValue(rec.gen, nil, other)) != values[i] {
				return false
			}
		}
		return true
	})
}

// findReferrer finds a table that refers to a row and does not let it go.
func (rec *record) findReferrer(ctx context.Context, tx Tx, v *Violation, action string, row reflect.Value) {
	refs := rec.references(ctx, tx, `FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
		WHERE m.type = 'table' AND f."table" = `+rec.text(rec.bareName())+` COLLATE NOCASE AND f.`+action+` IN ('NO ACTION', 'RESTRICT')
		ORDER BY m.name, f.id DESC, f.seq`)
	for _, ref := range refs {
		query := "SELECT 1 FROM " + rec.name(ref.child) + " c JOIN " + rec.name(ref.parent) + " p ON TRUE"
		for i := range ref.from {
			query += " AND c." + rec.name(ref.from[i]) + " = p." + rec.name(ref.to[i])
		}
		for _, f := range rec.PKs {
			query += " AND p." + string(f.SQLName) + " = " + string(f.AppendValue(rec.gen, nil, row))
		}
		var there int
		if n, err := lookUp(ctx, tx, query+" LIMIT 1", &there); n > 0 && err == nil {
			v.Table = ref.child
			rec.referred(v, true)
			return
		}
	}
}
