package udp

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
)

var deviceKey = []byte("0123456789abcdef0123456789abcdef")

// log is a Handler that remembers.
type log struct {
	mu       sync.Mutex
	messages []string
	ends     []*CloseError
	on       func(payload []byte)
	closed   chan struct{}
}

func newLog() *log { return &log{closed: make(chan struct{})} }

func (l *log) Message(_ any, payload []byte) {
	l.mu.Lock()
	if len(l.ends) > 0 {
		panic("a message after the end")
	}
	l.messages = append(l.messages, string(payload))
	on := l.on
	l.mu.Unlock()
	if on != nil {
		on(payload)
	}
}

func (l *log) Closed(err *CloseError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, err)
	if len(l.ends) == 1 {
		close(l.closed)
	}
}

func (l *log) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.messages...)
}

// end is why the session ended, and fails the test unless it ended once.
func (l *log) end(t testing.TB) *CloseError {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ends) != 1 {
		t.Fatalf("Closed was called %d times", len(l.ends))
	}
	return l.ends[0]
}

func (l *log) isOpen() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ends) == 0
}

// counts is a Config.Count.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) count(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int)
	}
	c.n[name]++
}

func (c *counts) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

func (c *counts) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}

// site is a server in a simulated network.
type site struct {
	t      testing.TB
	n      *network
	server *Server
	socket *wire
	counts counts
	cancel context.CancelFunc
	served chan error

	mu       sync.Mutex
	hellos   []Hello
	sessions []*Session
	logs     []*log
}

var serverAddr = netip.MustParseAddrPort("192.0.2.1:5006")

func keyOf(_ context.Context, device string) ([]byte, error) {
	if device == "unknown" {
		return nil, fault.NotFound.Errorf("no such device")
	}
	return deviceKey, nil
}

func newSite(t testing.TB, n *network, cfg Config) *site {
	t.Helper()
	s := &site{t: t, n: n, served: make(chan error, 1)}
	if cfg.Key == nil {
		cfg.Key = keyOf
	}
	if cfg.Count == nil {
		cfg.Count = s.counts.count
	}
	if cfg.Accept == nil {
		cfg.Accept = s.accept
	}
	s.socket = n.socketAt(serverAddr)
	server, err := New(s.socket, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	go func() { s.served <- server.Serve(ctx) }()
	return s
}

func (s *site) accept(_ context.Context, hello Hello, session *Session) (Handler, error) {
	l := newLog()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hellos = append(s.hellos, hello)
	s.sessions = append(s.sessions, session)
	s.logs = append(s.logs, l)
	return l, nil
}

func (s *site) log(i int) *log {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logs[i]
}

func (s *site) session(i int) *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[i]
}

func (s *site) accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// stop ends the server, and fails the test if it does not end well.
func (s *site) stop() {
	s.t.Helper()
	s.cancel()
	if err := <-s.served; err != nil {
		s.t.Errorf("Serve gave %v", err)
	}
	if n := s.server.e.held.Load(); n != 0 {
		s.t.Errorf("%d bytes are still held", n)
	}
}

func dialTo(t testing.TB, n *network, cfg DialConfig) (*Session, *log, *wire) {
	t.Helper()
	s, l, w, err := tryDial(n, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, l, w
}

func tryDial(n *network, cfg DialConfig) (*Session, *log, *wire, error) {
	l := newLog()
	w := n.socket("198.51.100.7")
	cfg.Socket, cfg.Handler = w, l
	if cfg.Device == "" {
		cfg.Device = "truck-7"
	}
	if cfg.Key == nil {
		cfg.Key = deviceKey
	}
	s, err := Dial(context.Background(), serverAddr.String(), cfg)
	return s, l, w, err
}

func simulate(t *testing.T, f func(t *testing.T, n *network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newNetwork(42)) })
}

func TestMessagesArriveBothWays(t *testing.T) {
	simulate(t, func(t *testing.T, n *network) {
		site := newSite(t, n, Config{})
		s, l, _ := dialTo(t, n, DialConfig{Params: "vsn=2.0.0&a=b"})
		synctest.Wait()
		if h := site.hellos[0]; h.Device != "truck-7" || h.Params != "vsn=2.0.0&a=b" || h.Addr != s.e.socket.(*wire).local {
			t.Errorf("hello is %+v", h)
		}
		for _, m := range []string{"one", "", string(make([]byte, 64<<10))} {
			must(t, s.Send([]byte(m)))
			must(t, site.session(0).Send([]byte(m)))
		}
		pause(time.Second)
		for who, l := range map[string]*log{"client": l, "server": site.log(0)} {
			if got := l.got(); len(got) != 3 || got[0] != "one" || got[1] != "" || len(got[2]) != 64<<10 {
				t.Errorf("the %s has %d messages", who, len(got))
			}
		}
		s.Close("bye")
		<-s.Done()
		if end := site.log(0).end(t); fault.Of(end) != fault.Canceled || !end.Remote || end.Reason != "bye" {
			t.Errorf("the server heard %v", end)
		}
		if end := l.end(t); fault.Of(end) != fault.Unavailable || end.Remote {
			t.Errorf("the client heard %v", end)
		}
		if err := s.Send(nil); fault.Of(err) != fault.Unavailable {
			t.Errorf("a closed session's Send gave %v", err)
		}
		site.stop()
	})
}

func TestBadNetwork(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork(seed)
				site := newSite(t, n, Config{})
				n.set(weather{loss: 0.3, duplicate: 0.1, delay: 40 * time.Millisecond, jitter: 60 * time.Millisecond})
				s, l, _ := dialTo(t, n, DialConfig{Timeout: time.Minute})
				started := time.Now()
				const messages = 300
				var want []string
				for i := range messages {
					m := fmt.Sprintf("%d %s", i, make([]byte, i*37%5000))
					want = append(want, m)
					must(t, s.Send([]byte(m)))
					must(t, site.session(0).Send([]byte(m)))
				}
				for len(l.got()) < messages || len(site.log(0).got()) < messages {
					if !l.isOpen() || time.Since(started) > time.Hour {
						t.Fatalf("%d and %d of %d messages after %v; %v", len(l.got()), len(site.log(0).got()), messages, time.Since(started), l.ends)
					}
					pause(time.Second)
				}
				t.Logf("%v, %v", time.Since(started), site.counts.all())
				pause(time.Minute)
				same(t, l.got(), want)
				same(t, site.log(0).got(), want)
				s.Close("")
				<-s.Done()
				site.stop()
				same(t, site.log(0).got(), want)
			})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d messages instead of %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("message %d is another", i)
		}
	}
}

// pause lets time pass, and what is going on then come to rest.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (l *log) do(on func(payload []byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
}
