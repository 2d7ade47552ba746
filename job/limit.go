package job

import (
	"context"

	"github.com/bennu-go/bennu/data"
)

// Limit is how many jobs of a key run at a time, and how often they begin, on all nodes
// together.
type Limit struct{}

func (l Limit) define(d *definition) { d.limit = &l }

// key is what a job counts for.
func (l *Limit) key(name string, in any, args []byte) string { return name }

// hasLimits reports whether jobs of a queue may have limits.
func (e *engine) hasLimits(queue string) bool { return false }

// chooseLimited gives up to n available jobs of a queue that may begin, in their order. It is
// called in the transaction that claims them, in place of the plain look-up, where hasLimits.
// On PostgreSQL it locks them (FOR UPDATE SKIP LOCKED).
func (e *engine) chooseLimited(ctx context.Context, tx data.Tx, queue string, n int) ([]int64, error) {
	return nil, nil
}
