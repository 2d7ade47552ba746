package client

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/internal/ws"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that does what the test says, in a bubble.
type fake struct {
	t        *testing.T
	conns    chan *conn
	mu       sync.Mutex
	refusals []error // of the next attempts
	dialed   []time.Duration
	asked    []handshake
	began    time.Time
}

// conn is the server's end of a connection.
type conn struct {
	t      *testing.T
	served chan struct{}
	link   *link
	frames chan raw
	ended  chan string // how the client closed it
	once   sync.Once
}

func (f *fake) dial(ctx context.Context, h handshake) (carrier, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dialed = append(f.dialed, time.Since(f.began))
	f.asked = append(f.asked, h)
	if len(f.refusals) > 0 {
		err := f.refusals[0]
		f.refusals = f.refusals[1:]
		if err != nil {
			return nil, err
		}
	}
	c := &conn{t: f.t, served: make(chan struct{}), frames: make(chan raw, 100), ended: make(chan string, 1)}
	f.conns <- c
	return c, nil
}

func (f *fake) refuse(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusals = errs
}

// times are when attempts were made, since the beginning.
func (f *fake) times() []time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dialed
}

func (c *conn) serve(l *link) {
	c.link = l
	close(c.served)
}

func (c *conn) send(frame []byte, binary bool) error {
	c.frames <- raw{frame, binary}
	return nil
}

func (c *conn) close(code ws.Code, reason string) {
	c.once.Do(func() {
		c.ended <- fmt.Sprint(uint16(code), " ", reason)
		go func() {
			<-c.served
			c.link.closed(code, "", fmt.Errorf("closed by the client"))
		}()
	})
}

// drop ends the connection from the server's side.
func (c *conn) drop(code ws.Code, reason string) {
	<-c.served
	c.once.Do(func() { c.link.closed(code, reason, fmt.Errorf("closed by the server")) })
}

// say sends text to the client.
func (c *conn) say(format string, args ...any) {
	<-c.served
	c.link.message(fmt.Appendf(nil, format, args...), false)
}

func (c *conn) bytes(frame []byte, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	<-c.served
	c.link.message(frame, true)
}

// hear is the next frame of the client.
func (c *conn) hear() raw {
	c.t.Helper()
	select {
	case m := <-c.frames:
		return m
	case <-time.After(24 * time.Hour):
		c.t.Fatal("the client says nothing")
	}
	return raw{}
}

// expect checks the next frame of the client, as JSON.
func (c *conn) expect(want string) {
	c.t.Helper()
	got := c.hear()
	var x, y any
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		c.t.Fatal(err)
	}
	if json.Unmarshal(got.data, &x) != nil || !reflect.DeepEqual(x, y) {
		c.t.Fatalf("the client says %s, and not %s", got.data, want)
	}
}

// quiet checks that the client has said nothing.
func (c *conn) quiet() {
	c.t.Helper()
	synctest.Wait()
	select {
	case m := <-c.frames:
		c.t.Fatalf("the client says %s", m.data)
	default:
	}
}

// accept answers the next join.
func (c *conn) accept(response, meta string) {
	c.t.Helper()
	m, err := wire.DecodeText(wire.V2, c.hear().data)
	if err != nil || string(m.Event) != eventJoin {
		c.t.Fatalf("the client pushes %s, %v", m.Event, err)
	}
	if meta != "" {
		meta = "," + meta
	}
	c.say(`[%q,%q,%q,"phx_reply",{"status":"ok","response":%s}%s]`, m.JoinRef, m.Ref, m.Topic, response, meta)
}

// bubble runs a test with a socket, its server and its first connection.
func bubble(t *testing.T, o Options, test func(*testing.T, *fake, *Socket, *conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s, err := Dial(t.Context(), "ws://host/socket", f.options(o))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			s.Close()
			<-s.Done()
		}()
		test(t, f, s, <-f.conns)
	})
}

func newFake(t *testing.T) *fake {
	return &fake{t: t, conns: make(chan *conn, 10), began: time.Now()}
}

// options have a socket dial the fake, and wait 1, 2, 4, 5 and again 5 seconds.
func (f *fake) options(o Options) Options {
	o.dial = f.dial
	o.jitter = func(limit time.Duration) time.Duration { return limit }
	o.Backoff = Backoff{First: time.Second, Most: 5 * time.Second}
	return o
}

// record collects what callbacks say.
type record struct {
	mu    sync.Mutex
	lines []string
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// expect waits for all to rest, and checks what was said since the last time.
func (r *record) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) != len(want) || len(want) > 0 && !reflect.DeepEqual(r.lines, want) {
		t.Fatalf("it was told %q, and not %q", r.lines, want)
	}
	r.lines = nil
}

func await[T any](t *testing.T, c chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(24 * time.Hour):
		t.Fatal("nothing comes")
	}
	panic("unreachable")
}

type text struct {
	Text string `json:"text"`
}

const said Event[text] = "said"

type result[T any] struct {
	value T
	err   error
}

// async runs what waits.
func async[T any](fn func() (T, error)) chan result[T] {
	c := make(chan result[T], 1)
	go func() {
		v, err := fn()
		c <- result[T]{v, err}
	}()
	return c
}

// join joins a channel and answers it.
func join(t *testing.T, c *conn, room *Channel, meta string) {
	t.Helper()
	joined := async(func() (text, error) { return Join[text](t.Context(), room) })
	c.accept(`{"text":"welcome"}`, meta)
	if r := await(t, joined); r.err != nil || r.value.Text != "welcome" {
		t.Fatalf("joined with %+v", r)
	}
}
