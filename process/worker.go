package process

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A worker is a goroutine at work, with a line of processes that are to run on it next.
// A handler that makes a process runnable puts it into the line of its own worker: when
// the handler has returned, the goroutine is handed over, which is ten times cheaper
// than to start one. What stands in line behind a handler that waits, or that takes
// long, gets a goroutine of its own.
type worker struct {
	node *Node
	run  func() // its loop, made once
	free *worker
	job  job // the first one

	mu      sync.Mutex
	line    []job // from head on
	head    int
	open    bool   // its goroutine will look at the line again
	shares  bool   // it was started to share another's line
	watched bool   // the foreman looks after its line
	beat    uint64 // how many processes it took from its line
	noticed uint64 // the beat that the foreman saw last
	slot    *Slot  // that runs
	sample  sample // what the sampler saw last
	long    atomic.Bool
}

// job is a process that is to run, unless its turns have changed.
type job struct {
	slot  *Slot
	turns uint32
}

const (
	batch   = 64 // most messages that a process handles before others in line have their turn
	crowd   = 64 // a line of that length is shared with another goroutine
	patient = 500 * time.Microsecond
)

// workers is the part of a node that employs them.
type workers struct {
	latest atomic.Pointer[worker] // that became free
	hiring sync.Mutex
	all    []*worker
	idle   *worker

	sharing atomic.Int32 // goroutines started to share a line

	watching sync.Mutex
	lines    []*worker // that have a line
	foreman  *time.Timer
}

// employ starts a goroutine for a slot.
func (n *Node) employ(s *Slot) {
	w := n.hire()
	w.job = job{s, s.turns}
	go w.run()
}

// hire gives a worker that nobody else has; it is to be run.
func (n *Node) hire() *worker {
	if w := n.latest.Load(); w != nil && n.latest.CompareAndSwap(w, nil) {
		return w
	}
	n.hiring.Lock()
	defer n.hiring.Unlock()
	w := n.idle
	if w == nil {
		w = &worker{node: n}
		w.run = w.loop
		n.all = append(n.all, w)
		return w
	}
	n.idle, w.free = w.free, nil
	return w
}

func (n *Node) dismiss(w *worker) {
	if n.latest.Load() == nil && n.latest.CompareAndSwap(nil, w) {
		return
	}
	n.hiring.Lock()
	w.free, n.idle = n.idle, w
	n.hiring.Unlock()
}

func (w *worker) loop() {
	for j, ok := w.next(); ok; j, ok = w.next() {
		for j.slot.turn(w, j.turns) {
		}
	}
}

// next takes a job from the line. When there is none the worker is free.
func (w *worker) next() (job, bool) {
	w.mu.Lock()
	w.beat++
	if j := w.job; j.slot != nil {
		w.job = job{}
		w.open, w.slot = true, j.slot
		w.mu.Unlock()
		return j, true
	}
	if w.head == len(w.line) {
		if cap(w.line) > 16*crowd {
			w.line = nil
		}
		w.open, w.slot = false, nil
		shares := w.shares
		w.shares = false
		w.mu.Unlock()
		if shares {
			w.node.sharing.Add(-1)
		}
		w.node.dismiss(w)
		return job{}, false
	}
	j := w.line[w.head]
	w.line[w.head] = job{}
	if w.head++; w.head == len(w.line) {
		w.line, w.head = w.line[:0], 0
	}
	w.slot = j.slot
	w.mu.Unlock()
	return j, true
}

// quit dismisses a worker that has nothing to run, and reports whether that is so.
func (w *worker) quit() bool {
	w.mu.Lock()
	idle := w.head == len(w.line)
	w.open = !idle
	w.mu.Unlock()
	if idle {
		w.node.dismiss(w)
	}
	return idle
}

// take puts a slot, which is locked, into the line, and reports whether somebody will
// come for it.
func (w *worker) take(s *Slot) bool {
	w.mu.Lock()
	if !w.open {
		w.mu.Unlock()
		return false
	}
	w.line = append(w.line, job{s, s.turns})
	var other *worker
	if len(w.line)-w.head >= crowd {
		other = w.share()
	}
	watch := !w.watched
	w.watched = true
	w.mu.Unlock()
	if other != nil {
		go other.run()
	}
	if watch {
		w.node.watch(w)
	}
	return true
}

// others reports whether somebody stands in line.
func (w *worker) others() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head < len(w.line)
}

// share gives the line to another worker, unless there are as many at it as there are
// processors. w is locked.
func (w *worker) share() *worker {
	if w.node.sharing.Add(1) >= int32(runtime.GOMAXPROCS(0)) {
		w.node.sharing.Add(-1)
		return nil
	}
	other := w.handOver()
	other.shares = true
	return other
}

// handOver gives the whole line to another worker, which is to be run. w is locked.
func (w *worker) handOver() *worker {
	if w.head == len(w.line) {
		return nil
	}
	other := w.node.hire()
	other.mu.Lock()
	other.line = append(other.line, w.line[w.head:]...)
	other.open = true
	watch := len(other.line) > 1 && !other.watched
	other.watched = other.watched || watch
	other.mu.Unlock()
	clear(w.line)
	w.line, w.head = w.line[:0], 0
	if watch {
		w.node.watch(other)
	}
	return other
}

// release is for a handler that is about to wait: others do not wait with it.
func (w *worker) release() {
	w.mu.Lock()
	other := w.handOver()
	w.mu.Unlock()
	if other != nil {
		go other.run()
	}
}

// watch has the foreman look after a worker's line.
func (n *Node) watch(w *worker) {
	n.watching.Lock()
	defer n.watching.Unlock()
	n.lines = append(n.lines, w)
	if len(n.lines) == 1 {
		if n.foreman == nil {
			n.foreman = time.AfterFunc(patient, n.inspect)
		} else {
			n.foreman.Reset(patient)
		}
	}
}

// inspect is the foreman's round: a line whose worker has been with one process since
// the last round gets another goroutine.
func (n *Node) inspect() {
	n.watching.Lock()
	lines := n.lines
	n.lines = nil
	n.watching.Unlock()
	left := lines[:0]
	for _, w := range lines {
		w.mu.Lock()
		var other *worker
		if w.beat == w.noticed {
			if other = w.handOver(); other == nil {
				w.watched = false
			}
		}
		w.noticed = w.beat
		watched := w.watched
		w.mu.Unlock()
		if watched {
			left = append(left, w)
		}
		if other != nil {
			go other.run()
		}
	}
	n.watching.Lock()
	defer n.watching.Unlock()
	if n.lines = append(n.lines, left...); len(n.lines) > 0 {
		n.foreman.Reset(patient)
	}
}

// resume is for a goroutine that is about to end without having to: another goes on.
func (w *worker) resume(j job) {
	w.mu.Lock()
	w.line = append([]job{j}, w.line[w.head:]...)
	w.head = 0
	w.mu.Unlock()
	go w.run()
}
