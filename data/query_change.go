package data

import (
	"context"
	"database/sql"
	"reflect"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
)

// Update changes all rows of the query by SQL, as in Update(ctx, db, "seats = seats - ?", 1),
// and says how many there were. Their updated stamp is set to now, their version raised
// by one. A query without a Where is refused: say Where("TRUE") if you mean all rows.
func (q Query[T]) Update(ctx context.Context, db DB, set string, args ...any) (n int64, err error) {
	c, err := newCondition(set, args)
	q = q.failed(err)
	return q.change(ctx, db, func(tx Tx, rec *record) (changeQuery, error) {
		return q.setAll(ctx, tx, rec, rec.updated, c), nil
	}, func(*Violation) {})
}

// Delete deletes all rows of the query as [Delete] does, and says how many there were.
// A query without a Where is refused.
func (q Query[T]) Delete(ctx context.Context, db DB) (n int64, err error) {
	return q.change(ctx, db, func(tx Tx, rec *record) (changeQuery, error) {
		deleted := rec.SoftDeleteField
		if deleted == nil {
			return q.limited(tx, rec, tx.NewDelete().Model((*T)(nil)).QueryBuilder()).Unwrap().(*bun.DeleteQuery), nil
		}
		row := reflect.New(rec.Type).Elem()
		if err := deleted.ScanValue(row, stamp(ctx)); err != nil {
			return nil, err
		}
		set := append([]byte(deleted.SQLName), " = "...)
		return q.setAll(ctx, tx, rec, nil, condition{sql: string(deleted.AppendValue(rec.gen, set, row))}), nil
	}, func(v *Violation) { v.deletes() })
}

// Erase deletes all rows of the query for good, also those that were deleted softly
// before, and says how many there were. A query without a Where is refused.
func (q Query[T]) Erase(ctx context.Context, db DB) (n int64, err error) {
	return q.change(ctx, db, func(tx Tx, rec *record) (changeQuery, error) {
		return q.limited(tx, rec, tx.NewDelete().Model((*T)(nil)).ForceDelete().QueryBuilder()).Unwrap().(*bun.DeleteQuery), nil
	}, func(v *Violation) { v.deletes() })
}

// deletes notes that the statement was a DELETE.
func (v *Violation) deletes() {
	if v.Kind == ForeignKey {
		v.Referred, v.Columns = true, nil
	}
}

type changeQuery interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

// change runs a change of many rows.
func (q Query[T]) change(ctx context.Context, db DB, make func(Tx, *record) (changeQuery, error), more func(*Violation)) (n int64, err error) {
	switch {
	case q.err != nil:
		return 0, q.err
	case len(q.where) == 0 && !q.isLimited():
		return 0, fault.Internal.Errorf(`data: a query without a Where would change every row: say Where("TRUE") if you mean it`)
	}
	err = db.one(ctx, true, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		query, err := make(tx, rec)
		if err != nil {
			return err
		}
		res, err := query.Exec(ctx)
		if err != nil {
			return rec.complete(ctx, tx, err, more)
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}

// setAll makes an UPDATE of the rows, which stamps a column of them.
func (q Query[T]) setAll(ctx context.Context, tx Tx, rec *record, stamped *schema.Field, set condition) *bun.UpdateQuery {
	u := tx.NewUpdate().Model((*T)(nil)).Set(set.sql, set.args...)
	if stamped != nil {
		u = u.Set("? = ?", bun.Ident(stamped.Name), stamp(ctx))
	}
	if rec.version != nil {
		u = u.Set("? = ? + 1", bun.Ident(rec.version.Name), bun.Ident(rec.version.Name))
	}
	return q.limited(tx, rec, u.QueryBuilder()).Unwrap().(*bun.UpdateQuery)
}

func (q Query[T]) isLimited() bool {
	return q.limit > 0 || q.offset > 0 || len(q.selects) > 0
}

// limited has a change be about the rows of the query. Neither engine has a LIMIT there.
func (q Query[T]) limited(tx Tx, rec *record, b bun.QueryBuilder) bun.QueryBuilder {
	if !q.isLimited() {
		return q.filter(b)
	}
	q.preload = nil
	var names, columns []string
	for _, f := range rec.PKs {
		names, columns = append(names, f.Name), append(columns, string(f.SQLName))
	}
	rows := q.selectInto(tx, (*T)(nil)).Column(names...)
	if q.deleted {
		b = b.WhereAllWithDeleted()
	}
	return b.Where("("+strings.Join(columns, ", ")+") IN (?)", rows)
}
