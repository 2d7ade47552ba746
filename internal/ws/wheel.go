package ws

import (
	"sync"
	"time"
)

const (
	tick       = time.Second / 32
	wheelSlots = 1024
	coarseness = 16 // a time-out is late by at most this part of it, and two ticks
)

// wheel is the time-outs of all connections of a poller: a ring of lists, one
// for each tick. Who is due is asked what the matter is, and put back if there
// is time left. So a connection that is used costs nothing here, and an unused
// one little: it is looked at once for each half minute or time-out.
type wheel struct {
	now    func() time.Duration
	expire func([]*Conn)

	mu     sync.Mutex
	timer  *time.Timer
	wakes  int64 // when the timer fires, in ticks; 0: never
	seen   int64 // the last tick that was looked at
	size   int
	slots  [wheelSlots]*Conn
	firing sync.Mutex // held while connections are looked at
}

// timed is a connection's place in the wheel.
type timed struct {
	next, prev *Conn
	tick       int64 // 0: nowhere
}

// arm has the connection looked at by due, or earlier. One that is looked at
// earlier already stays where it is. About is the time-out's length.
func (w *wheel) arm(c *Conn, due, about time.Duration) {
	grain := max(tick, about/coarseness)
	at := int64((due + grain - 1) / grain * grain / tick)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.size == 0 {
		w.seen = int64(w.now() / tick)
	}
	at = min(max(at, w.seen)+1, w.seen+wheelSlots-1)
	switch {
	case c.timed.tick == 0:
	case c.timed.tick <= at:
		return
	default:
		w.unlink(c)
	}
	w.link(c, at)
	w.wake(at)
}

// remove takes the connection out.
func (w *wheel) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.timed.tick != 0 {
		w.unlink(c)
	}
}

// all are the connections in the wheel.
func (w *wheel) all() (conns []*Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.slots {
		for ; c != nil; c = c.timed.next {
			conns = append(conns, c)
		}
	}
	return conns
}

func (w *wheel) link(c *Conn, at int64) {
	first := &w.slots[at%wheelSlots]
	c.timed = timed{next: *first, tick: at}
	if *first != nil {
		(*first).timed.prev = c
	}
	*first = c
	w.size++
}

func (w *wheel) unlink(c *Conn) {
	t := c.timed
	if t.prev != nil {
		t.prev.timed.next = t.next
	} else {
		w.slots[t.tick%wheelSlots] = t.next
	}
	if t.next != nil {
		t.next.timed.prev = t.prev
	}
	c.timed = timed{}
	w.size--
}

// wake has the timer fire at that tick at the latest. The lock is held.
func (w *wheel) wake(at int64) {
	if w.wakes != 0 && w.wakes <= at {
		return
	}
	w.wakes = at
	d := max(time.Duration(at)*tick-w.now(), 0)
	if w.timer == nil {
		w.timer = time.AfterFunc(d, w.fire)
	} else {
		w.timer.Reset(d)
	}
}

func (w *wheel) fire() {
	w.firing.Lock()
	defer w.firing.Unlock()
	if due := w.due(); len(due) > 0 {
		w.expire(due)
	}
}

// due takes out who is due, and sets the timer for the next.
func (w *wheel) due() (due []*Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := int64(w.now() / tick)
	for at := w.seen + 1; at <= min(now, w.seen+wheelSlots); at++ {
		for c := w.slots[at%wheelSlots]; c != nil; c = w.slots[at%wheelSlots] {
			w.unlink(c)
			due = append(due, c)
		}
	}
	w.seen, w.wakes = max(now, w.seen), 0
	if w.size > 0 {
		at := w.seen + 1
		for w.slots[at%wheelSlots] == nil {
			at++
		}
		w.wake(at)
	}
	return due
}

// stop ends the timer, and waits for what it has started.
func (w *wheel) stop() {
	w.mu.Lock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.wakes = 1
	w.mu.Unlock()
	w.firing.Lock()
	defer w.firing.Unlock()
}
