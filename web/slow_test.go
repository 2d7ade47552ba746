package web_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/web"
)

// report is what a client in a process of its own has seen.
type report struct {
	Statuses map[int]int
	P50, P99 time.Duration // of what was asked at a steady rate
}

// order is what such a client shall do.
type order struct {
	Addr, Path string
	Hold       int           // requests to send at once, to be answered whenever
	Ask        time.Duration // otherwise how long to ask, at a steady rate; 0 until told to stop
}

const orderVariable = "WEB_TEST_ORDER"

// client runs this test binary as a client: descriptors are limited, and of a connection
// within one process there are two. stop ends what has no end of its own.
func client(t testing.TB, o order) (finished <-chan report, stop func()) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsClient$")
	command.Env = append(os.Environ(), orderVariable+"="+string(text))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	reports, ended := make(chan report, 1), make(chan struct{})
	t.Cleanup(func() { <-ended })
	go func() {
		defer close(ended)
		var r report
		err := json.NewDecoder(out).Decode(&r)
		_, _ = io.Copy(io.Discard, out) // what package testing says
		if err := cmp.Or(command.Wait(), err); err != nil {
			t.Errorf("the client failed: %v", err)
		}
		reports <- r
	}()
	return reports, func() { in.Close() }
}

// TestAsClient is the client's side; without an order there is nothing to do.
func TestAsClient(t *testing.T) {
	text := os.Getenv(orderVariable)
	if text == "" {
		return
	}
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	var r report
	if o.Hold > 0 {
		r = o.hold(t)
	} else {
		r = o.ask(t)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		t.Fatal(err)
	}
}

func (o order) dial(t *testing.T) net.Conn {
	conn, err := net.Dial("tcp", o.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (o order) send(t *testing.T, conn net.Conn) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", o.Path); err != nil {
		t.Error(err)
	}
}

// status reads an answer; what is no answer, or lacks something, is 0.
func (o order) status(t *testing.T, in *bufio.Reader) int {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode == 503 && res.Header.Get("Retry-After") == "" {
		return 0
	}
	return res.StatusCode
}

func (o order) hold(t *testing.T) report {
	conns := make([]net.Conn, o.Hold)
	for i := range conns {
		conns[i] = o.dial(t)
		o.send(t, conns[i])
	}
	r := report{Statuses: make(map[int]int)}
	for _, conn := range conns {
		r.Statuses[o.status(t, bufio.NewReader(conn))]++
	}
	return r
}

// ask sends 500 requests a second over many connections. If an answer is so late that
// the next request is, too, that one's time counts from when it was due.
func (o order) ask(t *testing.T) report {
	const askers, interval = 32, 64 * time.Millisecond
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if o.Ask > 0 {
			time.Sleep(o.Ask)
		} else {
			_, _ = io.Copy(io.Discard, os.Stdin)
		}
	}()
	var mu sync.Mutex
	var took []time.Duration
	r := report{Statuses: make(map[int]int)}
	var group sync.WaitGroup
	for i := range askers {
		conn := o.dial(t)
		due := time.Now().Add(interval * time.Duration(i) / askers)
		group.Go(func() {
			in := bufio.NewReader(conn)
			for {
				select {
				case <-stopped:
					return
				case <-time.After(time.Until(due)):
				}
				start := time.Now()
				if start.Sub(due) > interval/2 {
					start = due
				}
				o.send(t, conn)
				status := o.status(t, in)
				mu.Lock()
				took = append(took, time.Since(start))
				r.Statuses[status]++
				mu.Unlock()
				due = due.Add(interval)
			}
		})
	}
	group.Wait()
	slices.Sort(took)
	if n := len(took); n > 0 {
		r.P50, r.P99 = took[n/2], took[n*99/100]
	}
	return r
}

type small struct {
	Status string `json:"status"`
}

// neighbours is a router with a route that is quick.
func neighbours() *web.Router {
	router := web.NewRouter()
	router.Handle("GET /json", web.JSON(func(context.Context, struct{}) (small, error) { return small{"ok"}, nil }), web.Quiet)
	return router
}

// TestSlowWorkBlocksNobody holds 10,000 requests open, and asks a neighbour meanwhile.
func TestSlowWorkBlocksNobody(t *testing.T) {
	const all = 10_000
	for name, limit := range map[string]*web.Concurrency{
		"no limit": nil,
		"a limit":  {Running: 1000, Waiting: 4000, Wait: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			var entered, left atomic.Int64
			release := make(chan struct{})
			plugs := []web.Plug{web.Quiet}
			if limit != nil {
				plugs = append(plugs, limit.Plug)
			}
			router := neighbours()
			router.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
				entered.Add(1)
				defer left.Add(1)
				select {
				case <-release:
					_, _ = io.WriteString(w, "at last")
				case <-r.Context().Done():
				}
			}, plugs...)
			e, book, quick, _ := serve(t, &web.Endpoint{Handler: router, WriteTimeout: -1})
			refused := book.counters.Counter("web.concurrency.refused")
			running, waiting, shed := all, 0, 0
			load := func() (int, int) { return int(entered.Load()), 0 }
			if limit != nil {
				running, waiting, shed, load = limit.Running, limit.Waiting, all-limit.Running-limit.Waiting, limit.Load
			}
			asked := 0
			ask := func() {
				if got := get(t, quick, e.URL()+"/json"); strings.TrimSpace(got) != `{"status":"ok"}` {
					t.Fatalf("the neighbour was answered %q", got)
				}
				asked++
			}
			finished, _ := client(t, order{Addr: e.ListenAddr(), Path: "/slow", Hold: all})
			for r, w := load(); r < running || w < waiting || int(refused.Value()) < shed; r, w = load() {
				if t.Failed() {
					t.FailNow()
				}
				ask()
			}
			for range 500 {
				ask()
			}
			if r, w := load(); r != running || w != waiting || int(refused.Value()) != shed || left.Load() != 0 {
				t.Errorf("%d run, %d wait, %d were refused, %d are done", r, w, refused.Value(), left.Load())
			}
			close(release)
			r := <-finished
			if r.Statuses[200] != running+waiting || r.Statuses[503] != shed || len(r.Statuses) > 2 {
				t.Errorf("answered: %v", r.Statuses)
			}
			if limit != nil {
				if r, w := limit.Load(); r != 0 || w != 0 {
					t.Errorf("at the end %d run and %d wait", r, w)
				}
			}
			t.Logf("%d requests were held, and %d of a neighbour answered", running+waiting, asked)
		})
	}
}
