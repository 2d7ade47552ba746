package ws_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear is a handler that keeps what it hears.
type ear struct {
	on func(op ws.Op, payload []byte) // nil: none

	mu    sync.Mutex
	got   []string
	heard chan string // nil: none
	ended chan *ws.CloseError
}

func newEar() *ear { return &ear{ended: make(chan *ws.CloseError, 2)} }

func (e *ear) Message(_ any, op ws.Op, payload []byte) {
	e.mu.Lock()
	e.got = append(e.got, string(payload))
	e.mu.Unlock()
	if e.on != nil {
		e.on(op, payload)
	}
	if e.heard != nil {
		e.heard <- string(payload)
	}
}

func (e *ear) Closed(end *ws.CloseError) { e.ended <- end }

func (e *ear) messages() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.got
}

// newPoller is closed with the test, and in its bubble.
func newPoller(t testing.TB) *ws.Poller {
	t.Helper()
	p, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// serve has a new handler hear of the connection.
func serve(t testing.TB, conn *ws.Conn) *ear {
	t.Helper()
	e := newEar()
	conn.Serve(newPoller(t), e)
	return e
}

// pipe makes a connection and its client.
type pipe func(limits *ws.Limits) (*ws.Conn, *wstest.Client)

// The ways of bytes that work in a bubble. What the first buffers is enough
// for nothing much.
var pipes = map[string]pipe{
	"memory":     func(limits *ws.Limits) (*ws.Conn, *wstest.Client) { return memoryPair(limits, 64) },
	"goroutines": wstest.Pipe,
	"tls":        tlsPipe,
}

// bubbles runs a test in a bubble for each way.
func bubbles(t *testing.T, test func(t *testing.T, open pipe)) {
	t.Helper()
	for name, open := range pipes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, open) })
		})
	}
}

func memoryPair(limits *ws.Limits, capacity int) (*ws.Conn, *wstest.Client) {
	server, client := newMemory(capacity)
	return ws.New(server, nil, limits), wstest.NewClient(client)
}

// memory is one end of a connection in memory; it takes so many bytes at a time.
type memory struct {
	net.Conn
	in, out *flow
}

type flow struct {
	mu       sync.Mutex
	change   sync.Cond
	data     []byte
	capacity int
	closed   bool
	notify   [2]func() // reader's, writer's
}

func newMemory(capacity int) (a, b *memory) {
	there, back := &flow{capacity: capacity}, &flow{capacity: capacity}
	there.change.L, back.change.L = &there.mu, &back.mu
	return &memory{in: there, out: back}, &memory{in: back, out: there}
}

// changed tells the reader, the writer, or both.
func (f *flow) changed(who ...int) {
	f.mu.Lock()
	f.change.Broadcast()
	notify := f.notify
	f.mu.Unlock()
	for _, i := range who {
		if notify[i] != nil {
			notify[i]()
		}
	}
}

func (f *flow) read(p []byte) (int, error) {
	f.mu.Lock()
	n := copy(p, f.data)
	f.data = f.data[n:]
	closed := f.closed
	f.mu.Unlock()
	switch {
	case n > 0:
		f.changed(1)
		return n, nil
	case closed:
		return 0, io.EOF
	}
	return 0, ws.ErrWouldBlock
}

func (f *flow) write(p []byte) (int, error) {
	f.mu.Lock()
	n := min(len(p), f.capacity-len(f.data))
	closed := f.closed
	if !closed {
		f.data = append(f.data, p[:n]...)
	}
	f.mu.Unlock()
	switch {
	case closed:
		return 0, io.ErrClosedPipe
	case n == 0:
		return 0, ws.ErrWouldBlock
	}
	f.changed(0)
	return n, nil
}

func (m *memory) TryRead(p []byte) (int, error)  { return m.in.read(p) }
func (m *memory) TryWrite(p []byte) (int, error) { return m.out.write(p) }

func (m *memory) Notify(fn func()) {
	m.in.mu.Lock()
	m.in.notify[0] = fn
	m.in.mu.Unlock()
	m.out.mu.Lock()
	m.out.notify[1] = fn
	m.out.mu.Unlock()
}

func (m *memory) Read(p []byte) (int, error) {
	for {
		if n, err := m.in.read(p); !errors.Is(err, ws.ErrWouldBlock) {
			return n, err
		}
		m.in.mu.Lock()
		for len(m.in.data) == 0 && !m.in.closed {
			m.in.change.Wait()
		}
		m.in.mu.Unlock()
	}
}

func (m *memory) Write(p []byte) (n int, err error) {
	for n < len(p) {
		k, err := m.out.write(p[n:])
		n += k
		if errors.Is(err, ws.ErrWouldBlock) {
			m.out.mu.Lock()
			for len(m.out.data) == m.out.capacity && !m.out.closed {
				m.out.change.Wait()
			}
			m.out.mu.Unlock()
		} else if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (m *memory) CloseWrite() error {
	m.out.mu.Lock()
	m.out.closed = true
	m.out.mu.Unlock()
	m.out.changed(0, 1)
	return nil
}

func (m *memory) Close() error {
	_ = m.CloseWrite()
	m.in.mu.Lock()
	m.in.closed = true
	m.in.mu.Unlock()
	m.in.changed(0, 1)
	return nil
}

func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// frame is a frame as the client saw it; a close has a code instead of a payload.
type frame struct {
	op      byte
	payload string
	code    ws.Code
}

// collect reads all frames of the server, until the connection is gone.
func collect(c *wstest.Client) []frame {
	var all []frame
	for {
		op, payload, err := c.Read()
		var end *ws.CloseError
		switch {
		case errors.As(err, &end):
			all = append(all, frame{op: wstest.Close, code: end.Code})
		case err != nil:
			return all
		default:
			all = append(all, frame{op: op, payload: string(payload)})
		}
	}
}

// replay sends bytes to a connection and returns what either side made of them.
func replay(t *testing.T, open pipe, limits *ws.Limits, wire []byte) (got []string, end *ws.CloseError, answers []frame) {
	t.Helper()
	conn, client := open(limits)
	e := serve(t, conn)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = client.Conn.Write(wire) })
	answers = collect(client)
	client.Hangup()
	end = <-e.ended
	wg.Wait()
	return e.messages(), end, answers
}

func closeError(t *testing.T, err error) *ws.CloseError {
	t.Helper()
	var end *ws.CloseError
	if !errors.As(err, &end) {
		t.Fatalf("got %v (%T), want a CloseError", err, err)
	}
	return end
}

// fake is a net.Conn made of functions. Nil ones block until Close.
type fake struct {
	net.Conn
	read, write func(p []byte) (int, error)

	once   sync.Once
	closed chan struct{}

	mu        sync.Mutex
	deadlines []time.Time
}

func newFake() *fake { return &fake{closed: make(chan struct{})} }

func (f *fake) Read(p []byte) (int, error) {
	if f.read == nil {
		<-f.closed
		return 0, net.ErrClosed
	}
	return f.read(p)
}

func (f *fake) Write(p []byte) (int, error) {
	if f.write == nil {
		<-f.closed
		return 0, net.ErrClosed
	}
	return f.write(p)
}

func (f *fake) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

func (f *fake) SetDeadline(t time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deadlines = append(f.deadlines, t)
	return nil
}

func (f *fake) SetReadDeadline(time.Time) error  { return nil }
func (f *fake) SetWriteDeadline(time.Time) error { return nil }

// chunked gives what is in r in reads of at most n bytes, then EOF.
func chunked(r io.Reader, n int) func([]byte) (int, error) {
	return func(p []byte) (int, error) { return r.Read(p[:min(n, len(p))]) }
}

// discard takes every write.
func discard(p []byte) (int, error) { return len(p), nil }

func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Errorf("got %v (%v), want %v", err, fault.Of(err), kind)
	}
}

func wantEqual[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %.200v, want %.200v", what, got, want)
	}
}

// wantTook allows a time-out to be an eighth late.
func wantTook(t *testing.T, took, want time.Duration) {
	t.Helper()
	if took < want || took > want+want/8 {
		t.Errorf("took %v, want %v to %v", took, want, want+want/8)
	}
}
