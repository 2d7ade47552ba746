package job

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
)

// All SQL of jobs that run is in here. It is the same on both engines but for one lock.

// row is a job that is to be inserted.
type row struct {
	name      string
	queue     string
	state     State
	priority  int
	runAt     time.Time
	args      string
	version   int
	attempts  int
	uniqueKey string
	unique    int // the states in which the key holds
	limitKey  string
	waits     int
	label     string
	schedule  string
}

// alike reports whether rows differ only in what insertChunk writes for each of them.
func (r *row) alike(o *row) bool {
	return r.name == o.name && r.queue == o.queue && r.state == o.state && r.priority == o.priority &&
		r.runAt.Equal(o.runAt) && r.version == o.version && r.attempts == o.attempts && r.unique == o.unique &&
		r.waits == o.waits && r.label == o.label && r.schedule == o.schedule
}

const (
	mostRows  = 1000      // in one statement
	mostBytes = 256 << 10 // of arguments in one statement, about
)

// insert stores jobs and gives their refs. tx may be any Write of the repo.
func insert(ctx context.Context, tx data.Tx, rows []row, now time.Time) ([]Ref, error) {
	refs := make([]Ref, 0, len(rows))
	for len(rows) > 0 {
		n, size := 1, len(rows[0].args)
		for n < len(rows) && n < mostRows && size < mostBytes && rows[n].alike(&rows[0]) {
			size += len(rows[n].args)
			n++
		}
		var err error
		if rows[0].unique != 0 {
			refs, err = insertUnique(ctx, tx, rows[:n], now, refs)
		} else {
			refs, err = insertChunk(ctx, tx, rows[:n], now, refs)
		}
		if err != nil {
			return nil, err
		}
		rows = rows[n:]
	}
	return refs, nil
}

const insertInto = `INSERT INTO bennu_jobs (name, queue, state, priority, run_at, version, attempts, created_at, unique_states, waits, label, schedule, args, unique_key, limit_key) SELECT `

// insertText is an INSERT of rows that are alike.
func insertText(rows []row, now time.Time, end string) string {
	var b strings.Builder
	r := &rows[0]
	b.WriteString(statement(insertInto, text(r.name), ", ", text(r.queue), ", ", r.state, ", ", r.priority, ", ",
		toMicros(r.runAt), ", ", r.version, ", ", r.attempts, ", ", toMicros(now), ", ", r.unique, ", ", r.waits, ", ",
		text(r.label), ", ", text(r.schedule), ", column1, column2, column3 FROM (VALUES "))
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		writeText(&b, text(rows[i].args))
		b.WriteByte(',')
		writeText(&b, text(rows[i].uniqueKey))
		b.WriteByte(',')
		writeText(&b, text(rows[i].limitKey))
		b.WriteByte(')')
	}
	b.WriteString(") AS v WHERE TRUE ")
	b.WriteString(end)
	return b.String()
}

func insertChunk(ctx context.Context, tx data.Tx, rows []row, now time.Time, refs []Ref) ([]Ref, error) {
	first := len(refs)
	err := query(ctx, tx, insertText(rows, now, "RETURNING id"), func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		refs = append(refs, Ref{ID: id})
		return err
	})
	// Numbers are given in the order of the rows; the answers come in any.
	slices.SortFunc(refs[first:], func(a, b Ref) int { return cmp.Compare(a.ID, b.ID) })
	return refs, err
}

// insertUnique lets the index decide which jobs are new.
func insertUnique(ctx context.Context, tx data.Tx, rows []row, now time.Time, refs []Ref) ([]Ref, error) {
	if err := lockUnique(ctx, tx, rows); err != nil {
		return nil, err
	}
	ids := make(map[string]Ref)
	for len(ids) < len(rows) {
		missing := rows[:0:0]
		for _, r := range rows {
			if _, ok := ids[r.uniqueKey]; !ok {
				missing = append(missing, r)
			}
		}
		if len(missing) == 0 {
			break
		}
		note := func(duplicate bool) func(r *sql.Rows) error {
			return func(r *sql.Rows) error {
				var id int64
				var key string
				err := r.Scan(&id, &key)
				ids[key] = Ref{id, duplicate}
				return err
			}
		}
		err := query(ctx, tx, insertText(missing, now, "ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING RETURNING id, unique_key"), note(false))
		if err != nil {
			return nil, err
		}
		var b strings.Builder
		b.WriteString("SELECT id, unique_key FROM bennu_jobs WHERE unique_key IN (")
		there := 0
		for _, r := range missing {
			if _, ok := ids[r.uniqueKey]; ok {
				continue
			}
			if there++; there > 1 {
				b.WriteByte(',')
			}
			writeText(&b, text(r.uniqueKey))
		}
		if b.WriteByte(')'); there == 0 {
			break
		}
		if err := query(ctx, tx, b.String(), note(true)); err != nil {
			return nil, err
		}
		// One that has ended meanwhile is in neither: once more.
	}
	for _, r := range rows {
		ref := ids[r.uniqueKey]
		refs = append(refs, ref)
		ref.Duplicate = true // for those that follow with the same key
		ids[r.uniqueKey] = ref
	}
	return refs, nil
}

// lockUnique lets one transaction at a time insert several unique jobs of a name: two that
// have the same ones in different orders would wait for each other.
func lockUnique(ctx context.Context, tx data.Tx, rows []row) error {
	if len(rows) < 2 || !isPostgres(tx) {
		return nil
	}
	return query(ctx, tx, statement("SELECT pg_advisory_xact_lock(hashtext('bennu_jobs_unique'), hashtext(", text(rows[0].name), "))"), func(*sql.Rows) error { return nil })
}

// claimed is a job that this node has begun.
type claimed struct {
	id        int64
	name      string
	queue     string
	args      string
	version   int
	priority  int
	attempt   int
	attempts  int
	claims    int
	unique    int
	runAt     int64
	createdAt int64
	begunAt   int64
	owner     int64
	errors    sql.NullString
	label     sql.NullString
	schedule  sql.NullString
	limitKey  sql.NullString
}

const claimReturning = ` RETURNING id, name, queue, args, version, priority, attempt, attempts, claims, unique_states, run_at, created_at, begun_at, owner, errors, label, schedule, limit_key`

// claim makes up to n available jobs of a queue this node's own, none if it is paused: the
// node, which has this name, may not have heard of it. Nor does a node claim anything that was
// taken for dead, for nobody would give it back. unless is a condition more: what it does not know.
func claim(ctx context.Context, tx data.Tx, queue, unless string, n int, owner int64, node string, now time.Time) ([]claimed, error) {
	from := statement(" FROM bennu_jobs WHERE state = 0 AND queue = ", text(queue), unless, unlessPaused(queue, node), " ORDER BY priority, id LIMIT ", n)
	set := "UPDATE bennu_jobs" + claimSet(owner, now)
	here := statement("SELECT 1 FROM bennu_job_nodes WHERE id = ", owner)
	if !isPostgres(tx) {
		return claimQuery(ctx, tx, set+" WHERE id IN (SELECT id"+from+") AND EXISTS ("+here+")"+claimReturning)
	}
	// An array is made once; another kind of sub-query may run more than once, and lock more.
	// Rows that are locked stay where they are, so their places lead to them. The lock on the
	// node makes whoever takes it for dead wait until the claim is there to be seen.
	return claimQuery(ctx, tx, "WITH node AS MATERIALIZED ("+here+" FOR KEY SHARE) "+
		set+" WHERE ctid = ANY (ARRAY(SELECT ctid"+from+" FOR UPDATE SKIP LOCKED)) AND EXISTS (SELECT 1 FROM node)"+claimReturning)
}

// claimSet begins a job, and frees its key if it holds that no longer than until then.
func claimSet(owner int64, now time.Time) string {
	return statement(" SET state = 1, attempt = attempt + 1, claims = claims + 1, owner = ", owner, ", begun_at = ", toMicros(now),
		", unique_key = CASE WHEN unique_states & 2 <> 0 THEN unique_key END")
}

func claimQuery(ctx context.Context, tx data.Tx, q string) (jobs []claimed, err error) {
	err = query(ctx, tx, q, func(r *sql.Rows) error {
		var c claimed
		err := r.Scan(&c.id, &c.name, &c.queue, &c.args, &c.version, &c.priority, &c.attempt, &c.attempts, &c.claims, &c.unique,
			&c.runAt, &c.createdAt, &c.begunAt, &c.owner, &c.errors, &c.label, &c.schedule, &c.limitKey)
		jobs = append(jobs, c)
		return err
	})
	slices.SortFunc(jobs, func(a, b claimed) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.id, b.id))
	})
	return jobs, err
}

// end is what became of an attempt.
type end struct {
	id       int64
	queue    string
	owner    int64
	claims   int
	state    State
	unique   int
	limitKey string // "": it has no limit
	at       time.Time
	runAt    time.Time // where it is to begin again
	errors   string    // JSON; "": as they are
	reason   string    // why it was cancelled or discarded
	uncount  bool      // the attempt does not count
}

// ownedBy gives the jobs of a queue that run on a node, as ends that would give them back.
func ownedBy(ctx context.Context, tx data.Tx, owner int64, queue string) (all []end, err error) {
	err = query(ctx, tx, statement("SELECT id, claims, unique_states, COALESCE(limit_key, '') FROM bennu_jobs WHERE state = 1 AND owner = ", owner, " AND queue = ", text(queue)), func(r *sql.Rows) error {
		e := end{owner: owner, queue: queue, state: Available, uncount: true}
		err := r.Scan(&e.id, &e.claims, &e.unique, &e.limitKey)
		all = append(all, e)
		return err
	})
	return all, err
}

// own is the condition that fences: no other attempt has the same.
func own(owner int64, claims int) string { return " AND state = 1" + claimOf(owner, claims) }

func claimOf(owner int64, claims int) string {
	return statement(" AND owner = ", owner, " AND claims = ", claims)
}

// complete ends jobs well, and gives how many of them were still this node's. All have the
// same owner and claims, and are unique, or none is.
func complete(ctx context.Context, tx data.Tx, ids []int64, like end) (int64, error) {
	return exec(ctx, tx, "UPDATE bennu_jobs SET state = 4, ended_at = ", toMicros(like.at), keepUnique(like.unique, Completed),
		" WHERE id IN ", ids, own(like.owner, like.claims))
}

// keepUnique frees the key where it does not hold in the new state.
func keepUnique(unique int, in State) string {
	if unique == 0 || unique&(1<<in) != 0 {
		return ""
	}
	return ", unique_key = NULL"
}

// conclude writes down what became of one attempt in any other way, and reports whether the
// job was still this node's. One that was asked to be cancelled does not begin again.
func conclude(ctx context.Context, tx data.Tx, e end) (bool, error) {
	parts := []any{"UPDATE bennu_jobs SET "}
	add := func(p ...any) { parts = append(parts, p...) }
	if e.state.Ended() {
		add("state = ", e.state, ", ended_at = ", toMicros(e.at), keepUnique(e.unique, e.state))
	} else {
		add("state = CASE WHEN cancel IS NULL THEN ", e.state, " ELSE 5 END",
			", run_at = ", toMicros(e.runAt),
			", ended_at = CASE WHEN cancel IS NULL THEN NULL ELSE ", toMicros(e.at), " END")
		if e.unique != 0 {
			add(", unique_key = CASE WHEN unique_states & CASE WHEN cancel IS NULL THEN ", 1<<e.state, " ELSE 32 END <> 0 THEN unique_key END")
		}
	}
	if e.errors != "" {
		add(", errors = ", text(e.errors))
	}
	if e.reason != "" {
		add(", cancel = ", text(e.reason))
	}
	if e.uncount {
		add(", attempt = attempt - 1")
	}
	add(" WHERE id = ", e.id, own(e.owner, e.claims))
	n, err := exec(ctx, tx, parts...)
	return n == 1, err
}

// stillOwn reports whether an attempt may write, and keeps it so until the transaction ends,
// if that is a Write. One that is committing may have completed the job in this transaction.
func stillOwn(ctx context.Context, tx data.Tx, c *claimed, write, committing bool) (bool, error) {
	lock, states := "", "(1)"
	if committing {
		states = "(1, 4)"
	}
	if write && isPostgres(tx) {
		lock = " FOR NO KEY UPDATE" // as complete takes it, so that the two do not wait for each other
	}
	found := false
	err := query(ctx, tx, statement("SELECT 1 FROM bennu_jobs WHERE id = ", c.id, " AND state IN ", states, claimOf(c.owner, c.claims), lock), func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}

// stage makes what is due available, and gives the queues in which there is something new.
func stage(ctx context.Context, tx data.Tx, now time.Time) (queues []string, more bool, err error) {
	seen := make(map[string]bool)
	n := 0
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	err = query(ctx, tx, statement("UPDATE bennu_jobs SET state = 0, unique_key = CASE WHEN unique_states & 1 <> 0 THEN unique_key END WHERE id IN (SELECT id FROM bennu_jobs WHERE state = 2 AND run_at <= ",
		toMicros(now), " ORDER BY run_at LIMIT ", mostRows, lock, ") RETURNING queue"), func(r *sql.Rows) error {
		var queue string
		err := r.Scan(&queue)
		if n++; !seen[queue] {
			seen[queue] = true
			queues = append(queues, queue)
		}
		return err
	})
	return queues, n >= mostRows, err
}

// anyDue reports whether stage has something to do.
func anyDue(ctx context.Context, tx data.Tx, now time.Time) (bool, error) {
	return exists(ctx, tx, "SELECT 1 FROM bennu_jobs WHERE state = 2 AND run_at <= ", toMicros(now), " LIMIT 1")
}

// anyAvailable reports whether a queue has a job that can begin, unless a node does not know it.
func anyAvailable(ctx context.Context, tx data.Tx, queue, unless string) (bool, error) {
	return exists(ctx, tx, "SELECT 1 FROM bennu_jobs WHERE state = 0 AND queue = ", text(queue), unless, " LIMIT 1")
}

func exists(ctx context.Context, tx data.Tx, parts ...any) (found bool, err error) {
	err = query(ctx, tx, statement(parts...), func(*sql.Rows) error {
		found = true
		return nil
	})
	return found, err
}
