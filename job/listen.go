package job

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/telemetry"
)

// signals is how the parts of an engine, and other nodes, are told that there is something
// to do.
type signals struct {
	staging chan struct{} // of one: something may be due
	news    *broadcast    // another node, or this one, has changed a setting or asked for a cancel
	calling chan struct{} // of one: there are queues that others are to be told of

	mu    sync.Mutex
	dirty map[string]bool // queues, and "" for news
}

func newSignals() *signals {
	return &signals{staging: make(chan struct{}, 1), news: newBroadcast(), calling: make(chan struct{}, 1), dirty: make(map[string]bool)}
}

// broadcast wakes all who watch it.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// watch gives a function whose channel is closed by the next send after the previous call.
func (b *broadcast) watch() func() <-chan struct{} {
	get := func() <-chan struct{} {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.ch
	}
	next := get()
	return func() <-chan struct{} {
		ch := next
		select {
		case <-ch:
			next = get()
		default:
		}
		return ch
	}
}

// wakeAfter makes the nodes look at queues when tx has committed.
func (e *engine) wakeAfter(tx data.Tx, queues ...string) {
	if len(queues) > 0 {
		tx.OnCommit(func() { e.wakeNow(queues...) })
	}
}

// wakeNow makes the nodes look at queues.
func (e *engine) wakeNow(queues ...string) {
	for _, q := range queues {
		if p := e.producers[q]; p != nil {
			p.rouse()
		}
	}
	e.call(queues...)
}

// wakeAll makes this node look at all its queues.
func (e *engine) wakeAll() {
	for _, p := range e.producers {
		p.rouse()
	}
}

// tell makes all nodes do their chores when tx has committed: a setting has changed, or a
// job that runs is to be cancelled.
func (e *engine) tell(tx data.Tx) {
	tx.OnCommit(func() {
		e.signals.news.send()
		e.call("")
	})
}

// call has other nodes told.
func (e *engine) call(queues ...string) {
	if !e.canNotify() {
		return
	}
	s := e.signals
	s.mu.Lock()
	for _, q := range queues {
		s.dirty[q] = true
	}
	s.mu.Unlock()
	select {
	case s.calling <- struct{}{}:
	default:
	}
}

// canNotify reports whether there are other nodes, and a way to tell them.
func (e *engine) canNotify() bool {
	return e.Repo.Engine() == data.Postgres && !e.member.nodes.Alone()
}

// channel is what the nodes listen on. A message is the number of the node that sends it and
// a queue, or none for news.
const channel = "bennu_jobs"

// notifyPause is for how long what is to be told is gathered.
const notifyPause = 10 * time.Millisecond

// notify tells other nodes, at most once in a while, of what has been committed.
func (e *engine) notify(ctx context.Context) error {
	for {
		select {
		case <-e.signals.calling:
		case <-ctx.Done():
			return nil
		}
		if err := e.notifyOnce(ctx); err != nil && ctx.Err() == nil {
			telemetry.Log(ctx).Warn("job: other nodes could not be told of jobs; they look by themselves", "error", err)
		}
		pause(ctx, notifyPause, nil, nil)
	}
}

func (e *engine) notifyOnce(ctx context.Context) error {
	s := e.signals
	s.mu.Lock()
	queues := s.dirty
	s.dirty = make(map[string]bool)
	s.mu.Unlock()
	if len(queues) == 0 {
		return nil
	}
	q := "SELECT "
	for queue := range queues {
		if q != "SELECT " {
			q += ", "
		}
		q += statement("pg_notify(", text(channel), ", ", text(itoa(e.member.owner())+" "+queue), ")")
	}
	return e.Repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.ExecContext(ctx, q)
		return err
	})
}

// listen hears what other nodes tell, until ctx ends.
func (e *engine) listen(ctx context.Context) error {
	if e.Repo.Engine() != data.Postgres {
		<-ctx.Done()
		return nil
	}
	for {
		err := e.hear(ctx)
		if ctx.Err() != nil {
			return nil
		}
		e.count("job.listens.failed", 1)
		telemetry.Log(ctx).Warn("job: the node cannot be told of jobs by others for now, and looks by itself", "error", err)
		pause(ctx, time.Second, nil, nil)
	}
}

func (e *engine) hear(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, e.Repo.URL)
	if err != nil {
		return fault.Unavailable.Errorf("the database server cannot be reached") // the cause may hold the password
	}
	defer func() {
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait/2)
		defer cancel()
		_ = conn.Close(leave)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	e.wakeAll() // for what was told before
	e.signals.news.send()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		from, queue, _ := strings.Cut(n.Payload, " ")
		switch {
		case from == itoa(e.member.owner()):
		case queue == "":
			e.signals.news.send()
		default:
			if p := e.producers[queue]; p != nil {
				p.rouse()
			}
		}
	}
}
