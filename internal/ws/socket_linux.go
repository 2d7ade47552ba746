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
	s := &socket{raw: raw, loop: l}
	s.seat, s.turn = l.sit(c)
	if err := s.control(syscall.EPOLL_CTL_ADD); err != nil {
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

// socket is the link of a TCP or Unix connection.
type socket struct {
	raw        syscall.RawConn
	loop       *loop
	seat, turn uint32
}

func (s *socket) control(op int) error {
	e := syscall.EpollEvent{Events: socketMask, Fd: int32(s.seat), Pad: int32(s.turn)}
	var err error
	if lost := s.raw.Control(func(fd uintptr) {
		err = syscall.EpollCtl(s.loop.fd, op, int(fd), &e)
	}); lost != nil {
		return lost
	}
	return err
}

// detach is called before the descriptor is closed.
func (s *socket) detach() {
	_ = s.control(syscall.EPOLL_CTL_DEL)
	s.loop.leave(s.seat)
}

func (s *socket) read(w *worker) (int, error) {
	r := &w.in
	r.p = w.buf
	if err := s.raw.Control(r.try); err != nil {
		return 0, err
	}
	return r.n, r.err
}

func (s *socket) write(b *batch) (int, error) {
	b.raw.load(b)
	if err := s.raw.Control(b.raw.try); err != nil {
		return 0, err
	}
	return b.raw.n, b.raw.err
}

// rawRead is a recv(2) that does not wait. RawConn.Control only keeps the descriptor from
// being closed meanwhile; RawConn.Read would prepare the runtime's poller for a wait.
type rawRead struct {
	p   []byte
	n   int
	err error
	try func(fd uintptr)
}

func (r *rawRead) init() { r.try = r.read }

func (r *rawRead) read(fd uintptr) {
	n, errno := receive(fd, r.p)
	for errno == syscall.EINTR {
		n, errno = receive(fd, r.p)
	}
	r.n, r.err = n, nil
	switch {
	case errno != 0:
		r.n, r.err = 0, blocked(errno)
	case n == 0:
		r.err = io.EOF
	}
}

// rawWrite is a send(2) or sendmsg(2) that does not wait.
type rawWrite struct {
	vector [maxBatchFrames]syscall.Iovec
	one    []byte
	count  int
	size   int
	n      int
	err    error
	try    func(fd uintptr)
}

func (r *rawWrite) init() { r.try = r.write }

func (r *rawWrite) load(b *batch) {
	r.one, r.count, r.size = b.frames[0], b.n, b.size
	if b.n == 1 {
		return
	}
	for i, wire := range b.frames[:b.n] {
		r.vector[i].Base = &wire[0]
		r.vector[i].SetLen(len(wire))
	}
}

func (r *rawWrite) write(fd uintptr) {
	n, errno := r.send(fd)
	for errno == syscall.EINTR {
		n, errno = r.send(fd)
	}
	r.n, r.err = n, nil
	if errno != 0 {
		r.n, r.err = 0, blocked(errno)
	}
	r.one = nil
	if r.count > 1 {
		clear(r.vector[:r.count])
	}
}

func (r *rawWrite) send(fd uintptr) (int, syscall.Errno) {
	if r.count == 1 {
		return send(fd, r.one)
	}
	return sendAll(fd, r.vector[:r.count], r.size)
}

func blocked(err error) error {
	if errors.Is(err, syscall.EAGAIN) {
		return ErrWouldBlock
	}
	return os.NewSyscallError("socket", err)
}
