package data

import (
	"context"
	"reflect"
	"slices"

	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
)

// ErrStale is what a change of a row gives when the row has been changed by somebody
// else since it was read. Read it again, and decide again.
var ErrStale = fault.Conflict.Errorf("it was changed by somebody else meanwhile: read it again")

var errGone = fault.NotFound.Errorf("there is no such row")

// How much InsertAll puts into one statement.
const (
	mostRows  = 500
	mostBytes = 256 << 10
)

// Insert stores a new row. A created or updated stamp that is zero is set to now, a
// version that is zero to 1. What the database makes (a key with the tag
// autoincrement, a column with a default that is zero) is set in row.
//
// A constraint that the row violates is a fault.Conflict with a [*Violation]. When
// Insert gives an error, row is as it was.
func Insert[T any](ctx context.Context, db DB, row *T) error {
	return changeOne(ctx, db, Inserted, row, func(ctx context.Context, tx Tx, rec *record, v reflect.Value) error {
		rec.born(ctx, v)
		if err := rec.prepare(ctx, v, tx.NewInsert()); err != nil {
			return err
		}
		return rec.insert(ctx, tx, []reflect.Value{v})
	})
}

// InsertAll stores new rows as [Insert] does, all or none, in few statements: rows that
// follow each other and have the same columns set go together.
func InsertAll[T any](ctx context.Context, db DB, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	before := slices.Clone(rows)
	err := db.Write(ctx, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		values := make([]reflect.Value, len(rows))
		for i := range rows {
			values[i] = reflect.ValueOf(&rows[i]).Elem()
			rec.born(ctx, values[i])
			if err := rec.prepare(ctx, values[i], tx.NewInsert()); err != nil {
				return err
			}
		}
		for len(values) > 0 {
			n := rec.alike(values)
			if err := rec.insert(ctx, tx, values[:n]); err != nil {
				return err
			}
			values = values[n:]
		}
		changed(ctx, tx, Inserted, rows...)
		return nil
	})
	if err != nil {
		copy(rows, before)
	}
	return err
}

// changeOne runs a change of one row, which is as it was if the change fails.
func changeOne[T any](ctx context.Context, db DB, op Op, row *T, change func(context.Context, Tx, *record, reflect.Value) error) error {
	if row == nil {
		return fault.Internal.Errorf("data: the row is nil")
	}
	before := *row
	err := db.one(ctx, true, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		if err := change(ctx, tx, rec, reflect.ValueOf(row).Elem()); err != nil {
			return err
		}
		changed(ctx, tx, op, *row)
		return nil
	})
	if err != nil {
		*row = before
	}
	return err
}

// alike is how many of the first rows leave the same columns to the database.
func (rec *record) alike(rows []reflect.Value) int {
	n := 1
	for n < len(rows) && n < mostRows && rec.sameColumns(rows[0], rows[n]) {
		n++
	}
	return n
}

func (rec *record) sameColumns(a, b reflect.Value) bool {
	for _, f := range rec.Fields {
		if given(f, a) != given(f, b) {
			return false
		}
	}
	return true
}

// insert stores rows that are alike.
func (rec *record) insert(ctx context.Context, tx Tx, rows []reflect.Value) error {
	for len(rows) > 0 {
		sql, made, n := rec.appendInsert(make([]byte, 0, 512), rows)
		var err error
		if n == 1 && len(made) == 1 && rec.countsUp(made[0], tx) {
			err = rec.insertCounted(ctx, tx, sql, made[0], rows[0])
		} else {
			err = rec.run(ctx, tx, appendReturning(sql, made), made, rows[:n])
		}
		if err != nil {
			return rec.explain(ctx, tx, err, rows[:n])
		}
		rows = rows[n:]
	}
	return nil
}

// countsUp reports whether a column is the row's number in SQLite.
func (rec *record) countsUp(f *schema.Field, tx Tx) bool {
	return tx.Engine() == SQLite && f.AutoIncrement && len(rec.PKs) == 1 && f == rec.PKs[0]
}

// insertCounted stores one row that lacks its number only. It costs half of what a
// statement with a result does.
func (rec *record) insertCounted(ctx context.Context, tx Tx, sql []byte, number *schema.Field, row reflect.Value) error {
	res, err := tx.ExecContext(ctx, string(sql))
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	return number.ScanValue(row, id)
}

// appendInsert appends an INSERT of as many of the rows as fit into one. It gives the
// columns that the database makes, and how many rows there are in it.
func (rec *record) appendInsert(b []byte, rows []reflect.Value) (sql []byte, made []*schema.Field, n int) {
	var set []*schema.Field
	for _, f := range rec.Fields {
		if given(f, rows[0]) {
			set = append(set, f)
		} else {
			made = append(made, f)
		}
	}
	b = append(append(b, "INSERT INTO "...), rec.SQLName...)
	b = append(append(b, " AS "...), rec.SQLAlias...)
	if len(set) == 0 {
		return append(b, " DEFAULT VALUES"...), made, 1
	}
	b = appendNames(append(b, " ("...), set)
	b = append(b, ") VALUES "...)
	for n < len(rows) && (n == 0 || len(b) < mostBytes) {
		if n > 0 {
			b = append(b, ", "...)
		}
		for i, f := range set {
			if i == 0 {
				b = append(b, '(')
			} else {
				b = append(b, ", "...)
			}
			b = f.AppendValue(rec.gen, b, rows[n])
		}
		b = append(b, ')')
		n++
	}
	return b, made, n
}

// appendReturning has a change give columns back.
func appendReturning(b []byte, fields []*schema.Field) []byte {
	if len(fields) == 0 {
		return b
	}
	return appendNames(append(b, " RETURNING "...), fields)
}

// run runs a change that gives back these columns of these rows. It gives errGone if
// it changed fewer.
func (rec *record) run(ctx context.Context, tx Tx, sql []byte, back []*schema.Field, rows []reflect.Value) error {
	if len(back) > 0 {
		n, err := rec.query(ctx, tx, sql, back, rows)
		if err == nil && n < len(rows) {
			err = errGone
		}
		return err
	}
	res, err := tx.ExecContext(ctx, string(sql))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n < int64(len(rows)) {
		return errGone
	}
	return nil
}

// Update stores these columns of a row that is there already, or all of them, except
// the key and the created stamp. The updated stamp is set to now.
//
// A row with a version is only stored if the stored one still has the same, which is
// then raised by one. Otherwise Update gives [ErrStale]. It gives fault.NotFound if the
// row is gone, or is deleted softly. When Update gives an error, row is as it was.
func Update[T any](ctx context.Context, db DB, row *T, columns ...string) error {
	return changeOne(ctx, db, Updated, row, func(ctx context.Context, tx Tx, rec *record, v reflect.Value) error {
		if err := rec.keyed(); err != nil {
			return err
		}
		fields, err := rec.toSet(columns)
		if err != nil {
			return err
		}
		old := rec.appendThis(nil, v)
		if rec.updated != nil {
			rec.updated.Value(v).Set(reflect.ValueOf(stamp(ctx)))
		}
		if rec.version != nil {
			rec.version.Value(v).SetInt(rec.version.Value(v).Int() + 1)
		}
		if err := rec.prepare(ctx, v, tx.NewUpdate()); err != nil {
			return err
		}
		return rec.change(ctx, tx, fields, old, v)
	})
}

// toSet are the columns that an Update of these, or of all, sets.
func (rec *record) toSet(columns []string) ([]*schema.Field, error) {
	fields := rec.DataFields
	if len(columns) > 0 {
		var err error
		if fields, err = rec.fields(columns); err != nil {
			return nil, err
		}
	}
	var set []*schema.Field
	for _, f := range fields {
		switch {
		case f == rec.updated || f == rec.version:
		case len(columns) == 0 && (f == rec.created || f.SkipUpdate()):
		case f.IsPK:
			return nil, fault.Internal.Errorf("data: column %q is the key of %s: it cannot be updated", f.Name, rec.TypeName)
		default:
			set = append(set, f)
		}
	}
	if len(set) == 0 {
		return nil, fault.Internal.Errorf("data: %s has no columns to update", rec.TypeName)
	}
	for _, f := range []*schema.Field{rec.updated, rec.version} {
		if f != nil {
			set = append(set, f)
		}
	}
	return set, nil
}

// appendThis appends the condition that it is this row, not deleted, of this version.
func (rec *record) appendThis(b []byte, v reflect.Value) []byte {
	b = rec.appendIs(b, rec.PKs, v)
	b = rec.appendLive(b)
	if rec.version != nil {
		b = rec.appendIs(append(b, " AND "...), []*schema.Field{rec.version}, v)
	}
	return b
}

// change sets columns of the row that a condition is about.
func (rec *record) change(ctx context.Context, tx Tx, set []*schema.Field, this []byte, v reflect.Value) error {
	b := append([]byte("UPDATE "), rec.SQLName...)
	b = append(b, " SET "...)
	for i, f := range set {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, f.SQLName...), " = "...)
		b = f.AppendValue(rec.gen, b, v)
	}
	b = append(append(b, " WHERE "...), this...)
	err := rec.run(ctx, tx, b, nil, []reflect.Value{v})
	if err == errGone {
		return rec.missing(ctx, tx, v)
	}
	return rec.explain(ctx, tx, err, []reflect.Value{v})
}

// missing says why there was no row to change.
func (rec *record) missing(ctx context.Context, tx Tx, v reflect.Value) error {
	if rec.version == nil {
		return errGone
	}
	b := append([]byte("SELECT 1 FROM "), rec.SQLName...)
	b = rec.appendIs(append(b, " WHERE "...), rec.PKs, v)
	var there int
	n, err := lookUp(ctx, tx, string(rec.appendLive(b)), &there)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errGone
	}
	return ErrStale
}

// Delete deletes a row. One with a soft_delete column stays, with the time in it (and
// in row), and is no longer found unless a query asks for it.
//
// Delete gives fault.NotFound if the row is gone, and [ErrStale] if it has a version
// that is not zero and not the stored one's. A row that others still refer to is a
// fault.Conflict with a [*Violation]. When Delete gives an error, row is as it was.
func Delete[T any](ctx context.Context, db DB, row *T) error {
	return changeOne(ctx, db, Deleted, row, func(ctx context.Context, tx Tx, rec *record, v reflect.Value) error {
		if err := rec.keyed(); err != nil {
			return err
		}
		if rec.version != nil && rec.version.HasZeroValue(v) {
			rec = rec.unversioned() // whichever it is
		}
		this := rec.appendThis(nil, v)
		if rec.SoftDeleteField != nil {
			return rec.hide(ctx, tx, this, v)
		}
		b := append([]byte("DELETE FROM "), rec.SQLName...)
		b = append(append(b, " WHERE "...), this...)
		err := rec.run(ctx, tx, b, nil, []reflect.Value{v})
		if err == errGone {
			return rec.missing(ctx, tx, v)
		}
		return rec.explainDelete(ctx, tx, err, v)
	})
}

// hide deletes a row softly.
func (rec *record) hide(ctx context.Context, tx Tx, this []byte, v reflect.Value) error {
	set := []*schema.Field{rec.SoftDeleteField}
	if err := rec.SoftDeleteField.ScanValue(v, stamp(ctx)); err != nil {
		return fault.Internal.Wrap(err, "data: %s.%s cannot keep when a row was deleted: make it a time", rec.TypeName, rec.SoftDeleteField.GoName)
	}
	if rec.version != nil {
		rec.version.Value(v).SetInt(rec.version.Value(v).Int() + 1)
		set = append(set, rec.version)
	}
	return rec.change(ctx, tx, set, this, v)
}

// Upsert stores a row in place of the one with the same columns on, or as a new one.
// The columns on are those of a unique key; none is the primary key. Of a row that is
// there all other columns are replaced, except the primary key and the created stamp,
// and its version is raised by one. One that was deleted softly is there again. Then
// row has what is stored.
//
// Other constraints are violated as with [Insert]. When Upsert gives an error, row is
// as it was.
func Upsert[T any](ctx context.Context, db DB, row *T, on ...string) error {
	return changeOne(ctx, db, Updated, row, func(ctx context.Context, tx Tx, rec *record, v reflect.Value) error {
		if err := rec.keyed(); err != nil {
			return err
		}
		key := rec.PKs
		if len(on) > 0 {
			var err error
			if key, err = rec.fields(on); err != nil {
				return err
			}
		}
		rec.born(ctx, v)
		if err := rec.prepare(ctx, v, tx.NewInsert()); err != nil {
			return err
		}
		b, _, _ := rec.appendInsert(make([]byte, 0, 512), []reflect.Value{v})
		b = appendReturning(rec.appendReplace(b, key), rec.Fields)
		err := rec.run(ctx, tx, b, rec.Fields, []reflect.Value{v})
		return rec.explain(ctx, tx, err, []reflect.Value{v})
	})
}

// appendReplace appends what happens to the row with the same key.
func (rec *record) appendReplace(b []byte, key []*schema.Field) []byte {
	b = appendNames(append(b, " ON CONFLICT ("...), key)
	b = append(b, ") DO UPDATE SET "...)
	start := len(b)
	for _, f := range rec.DataFields {
		if f == rec.created || slices.Contains(key, f) || f.SkipUpdate() {
			continue
		}
		if len(b) > start {
			b = append(b, ", "...)
		}
		b = append(append(b, f.SQLName...), " = "...)
		if f == rec.version {
			b = append(append(b, rec.SQLAlias...), '.')
			b = append(append(b, f.SQLName...), " + 1"...)
			continue
		}
		b = append(append(b, "EXCLUDED."...), f.SQLName...)
	}
	if len(b) == start { // RETURNING has nothing of a row that stays as it is
		b = append(append(b, key[0].SQLName...), " = EXCLUDED."...)
		b = append(b, key[0].SQLName...)
	}
	return b
}
