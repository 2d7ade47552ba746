package data

import "reflect"

// ReadsPast reports whether the next whole rows of a type are read past database/sql.
func ReadsPast[T any](r *Repo) bool {
	rec, ok := r.live.Load().records.Load(reflect.TypeFor[T]())
	if !ok {
		return false
	}
	l := rec.(*record).layout.Load()
	return l != nil && len(l.columns) > 0
}
