package data

import (
	"context"
	"reflect"
	"slices"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

// Op is what was done to a row.
type Op uint8

const (
	Inserted Op = iota + 1
	Updated
	Deleted // softly, too
)

// String is the operation in words, as in "inserted".
func (o Op) String() string {
	switch o {
	case Inserted:
		return "inserted"
	case Updated:
		return "updated"
	case Deleted:
		return "deleted"
	}
	return "unknown"
}

// Change is a row that was changed, as it is now, or as it was deleted. What its slices and
// pointers lead to belongs to all who get it: read only.
type Change[T any] struct {
	Op  Op
	Row T
}

// Watch is the topic of the changes to rows of type T: those that [Insert], [InsertAll],
// [Update], [Upsert] (as Updated) and [Delete] made, in this program, and that are
// committed. They are published in the order of the commits. Rows that a [Query] or SQL of
// one's own changes do not show.
//
//	_, err := pubsub.Subscribe(ctx, data.Watch[Unit](), (*Board).unitChanged)
//
// Who subscribes first and reads the rows then misses nothing. It may hear of a change that
// it has read already. On PostgreSQL, two transactions that commit in the same moment may be told in
// either order: where that matters, compare versions. As with all topics a subscriber that is
// too slow loses messages, and what was not told when the program died is not told later; for
// what must not be lost there is [Tx.Emit].
func Watch[T any]() pubsub.Topic[Change[T]] {
	t := reflect.TypeFor[T]()
	if t.Name() == "" {
		return pubsub.Topic[Change[T]]("data:" + t.String())
	}
	return pubsub.Topic[Change[T]]("data:" + t.PkgPath() + "." + t.Name())
}

// changed has changes to rows published when the transaction commits. The typed functions
// call it after their statement.
func changed[T any](ctx context.Context, tx Tx, op Op, rows ...T) {
	n, err := process.NodeOf(ctx)
	if err != nil {
		return // without a node nobody can have subscribed
	}
	rows = slices.Clone(rows) // they are the caller's
	tx.OnCommit(func() {
		ctx, topic := n.Context(context.Background()), Watch[T]()
		for _, row := range rows {
			// The only error is a topic of that name with another type, which is nobody's.
			_ = pubsub.Publish(ctx, topic, Change[T]{op, row})
		}
	})
}
