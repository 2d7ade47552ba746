package job

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bennu-go/bennu/data"
)

// On PostgreSQL transactions run side by side. So that no two wait for each other, all lock in
// one order: the jobs that they read or change, by id, those that wait for them among them;
// then limits, by key. What comes after that takes jobs that nobody has locked (SKIP LOCKED).
// The needs of a job belong to whoever has locked it.

// lockJobs locks jobs that have ended, and those that wait for them: of what never completes,
// gone, all that follow.
func lockJobs(ctx context.Context, tx data.Tx, ended, gone []int64) error {
	if !isPostgres(tx) {
		return nil
	}
	const waiting = "SELECT job FROM bennu_job_needs WHERE needs IN "
	all := append(ended[:len(ended):len(ended)], gone...)
	for len(gone) > 0 {
		next := gone
		gone = nil
		err := query(ctx, tx, statement(waiting, next), func(r *sql.Rows) error {
			var id int64
			err := r.Scan(&id)
			gone = append(gone, id)
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(gone)
		gone = slices.Compact(gone)
		all = append(all, gone...)
	}
	array := "ARRAY[" + strings.Trim(statement(all), "()") + "]::BIGINT[]"
	return query(ctx, tx, statement("SELECT 1 FROM bennu_jobs WHERE id = ANY (ARRAY(SELECT unnest(", array, ") UNION ALL ", waiting, all, "))",
		" ORDER BY id FOR NO KEY UPDATE"), func(*sql.Rows) error { return nil })
}

// write is a Write of the engine's own that is tried again where the database ended it because
// of another. In a transaction of the caller's that is not for the engine to do.
func (e *engine) write(ctx context.Context, fn func(ctx context.Context, tx data.Tx) error) error {
	for tries := 1; ; tries++ {
		err := e.Repo.Write(ctx, fn)
		if tries == mostTries || !isCrossed(err) || e.isJoined(ctx) || !pause(ctx, rand.N(time.Duration(tries)*crossPause), nil, nil) {
			return err
		}
		e.count("job.crossed", 1)
	}
}

// isJoined reports whether ctx is in a transaction: each Read of it has that then.
func (e *engine) isJoined(ctx context.Context) bool {
	var txs [2]data.Tx
	for i := range txs {
		_ = e.Repo.Read(ctx, func(_ context.Context, tx data.Tx) error {
			txs[i] = tx
			return nil
		})
	}
	return txs[0] == txs[1]
}

const (
	mostTries  = 5
	crossPause = 10 * time.Millisecond // at most, and more each time
)

// isCrossed reports whether two transactions got in each other's way.
func isCrossed(err error) bool {
	var in *pgconn.PgError
	return errors.As(err, &in) && (in.Code == "40P01" || in.Code == "40001")
}
