package ws

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Poller serves connections: it reads when there is something to read, writes
// what is pending, and minds the time-outs, with a few goroutines for all. It
// makes no goroutine before there is something to do.
type Poller struct {
	hooks   Hooks
	born    time.Time
	wheel   wheel
	sockets sockets
	workers sync.Pool // *worker
	batches sync.Pool // *batch
	closed  atomic.Bool
	conns   sync.WaitGroup // that are served and not buried
	running sync.WaitGroup // goroutines

	mu          sync.Mutex
	first, last *Conn // the line: who is to be looked at
	waiting     int   // in the line
	working     int   // goroutines that serve the line
}

// NewPoller makes a poller. It fails if the system has no more descriptors.
func NewPoller(hooks Hooks) (*Poller, error) {
	p := &Poller{hooks: hooks, born: time.Now()}
	p.wheel.now = p.now
	p.wheel.expire = p.expire
	p.workers.New = func() any { return p.newWorker(new([bufferSize]byte)[:]) }
	p.batches.New = func() any { return new(batch) }
	if err := p.sockets.open(p); err != nil {
		return nil, err
	}
	return p, nil
}

// Close waits until all connections are gone, and ends the poller's goroutines.
// Connections should be closed before; those that are not, it cuts. It must not
// be called by a [Handler].
func (p *Poller) Close() {
	p.mu.Lock()
	p.closed.Store(true)
	p.mu.Unlock()
	p.expire(p.wheel.all())
	p.conns.Wait()
	p.sockets.close()
	p.wheel.stop()
	p.running.Wait()
}

func (p *Poller) isClosed() bool { return p.closed.Load() }

// adopt counts a connection, unless the poller is closed.
func (p *Poller) adopt() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isClosed() {
		return false
	}
	p.conns.Add(1)
	return true
}

// start runs f in a goroutine of the poller.
func (p *Poller) start(f func()) { p.running.Go(f) }

// now is the poller's clock. It is never 0.
func (p *Poller) now() time.Duration { return time.Since(p.born) + tick }

func (p *Poller) expire(due []*Conn) {
	now := p.now()
	for _, c := range due {
		c.expire(now)
	}
}

// linkOf is how the connection can be read and written without waiting, or nil.
func (p *Poller) linkOf(c *Conn) link {
	if nc, ok := c.nc.(Pollable); ok {
		return memory{nc}
	}
	return p.sockets.attach(c)
}

const (
	workShare   = 16 // connections that a worker takes from the line at once
	workBacklog = 64 // connections in the line for each worker before there is another
)

// enqueue puts a connection at the end of the line. Its lock is held.
func (p *Poller) enqueue(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.first = c
	} else {
		p.last.line = c
	}
	p.last = c
	p.waiting++
	if p.working == 0 || p.waiting > p.working*workBacklog && p.working < runtime.GOMAXPROCS(0) {
		p.working++
		p.start(p.work)
	}
}

// dequeue takes connections from the front. When there are none, the worker has
// left.
func (p *Poller) dequeue(conns []*Conn) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(conns) && p.first != nil {
		c := p.first
		p.first, c.line = c.line, nil
		conns[n] = c
		n++
	}
	if p.first == nil {
		p.last = nil
	}
	p.waiting -= n
	if n == 0 {
		p.working--
	}
	return n
}

// work serves the line until it is empty.
func (p *Poller) work() {
	w := p.workers.Get().(*worker)
	defer p.workers.Put(w)
	var conns [workShare]*Conn
	for {
		n := p.dequeue(conns[:])
		if n == 0 {
			return
		}
		w.now = p.now()
		for _, c := range conns[:n] {
			c.serve(w)
		}
		clear(conns[:n])
		w.endRound()
	}
}
