package data

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// frame is a transaction of a user's: a Read, a Write, or a Write within a Write, which is
// a savepoint of it.
type frame struct {
	*run
	write  bool
	over   bool          // the function has returned
	single bool          // it is for one statement
	used   bool          // and has had it
	failed error         // a statement failed: nothing but an end can follow, as on PostgreSQL
	hooks  []func()      // of OnCommit
	queue  time.Duration // that its first statement waited before the transaction began
}

// run is what the frames of one transaction have in common.
type run struct {
	repo    *Repo
	records *sync.Map // of the store
	db      *bun.DB   // makes queries
	watch   watcher   // is told of them
	conn    conn      // runs them
	engine  Engine
	past    bool            // whole rows may be read past database/sql
	broken  error           // why nothing of it can be kept, if so
	late    context.Context // what ends statements, where that would end others' work too
}

func (st *store) run(db *bun.DB, c conn) *run {
	return &run{repo: st.repo, records: &st.records, db: db, conn: c, engine: st.engine.name(), past: st.past, watch: watcher{st.slow}}
}

// conn runs statements: a transaction, or a pool, where each is one of its own.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// frameKey is the context key of the frame that runs on a repo.
type frameKey struct{ *Repo }

// guardKey is the context key of what WithGuard added.
type guardKey struct{}

type guard struct {
	check func(ctx context.Context, tx Tx) error
	outer *guard
}

// WithGuard gives a context whose Writes, on any repo, call check right before they commit;
// when it fails they roll back and give its error. It is how a worker that may have lost
// its claim keeps from acting on it. A Write inside a Write is guarded with the outer one.
func WithGuard(ctx context.Context, check func(ctx context.Context, tx Tx) error) context.Context {
	outer, _ := ctx.Value(guardKey{}).(*guard)
	return context.WithValue(ctx, guardKey{}, &guard{check, outer})
}

// enter runs fn in the context's transaction on this repo, or else in a new one. single
// says that fn runs but one statement.
func (r *Repo) enter(ctx context.Context, write, single bool, fn func(context.Context, Tx) error) (err error) {
	if outer, ok := ctx.Value(frameKey{r}).(*frame); ok {
		return outer.join(ctx, r, write && !single, fn)
	}
	st := r.live.Load()
	if st == nil {
		telemetry.Count(ctx, "data.errors", 1)
		return errNotRunning
	}
	count, tally := "data.errors", &st.errors // also when fn panics
	defer func() {
		telemetry.Count(ctx, count, 1)
		tally.Add(1)
	}()

	gate, places := st.reading, 1
	if write {
		gate, places = st.writing, st.writePlaces
	}
	if st.urgent != nil && isUrgent(ctx) {
		gate, places = st.urgent, 1
	}
	asked := time.Now()
	if err := gate.enter(ctx, places); err != nil {
		return err
	}
	body := body{Repo: r, st: st, ctx: ctx, fn: fn, asked: asked}
	body.single = single && (!write || ctx.Value(guardKey{}) == nil)
	switch {
	case write && !st.concurrent:
		err = body.grouped() // leaves the gate
	default:
		defer gate.leave(places)
		err = body.alone(write)
	}
	if err == nil {
		count, tally = "data.reads", &st.reads
		if write {
			count, tally = "data.writes", &st.writes
		}
	}
	return err
}

// body is a function that is to run in a transaction.
type body struct {
	*Repo
	st  *store
	ctx context.Context
	fn  func(context.Context, Tx) error

	single bool      // fn makes one statement
	asked  time.Time // when it came to the gate
}

// alone runs it in a transaction of the engine's that nobody else shares; a single
// statement, in none.
func (b body) alone(write bool) error {
	pool := b.st.readers
	if write {
		pool = b.st.writer
	}
	f := &frame{run: b.st.run(pool, nil), write: write, single: b.single}
	inside, cancel := b.inside()
	defer cancel()
	if b.single {
		// On a connection of its own: a pool would send the statement again when the
		// connection breaks, though it may have been carried out.
		conn, err := pool.DB.Conn(inside)
		if err != nil {
			return translate(inside, err)
		}
		defer conn.Close()
		f.conn = conn
		if err := b.call(inside, f); err != nil {
			return err
		}
		if write {
			b.st.commits.Add(1)
		}
		f.committed(b.ctx)
		return nil
	}
	var options *sql.TxOptions
	if !write {
		options = &sql.TxOptions{ReadOnly: true}
		if b.st.concurrent {
			options.Isolation = sql.LevelRepeatableRead // one snapshot for all its queries
		}
	}
	tx, err := begin(b.ctx, pool.DB, options)
	if err != nil {
		return err
	}
	f.conn = tx
	kept := false
	defer func() {
		if !kept {
			tx.rollback(b.ctx)
		}
	}()
	if err := b.call(inside, f); err != nil {
		return err
	}
	if !write {
		return nil
	}
	kept = true
	if err := tx.commit(b.ctx); err != nil {
		return err
	}
	b.st.commits.Add(1)
	f.committed(b.ctx)
	return nil
}

// inside is the context in which a function runs: it ends with the store, too.
func (b body) inside() (context.Context, context.CancelFunc) {
	inside, cancel := context.WithCancelCause(b.ctx)
	stop := context.AfterFunc(b.st.ctx, func() { cancel(errNotRunning) })
	return inside, func() { stop(); cancel(nil) }
}

// transaction is one of the engine's.
type transaction struct {
	*sql.Tx
	cut context.CancelFunc // ends it, whatever it does
}

// busyWait is how long Start, a Write and a migration wait for another program that writes
// to the same SQLite file, if their context does not end before. SQLite's own time-out asks
// less and less often.
const busyWait = 10 * time.Second

// begin ends with the context while it begins, and not later: the end of a context
// interrupts statements, but does not end the transaction behind our back, as database/sql
// would have it. Whoever is let in next must find it over.
func begin(ctx context.Context, on interface {
	BeginTx(context.Context, *sql.TxOptions) (*sql.Tx, error)
}, options *sql.TxOptions) (transaction, error) {
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cut)()
	tx, err := on.BeginTx(life, options)
	for end := time.Now().Add(busyWait); isBusy(err) && life.Err() == nil && time.Now().Before(end); {
		tx, err = on.BeginTx(life, options)
	}
	if err != nil {
		cut()
		if ctx.Err() != nil && life.Err() != nil {
			return transaction{}, ended(ctx)
		}
		return transaction{}, translate(ctx, err)
	}
	return transaction{tx, cut}, nil
}

// mercy is how long something goes on that should not be cut off when its asker has gone:
// a commit, and on SQLite a statement with others' work before it.
const mercy = time.Second

// soon cuts the transaction off when it does not come to its end some time after ctx did.
func (tx transaction) soon(ctx context.Context) (done func()) {
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(mercy, tx.cut) })
	return func() { stop(); tx.cut() }
}

// commit rolls back if it cannot commit.
func (tx transaction) commit(ctx context.Context) error {
	defer tx.soon(ctx)()
	err := tx.Commit()
	if err != nil && ctx.Err() != nil {
		return fault.Unavailable.Wrap(err, "the database did not answer to the commit: it may have happened")
	}
	return translate(ctx, err)
}

// rollback fails only if the engine has done it already, or is gone.
func (tx transaction) rollback(ctx context.Context) {
	defer tx.soon(ctx)()
	_ = tx.Rollback()
}

// call runs the function and the guards in a frame, and says whether it may be kept.
func (b body) call(inside context.Context, f *frame) error {
	defer func() { f.over = true }()
	f.queue = time.Since(b.asked)
	telemetry.Observe(inside, "data.queue", f.queue)
	inside = context.WithValue(inside, frameKey{b.Repo}, f)
	if err := b.fn(inside, Tx{f}); err != nil {
		return f.explain(inside, err)
	}
	if f.write {
		g, _ := inside.Value(guardKey{}).(*guard)
		for ; g != nil; g = g.outer {
			if err := g.check(inside, Tx{f}); err != nil {
				return f.explain(inside, err)
			}
		}
		if err := f.whole(inside); err != nil {
			return err
		}
		return b.st.engine.unresolved()
	}
	return nil
}

// whole reports why what a frame has written cannot be kept, if so.
func (f *frame) whole(ctx context.Context) error {
	switch {
	case f.broken != nil:
		return f.broken
	case f.failed != nil:
		return f.failed
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return nil
}

// join runs fn in the transaction that its context comes from.
func (f *frame) join(ctx context.Context, r *Repo, nested bool, fn func(context.Context, Tx) error) error {
	if err := f.usable(ctx); err != nil {
		return err
	}
	if !nested {
		return f.explain(ctx, fn(ctx, Tx{f}))
	}
	if !f.write {
		return fault.Internal.Errorf("data: a Write inside a Read: write first, and read inside the Write")
	}
	inner := &frame{run: f.run, write: true}
	if err := f.savepoint(ctx, inner, func() error {
		if r != nil {
			ctx = context.WithValue(ctx, frameKey{r}, inner)
		}
		if err := fn(ctx, Tx{inner}); err != nil {
			return inner.explain(ctx, err)
		}
		return inner.whole(ctx)
	}); err != nil {
		return err
	}
	f.hooks = append(f.hooks, inner.hooks...)
	return nil
}

// savepoint runs fn between a savepoint and its release. When fn fails, or panics, what it
// has written goes.
func (r *run) savepoint(ctx context.Context, inner *frame, fn func() error) error {
	// A savepoint of the same name hides the outer one until it is released.
	mark := func(statement string) error {
		_, err := r.conn.ExecContext(context.WithoutCancel(ctx), statement)
		return translate(ctx, err)
	}
	if err := mark("SAVEPOINT bennu"); err != nil {
		return err
	}
	kept := false
	defer func() {
		inner.over = true
		if kept || r.broken != nil {
			return
		}
		err := mark("ROLLBACK TO SAVEPOINT bennu")
		if err == nil {
			err = mark("RELEASE SAVEPOINT bennu")
		}
		if err != nil { // then half of it may be there: the whole must go
			r.broken = err
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	if err := mark("RELEASE SAVEPOINT bennu"); err != nil {
		return err
	}
	kept = true
	return nil
}

var errOver = fault.Internal.Errorf("data: the transaction is over: use its context and Tx only inside the function")

// usable reports why no statement may run, if so.
func (f *frame) usable(ctx context.Context) error {
	switch {
	case f.over:
		return errOver
	case f.broken != nil:
		return f.broken
	case f.failed != nil:
		return fault.Of(f.failed).Wrap(f.failed, "an earlier statement of this transaction failed: what may fail goes into a Write of its own inside it")
	case ctx.Err() != nil:
		f.failed = ended(ctx)
		return f.failed
	}
	return nil
}

var errSecond = fault.Internal.Errorf("data: a second statement in a WriteOne: it is for one, and Write for several")

// statement is the context for one statement.
func (f *frame) statement(ctx context.Context) (context.Context, error) {
	if err := f.usable(ctx); err != nil {
		return nil, err
	}
	if f.single && f.used {
		return nil, errSecond
	}
	f.used = true
	if f.late != nil {
		return lateContext{f.late, ctx}, nil
	}
	return ctx, nil
}

// lateContext has the values of one context, and ends with another.
type lateContext struct {
	context.Context
	values context.Context
}

func (c lateContext) Value(key any) any { return c.values.Value(key) }

// note translates a statement's error and remembers it.
func (f *frame) note(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = f.explain(ctx, err)
	if cutsOff(err) && f.broken == nil {
		f.broken = err
	}
	if f.failed == nil {
		f.failed = err
	}
	return err
}

// explain translates an error, knowing what kind of transaction it comes from.
func (f *frame) explain(ctx context.Context, err error) error {
	if err != nil && !f.write && isReadOnly(err) {
		return fault.Internal.Wrap(err, "data: a Read cannot write: use Write")
	}
	return translate(ctx, err)
}

// committed runs what waited for the commit.
func (f *frame) committed(ctx context.Context) {
	for _, hook := range f.hooks {
		guarded(ctx, hook)
	}
}

// guarded keeps the panic of a hook from those that come after it.
func guarded(ctx context.Context, hook func()) {
	defer func() {
		if v := recover(); v != nil {
			telemetry.Log(ctx).Error("data: a function of OnCommit panicked", "panic", fmt.Sprint(v))
		}
	}()
	hook()
}
