package data

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/bennu-go/bennu/fault"
)

// Query asks for rows of one type. It is a value: every method gives another one and
// leaves this one as it is, so that a part of a query is a function that anybody may
// apply:
//
//	func adults(q data.Query[User]) data.Query[User] { return q.Where("age >= ?", 18) }
//
//	users, err := data.From[User]().With(adults).Order("name").All(ctx, repo)
//
// Rows that were deleted softly are left out, if [Query.Deleted] does not ask for them.
type Query[T any] struct {
	where         [][]condition // all of any
	order         []string
	limit, offset int
	preload       []string
	deleted, lock bool
	selects       []func(*bun.SelectQuery) *bun.SelectQuery
	err           error
}

type condition struct {
	sql  string
	args []any
}

// From asks for all rows of a type.
func From[T any]() Query[T] { return Query[T]{} }

// Where leaves the rows for which a condition holds, too. Arguments go where the
// question marks are; a slice of them is a list, as in Where("id IN (?)", ids). An empty
// list has nothing in it.
func (q Query[T]) Where(sql string, args ...any) Query[T] {
	c, err := newCondition(sql, args)
	return q.having(c).failed(err)
}

func (q Query[T]) having(c condition) Query[T] {
	q.where = append(slices.Clip(q.where), []condition{c})
	return q
}

// WhereOr widens the Where before it: Where(a).Where(b).WhereOr(c) is a AND (b OR c).
func (q Query[T]) WhereOr(sql string, args ...any) Query[T] {
	if len(q.where) == 0 {
		return q.Where(sql, args...)
	}
	c, err := newCondition(sql, args)
	q.where = slices.Clone(q.where)
	last := &q.where[len(q.where)-1]
	*last = append(slices.Clip(*last), c)
	return q.failed(err)
}

// Order sorts by these columns, each as in "name" or "name DESC", after those that the
// query has already. Without any, the order is the database's own.
func (q Query[T]) Order(columns ...string) Query[T] {
	q.order = append(slices.Clip(q.order), columns...)
	return q
}

// Limit gives at most n rows. 0 is no limit.
func (q Query[T]) Limit(n int) Query[T] {
	q.limit = n
	if n < 0 {
		return q.failed(fault.Internal.Errorf("data: a query has the limit %d", n))
	}
	return q
}

// Offset leaves out the first n rows.
func (q Query[T]) Offset(n int) Query[T] {
	q.offset = n
	if n < 0 {
		return q.failed(fault.Internal.Errorf("data: a query has the offset %d", n))
	}
	return q
}

// Preload fills in relations, by the names of their fields, as in "Posts" or
// "Posts.Comments".
func (q Query[T]) Preload(relations ...string) Query[T] {
	q.preload = append(slices.Clip(q.preload), relations...)
	return q
}

// With applies parts of queries.
func (q Query[T]) With(scopes ...func(Query[T]) Query[T]) Query[T] {
	for _, scope := range scopes {
		q = scope(q)
	}
	return q
}

// Deleted asks for the rows that were deleted softly, too.
func (q Query[T]) Deleted() Query[T] {
	q.deleted = true
	return q
}

// ForUpdate has other transactions wait with their changes of the rows until this one,
// which has to be a Write, is over. On SQLite they wait anyway.
func (q Query[T]) ForUpdate() Query[T] {
	q.lock = true
	return q
}

// Select is the way out to everything that bun can do, such as joins and columns.
func (q Query[T]) Select(more func(*bun.SelectQuery) *bun.SelectQuery) Query[T] {
	q.selects = append(slices.Clip(q.selects), more)
	return q
}

func (q Query[T]) failed(err error) Query[T] {
	if q.err == nil {
		q.err = err
	}
	return q
}

func newCondition(sql string, args []any) (condition, error) {
	c := condition{sql, slices.Clone(args)}
	if len(args) > 0 && !strings.Contains(sql, "?") {
		return c, fault.Internal.Errorf("data: the condition %q has arguments, and no question mark for them", sql)
	}
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			if message := wrongText(s); message != "" {
				return c, fault.Invalid.Errorf("a text in a query %s", message)
			}
		}
		c.args[i] = argument(arg)
	}
	return c, nil
}

// argument makes a list of a slice, which bun would write as JSON.
func argument(arg any) any {
	typ := reflect.TypeOf(arg)
	if typ == nil || typ.Kind() != reflect.Slice || typ.Elem().Kind() == reflect.Uint8 {
		return arg
	}
	switch arg.(type) {
	case schema.QueryAppender, driver.Valuer:
		return arg
	}
	return bun.List(arg)
}

// All gives the rows, an empty slice if there are none.
func (q Query[T]) All(ctx context.Context, db DB) ([]T, error) {
	rows := make([]T, 0, max(0, min(q.limit, 1000)))
	err := q.read(ctx, db, func(ctx context.Context, tx Tx) error {
		rec, err := recordOf[T](tx)
		if err != nil {
			return err
		}
		if len(q.preload) > 0 || len(q.selects) > 0 || rec.watched() {
			return q.selectInto(tx, &rows).Scan(ctx)
		}
		return q.each(ctx, tx, rec, func(row *T) error {
			rows = append(rows, *row)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// First gives the first of the rows, or fault.NotFound.
func (q Query[T]) First(ctx context.Context, db DB) (row T, err error) {
	q.limit = 1
	rows, err := q.All(ctx, db)
	if err == nil && len(rows) == 0 {
		err = errGone
	}
	if err != nil {
		return row, err
	}
	return rows[0], nil
}

// Count counts the rows, whatever limit and offset there are.
func (q Query[T]) Count(ctx context.Context, db DB) (n int64, err error) {
	q.preload, q.order = nil, nil
	err = q.read(ctx, db, func(ctx context.Context, tx Tx) error {
		n, err = q.selectInto(tx, (*T)(nil)).Count(ctx)
		return err
	})
	return n, err
}

// Exists reports whether there are rows.
func (q Query[T]) Exists(ctx context.Context, db DB) (is bool, err error) {
	q.preload, q.order = nil, nil
	err = q.read(ctx, db, func(ctx context.Context, tx Tx) error {
		is, err = q.selectInto(tx, (*T)(nil)).Exists(ctx)
		return err
	})
	return is, err
}

var errStop = errors.New("the loop ends")

// Each gives the rows one by one as the database has them, in one Read that lasts as
// long as the loop. An error comes last, with a zero row. The loop must not write to
// the database, nor ask it through the same Tx: it would wait for itself.
//
//	for user, err := range data.From[User]().Each(ctx, repo) {
//		if err != nil {
//			return err
//		}
//		…
//	}
func (q Query[T]) Each(ctx context.Context, db DB) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if len(q.preload) > 0 {
			q = q.failed(fault.Internal.Errorf("data: Each cannot preload: it gives row by row; collect some, and call data.Preload"))
		}
		err := q.read(ctx, db, func(ctx context.Context, tx Tx) error {
			err := q.stream(ctx, tx, func(row T) bool { return yield(row, nil) })
			if err == errStop {
				return nil
			}
			return err
		})
		if err != nil {
			yield(*new(T), err)
		}
	}
}

func (q Query[T]) stream(ctx context.Context, tx Tx, yield func(T) bool) error {
	rec, err := recordOf[T](tx)
	if err != nil {
		return err
	}
	each := q.each
	if len(q.selects) > 0 || rec.watched() {
		each = q.eachOfBun
	}
	return each(ctx, tx, rec, func(row *T) error {
		if !yield(*row) {
			return errStop
		}
		return nil
	})
}

// each reads rows of all columns. bun would look up the column of each value.
func (q Query[T]) each(ctx context.Context, tx Tx, rec *record, yield func(*T) error) error {
	sql, err := q.selectInto(tx, (*T)(nil)).AppendQuery(rec.gen, make([]byte, 0, 512))
	if err != nil {
		return err
	}
	var row T
	v := reflect.ValueOf(&row).Elem()
	return rec.selected(ctx, tx, sql, func() reflect.Value {
		row = *new(T)
		return v
	}, func() error { return yield(&row) })
}

// eachOfBun reads rows of any columns, and calls the hooks of the type.
func (q Query[T]) eachOfBun(ctx context.Context, tx Tx, _ *record, yield func(*T) error) error {
	var row T
	query := q.selectInto(tx, &row)
	rows, err := query.Rows(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row = *new(T)
		if err := query.DB().ScanRow(ctx, rows, &row); err != nil {
			return err
		}
		if err := yield(&row); err != nil {
			return err
		}
	}
	return tx.f.note(ctx, rows.Err())
}

// read runs what asks the database: one statement, or more that see the same.
func (q Query[T]) read(ctx context.Context, db DB, fn func(context.Context, Tx) error) error {
	several := len(q.preload) > 0 || len(q.selects) > 0
	switch {
	case q.err != nil:
		return q.err
	case q.lock && several:
		return db.Write(ctx, fn)
	case several:
		return db.Read(ctx, fn)
	}
	return db.one(ctx, q.lock, fn)
}

// selectInto makes the SELECT.
func (q Query[T]) selectInto(tx Tx, model any) *bun.SelectQuery {
	s := tx.NewSelect().Model(model).ApplyQueryBuilder(q.filter).Order(q.order...)
	switch {
	case q.limit > 0:
		s = s.Limit(int64(q.limit))
	case q.offset > 0 && tx.Engine() == SQLite: // it has no OFFSET without a LIMIT
		s = s.Limit(math.MaxInt64)
	}
	s = s.Offset(int64(q.offset))
	for _, name := range q.preload {
		s = s.Relation(name)
	}
	if q.lock && tx.Engine() == Postgres {
		s = s.For("UPDATE OF ?TableAlias")
	}
	return s.Apply(q.selects...)
}

// filter adds the conditions to a query of any kind.
func (q Query[T]) filter(b bun.QueryBuilder) bun.QueryBuilder {
	for _, any := range q.where {
		if len(any) == 1 {
			b = b.Where(any[0].sql, any[0].args...)
			continue
		}
		b = b.WhereGroup(" AND ", func(b bun.QueryBuilder) bun.QueryBuilder {
			for _, c := range any {
				b = b.WhereOr(c.sql, c.args...)
			}
			return b
		})
	}
	if q.deleted {
		b = b.WhereAllWithDeleted()
	}
	return b
}
