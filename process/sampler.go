package process

import (
	"sync"
	"sync/atomic"
	"time"
)

// tick is how often the running processes are looked at. What Info tells of time is
// exact to it.
const tick = 10 * time.Millisecond

// sampler measures what the processes of a node do, without a clock being read for each
// message: while messages are handled it looks every tick at what runs.
type sampler struct {
	sampling atomic.Bool // a look is due within a tick
	looking  sync.Mutex
	clock    *time.Timer
	alarms   atomic.Pointer[Alarms]
}

// sample is what was seen of a worker at the latest look.
type sample struct {
	message *link         // that was being handled
	since   time.Duration // when it was seen for the first time
	counted time.Duration // until when it is in busyTime
	alarmed bool
}

// beginSampling is called by whoever begins a message while nobody looks.
func (n *Node) beginSampling() {
	if n.sampling.CompareAndSwap(false, true) {
		n.setSampler(tick)
	}
}

func (n *Node) setSampler(d time.Duration) {
	n.looking.Lock()
	defer n.looking.Unlock()
	if n.sampler.clock == nil {
		n.sampler.clock = time.AfterFunc(d, n.look)
	} else {
		n.sampler.clock.Reset(d)
	}
}

// look takes a sample of every worker. When nothing has begun since the look before, the
// next one is when an alarm may be due, or when something begins.
func (n *Node) look() {
	if n.sampleAll(tick) {
		n.setSampler(tick)
		return
	}
	n.sampling.Store(false)
	if n.sampleAll(0) { // it began before it could see that nobody looks
		n.beginSampling()
		return
	}
	if d := n.nextAlarm(); d > 0 && !n.sampling.Load() {
		n.setSampler(d)
	}
}

// sampleAll reports whether it saw something new.
func (n *Node) sampleAll(share time.Duration) (news bool) {
	n.hiring.Lock()
	all := n.all
	n.hiring.Unlock()
	now := n.now()
	for _, w := range all {
		if w.look(now, share) {
			news = true
		}
	}
	return news
}

// look takes a sample of one worker. What it sees for the first time is taken to have run
// for the share of time that a look stands for.
func (w *worker) look(now, share time.Duration) (news bool) {
	w.mu.Lock()
	s := w.slot
	if s == nil {
		w.sample = sample{}
		w.mu.Unlock()
		return false
	}
	at := s.cursor.Load()
	if at != nil {
		at = at.self.envelope()
	}
	last := &w.sample
	var stuck time.Duration
	switch {
	case at == nil:
		news = last.message != nil
		*last = sample{}
	case at != last.message:
		news = true
		*last = sample{message: at, since: now, counted: now}
		s.busyTime.Add(int64(share))
	default:
		s.busyTime.Add(int64(now - last.counted))
		last.counted = now
		w.long.Store(true)
		stuck = now - last.since
	}
	most := w.node.alarms.Load().Handler
	raise := stuck > 0 && most > 0 && stuck >= most && !last.alarmed
	if raise {
		last.alarmed = true
	}
	w.mu.Unlock()
	if raise {
		s.alarm("a method has been running for long", stuck, methodName(at.self))
	}
	if at != nil {
		s.watchAge(now)
	}
	return news
}

// measure counts the rest of a message that was seen to run for long.
func (s *Slot) measure(at *link) {
	w := s.worker.Load()
	if w == nil || !w.long.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.long.Store(false)
	if w.sample.message == at {
		s.busyTime.Add(int64(w.node.now() - w.sample.counted))
		w.sample = sample{}
	}
}

// running tells how long the message at has been running, to a tick, and how much of that
// is not in busyTime.
func (s *Slot) running(at *link) (since, uncounted time.Duration) {
	if w := s.worker.Load(); w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.sample.message == at {
			now := s.node.now()
			return now - w.sample.since, now - w.sample.counted
		}
	}
	return 0, 0
}
