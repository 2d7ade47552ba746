package datatest

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/data"
)

// Factory makes rows for tests that care about few of their fields.
//
//	var units = datatest.Factory[Unit]{Make: func(n int) Unit {
//		return Unit{Name: fmt.Sprintf("truck %d", n), Fuel: 100}
//	}}
//
//	empty := units.Insert(t, repo, func(u *Unit) { u.Fuel = 0 })
//	ten := units.InsertAll(t, repo, 10)
//
// It is safe for concurrent use, as by tests that run in parallel.
type Factory[T any] struct {
	// Make gives a row that is right as it is. The number is one more each time, from
	// 1, for what has to differ from row to row. Required.
	Make func(n int) T

	made atomic.Int64
}

// Build makes a row without storing it, and lets each change act on it, in order.
func (f *Factory[T]) Build(changes ...func(*T)) T {
	row := f.Make(int(f.made.Add(1)))
	for _, change := range changes {
		change(&row)
	}
	return row
}

// Insert makes a row and stores it with [data.Insert], whose keys, time stamps and version
// it has then. A failure ends the test.
func (f *Factory[T]) Insert(t testing.TB, db data.DB, changes ...func(*T)) T {
	t.Helper()
	return f.InsertAll(t, db, 1, changes...)[0]
}

// InsertAll is n times Insert, in one transaction.
func (f *Factory[T]) InsertAll(t testing.TB, db data.DB, n int, changes ...func(*T)) []T {
	t.Helper()
	rows := make([]T, n)
	for i := range rows {
		rows[i] = f.Build(changes...)
	}
	err := db.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		for i := range rows {
			if err := data.Insert(ctx, tx, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("datatest: %v", err)
	}
	return rows
}
