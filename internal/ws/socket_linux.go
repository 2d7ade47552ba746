package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/bennu-go/bennu/fault"
)

// sockets serves the sockets of a poller: a few loops, each with an epoll of its
// own. An epoll is itself readable when it has something to say, so a loop waits
// for it like for any file, in the runtime's poller, and blocks no thread.
type sockets struct {
	loops []*loop
	next  atomic.Uint32
}

// Events that a socket is registered for, once. Edge-triggered: each is told
// when it begins to be true.
const (
	epollET    = 1 << 31
	socketIn   = syscall.EPOLLIN | syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	socketEnd  = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
	socketMask = syscall.EPOLLIN | syscall.EPOLLOUT | syscall.EPOLLRDHUP | epollET
)

func (s *sockets) open(p *Poller) error {
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(p)
		if err != nil {
			s.close()
			return fault.Unavailable.Wrap(err, "no epoll can be made")
		}
		s.loops = append(s.loops, l)
	}
	return nil
}

func (s *sockets) close() {
	for _, l := range s.loops {
		_ = l.file.Close()
	}
}

// attach gives a socket to a loop. The connection's lock is held.
func (s *sockets) attach(c *Conn) link {
	var raw syscall.RawConn
	var err error
	switch nc := c.nc.(type) {
	case *net.TCPConn:
		raw, err = nc.SyscallConn()
	case *net.UnixConn:
		raw, err = nc.SyscallConn()
	default:
		return nil
	}
	if err != nil {
		return nil
	}
	l := s.loops[s.next.Add(1)%uint32(len(s.loops))]
	return l.attach(c, raw)
}

// loop is one epoll and the goroutine that serves its sockets.
type loop struct {
	p     *Poller
	fd    int
	file  *os.File
	raw   syscall.RawConn
	start sync.Once

	mu    sync.Mutex
	seats []seat
	free  []uint32 // of the seats

	// Of the goroutine.
	events [256]syscall.EpollEvent
	n      int
	err    error
	park   bool
	ready  []readiness
	again  []readiness
}

// seat is a connection's place in its loop. An event names the seat and how many
// have sat there, because descriptors, and seats, are used again.
type seat struct {
	conn *Conn
	turn uint32
}

type readiness struct {
	conn   *Conn
	events uint32
}

func newLoop(p *Poller) (*loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	l := &loop{p: p, fd: fd, file: os.NewFile(uintptr(fd), "epoll")}
	l.raw, err = l.file.SyscallConn()
	return l, err
}

// attach registers the socket, or gives nil. The connection's lock is held.
func (l *loop) attach(c *Conn, raw syscall.RawConn) link {
	l.start.Do(func() { l.p.start(l.run) })
	s := &socket{loop: l}
	s.seat, s.turn = l.sit(c)
	var err error
	closed := raw.Control(func(fd uintptr) {
		s.fd = int32(fd)
		err = s.register()
	})
	if err != nil || closed != nil {
		l.leave(s.seat)
		return nil
	}
	return s
}

func (l *loop) sit(c *Conn) (at, turn uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.free); n > 0 {
		at, l.free = l.free[n-1], l.free[:n-1]
	} else {
		at = uint32(len(l.seats))
		l.seats = append(l.seats, seat{})
	}
	l.seats[at].conn = c
	return at, l.seats[at].turn
}

func (l *loop) leave(at uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seats[at].conn = nil
	l.seats[at].turn++
	l.free = append(l.free, at)
}

// run is the loop's goroutine.
func (l *loop) run() {
	w := l.p.newWorker(make([]byte, bufferSize))
	wait := l.wait
	for {
		l.park = len(l.again) == 0
		if err := l.raw.Read(wait); err != nil || l.err != nil {
			return
		}
		w.now = l.p.now()
		l.look()
		for i, r := range l.ready {
			l.ready[i].conn = nil
			if r.conn.ready(w, r.events&socketIn != 0, r.events&syscall.EPOLLOUT != 0, r.events&socketEnd != 0) {
				r.events &^= syscall.EPOLLOUT
				l.again = append(l.again, r)
			}
		}
		w.endRound()
	}
}

// wait takes the next events, and reports whether the loop should go on.
func (l *loop) wait(fd uintptr) bool {
	for {
		l.n, l.err = syscall.EpollWait(int(fd), l.events[:], 0)
		if l.err != syscall.EINTR {
			return l.n > 0 || l.err != nil || !l.park
		}
	}
}

// look finds out whose the events are. Those with more to read from before come
// after them.
func (l *loop) look() {
	l.ready = l.ready[:0]
	l.mu.Lock()
	for _, e := range l.events[:max(l.n, 0)] {
		if s := l.seats[uint32(e.Fd)]; s.conn != nil && s.turn == uint32(e.Pad) {
			l.ready = append(l.ready, readiness{s.conn, e.Events})
		}
	}
	l.mu.Unlock()
	l.ready = append(l.ready, l.again...)
	clear(l.again)
	l.again = l.again[:0]
}

// socket is the link of a TCP or Unix connection. It uses the descriptor itself: the
// connection, which alone closes it, does not while somebody reads or writes.
type socket struct {
	loop       *loop
	fd         int32
	seat, turn uint32
}

func (s *socket) register() error {
	e := syscall.EpollEvent{Events: socketMask, Fd: int32(s.seat), Pad: int32(s.turn)}
	return syscall.EpollCtl(s.loop.fd, syscall.EPOLL_CTL_ADD, int(s.fd), &e)
}

// detach is called before the descriptor is closed, by which it leaves the epoll. Should
// another program that is being started have it for a moment, its events find the seat empty,
// or taken by another.
func (s *socket) detach() { s.loop.leave(s.seat) }

func (s *socket) read(w *worker) (int, error) {
	n, errno := receive(s.fd, w.buf)
	for errno == syscall.EINTR {
		n, errno = receive(s.fd, w.buf)
	}
	switch {
	case errno != 0:
		return 0, blocked(errno)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *socket) write(b *batch) (int, error) {
	n, errno := b.send(s.fd)
	for errno == syscall.EINTR {
		n, errno = b.send(s.fd)
	}
	if errno != 0 {
		return 0, blocked(errno)
	}
	return n, nil
}

// vector is what sendmsg(2) wants of a batch.
type vector [maxBatchFrames]syscall.Iovec

func (b *batch) send(fd int32) (int, syscall.Errno) {
	if b.n == 1 {
		return send(fd, b.frames[0], b.last)
	}
	v := b.vector[:b.n]
	for i, wire := range b.frames[:b.n] {
		v[i].Base = &wire[0]
		v[i].SetLen(len(wire))
	}
	defer clear(v)
	return sendAll(fd, v, b.size, b.last)
}

func blocked(err error) error {
	if errors.Is(err, syscall.EAGAIN) {
		return ErrWouldBlock
	}
	return os.NewSyscallError("socket", err)
}
