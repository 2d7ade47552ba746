package data

import (
	"context"
	"reflect"
	"slices"

	"github.com/bennu-go/bennu/changeset"
	"github.com/bennu-go/bennu/fault"
)

// InsertChange stores the value of a changeset as a new row, and gives it as it is stored.
// A change that is not valid, or that violates a constraint that the changeset names, is
// refused as [changeset.Changeset.Apply] does, and the changeset has the errors for its form.
// Inside a transaction a violation ends it, as every failed statement does.
func InsertChange[T any](ctx context.Context, db DB, cs *changeset.Changeset[T]) (T, error) {
	row, err := cs.Apply()
	if err == nil {
		err = cs.Explain(Insert(ctx, db, &row))
	}
	if err != nil {
		var none T
		return none, err
	}
	return row, nil
}

// UpdateChange stores the fields of a row that a changeset has changed, and gives the row as
// it is stored. Where nothing has changed there is nothing to store. Errors are as with
// [InsertChange] and [Update].
func UpdateChange[T any](ctx context.Context, db DB, cs *changeset.Changeset[T]) (T, error) {
	row, err := cs.Apply()
	if err == nil {
		err = cs.Explain(updateFields(ctx, db, &row, cs.ChangedFields()))
	}
	if err != nil {
		var none T
		return none, err
	}
	return row, nil
}

// updateFields stores the columns of some fields.
func updateFields[T any](ctx context.Context, db DB, row *T, fields []reflect.StructField) error {
	if len(fields) == 0 {
		return nil
	}
	return db.one(ctx, true, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		columns, err := rec.columnsOf(fields)
		if err != nil || len(columns) == 0 {
			return err
		}
		return Update(ctx, tx, row, columns...)
	})
}

// columnsOf gives the columns of fields of the struct: several for one that is embedded, and
// none for one that bun is to leave out.
func (rec *record) columnsOf(fields []reflect.StructField) (columns []string, err error) {
	for _, changed := range fields {
		before := len(columns)
		for _, f := range rec.Fields {
			if len(f.Index) >= len(changed.Index) && slices.Equal(f.Index[:len(changed.Index)], changed.Index) {
				columns = append(columns, f.Name)
			}
		}
		if len(columns) == before && changed.Tag.Get("bun") != "-" {
			return nil, fault.Internal.Errorf("data: %s.%s has changed and is no column: store it by itself, or give it the tag bun:\"-\"", rec.TypeName, changed.Name)
		}
	}
	return columns, nil
}
