package job

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/bennu-go/bennu/data"
)

// text is a value in the text of a query: it is quoted there. The empty text is NULL.
type text string

// statement makes the text of a query of its parts: a string is SQL, a text and a number
// are values. Thousands of rows go through here in one query, so that bun's way with
// placeholders and models would cost more than the rest.
func statement(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b.WriteString(p)
		case text:
			writeText(&b, p)
		case int:
			b.WriteString(strconv.Itoa(p))
		case int64:
			b.WriteString(itoa(p))
		case State:
			b.WriteString(strconv.Itoa(int(p)))
		case []int64:
			writeList(&b, p)
		default:
			panic("job: a part of a statement has an unknown type")
		}
	}
	return b.String()
}

func isPostgres(tx data.Tx) bool { return tx.Engine() == data.Postgres }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// writeText quotes a value. PostgreSQL refuses zero bytes and what is not UTF-8.
func writeText(b *strings.Builder, t text) {
	if t == "" {
		b.WriteString("NULL")
		return
	}
	s := strings.ToValidUTF8(string(t), "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	b.WriteByte('\'')
	for {
		before, after, found := strings.Cut(s, "'")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteString("''")
		s = after
	}
	b.WriteByte('\'')
}

func writeList(b *strings.Builder, ids []int64) {
	if len(ids) == 0 {
		b.WriteString("(NULL)")
		return
	}
	var digits [20]byte
	for i, id := range ids {
		if i == 0 {
			b.WriteByte('(')
		} else {
			b.WriteByte(',')
		}
		b.Write(strconv.AppendInt(digits[:0], id, 10))
	}
	b.WriteByte(')')
}

// exec runs a statement and gives how many rows it changed.
func exec(ctx context.Context, tx data.Tx, parts ...any) (int64, error) {
	res, err := tx.ExecContext(ctx, statement(parts...))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query runs a statement and calls scan for each row.
func query(ctx context.Context, tx data.Tx, sql string, scan func(*sql.Rows) error) error {
	rows, err := tx.QueryContext(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
