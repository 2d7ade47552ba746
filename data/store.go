package data

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// store is what a repo has from Start to the end of Serve.
type store struct {
	repo             *Repo
	engine           engine
	writer, readers  *bun.DB // on PostgreSQL the same
	writing, reading *gate
	urgent           *gate // nil: those that are urgent go through the others
	writePlaces      int   // of the writing gate that one write takes
	grouping         bool  // several writes share a commit
	concurrent       bool  // a statement alone needs no BEGIN, and writes run side by side
	past             bool  // whole rows may be read past database/sql

	slow time.Duration // from which a statement is logged

	held         atomic.Pointer[time.Time] // since when the open group holds the lock; nil: there is none
	group        *group                    // that is open; of whoever is inside the writing gate
	began, ended time.Time                 // since when groups follow each other, and when the last ended; his too

	writes, reads, errors, commits atomic.Int64

	records sync.Map // of the typed functions, by type

	ctx  context.Context // ends when running transactions are cut off
	stop context.CancelFunc
}

// open makes the pools and tries them.
func open(ctx context.Context, e engine, r *Repo) (*store, error) {
	st := &store{repo: r, engine: e, slow: r.slow()}
	st.ctx, st.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.open(ctx, st, r.connections(e.name())); err != nil {
		st.closePools()
		return nil, translate(ctx, err)
	}
	st.writer.RegisterModel(r.Models...)
	st.writer = st.writer.WithQueryHook(watcher{st.slow})
	st.readers = st.readers.WithQueryHook(watcher{st.slow})
	return st, nil
}

// absent is what to do about a file that is not there.
type absent int

const (
	createAbsent   absent = iota
	pretendPresent        // that it is there and empty
	refuseAbsent
)

// opened runs fn with the store of the running repo, or with one that is open for so long.
func (r *Repo) opened(ctx context.Context, a absent, fn func(*store) error) error {
	if st := r.live.Load(); st != nil {
		if err := fn(st); err != nil {
			return st.engine.about(err)
		}
		return nil
	}
	at, err := engineOf(r.URL)
	if err != nil {
		return err
	}
	if file, ok := at.(*sqliteEngine); ok && file.absent() {
		switch a {
		case pretendPresent:
			at, err = engineOf("sqlite::memory:")
		case refuseAbsent:
			err = at.about(fault.NotFound.Errorf("there is no database"))
		}
		if err != nil {
			return err
		}
	}
	st, err := open(ctx, at, r)
	if err != nil {
		return at.about(err)
	}
	defer st.closePools()
	if err := fn(st); err != nil {
		return at.about(err)
	}
	return nil
}

// close lets what runs end, cuts off what does not, and closes the pools.
func (st *store) close(ctx context.Context, drain time.Duration) {
	for _, g := range st.gates() {
		g.close()
	}
	if !st.empty(drain) {
		st.stop()
		if !st.empty(lastWait) {
			telemetry.Log(ctx).Error("data: a transaction ignores the end of its context; closing without it")
		}
	}
	st.closePools()
}

var errMoved = fault.Unavailable.Errorf(textMoved)

func (st *store) gates() []*gate {
	if st.urgent != nil {
		return []*gate{st.writing, st.reading, st.urgent}
	}
	return []*gate{st.writing, st.reading}
}

func (st *store) empty(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	for _, g := range st.gates() {
		select {
		case <-g.empty:
		case <-timer.C:
			return false
		}
	}
	return true
}

// closePools closes the writer last: SQLite's last connection to a file brings it up
// to date and removes the side files. Nothing in here can lose what is committed,
// so there is no error to report.
func (st *store) closePools() {
	st.stop()
	for _, db := range []*bun.DB{st.readers, st.writer} {
		if db != nil {
			db.Close()
		}
	}
	st.engine.close()
}
