package data

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/bennu-go/bennu/fault"
)

// Get gives the row with a primary key, or fault.NotFound. A key of several columns is
// a []any in their order.
func Get[T any](ctx context.Context, db DB, id any) (row T, err error) {
	err = db.one(ctx, false, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		if err := rec.keyed(); err != nil {
			return err
		}
		key, ok := id.([]any)
		if !ok {
			key = []any{id}
		}
		if len(key) != len(rec.PKs) {
			return fault.Internal.Errorf("data: the key of %s has %d columns, and Get was given %d", rec.TypeName, len(rec.PKs), len(key))
		}
		q := From[T]().Limit(1)
		for i, f := range rec.PKs {
			q = q.having(condition{"?.? = ?", []any{rec.SQLAlias, f.SQLName, key[i]}})
		}
		row, err = q.First(ctx, tx)
		return err
	})
	return row, err
}

// Preload fills in relations of rows that are there already, as [Query.Preload] does.
// Nothing else of the rows changes.
func Preload[T any](ctx context.Context, db DB, rows []T, relations ...string) error {
	return db.Read(ctx, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		if err := rec.keyed(); err != nil {
			return err
		}
		for part := range slices.Chunk(rows, mostRows) {
			if err := preload(ctx, tx, rec, part, relations); err != nil {
				return err
			}
		}
		return nil
	})
}

// preload reads rows again, with their relations, and takes those over.
func preload[T any](ctx context.Context, tx Tx, rec *record, rows []T, relations []string) error {
	keys := slices.Clone(rows)
	again := From[T]().Preload(relations...).selectInto(tx, &keys).WherePK()
	if err := again.Scan(ctx); err != nil {
		return err
	}
	byKey := make(map[string]reflect.Value, len(keys))
	for i := range keys {
		row := reflect.ValueOf(&keys[i]).Elem()
		byKey[string(rec.appendIs(nil, rec.PKs, row))] = row
	}
	for i := range rows {
		row := reflect.ValueOf(&rows[i]).Elem()
		fresh, ok := byKey[string(rec.appendIs(nil, rec.PKs, row))]
		if !ok {
			continue
		}
		for _, relation := range relations {
			name, _, _ := strings.Cut(relation, ".")
			index := rec.Relations[name].Field.Index
			row.FieldByIndex(index).Set(fresh.FieldByIndex(index))
		}
	}
	return nil
}
