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

// messages reads all messages, up to the end.
func messages(t *testing.T, c *ws.Conn) ([]string, *ws.CloseError) {
	t.Helper()
	var all []string
	for {
		op, msg, err := c.ReadMessage()
		if err != nil {
			return all, closeError(t, err)
		}
		if op != ws.OpText && op != ws.OpBinary {
			t.Errorf("message with opcode %d", op)
		}
		all = append(all, string(msg))
	}
}

func closeError(t *testing.T, err error) *ws.CloseError {
	t.Helper()
	var end *ws.CloseError
	if !errors.As(err, &end) {
		t.Fatalf("got %v (%T), want a CloseError", err, err)
	}
	return end
}

// replay sends bytes to a connection and returns what either side made of them.
func replay(t *testing.T, limits ws.Limits, wire []byte) (got []string, end *ws.CloseError, answers []frame) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		conn, client := wstest.Pipe(limits)
		var wg sync.WaitGroup
		wg.Go(func() { answers = collect(client) })
		wg.Go(func() { _, _ = client.Conn.Write(wire) })
		got, end = messages(t, conn)
		<-conn.Done()
		client.Hangup()
		wg.Wait()
	})
	return got, end, answers
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
