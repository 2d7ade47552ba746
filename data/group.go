package data

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/fault"
)

// SQLite writes one transaction at a time, and each commit waits for the disk. So Writes
// that stand in line share one: each is a savepoint of the same transaction, and all are
// answered when it is committed. Whoever is inside the writing gate has the group, and
// either hands it to the next in line or commits it.

// group is one transaction of the engine's that several Writes share.
type group struct {
	*run
	tx    transaction
	kept  []*frame  // in their order
	since time.Time // when the first of them was done

	done chan struct{} // closed when it is committed, or not
	err  error         // then: why not
}

// The limits of a group: how many share a commit, and for how long the first, once done,
// waits for others to begin.
const (
	groupMost = 128
	groupTime = 5 * time.Millisecond
)

var errGroup = fault.Unavailable.Errorf("another transaction of the same commit was cut off: try again")

// grouped runs the body in the group, and leaves the writing gate.
func (b body) grouped() (err error) {
	g := b.st.group
	if g == nil {
		if g, err = b.newGroup(); err != nil {
			b.st.writing.leave(b.st.writePlaces)
			return err
		}
	}
	mine := &frame{run: g.run, write: true, single: b.single}
	finished := false
	defer func() {
		if !finished { // a panic goes on its way; the others are not to notice
			b.settle(g)
		}
	}()
	if len(g.kept) == 0 {
		err = b.first(g, mine)
	} else {
		err = b.next(g, mine)
	}
	if err == nil {
		if g.kept = append(g.kept, mine); len(g.kept) == 1 {
			g.since = time.Now()
		}
	}
	finished = true
	b.settle(g)
	if err != nil {
		return err
	}
	<-g.done
	return g.err
}

func (b body) newGroup() (*group, error) {
	b.st.rest()
	tx, err := begin(b.ctx, b.st.writer.DB, nil)
	if err != nil {
		return nil, err
	}
	g := &group{run: b.st.run(b.st.writer, tx.Tx), tx: tx, done: make(chan struct{})}
	b.st.group = g
	now := time.Now()
	b.st.held.Store(&now)
	return g, nil
}

// first has the transaction to itself: when it fails, all of it goes.
func (b body) first(g *group, mine *frame) error {
	inside, cancel := b.inside()
	defer cancel()
	ok := false
	defer func() {
		if !ok && g.broken == nil {
			g.broken = errGroup // nobody else is in it yet
		}
	}()
	err := b.call(inside, mine)
	ok = err == nil
	return err
}

// next goes on in a transaction with others' work in it, which SQLite would undo too if it
// interrupted a statement.
func (b body) next(g *group, mine *frame) error {
	inside, cancel := b.inside()
	defer cancel()
	var end context.CancelFunc
	g.late, end = context.WithCancel(context.Background())
	defer end()
	defer context.AfterFunc(inside, func() { time.AfterFunc(mercy, end) })()
	defer func() { g.late = nil }()
	return g.savepoint(inside, mine, func() error { return b.call(inside, mine) })
}

// settle hands the group on, or ends it and leaves the gate. What is urgent waits for nobody.
func (b body) settle(g *group) {
	st := b.st
	grows := st.grouping && g.broken == nil && !isUrgent(b.ctx) && len(g.kept) < groupMost && time.Since(g.since) < groupTime
	if grows && st.writing.pass(st.writePlaces) {
		return
	}
	g.end(b)
	st.group = nil
	close(g.done)
	st.writing.leave(st.writePlaces)
}

// A program that always writes would leave another one on the same file no chance to: the
// other asks for the lock each millisecond, which is the shortest that SQLite waits.
const (
	writeTime = 100 * time.Millisecond // without a pause
	restTime  = 2 * time.Millisecond
)

// rest makes a pause when there was none for long. It is for whoever is in the writing gate.
func (st *store) rest() {
	if !st.grouping {
		return
	}
	now := time.Now()
	if now.Sub(st.ended) > restTime {
		st.began = now
	}
	if now.Sub(st.began) > writeTime {
		time.Sleep(restTime)
		st.began = time.Now()
	}
}

// end commits what is kept.
func (g *group) end(b body) {
	defer func() {
		b.st.ended = time.Now()
		b.st.held.Store(nil)
	}()
	switch {
	case g.broken != nil:
		g.err = errGroup
	case len(g.kept) > 0:
		g.err = g.tx.commit(context.WithoutCancel(b.ctx)) // it is not its asker's alone
		if g.err == nil && b.st.engine.lost() {
			g.err = errMoved
		}
		if g.err == nil {
			b.st.commits.Add(1)
			for _, f := range g.kept {
				f.committed(b.ctx)
			}
		}
		return
	}
	g.tx.rollback(b.ctx)
}

// endGroup commits what is open, for whoever is inside the writing gate and wants another
// connection to write.
func (st *store) endGroup(ctx context.Context) {
	if g := st.group; g != nil {
		g.end(body{st: st, ctx: ctx})
		st.group = nil
		close(g.done)
	}
}
