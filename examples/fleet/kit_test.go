package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the whole program in a test, with a client at its doors.
type world struct {
	testing.TB
	ctx      context.Context // of the node
	node     *process.Node
	counters *telemetry.Counters
	children []supervisor.Child
	root     *supervisor.Root
	url      string
	http     *http.Client
	cookie   *http.Cookie // of who opens sockets; nil: nobody
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	stop     func()
}

// parse reads options as main does. Without other words there is no replay, the database
// is in memory and the port is free.
func parse(t testing.TB, args ...string) options {
	t.Helper()
	args = append([]string{"-addr=127.0.0.1:0", "-db=sqlite::memory:", "-replay=none", "-udp=", "-devices="}, args...)
	opts, err := config.Load[options](name, args, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func assemble(t testing.TB, args []string) bennu.App {
	t.Helper()
	app, err := build(parse(t, args...))
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func newWorld(t testing.TB, app bennu.App) *world {
	w := &world{TB: t, counters: new(telemetry.Counters), children: app.Children}
	ctx := telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	ctx = telemetry.WithCounters(ctx, w.counters)
	w.node = process.NewNode(ctx)
	w.ctx = w.node.Context(ctx)
	return w
}

// flat is children, and those of the trees among them.
func flat(children []supervisor.Child) (all []supervisor.Child) {
	for _, c := range children {
		if tree, ok := c.Run.(supervisor.Tree); ok {
			all = append(all, flat(tree.Children)...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

func (w *world) up() {
	w.Helper()
	root, err := supervisor.Tree{Name: name, Children: w.children}.Start(w.ctx)
	if err != nil {
		w.Fatal(err)
	}
	w.root = root
	w.stop = sync.OnceFunc(func() {
		w.http.CloseIdleConnections()
		root.Stop()
		w.node.Close()
		for _, p := range w.node.Processes() {
			w.Errorf("process %s (%s) is left, %s", p.Name, p.Type, p.State)
		}
		if n := w.count("process.abandoned"); n > 0 {
			w.Errorf("%d processes were abandoned", n)
		}
	})
}

// start starts the program with these flags, on a port of its own. It is stopped with the
// test.
func start(t testing.TB, args ...string) *world {
	t.Helper()
	return startWith(t, args)
}

func startWith(t testing.TB, args []string, more ...supervisor.Child) *world {
	t.Helper()
	app := assemble(t, args)
	w := newWorld(t, app)
	w.children = append(w.children, more...)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	w.http, w.dial = &http.Client{Transport: transport, Timeout: time.Minute}, new(net.Dialer).DialContext
	w.up()
	t.Cleanup(func() { w.stop() })
	w.url = w.endpoint().URL()
	return w
}

func (w *world) endpoint() *web.Endpoint {
	w.Helper()
	for _, c := range flat(w.children) {
		if e, ok := c.Run.(*web.Endpoint); ok {
			return e
		}
	}
	w.Fatal("the tree has no endpoint")
	return nil
}

// bubble runs the program in a bubble of its own time, where waiting takes none. Its
// doors are the same, but for the connections, which are pipes.
func bubble(t *testing.T, test func(w *world), args ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, assemble(t, args))
		door := newPipes()
		w.dial = door.dial
		w.url = "http://fleet.test"
		w.http = &http.Client{Transport: &http.Transport{DialContext: door.dial, MaxIdleConnsPerHost: 64}}
		w.endpoint().Listen = func(context.Context) (net.Listener, error) { return door, nil }
		w.up()
		defer w.stop()
		test(w)
	})
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.close(); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) count(counter string) int64 { return w.counters.Counter(counter).Value() }

// answer is what a door answered.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(method, target, body string, headers ...string) answer {
	w.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, w.url+target, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		r.Header.Set(k, v)
	}
	res, err := w.http.Do(r)
	if err != nil {
		w.Errorf("%s %s: %v", method, target, err)
		return answer{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.Errorf("%s %s: %v", method, target, err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// get reads JSON from the API, and gives the status.
func (w *world) get(target string, into any) int {
	w.Helper()
	a := w.do("GET", target, "")
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		w.Errorf("GET %s is not JSON: %v\n%s", target, err, a.body)
	}
	return a.status
}

// unit reads one unit, which must be there.
func (w *world) unit(id string) (v View) {
	w.Helper()
	if status := w.get("/api/units/"+id, &v); status != http.StatusOK {
		w.Fatalf("GET unit %s: %d", id, status)
	}
	return v
}

// track reads a whole track, page by page.
func (w *world) track(id string) (all []Position) {
	w.Helper()
	for next := "/api/units/" + id + "/track"; next != ""; {
		var page Track
		if status := w.get(next, &page); status != http.StatusOK {
			w.Fatalf("GET %s: %d", next, status)
		}
		all = append(all, page.Positions...)
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	return all
}

// osmand sends a position in a query, and gives the status.
func (w *world) osmand(params ...string) int {
	w.Helper()
	return w.do("GET", "/osmand?"+query(params...), "").status
}

// query makes a query of "name=value" texts.
func query(params ...string) string {
	q := url.Values{}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		q.Add(k, v)
	}
	return q.Encode()
}

// send has a unit report where it is; it must be taken.
func (w *world) send(id string, at time.Time, lat float64) {
	w.Helper()
	status := w.osmand("id="+id, fmt.Sprint("lat=", lat), "lon=7", fmt.Sprint("timestamp=", at.UnixMilli()))
	if status != http.StatusOK {
		w.Errorf("the position of %s was answered with %d", id, status)
	}
}

// eventually asks again and again until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in a minute it did not come to this: %s", what)
		}
	}
}

// file is the flag for a new database in a file.
func file(t testing.TB) string {
	t.Helper()
	return "-db=sqlite:" + filepath.Join(t.TempDir(), "fleet.db")
}
