package job

import (
	"context"

	"github.com/bennu-go/bennu/data"
)

// linkNeeds is called in the transaction that inserts jobs which wait for others (their state
// is Waiting, waits = len(after)). It notes what they need, and locks the needed ones: those
// that have ended already count at once.
func (e *engine) linkNeeds(ctx context.Context, tx data.Tx, refs, after []Ref) error { return nil }

// settleNeeds is called in the transaction in which jobs end, after their rows have been
// changed. Ends that are not Ended are among them, and such as were lost to another node: what
// counts is the state that is stored. e.wakeAfter(tx, queues...) tells of jobs that may begin.
func (e *engine) settleNeeds(ctx context.Context, tx data.Tx, ends []end) error { return nil }
