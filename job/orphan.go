package job

import (
	"context"
	"database/sql"
	"time"

	"github.com/bennu-go/bennu/data"
)

// orphan is a running job whose node is gone.
type orphan struct {
	id                int64
	queue             string
	owner             int64
	attempt, attempts int
	claims, unique    int
	limitKey          string
	errors            string
	cancel            string
}

// orphans finds running jobs whose nodes are not there.
func orphans(ctx context.Context, tx data.Tx) (all []orphan, err error) {
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	err = query(ctx, tx, statement("SELECT id, queue, owner, attempt, attempts, claims, unique_states, COALESCE(limit_key, ''), COALESCE(errors, ''), COALESCE(cancel, '') FROM bennu_jobs WHERE state = 1 AND owner NOT IN (SELECT id FROM bennu_job_nodes) ORDER BY id LIMIT ",
		mostRows, lock), func(r *sql.Rows) error {
		var o orphan
		err := r.Scan(&o.id, &o.queue, &o.owner, &o.attempt, &o.attempts, &o.claims, &o.unique, &o.limitKey, &o.errors, &o.cancel)
		all = append(all, o)
		return err
	})
	return all, err
}

// giveBack is the end of an attempt whose node has died. The attempt counts: what it was
// doing may be what the node died of.
func (o orphan) giveBack(now time.Time) end {
	e := end{id: o.id, queue: o.queue, owner: o.owner, claims: o.claims, unique: o.unique, limitKey: o.limitKey, at: now, runAt: now, state: Available}
	e.errors = withFailure(o.errors, Failure{o.attempt, now.UTC(), "its node died, or was cut off from the database"})
	switch {
	case o.cancel != "":
		e.state = Cancelled
	case o.attempt >= o.attempts:
		e.state = Discarded
	}
	return e
}
