package data

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
)

// PostgreSQL answers in text who prepares nothing, and database/sql has no word for another
// wish. A number or a time costs both sides much as text, so whole rows outside of a
// transaction are read past database/sql, in PostgreSQL's own formats. The first answer for a
// type of rows comes by the ordinary way, and tells the types of its columns.

// wire is how a column comes: in PostgreSQL's own format if it has a size, else in text.
type wire struct {
	oid   uint32
	size  int                  // in bytes; 0: text, -1: any
	value func(src []byte) any // what database/sql would give
}

// wires are the types of columns that are read so. Rows with others come by the ordinary way.
var wires = map[string]wire{
	"BOOL":        {pgtype.BoolOID, 1, func(b []byte) any { return b[0] != 0 }},
	"INT2":        {pgtype.Int2OID, 2, func(b []byte) any { return int64(int16(binary.BigEndian.Uint16(b))) }},
	"INT4":        {pgtype.Int4OID, 4, func(b []byte) any { return int64(int32(binary.BigEndian.Uint32(b))) }},
	"INT8":        {pgtype.Int8OID, 8, func(b []byte) any { return int64(binary.BigEndian.Uint64(b)) }},
	"FLOAT4":      {pgtype.Float4OID, 4, func(b []byte) any { return float64(math.Float32frombits(binary.BigEndian.Uint32(b))) }},
	"FLOAT8":      {pgtype.Float8OID, 8, func(b []byte) any { return math.Float64frombits(binary.BigEndian.Uint64(b)) }},
	"TIMESTAMP":   {pgtype.TimestampOID, 8, pointInTime},
	"TIMESTAMPTZ": {pgtype.TimestamptzOID, 8, pointInTime},
	"DATE":        {pgtype.DateOID, 4, day},
	"BYTEA":       {pgtype.ByteaOID, -1, func(b []byte) any { return bytes.Clone(b) }},
	"JSON":        {pgtype.JSONOID, 0, func(b []byte) any { return bytes.Clone(b) }},
	"JSONB":       {pgtype.JSONBOID, 0, func(b []byte) any { return bytes.Clone(b) }},
	"TEXT":        {pgtype.TextOID, 0, asText},
	"VARCHAR":     {pgtype.VarcharOID, 0, asText},
	"NUMERIC":     {pgtype.NumericOID, 0, asText},
	"UUID":        {pgtype.UUIDOID, 0, asText},
}

func asText(b []byte) any { return string(b) }

// day is of days since the year 2000.
func day(b []byte) any {
	switch d := int32(binary.BigEndian.Uint32(b)); d {
	case math.MaxInt32:
		return "infinity"
	case math.MinInt32:
		return "-infinity"
	default:
		return time.Date(2000, 1, 1+int(d), 0, 0, 0, 0, time.UTC)
	}
}

// pointInTime is of microseconds since the year 2000.
func pointInTime(b []byte) any {
	switch t := int64(binary.BigEndian.Uint64(b)); t {
	case math.MaxInt64:
		return "infinity"
	case math.MinInt64:
		return "-infinity"
	default:
		const epoch = 946_684_800 // in seconds since 1970
		return time.Unix(epoch+t/1e6, t%1e6*1000).UTC()
	}
}

// layout is how the rows of a type come.
type layout struct {
	columns []wire
	formats []int16
}

// layoutOf is that of an answer; an empty one, if it has columns of other types.
func layoutOf(results *sql.Rows) *layout {
	types, err := results.ColumnTypes()
	if err != nil {
		return new(layout)
	}
	l := new(layout)
	for _, t := range types {
		w, ok := wires[t.DatabaseTypeName()]
		if !ok {
			return new(layout)
		}
		format := int16(pgx.BinaryFormatCode)
		if w.size == 0 {
			format = pgx.TextFormatCode
		}
		l.columns, l.formats = append(l.columns, w), append(l.formats, format)
	}
	return l
}

// fits reports whether an answer has that layout still.
func (l *layout) fits(fields []pgconn.FieldDescription) bool {
	if len(fields) != len(l.columns) {
		return false
	}
	for i, w := range l.columns {
		if fields[i].DataTypeOID != w.oid {
			return false
		}
	}
	return true
}

// selected gives the whole rows of a SELECT.
func (rec *record) selected(ctx context.Context, tx Tx, query []byte, row func() reflect.Value, each func() error) error {
	conn, single := tx.f.conn.(*sql.Conn)
	if l := rec.layout.Load(); single && l != nil && len(l.columns) > 0 {
		if ok, err := rec.readPast(ctx, tx, conn, l, string(query), row, each); ok || err != nil {
			return err
		}
		rec.layout.Store(nil) // the table has changed
		tx.f.used = false
	}
	return rec.results(ctx, tx, query, rec.Fields, row, each)
}

// readPast reads past database/sql. It reports false if the answer has another layout, and
// nothing of it was read.
func (rec *record) readPast(ctx context.Context, tx Tx, conn *sql.Conn, l *layout, query string, row func() reflect.Value, each func() error) (ok bool, err error) {
	within, err := tx.f.statement(ctx)
	if err == nil {
		err = badArgument(query, tx.f.engine)
	}
	if err != nil {
		return false, err
	}
	ok = true
	var mine error // and not the database's
	begin := time.Now()
	err = conn.Raw(func(driver any) error {
		answer := driver.(*stdlib.Conn).Conn().PgConn().ExecParams(within, query, nil, nil, nil, l.formats)
		end := func() error {
			_, err := answer.Close()
			return tx.f.note(ctx, err)
		}
		more := answer.NextRow()
		var err error
		if !more {
			err = end()
		}
		tx.f.executed(ctx, query, begin, err)
		for ; more && mine == nil; more = answer.NextRow() {
			if ok = l.fits(answer.FieldDescriptions()); !ok {
				break
			}
			if err := l.read(answer.Values(), rec.Fields, row()); err != nil {
				mine = fault.Internal.Wrap(err, "data: a %s cannot be read", rec.TypeName)
			} else {
				mine = each()
			}
		}
		return end()
	})
	return ok, cmp.Or(mine, tx.f.note(ctx, err))
}

// read puts the values of a row where they belong.
func (l *layout) read(values [][]byte, fields []*schema.Field, row reflect.Value) error {
	for i, f := range fields {
		var value any
		if w, src := l.columns[i], values[i]; src != nil {
			if w.size > 0 && len(src) != w.size {
				return fmt.Errorf("column %s has %d bytes, and not %d", f.Name, len(src), w.size)
			}
			value = w.value(src)
		}
		if err := f.ScanValue(row, value); err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return nil
}
