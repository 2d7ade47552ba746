package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/bennu-go/bennu/data"
)

// scheduleRow is a schedule as it is stored.
type scheduleRow struct {
	name   string
	cron   string
	zone   string
	every  time.Duration
	start  time.Time // what an interval is counted from
	missed Missed
	rests  bool // as it was declared
	paused bool // as it is
	code   bool
	job    string // a template
	next   int64
	seen   int64
}

// never is the next time of a schedule that is not due any more.
const never = 1 << 62

// wind sets the next time by the clock.
func (r *scheduleRow) wind(now time.Time) error {
	t, err := r.timing()
	if err != nil {
		return err
	}
	r.seen, r.next = toMicros(now), microsOf(t.Next(now))
	return nil
}

func microsOf(next time.Time) int64 {
	if next.IsZero() {
		return never
	}
	return toMicros(next)
}

// begin starts a schedule anew, or with new timing.
func (r *scheduleRow) begin(now time.Time) error {
	r.start = now
	return r.wind(now)
}

func boolean(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

const scheduleColumns = "name, COALESCE(cron, ''), COALESCE(zone, ''), every, start_at, missed, rests, paused, code, job, next_at, seen_at"

func scanSchedule(rows *sql.Rows, r *scheduleRow, more ...any) error {
	var every, start int64
	err := rows.Scan(append([]any{&r.name, &r.cron, &r.zone, &every, &start, &r.missed, &r.rests, &r.paused, &r.code, &r.job, &r.next, &r.seen}, more...)...)
	r.every, r.start = time.Duration(every)*time.Microsecond, time.UnixMicro(start).UTC()
	return err
}

func (r scheduleRow) insert(ctx context.Context, tx data.Tx) (bool, error) {
	n, err := exec(ctx, tx, "INSERT INTO bennu_schedules (name, cron, zone, every, start_at, missed, rests, paused, code, job, next_at, seen_at) VALUES (",
		text(r.name), ", ", text(r.cron), ", ", text(r.zone), ", ", r.every.Microseconds(), ", ", toMicros(r.start), ", ", int(r.missed), ", ",
		boolean(r.rests), ", ", boolean(r.paused), ", ", boolean(r.code), ", ", text(r.job), ", ", r.next, ", ", r.seen,
		") ON CONFLICT (name) DO NOTHING")
	return n == 1, err
}

func (r scheduleRow) update(ctx context.Context, tx data.Tx) error {
	_, err := exec(ctx, tx, "UPDATE bennu_schedules SET cron = ", text(r.cron), ", zone = ", text(r.zone), ", every = ", r.every.Microseconds(),
		", start_at = ", toMicros(r.start), ", missed = ", int(r.missed), ", rests = ", boolean(r.rests), ", paused = ", boolean(r.paused),
		", code = ", boolean(r.code), ", job = ", text(r.job), ", next_at = ", r.next, ", seen_at = ", r.seen, " WHERE name = ", text(r.name))
	return err
}

// lockSchedule reads a schedule, and keeps others from changing it until the transaction ends.
func lockSchedule(ctx context.Context, tx data.Tx, name string) (r scheduleRow, found bool, err error) {
	lock := ""
	if isPostgres(tx) {
		lock = " FOR UPDATE"
	}
	err = query(ctx, tx, statement("SELECT "+scheduleColumns+" FROM bennu_schedules WHERE name = ", text(name), lock), func(rows *sql.Rows) error {
		found = true
		return scanSchedule(rows, &r)
	})
	return r, found, err
}

// saveSchedule adds a schedule, or makes the one of that name like it.
func saveSchedule(ctx context.Context, tx data.Tx, r scheduleRow, now time.Time) error {
	if err := r.begin(now); err != nil {
		return err
	}
	if added, err := r.insert(ctx, tx); added || err != nil {
		return err
	}
	old, _, err := lockSchedule(ctx, tx, r.name)
	switch {
	case err != nil:
		return err
	case old.code && !r.code:
		return errInCode(r.name)
	case old.cron == r.cron && old.zone == r.zone && old.every == r.every:
		r.start, r.next, r.seen = old.start, old.next, old.seen
	}
	if r.rests == old.rests {
		r.paused = old.paused
	}
	if old.paused && !r.paused {
		if err := r.wind(now); err != nil {
			return err
		}
	}
	return r.update(ctx, tx)
}

func deleteSchedule(ctx context.Context, tx data.Tx, name string) error {
	if _, err := exec(ctx, tx, "DELETE FROM bennu_schedule_nodes WHERE schedule = ", text(name)); err != nil {
		return err
	}
	_, err := exec(ctx, tx, "DELETE FROM bennu_schedules WHERE name = ", text(name))
	return err
}

// Conditions on a schedule s.
const (
	isPresent = "EXISTS (SELECT 1 FROM bennu_schedule_nodes d JOIN bennu_job_nodes n ON n.id = d.node WHERE d.schedule = s.name)"
	isAtWork  = "NOT s.paused AND (NOT s.code OR " + isPresent + ")"
)

// dueSchedules gives the names of those that have something to do: they are due, or the clock
// has gone back.
func dueSchedules(ctx context.Context, tx data.Tx, now time.Time) ([]string, error) {
	at := toMicros(now)
	return names(ctx, tx, statement("SELECT s.name FROM bennu_schedules s WHERE (s.next_at <= ", at, " OR s.seen_at > ", at, ") AND ", isAtWork, " ORDER BY s.next_at, s.name"))
}

// absentSchedules gives those of programs that run nowhere.
func absentSchedules(ctx context.Context, tx data.Tx) ([]string, error) {
	return names(ctx, tx, "SELECT s.name FROM bennu_schedules s WHERE s.code AND NOT "+isPresent)
}

func names(ctx context.Context, tx data.Tx, q string) (all []string, err error) {
	err = query(ctx, tx, q, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		all = append(all, name)
		return err
	})
	return all, err
}

// isScheduleAtWork reports whether a locked schedule may insert.
func isScheduleAtWork(ctx context.Context, tx data.Tx, name string) (bool, error) {
	return exists(ctx, tx, "SELECT 1 FROM bennu_schedules s WHERE s.name = ", text(name), " AND ", isAtWork)
}

// declareOn notes that the program of a node has a schedule.
func declareOn(ctx context.Context, tx data.Tx, name string, node int64) error {
	_, err := exec(ctx, tx, "INSERT INTO bennu_schedule_nodes (schedule, node) VALUES (", text(name), ", ", node, ") ON CONFLICT (schedule, node) DO NOTHING")
	return err
}

// takenIn gives the due times from one to another that have a job.
func takenIn(ctx context.Context, tx data.Tx, schedule string, from, to time.Time) (map[int64]bool, error) {
	taken := make(map[int64]bool)
	err := query(ctx, tx, statement("SELECT due_at FROM bennu_schedule_runs WHERE schedule = ", text(schedule),
		" AND due_at >= ", toMicros(from), " AND due_at <= ", toMicros(to)), func(r *sql.Rows) error {
		var due int64
		err := r.Scan(&due)
		taken[due] = true
		return err
	})
	return taken, err
}

// noteRuns notes the jobs of due times. The table refuses a second one.
func noteRuns(ctx context.Context, tx data.Tx, schedule string, dues []time.Time, refs []Ref) error {
	if len(dues) == 0 {
		return nil
	}
	parts := []any{"INSERT INTO bennu_schedule_runs (schedule, due_at, job) VALUES "}
	for i, due := range dues {
		if i > 0 {
			parts = append(parts, ", ")
		}
		parts = append(parts, "(", text(schedule), ", ", toMicros(due), ", ", refs[i].ID, ")")
	}
	_, err := exec(ctx, tx, parts...)
	return err
}

func dueOf(ctx context.Context, tx data.Tx, id int64) (due time.Time, err error) {
	err = query(ctx, tx, statement("SELECT COALESCE(MIN(due_at), 0) FROM bennu_schedule_runs WHERE job = ", id), func(r *sql.Rows) error {
		var at int64
		err := r.Scan(&at)
		due = ofMicros(at)
		return err
	})
	return due, err
}

func scheduleInfos(ctx context.Context, tx data.Tx) (all []ScheduleInfo, err error) {
	const q = "SELECT " + scheduleColumns + ", CASE WHEN " + isAtWork + " THEN 1 ELSE 0 END, (SELECT COALESCE(MAX(due_at), 0) FROM bennu_schedule_runs r WHERE r.schedule = s.name) FROM bennu_schedules s ORDER BY s.name"
	err = query(ctx, tx, q, func(rows *sql.Rows) error {
		var r scheduleRow
		var work int
		var last int64
		if err := scanSchedule(rows, &r, &work, &last); err != nil {
			return err
		}
		i := ScheduleInfo{
			Name: r.name, Cron: r.cron, Every: r.every, Zone: r.zone, Missed: r.missed, Paused: r.paused, Code: r.code,
			Absent: work == 0 && !r.paused, Last: ofMicros(last),
		}
		var t template
		if err := json.Unmarshal([]byte(r.job), &t); err == nil {
			i.Job = t.Name
		}
		if !r.paused && r.next != never {
			i.Next = ofMicros(r.next)
		}
		all = append(all, i)
		return nil
	})
	return all, err
}

func runsOf(ctx context.Context, tx data.Tx, schedule string, most int) (all []Run, err error) {
	var ids []int64
	q := statement("SELECT due_at, job FROM bennu_schedule_runs WHERE schedule = ", text(schedule), " ORDER BY due_at DESC LIMIT ", most)
	err = query(ctx, tx, q, func(rows *sql.Rows) error {
		var due, id int64
		err := rows.Scan(&due, &id)
		ids = append(ids, id)
		all = append(all, Run{Due: ofMicros(due), Job: Info{ID: id, State: Completed}}) // if it was deleted
		return err
	})
	if err != nil || len(ids) == 0 {
		return all, err
	}
	jobs, err := infosIn(ctx, tx, statement("WHERE id IN ", ids))
	for _, info := range jobs {
		for n := range all {
			if all[n].Job.ID == info.ID {
				all[n].Job = info
			}
		}
	}
	return all, err
}
