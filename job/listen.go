package job

import (
	"context"
	"sync"

	"github.com/bennu-go/bennu/data"
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
		onCommit(tx, func() { e.wakeNow(queues...) })
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
	onCommit(tx, func() {
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

func (e *engine) listen(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (e *engine) notify(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
