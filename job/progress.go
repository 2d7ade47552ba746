package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Report is how far a job is: what [Follow] tells.
type Report struct {
	ID      int64   `json:"id"`
	State   State   `json:"state"`
	Attempt int     `json:"attempt"`
	Done    float64 `json:"done"`             // from 0 to 1, as the function said
	Text    string  `json:"text,omitempty"`   // what it is doing
	Reason  string  `json:"reason,omitempty"` // why it was cancelled or discarded, or is to be
}

// Progress tells those who follow the job of ctx how far it is: done is between 0 and 1,
// and text says what it is doing, in up to 1,000 bytes. It costs little, so that a loop may
// call it at each turn: followers hear at most ten a second, and the database keeps the last
// of each second.
func Progress(ctx context.Context, done float64, text string) error {
	a := attemptOf(ctx)
	if a == nil {
		return errNoJob
	}
	text = strings.ToValidUTF8(text[:min(len(text), mostProgress)], "")
	a.engine.reports.add(a, max(0, min(done, 1)), text)
	return nil
}

const (
	mostProgress = 1000                   // bytes of text
	quickest     = 100 * time.Millisecond // between two reports of a job to its followers
	reportEvery  = time.Second            // between two that are stored
)

// Follow makes method run in this process with how far a job is: at once with what is known,
// then with each change, up to the one whose State has ended. Changes on the same node come
// at once, those on others within a second or two; what was between two changes may be left
// out. It ends with the process.
//
//	_, err := job.Follow(ctx, ref.ID, (*Page).onTrip)
//
// A job that is not there gives fault.NotFound. One that is deleted later is told of as
// Cancelled.
func Follow[S any](ctx context.Context, id int64, method func(*S, context.Context, Report) error) (*Following, error) {
	e, err := running(ctx)
	if err != nil {
		return nil, err
	}
	port, err := process.Bind(ctx, method)
	if err != nil {
		return nil, err
	}
	f := &Following{reports: e.reports, id: id, port: port}
	f.reports.enter(f)
	if f.release, err = port.OnEnd(f.leave); err != nil {
		f.leave()
		return nil, err
	}
	if err := e.refresh(ctx, id); err != nil {
		f.Stop()
		return nil, err
	}
	if !f.reports.known(id) {
		f.Stop()
		return nil, fault.NotFound.Errorf("job: there is no job %d, or not any more", id)
	}
	return f, nil
}

// Following is a process's interest in a job.
type Following struct {
	reports *reports
	id      int64
	port    process.Port[Report]
	release func()
	behind  bool // it has not got the latest report; under the lock of reports
}

// Stop ends it. What is in the mailbox already still comes.
func (f *Following) Stop() {
	f.release()
	f.leave()
}

func (f *Following) leave() { f.reports.exit(f) }

// send gives the report, or notes that it has to be given later.
func (f *Following) send(r Report) { f.behind = f.port.Send(r) != nil }

// reports are what is to be stored, and told, of jobs.
type reports struct {
	wake chan struct{} // of one: a followed job has changed

	mu       sync.Mutex
	unstored map[int64]*report
	followed map[int64]*followed
}

// report is how far an attempt on this node is, and what has not been stored.
type report struct {
	owner  int64
	claims int
	Report
	told time.Time // when followers were
}

// followed is a job with followers on this node.
type followed struct {
	by      []*Following
	latest  Report
	known   bool
	changes int // counts, so that what was read before one is not told after it
}

func newReports() *reports {
	return &reports{wake: make(chan struct{}, 1), unstored: make(map[int64]*report), followed: make(map[int64]*followed)}
}

func (r *reports) enter(f *Following) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.followed[f.id]
	if of == nil {
		of = new(followed)
		r.followed[f.id] = of
	}
	of.by = append(of.by, f)
	switch one := r.unstored[f.id]; {
	case of.known:
		f.send(of.latest)
	case one != nil:
		of.tell(one.Report)
	}
}

func (r *reports) exit(f *Following) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.followed[f.id]
	if of == nil {
		return
	}
	if i := slices.Index(of.by, f); i >= 0 {
		of.by = slices.Delete(of.by, i, i+1)
	}
	if len(of.by) == 0 {
		delete(r.followed, f.id)
	}
}

func (r *reports) known(id int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.followed[id]
	return of != nil && of.known
}

// add takes a report of an attempt that runs here.
func (r *reports) add(a *attempt, done float64, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.unstored[a.id]
	if was == nil || was.claims != a.claims {
		was = &report{owner: a.owner, claims: a.claims}
		r.unstored[a.id] = was
	}
	was.Report = Report{ID: a.id, State: Running, Attempt: a.attempt(), Done: done, Text: text}
	if of := r.followed[a.id]; of != nil {
		if now := time.Now(); now.Sub(was.told) >= quickest {
			was.told = now
			of.tell(was.Report)
		}
	}
}

// tell gives a report to all followers, unless it is what they know, or of an attempt that
// they know to be over.
func (of *followed) tell(r Report) {
	if of.known && of.latest.State.Ended() && r.State == Running && r.Attempt <= of.latest.Attempt {
		return
	}
	same := of.known && of.latest == r
	of.latest, of.known = r, true
	of.changes++
	for _, f := range of.by {
		if !same || f.behind {
			f.send(r)
		}
	}
}

// touch makes followers hear soon of what became of these jobs.
func (r *reports) touch(ids ...int64) {
	r.mu.Lock()
	some := len(r.followed) > 0 && slices.ContainsFunc(ids, func(id int64) bool { return r.followed[id] != nil })
	r.mu.Unlock()
	if some {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// take gives the reports that are to be stored, and tells followers of those that they have
// not heard of.
func (r *reports) take() []report {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]report, 0, len(r.unstored))
	for id, one := range r.unstored {
		if of := r.followed[id]; of != nil {
			of.tell(one.Report)
		}
		all = append(all, *one)
	}
	clear(r.unstored)
	slices.SortFunc(all, func(a, b report) int { return int(min(max(a.ID-b.ID, -1), 1)) })
	return all
}

// putBack is for reports that could not be stored, where there are no newer ones.
func (r *reports) putBack(all []report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range all {
		if r.unstored[one.ID] == nil {
			r.unstored[one.ID] = &one
		}
	}
}

// touchAfter makes followers hear of these ends when tx has committed.
func (e *engine) touchAfter(tx data.Tx, ends []end) {
	if !e.reports.any() {
		return
	}
	ids := make([]int64, len(ends))
	for i, end := range ends {
		ids[i] = end.id
	}
	tx.OnCommit(func() { e.reports.touch(ids...) })
}

func (r *reports) any() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.followed) > 0
}

// report is the chore that stores how far the jobs of this node are, and tells followers of
// what has changed elsewhere.
func (e *engine) report(ctx context.Context) error {
	all := e.reports.take()
	for some := range slices.Chunk(all, mostRows) {
		err := e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error { return storeReports(ctx, tx, some) })
		if err != nil {
			e.reports.putBack(all)
			return err
		}
	}
	return e.refresh(ctx, e.reports.ids()...)
}

// storeReports keeps the latest report of each attempt, also of one that has ended meanwhile,
// unless the job was begun again.
func storeReports(ctx context.Context, tx data.Tx, all []report) error {
	for _, r := range all {
		kept, err := json.Marshal(progress{r.Done, r.Text})
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, "UPDATE bennu_jobs SET progress = ", text(kept), " WHERE id = ", r.ID, " AND claims = ", r.claims); err != nil {
			return err
		}
	}
	return nil
}

// progress is what is stored of a report.
type progress struct {
	Done float64 `json:"done"`
	Text string  `json:"text,omitempty"`
}

func (r *reports) ids() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]int64, 0, len(r.followed))
	for id := range r.followed {
		ids = append(ids, id)
	}
	return ids
}

// refresh reads how far jobs are, and tells their followers.
func (e *engine) refresh(ctx context.Context, ids ...int64) error {
	for some := range slices.Chunk(ids, mostRows) {
		before := e.reports.before(some)
		read := make(map[int64]Report)
		err := e.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) (err error) {
			read, err = readReports(ctx, tx, some)
			return err
		})
		if err != nil {
			return err
		}
		e.reports.after(before, read)
	}
	return nil
}

// before gives how often what is known of jobs has changed.
func (r *reports) before(ids []int64) map[int64]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes := make(map[int64]int, len(ids))
	for _, id := range ids {
		if of := r.followed[id]; of != nil {
			changes[id] = of.changes
		}
	}
	return changes
}

// after tells what was read, where nothing newer is known.
func (r *reports) after(before map[int64]int, read map[int64]Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, changes := range before {
		of := r.followed[id]
		if of == nil {
			continue
		}
		now, there := read[id]
		switch {
		case !there && of.known && !of.latest.State.Ended():
			now = of.latest
			now.State, now.Reason = Cancelled, "it was deleted"
			of.tell(now)
		case !there:
		case of.changes == changes && r.unstored[id] == nil, now.State.Ended():
			of.tell(now)
		}
	}
}

func readReports(ctx context.Context, tx data.Tx, ids []int64) (map[int64]Report, error) {
	all := make(map[int64]Report, len(ids))
	err := query(ctx, tx, statement("SELECT id, state, attempt, COALESCE(progress, ''), COALESCE(cancel, '') FROM bennu_jobs WHERE id IN ", ids), func(rows *sql.Rows) error {
		var r Report
		var kept string
		err := rows.Scan(&r.ID, &r.State, &r.Attempt, &kept, &r.Reason)
		p := progressOf(kept)
		r.Done, r.Text = p.Done, p.Text
		if r.State == Completed {
			r.Done = 1
		}
		all[r.ID] = r
		return err
	})
	return all, err
}

func progressOf(kept string) (p progress) {
	if kept != "" {
		_ = json.Unmarshal([]byte(kept), &p) // what cannot be read is none
	}
	return p
}

// Checkpoint keeps v, as JSON of up to 1 MB, for the attempts that come after this one: what
// [Resume] gives. It is stored when it returns nil, and encrypted if the arguments are. In a
// transaction it is stored with it.
func Checkpoint(ctx context.Context, v any) error {
	a := attemptOf(ctx)
	if a == nil {
		return errNoJob
	}
	kept, err := json.Marshal(v)
	if err != nil {
		return fault.Internal.Wrap(err, "job: the checkpoint is no JSON")
	}
	if len(kept) > mostCheckpoint {
		return fault.Invalid.Errorf("job: a checkpoint has up to 1 MB; keep more in a table, and here where it is")
	}
	stored := string(kept)
	if keys := a.def.keys; keys != nil {
		if stored, err = seal(keys, a.name, kept); err != nil {
			return err
		}
	}
	return a.engine.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		n, err := exec(ctx, tx, "UPDATE bennu_jobs SET checkpoint = ", text(stored), " WHERE id = ", a.id, own(a.owner, a.claims))
		if err == nil && n == 0 {
			err = ErrLost
		}
		return err
	})
}

const mostCheckpoint = 1 << 20

// Resume gives what the latest [Checkpoint] of the job of ctx kept, in whichever attempt.
// found is false where there was none.
func Resume[T any](ctx context.Context) (v T, found bool, err error) {
	a := attemptOf(ctx)
	if a == nil {
		return v, false, errNoJob
	}
	var stored sql.NullString
	err = a.engine.Repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return query(ctx, tx, statement("SELECT checkpoint FROM bennu_jobs WHERE id = ", a.id), func(r *sql.Rows) error { return r.Scan(&stored) })
	})
	if err != nil || !stored.Valid {
		return v, false, err
	}
	kept := []byte(stored.String)
	if isSealed(stored.String) {
		if kept, err = unseal(a.def.keys, a.name, stored.String); err != nil {
			return v, false, err
		}
	}
	if err := json.Unmarshal(kept, &v); err != nil {
		return v, false, fault.Internal.Wrap(err, "job: the checkpoint cannot be read as %T", v)
	}
	return v, true, nil
}
