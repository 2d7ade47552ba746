package data

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// running is a transaction between its begin and its end.
type running struct {
	tx     bun.Tx
	write  bool
	broken error // why no statement may run any more, if so
}

// runningKey is the context key of the transaction that runs on a repo.
type runningKey struct{ *Repo }

func (r *Repo) transact(ctx context.Context, write bool, fn func(context.Context, Tx) error) (err error) {
	if outer, ok := ctx.Value(runningKey{r}).(*running); ok {
		return outer.join(ctx, write, fn)
	}

	count := "data.errors" // also when fn panics
	defer func() { telemetry.Count(ctx, count, 1) }()

	st := r.live.Load()
	if st == nil {
		return errNotRunning
	}
	pool, gate, places := st.readers, st.reading, 1
	if write {
		pool, gate, places = st.writer, st.writing, st.writePlaces
	}
	if err := gate.enter(ctx, places); err != nil {
		return err
	}
	defer gate.leave(places)

	inside, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(st.ctx, func() { cancel(errNotRunning) })()

	// The end of the context interrupts statements. It does not end the transaction
	// behind our back, as database/sql would have it: whoever is let in next must
	// find it over.
	tx, err := pool.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{ReadOnly: !write})
	if err != nil {
		return translate(ctx, err)
	}
	run := &running{tx: tx, write: write}
	over := false
	defer func() {
		if !over {
			_ = tx.Rollback() // fails only if the engine has done it already
		}
	}()

	if err := fn(context.WithValue(inside, runningKey{r}, run), Tx{run}); err != nil {
		return run.explain(inside, err)
	}
	if !write {
		count = "data.reads"
		return nil
	}
	if run.broken != nil {
		return run.broken
	}
	if inside.Err() != nil {
		return ended(inside)
	}
	over = true
	if err := tx.Commit(); err != nil { // rolls back if it cannot commit
		return translate(inside, err)
	}
	if st.moved() {
		return errMoved
	}
	count = "data.writes"
	return nil
}

// join runs fn in the transaction its context comes from.
func (run *running) join(ctx context.Context, write bool, fn func(context.Context, Tx) error) error {
	if !write {
		return run.explain(ctx, fn(ctx, Tx{run}))
	}
	if !run.write {
		return fault.Internal.Errorf("data: a Write inside a Read: write first, and read inside the Write")
	}
	if run.broken != nil {
		return run.broken
	}

	// A savepoint of the same name hides the outer one until it is released.
	mark := func(statement string) error {
		_, err := run.tx.ExecContext(context.WithoutCancel(ctx), statement)
		return err
	}
	if err := mark("SAVEPOINT bennu"); err != nil {
		return translate(ctx, err)
	}
	kept := false
	defer func() {
		if kept || run.broken != nil {
			return
		}
		err := mark("ROLLBACK TO bennu")
		if err == nil {
			err = mark("RELEASE bennu")
		}
		if err != nil { // then half of it may be there: the whole must go
			run.broken = translate(ctx, err)
		}
	}()

	if err := fn(ctx, Tx{run}); err != nil {
		return run.explain(ctx, err)
	}
	if run.broken != nil {
		return run.broken
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if err := mark("RELEASE bennu"); err != nil {
		return translate(ctx, err)
	}
	kept = true
	return nil
}

// note translates a statement's error. If the engine may have rolled everything
// back because of it, what came after would be committed one by one, so nothing is
// let through any more.
func (run *running) note(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = run.explain(ctx, err)
	if cutsOff(err) && run.broken == nil {
		run.broken = err
	}
	return err
}

// explain translates an error, knowing what kind of transaction it comes from.
func (run *running) explain(ctx context.Context, err error) error {
	if !run.write && isReadOnly(err) {
		return fault.Internal.Wrap(err, "data: a Read cannot write: use Write")
	}
	return translate(ctx, err)
}
