package data

import (
	"context"
	"reflect"
	"slices"

	"github.com/bennu-go/bennu/changeset"
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

// updateFields stores the columns of some fields. What is no column is passed over.
func updateFields[T any](ctx context.Context, db DB, row *T, fields []reflect.StructField) error {
	if len(fields) == 0 {
		return nil
	}
	return db.one(ctx, true, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		var columns []string
		for _, f := range rec.Fields {
			if slices.ContainsFunc(fields, func(changed reflect.StructField) bool { return slices.Equal(changed.Index, f.Index) }) {
				columns = append(columns, f.Name)
			}
		}
		if len(columns) == 0 {
			return nil
		}
		return Update(ctx, tx, row, columns...)
	})
}
