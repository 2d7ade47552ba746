package data

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
)

// clockKey is the context key of the clock that stamps rows.
type clockKey struct{}

// WithClock has the typed functions that are called with the context stamp rows by
// another clock than [time.Now]: for tests, and for what is done as of another time.
func WithClock(ctx context.Context, now func() time.Time) context.Context {
	return context.WithValue(ctx, clockKey{}, now)
}

// stamp is the time for a row: in UTC, as precise as both engines keep it.
func stamp(ctx context.Context) time.Time {
	now := time.Now
	if clock, ok := ctx.Value(clockKey{}).(func() time.Time); ok {
		now = clock
	}
	return now().UTC().Truncate(time.Microsecond)
}

// record is what the typed functions know about a type of rows: its table as bun
// sees it, and the fields that they keep. All calls share one: it does not change.
type record struct {
	*schema.Table
	gen    schema.QueryGen
	layout *atomic.Pointer[layout] // of whole rows on PostgreSQL; nil: not known

	created, updated, version *schema.Field // may be nil
}

// unversioned is the same without a version.
func (rec *record) unversioned() *record {
	other := *rec
	other.version = nil
	return &other
}

var timeType = reflect.TypeFor[time.Time]()

// recordOf is the record of a row's type.
func recordOf[T any](tx Tx) (*record, error) {
	typ := reflect.TypeFor[T]()
	if rec, ok := tx.f.records.Load(typ); ok {
		return rec.(*record), nil
	}
	rec, err := newRecord(typ, tx.f.db.Dialect())
	if err == nil {
		tx.f.records.Store(typ, rec)
	}
	return rec, err
}

// newRecord reads the tags of a type.
func newRecord(typ reflect.Type, dialect schema.Dialect) (*record, error) {
	if typ.Kind() != reflect.Struct {
		return nil, fault.Internal.Errorf("data: %s is no row: use the struct itself as the type", typ)
	}
	rec := &record{Table: dialect.Tables().Get(typ), gen: schema.NewQueryGen(dialect), layout: new(atomic.Pointer[layout])}
	for _, f := range rec.Fields {
		if err := rec.tagged(f); err != nil {
			return nil, err
		}
	}
	return rec, nil
}

// tagged notes a field with a data tag.
func (rec *record) tagged(f *schema.Field) error {
	tag := f.StructField.Tag.Get("data")
	var place **schema.Field
	var right bool
	switch typ := f.StructField.Type; tag {
	case "":
		return nil
	case "created":
		place, right = &rec.created, typ == timeType
	case "updated":
		place, right = &rec.updated, typ == timeType
	case "version":
		place, right = &rec.version, typ.Kind() >= reflect.Int && typ.Kind() <= reflect.Int64
	default:
		return fault.Internal.Errorf("data: %s.%s has the tag data:%q: there are created, updated and version", rec.TypeName, f.GoName, tag)
	}
	if !right {
		return fault.Internal.Errorf("data: %s.%s cannot be data:%q: created and updated are a time.Time, version is an int", rec.TypeName, f.GoName, tag)
	}
	if *place != nil {
		return fault.Internal.Errorf("data: %s has two fields with data:%q", rec.TypeName, tag)
	}
	*place = f
	return nil
}

// keyed says that a type without a primary key cannot be asked for one row.
func (rec *record) keyed() error {
	if len(rec.PKs) == 0 {
		return fault.Internal.Errorf(`data: %s has no primary key: give its field the tag bun:",pk", in an embedded struct the field within`, rec.TypeName)
	}
	return nil
}

// fields finds columns by name.
func (rec *record) fields(names []string) ([]*schema.Field, error) {
	var found []*schema.Field
	for _, name := range names {
		i := slices.IndexFunc(rec.Fields, func(f *schema.Field) bool { return f.Name == name })
		if i < 0 {
			return nil, fault.Internal.Errorf("data: %s has no column %q", rec.TypeName, name)
		}
		if !slices.Contains(found, rec.Fields[i]) {
			found = append(found, rec.Fields[i])
		}
	}
	return found, nil
}

// born fills in what a new row needs, where it is not set.
func (rec *record) born(ctx context.Context, row reflect.Value) {
	now := stamp(ctx)
	for _, f := range []*schema.Field{rec.created, rec.updated} {
		if f != nil && f.HasZeroValue(row) {
			f.Value(row).Set(reflect.ValueOf(now))
		}
	}
	if rec.version != nil && rec.version.HasZeroValue(row) {
		rec.version.Value(row).SetInt(1)
	}
}

// prepare calls bun's hook of a model that has one, and checks the texts of the row.
func (rec *record) prepare(ctx context.Context, row reflect.Value, query bun.Query) error {
	if rec.HasBeforeAppendModelHook() {
		if err := row.Addr().Interface().(bun.BeforeAppendModelHook).BeforeAppendModel(ctx, query); err != nil {
			return err
		}
	}
	var wrong fault.Fields
	for _, f := range rec.Fields {
		if f.StructField.Type.Kind() != reflect.String {
			continue
		}
		if message := wrongText(f.Value(row).String()); message != "" {
			if wrong == nil {
				wrong = make(fault.Fields)
			}
			wrong.Add(f.Name, message)
		}
	}
	return fault.Refuse(wrong)
}

// wrongText says why a text cannot be stored as it is. bun would put other characters in
// the place of bytes that are not UTF-8.
func wrongText(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "has a zero byte in it"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	return ""
}

// given reports whether a new row has a value for a column of its own. The database
// makes the others.
func given(f *schema.Field, row reflect.Value) bool {
	made := f.AutoIncrement || f.Identity || f.SQLDefault != ""
	return !made || !f.HasZeroValue(row)
}

// appendIs appends the condition that columns are as in the row.
func (rec *record) appendIs(b []byte, fields []*schema.Field, row reflect.Value) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, " AND "...)
		}
		b = append(append(b, f.SQLName...), " = "...)
		b = f.AppendValue(rec.gen, b, row)
	}
	return b
}

// appendLive appends the condition that a row has not been deleted softly. It is bun's.
func (rec *record) appendLive(b []byte) []byte {
	f := rec.SoftDeleteField
	if f == nil {
		return b
	}
	b = append(append(b, " AND "...), f.SQLName...)
	if f.IsPtr || f.NullZero {
		return append(b, " IS NULL"...)
	}
	return rec.gen.Dialect().AppendTime(append(b, " = "...), time.Time{})
}

// appendNames appends a list of columns.
func appendNames(b []byte, fields []*schema.Field) []byte {
	for i, f := range fields {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, f.SQLName...)
	}
	return b
}

// columns are the values of a row, as the driver gives them: database/sql converts nothing
// that goes into an any.
type columns struct {
	fields []*schema.Field
	values []any
	into   []any // where the values are
}

func newColumns(fields []*schema.Field) columns {
	c := columns{fields, make([]any, len(fields)), make([]any, len(fields))}
	for i := range c.values {
		c.into[i] = &c.values[i]
	}
	return c
}

func (c columns) read(results *sql.Rows, row reflect.Value) error {
	if err := results.Scan(c.into...); err != nil {
		return err
	}
	for i, f := range c.fields {
		if err := f.ScanValue(row, c.values[i]); err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
	}
	return nil
}

// query runs SQL whose results are columns of these rows, and reports how many rows
// there were.
func (rec *record) query(ctx context.Context, tx Tx, sql []byte, fields []*schema.Field, rows []reflect.Value) (n int, err error) {
	err = rec.results(ctx, tx, sql, fields, func() reflect.Value { return rows[min(n, len(rows)-1)] }, func() error {
		if n++; n > len(rows) {
			return fault.Internal.Errorf("data: the database gives more rows than were asked for")
		}
		return nil
	})
	return n, err
}

// results runs SQL whose results are columns: of each row, they go where the row is to be,
// then each is called.
func (rec *record) results(ctx context.Context, tx Tx, sql []byte, fields []*schema.Field, row func() reflect.Value, each func() error) error {
	results, err := tx.QueryContext(ctx, string(sql))
	if err != nil {
		return err
	}
	defer results.Close()
	if tx.f.past && rec.layout.Load() == nil && slices.Equal(fields, rec.Fields) {
		rec.layout.Store(layoutOf(results))
	}
	columns := newColumns(fields)
	for results.Next() {
		switch err := columns.read(results, row()); {
		case err != nil && ctx.Err() != nil:
			return tx.f.note(ctx, ctx.Err())
		case err != nil:
			return fault.Internal.Wrap(err, "data: a %s cannot be read", rec.TypeName)
		}
		if err := each(); err != nil {
			return err
		}
	}
	return tx.f.note(ctx, results.Err())
}

// watched reports whether a type has hooks of bun's that a SELECT is to call.
func (rec *record) watched() bool {
	switch rec.ZeroIface.(type) {
	case bun.BeforeSelectHook, bun.AfterSelectHook, bun.BeforeScanRowHook, bun.AfterScanRowHook:
		return true
	}
	return false
}
