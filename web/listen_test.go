package web_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/memnet"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/cert"
)

// counting is a listener that knows how often it was closed, and may refuse to accept.
type counting struct {
	net.Listener
	closed atomic.Int64
	broken bool
}

func (c *counting) Accept() (net.Conn, error) {
	if c.broken {
		return nil, errors.New("broken")
	}
	return c.Listener.Accept()
}

func (c *counting) Close() error {
	c.closed.Add(1)
	return c.Listener.Close()
}

// through is a client whose connections are dialed so.
func through(t *testing.T, dial func(ctx context.Context) (net.Conn, error)) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// Each start has a listener of its own, which is closed once.
func TestListenOfOnesOwn(t *testing.T) {
	var now *memnet.Listener
	var all []*counting
	e := &web.Endpoint{Addr: "nonsense", Handler: say("hi"), Listen: func(context.Context) (net.Listener, error) {
		now = memnet.Listen()
		all = append(all, &counting{Listener: now, broken: len(all) == 1})
		return all[len(all)-1], nil
	}}
	client := through(t, func(ctx context.Context) (net.Conn, error) { return now.Dial(ctx) })
	run := func() {
		t.Helper()
		_, _, _, stop := serve(t, e)
		if got := get(t, client, "http://memory"); got != "hi" || e.ListenAddr() == "" || e.URL() != "http://"+e.ListenAddr() {
			t.Errorf("it says %q at %s, %s", got, e.ListenAddr(), e.URL())
		}
		stop()
	}
	run()
	for range 2 { // the second does nothing
		if err := e.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Serve(t.Context()); fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), "broken") {
		t.Errorf("a listener that breaks: %v", err)
	}
	run()
	if len(all) != 3 {
		t.Errorf("%d listeners were opened", len(all))
	}
	for i, l := range all {
		if n := l.closed.Load(); n != 1 {
			t.Errorf("listener %d was closed %d times", i, n)
		}
	}
}

// A socket that somebody else holds takes connections while no endpoint does.
func TestListenOnAnInheritedSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("it has no net.FileListener")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	addr := l.Addr().String()
	l.Close()
	e := &web.Endpoint{Handler: say("hi"), Listen: func(context.Context) (net.Listener, error) { return net.FileListener(file) }}
	for range 2 {
		conn, err := net.Dial("tcp", addr) // before the start
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		client := through(t, func(context.Context) (net.Conn, error) { return conn, nil })
		_, _, _, stop := serve(t, e)
		if got := get(t, client, e.URL()); got != "hi" || e.ListenAddr() != addr {
			t.Errorf("it says %q at %s", got, e.ListenAddr())
		}
		stop()
	}
}

func TestListenOnAUnixSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("its paths are others")
	}
	path := filepath.Join(t.TempDir(), "s")
	unix := func(context.Context) (net.Listener, error) { return net.Listen("unix", path) }
	config, err := cert.Self{}.TLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*web.Endpoint{{Handler: say("hi"), Listen: unix}, {Handler: say("hi"), Listen: unix, TLS: config}} {
		_, book, _, stop := serve(t, e)
		if e.ListenAddr() != path || e.URL() != "" {
			t.Errorf("it is at %q, %q", e.ListenAddr(), e.URL())
		}
		if e.TLS == nil {
			client := through(t, func(context.Context) (net.Conn, error) { return net.Dial("unix", path) })
			if got := get(t, client, "http://unix"); got != "hi" {
				t.Errorf("it says %q", got)
			}
		}
		stop()
		if l := book.lines(t, "listening"); len(l) != 1 || l[0]["url"] != path {
			t.Errorf("the log says %v", l)
		}
	}
}

func TestListenFails(t *testing.T) {
	for what, c := range map[string]struct {
		l    net.Listener
		err  error
		kind fault.Kind
	}{
		"an error of no kind": {nil, errors.New("odd"), fault.Unavailable},
		"an error of a kind":  {nil, fault.Forbidden.Errorf("not here"), fault.Forbidden},
		"nothing":             {nil, nil, fault.Invalid},
	} {
		e := &web.Endpoint{Handler: say(""), Listen: func(context.Context) (net.Listener, error) { return c.l, c.err }}
		for range 2 {
			if err := e.Serve(new(book).context(t.Context(), slog.LevelInfo)); fault.Of(err) != c.kind || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// Listen runs without the endpoint's lock, and leaves nothing behind if it panics.
func TestListenMayAsk(t *testing.T) {
	e := &web.Endpoint{Handler: say("hi")}
	e.Listen = func(ctx context.Context) (net.Listener, error) {
		if err := e.Start(ctx); e.ListenAddr() != "" || !errors.Is(err, fault.Conflict) {
			t.Errorf("a start within the start: %v", err)
		}
		panic("on purpose")
	}
	for range 2 {
		func() {
			defer func() {
				if v := recover(); v != "on purpose" {
					t.Errorf("it panics with %v", v)
				}
			}()
			_ = e.Start(t.Context())
		}()
	}
	e.Listen = nil
	_, _, client, _ := serve(t, e)
	if got := get(t, client, e.URL()); got != "hi" {
		t.Errorf("it says %q", got)
	}
}
