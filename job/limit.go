package job

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// Limit bounds how many jobs run, and how often one begins, on all nodes together. A job
// that is over it waits, and takes no place in its queue meanwhile.
//
//	job.Limit{Concurrency: 1}                        // one at a time
//	job.Limit{Rate: 100, Period: time.Minute}        // 100 in any minute
//	job.LimitBy(func(t Trip) string { return t.Team }, job.Limit{Concurrency: 2}) // for each team
//
// Those that wait begin by priority and age. One that ends lets the next begin at once; one
// that waits for its rate begins up to a quarter of a second late. A begin that fails counts.
// The rate goes by the clocks of the nodes: keep them together.
type Limit struct {
	// Concurrency is how many run at a time. Zero: any number.
	Concurrency int

	// Rate is how many begin within any Period. Zero: any number. At most 10,000; have
	// a shorter Period rather than more.
	Rate   int
	Period time.Duration

	// Name makes jobs of several names count together: those with the same Name, and
	// key. They should have the same numbers. Default: the job's name.
	Name string

	by    func(in any) string
	wrong bool // by is of another type, or missing
}

func (l Limit) define(d *definition) { d.limit = &l }

// LimitBy is a [Limit] for each key that the arguments give, such as a customer or a host.
func LimitBy[In any](key func(In) string, l Limit) Option {
	if l.wrong = key == nil; !l.wrong {
		l.by = func(in any) string {
			v, _ := in.(In) // a wrong type is found by check
			return key(v)
		}
	}
	return limitBy[In]{l}
}

type limitBy[In any] struct{ Limit }

func (l limitBy[In]) define(d *definition) {
	d.limit = &l.Limit
	d.limit.wrong = d.limit.wrong || d.input != reflect.TypeFor[In]()
}

const (
	mostRate = 10_000
	longKey  = 200 // bytes; one that is longer is kept as its hash
)

func (l *Limit) check(name string) error {
	switch {
	case l == nil:
		return nil
	case l.wrong:
		return fault.Invalid.Errorf("job %q: LimitBy needs a function of the job's input", name)
	case l.Concurrency < 0 || l.Concurrency > mostConcurrency:
		return fault.Invalid.Errorf("job %q: Limit.Concurrency is between 1 and %d, or 0 for any number", name, mostConcurrency)
	case l.Rate < 0 || l.Rate > mostRate:
		return fault.Invalid.Errorf("job %q: Limit.Rate is between 1 and %d, or 0 for any number", name, mostRate)
	case (l.Rate > 0) != (l.Period > 0) || l.Period < 0:
		return fault.Invalid.Errorf("job %q: Limit.Rate and Limit.Period go together", name)
	case l.Rate > 0 && l.Period < time.Millisecond:
		return fault.Invalid.Errorf("job %q: Limit.Period is at least 1 ms", name)
	case l.Rate == 0 && l.Concurrency == 0:
		return fault.Invalid.Errorf("job %q: the Limit limits nothing; set Concurrency, or Rate and Period", name)
	case len(l.Name) > mostName || strings.ContainsFunc(l.Name, isControl):
		return fault.Invalid.Errorf("job %q: Limit.Name has up to %d bytes and no control characters", name, mostName)
	}
	return nil
}

// key is what a job is counted under.
func (l *Limit) key(name string, in any) string {
	name = cmp.Or(l.Name, name)
	if l.by == nil {
		return name
	}
	key := l.by(in)
	if len(key) > longKey {
		sum := sha256.Sum256([]byte(key))
		key = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return name + "\t" + key // which no name has
}

// admit takes from the jobs that were just claimed those that are over their limits: they
// wait, and the attempt does not count. The locks on the limits are held until the end of
// the transaction, so that no other node decides about the same key meanwhile.
func admit(ctx context.Context, tx data.Tx, jobs []claimed, defs map[string]*definition, now time.Time) ([]claimed, error) {
	limits := make(map[string]*Limit)
	of := make(map[string][]int64) // by key, in the order of the jobs
	for _, c := range jobs {
		if d := defs[c.name]; c.limitKey.Valid && d != nil && d.limit != nil && c.version <= d.version {
			limits[c.limitKey.String] = d.limit
			of[c.limitKey.String] = append(of[c.limitKey.String], c.id)
		}
	}
	if len(of) == 0 {
		return jobs, nil
	}
	keys := slices.Sorted(maps.Keys(of))
	if err := lockLimits(ctx, tx, keys, limits); err != nil {
		return nil, err
	}
	free, err := places(ctx, tx, keys, now)
	if err != nil {
		return nil, err
	}
	var begun []start
	var over []int64
	var crowded []string
	for _, key := range keys {
		f, ids := free[key], of[key]
		n := min(len(ids), max(0, min(f.running+len(ids), f.starts))) // they count as running already
		if limits[key].Rate > 0 {
			begun = append(begun, start{key, n})
		}
		if n < len(ids) {
			over = append(over, ids[n:]...)
			crowded = append(crowded, key)
		}
	}
	if err := noteStarts(ctx, tx, begun, now); err != nil {
		return nil, err
	}
	if len(over) == 0 {
		return jobs, nil
	}
	if err := park(ctx, tx, over, crowded); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(jobs, func(c claimed) bool { return slices.Contains(over, c.id) }), nil
}

// lockLimits writes down what the program says of these keys, and keeps others out.
func lockLimits(ctx context.Context, tx data.Tx, keys []string, limits map[string]*Limit) error {
	parts := []any{"INSERT INTO bennu_job_limits (limit_key, concurrency, rate, period) VALUES "}
	for i, key := range keys {
		l := limits[key]
		parts = append(parts, comma(i), "(", text(key), ", ", l.Concurrency, ", ", l.Rate, ", ", l.Period.Microseconds(), ")")
	}
	_, err := exec(ctx, tx, append(parts, " ON CONFLICT (limit_key) DO UPDATE SET concurrency = excluded.concurrency, rate = excluded.rate, period = excluded.period")...)
	return err
}

// room is how many more may run, and begin, under a key. It may be negative.
type room struct{ running, starts int }

// aheadMost is how far ahead another node's clock may be. A start that is later by more than
// that was noted before the clock went back: it would hold jobs up until then.
const aheadMost = time.Minute

// places counts for keys that are locked.
func places(ctx context.Context, tx data.Tx, keys []string, now time.Time) (map[string]room, error) {
	in := texts(keys)
	rooms := make(map[string]room)
	err := query(ctx, tx, statement("SELECT l.limit_key, l.concurrency, l.rate, "+
		"(SELECT count(*) FROM bennu_jobs j WHERE j.limit_key = l.limit_key AND j.state = 1), "+
		"(SELECT count(*) FROM bennu_job_starts s WHERE s.limit_key = l.limit_key AND s.at > ", toMicros(now), " - l.period AND s.at < ", toMicros(now.Add(aheadMost)), " + l.period) "+
		"FROM bennu_job_limits l WHERE l.limit_key IN ", in), func(r *sql.Rows) error {
		var key string
		var concurrency, rate, running, starts int
		err := r.Scan(&key, &concurrency, &rate, &running, &starts)
		free := room{math.MaxInt32, math.MaxInt32}
		if concurrency > 0 {
			free.running = concurrency - running
		}
		if rate > 0 {
			free.starts = rate - starts
		}
		rooms[key] = free
		return err
	})
	return rooms, err
}

// start is so many jobs that begin under a key.
type start struct {
	key string
	n   int
}

func noteStarts(ctx context.Context, tx data.Tx, begun []start, now time.Time) error {
	parts := []any{"INSERT INTO bennu_job_starts (limit_key, at) VALUES "}
	n := 0
	for _, s := range begun {
		for range s.n {
			parts = append(parts, comma(n), "(", text(s.key), ", ", toMicros(now), ")")
			n++
		}
	}
	if n == 0 {
		return nil
	}
	_, err := exec(ctx, tx, parts...)
	return err
}

// park has claimed jobs wait until there is room, and with them what else is available under
// their keys: it would only be claimed to wait. What tells them from those that wait for other
// jobs is that they wait for none.
func park(ctx context.Context, tx data.Tx, ids []int64, keys []string) error {
	in, lock := texts(keys), ""
	if isPostgres(tx) {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	_, err := exec(ctx, tx, "UPDATE bennu_jobs SET state = 3, owner = NULL, begun_at = NULL, attempt = attempt - 1 WHERE id IN ", ids)
	if err != nil {
		return err
	}
	_, err = exec(ctx, tx, "UPDATE bennu_jobs SET state = 3, unique_key = CASE WHEN unique_states & 8 <> 0 THEN unique_key END",
		" WHERE id IN (SELECT id FROM bennu_jobs WHERE limit_key IN ", in, " AND state = 0 LIMIT ", mostRows, lock, ")")
	if err != nil {
		return err
	}
	_, err = exec(ctx, tx, "UPDATE bennu_job_limits SET parked = TRUE WHERE limit_key IN ", in)
	return err
}

// unpark makes jobs that wait for room available, as many as may begin under each key, and
// gives their queues.
func unpark(ctx context.Context, tx data.Tx, keys []string, now time.Time) (queues []string, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	crowded, err := crowdedOf(ctx, tx, keys)
	if err != nil || len(crowded) == 0 {
		return nil, err
	}
	rooms, err := places(ctx, tx, crowded, now)
	if err != nil {
		return nil, err
	}
	var next []int64
	var empty []string
	for _, key := range crowded {
		n := max(0, min(rooms[key].running, rooms[key].starts, mostRows))
		ids, all, err := firstParked(ctx, tx, key, n)
		if err != nil {
			return nil, err
		}
		if next = append(next, ids...); all {
			empty = append(empty, key)
		}
	}
	queues, n, err := makeAvailable(ctx, tx, next)
	if err != nil || len(empty) == 0 || n < len(next) { // some are locked: at the next look
		return queues, err
	}
	_, err = exec(ctx, tx, "UPDATE bennu_job_limits SET parked = FALSE WHERE limit_key IN ", texts(empty))
	return queues, err
}

// crowdedOf locks keys, and gives those that jobs wait for.
func crowdedOf(ctx context.Context, tx data.Tx, keys []string) (crowded []string, err error) {
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE" // which looks again after it had to wait: so parked is no condition
	}
	err = query(ctx, tx, statement("SELECT limit_key, parked FROM bennu_job_limits WHERE limit_key IN ", texts(keys), " ORDER BY limit_key", lock), func(r *sql.Rows) error {
		var key string
		var parked bool
		err := r.Scan(&key, &parked)
		if parked {
			crowded = append(crowded, key)
		}
		return err
	})
	return crowded, err
}

// firstParked gives those of the first n jobs under a key, by priority and age, that are not
// available yet, and reports whether no others wait.
func firstParked(ctx context.Context, tx data.Tx, key string, n int) (ids []int64, all bool, err error) {
	type one struct {
		id, priority int64
		parked       bool
	}
	var first []one
	parked := 0
	for _, state := range []State{Available, Waiting} {
		err := query(ctx, tx, statement("SELECT id, priority FROM bennu_jobs WHERE limit_key = ", text(key), " AND state = ", state,
			" AND waits = 0 ORDER BY priority, id LIMIT ", n+1), func(r *sql.Rows) error {
			o := one{parked: state == Waiting}
			err := r.Scan(&o.id, &o.priority)
			if first = append(first, o); o.parked {
				parked++
			}
			return err
		})
		if err != nil {
			return nil, false, err
		}
	}
	slices.SortFunc(first, func(a, b one) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.id, b.id))
	})
	for _, o := range first[:min(n, len(first))] {
		if o.parked {
			ids = append(ids, o.id)
		}
	}
	return ids, len(ids) == parked, nil
}

// makeAvailable lets jobs that waited begin, and gives their queues and how many they are. It
// waits for nobody who has locked one.
func makeAvailable(ctx context.Context, tx data.Tx, ids []int64) (queues []string, n int, err error) {
	if len(ids) == 0 {
		return nil, 0, nil
	}
	lock := ""
	if isPostgres(tx) {
		lock = " FOR NO KEY UPDATE SKIP LOCKED"
	}
	err = query(ctx, tx, statement("UPDATE bennu_jobs SET state = 0, unique_key = CASE WHEN unique_states & 1 <> 0 THEN unique_key END WHERE id IN (SELECT id FROM bennu_jobs WHERE state = 3 AND id IN ",
		ids, lock, ") RETURNING queue"), func(r *sql.Rows) error {
		var queue string
		err := r.Scan(&queue)
		if n++; !slices.Contains(queues, queue) {
			queues = append(queues, queue)
		}
		return err
	})
	return queues, n, err
}

// crowds gives the keys that jobs wait for.
func crowds(ctx context.Context, tx data.Tx) (keys []string, err error) {
	err = query(ctx, tx, "SELECT limit_key FROM bennu_job_limits WHERE parked ORDER BY limit_key", func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	})
	return keys, err
}

// limitDuties are what the leader does for limits.
func (e *engine) limitDuties() []duty {
	return []duty{
		{name: "limits", every: crowdPeriod, do: e.unparkAll},
		{name: "starts", every: 10 * time.Second, do: func(ctx context.Context) error {
			return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return forgetStarts(ctx, tx, e.now()) })
		}},
	}
}

// crowdPeriod is how late a job begins that waits for its rate, or for a node that has died.
const crowdPeriod = 250 * time.Millisecond

// unparkAll is the duty that lets jobs begin again when there is room.
func (e *engine) unparkAll(ctx context.Context) error {
	var keys []string
	err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
		keys, err = crowds(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(keys, 100) { // whose locks are held together
		err := e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return e.unpark(ctx, tx, some) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) unpark(ctx context.Context, tx data.Tx, keys []string) error {
	queues, err := unpark(ctx, tx, keys, e.now())
	e.wakeAfter(tx, queues...)
	return err
}

// settleLimits lets jobs begin that waited for the room of others, which have ended, or are
// to begin again.
func (e *engine) settleLimits(ctx context.Context, tx data.Tx, ends []end) error {
	var keys []string
	for _, end := range ends {
		if end.limitKey != "" {
			keys = append(keys, end.limitKey)
		}
	}
	slices.Sort(keys)
	return e.unpark(ctx, tx, slices.Compact(keys))
}

// forgetStarts deletes starts that no limit counts any more, and keys that nothing waits or
// counts under.
func forgetStarts(ctx context.Context, tx data.Tx, now time.Time) error {
	period := "(SELECT l.period FROM bennu_job_limits l WHERE l.limit_key = bennu_job_starts.limit_key)"
	_, err := exec(ctx, tx, "DELETE FROM bennu_job_starts WHERE at <= ", toMicros(now), " - ", period, " OR at >= ", toMicros(now.Add(aheadMost)), " + ", period)
	if err != nil {
		return err
	}
	const idle = " NOT parked AND NOT EXISTS (SELECT 1 FROM bennu_job_starts s WHERE s.limit_key = bennu_job_limits.limit_key)"
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	var keys []string
	err = query(ctx, tx, statement("SELECT limit_key FROM bennu_job_limits WHERE", idle, " LIMIT ", mostRows, lock), func(r *sql.Rows) error {
		var key string
		err := r.Scan(&key)
		keys = append(keys, key)
		return err
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	// Once more, for one may have begun before the lock. A key that is used again comes back.
	_, err = exec(ctx, tx, "DELETE FROM bennu_job_limits WHERE limit_key IN ", texts(keys), " AND", idle)
	return err
}

// texts is a list of values in a query.
func texts(all []string) string {
	parts := []any{"("}
	for i, s := range all {
		parts = append(parts, comma(i), text(s))
	}
	return statement(append(parts, ")")...)
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}
