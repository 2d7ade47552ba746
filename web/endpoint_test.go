package web_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/web"
	"github.com/bennu-go/bennu/web/cert"
)

type valueKey struct{}

// serve runs an endpoint until the test ends, or stop is called, which waits.
func serve(t *testing.T, e *web.Endpoint) (_ *web.Endpoint, _ *book, client *http.Client, stop func()) {
	t.Helper()
	if e.Addr == "" {
		e.Addr = "127.0.0.1:0"
	}
	book := new(book)
	ctx, cancel := context.WithCancel(book.context(context.WithValue(context.Background(), valueKey{}, "value"), slog.LevelInfo))
	if err := e.Start(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx) }()
	transport := new(http.Transport)
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
	})
	return e, book, &http.Client{Transport: transport}, stop
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestEndpointServesAgain(t *testing.T) {
	e := &web.Endpoint{Handler: say("hi")}
	if e.URL() != "" || e.ListenAddr() != "" {
		t.Error("an address before Start")
	}
	for range 2 {
		_, book, client, stop := serve(t, e)
		if got := get(t, client, e.URL()); got != "hi" {
			t.Errorf("got %q", got)
		}
		if err := e.Start(t.Context()); !errors.Is(err, fault.Conflict) {
			t.Errorf("Start while serving = %v", err)
		}
		if err := e.Serve(t.Context()); !errors.Is(err, fault.Conflict) {
			t.Errorf("Serve while serving = %v", err)
		}
		stop()
		if n := book.counters.Snapshot()["web.requests"]; n != 1 {
			t.Errorf("web.requests = %d", n)
		}
	}
}

func TestEndpointTakenPort(t *testing.T) {
	e, _, _, _ := serve(t, &web.Endpoint{Handler: say("")})
	_, port, _ := net.SplitHostPort(e.ListenAddr())
	second := &web.Endpoint{Addr: e.ListenAddr(), Handler: say("")}
	err := second.Start(t.Context())
	want := fmt.Sprintf("port %s is taken; stop the other program or choose another address", port)
	if !errors.Is(err, fault.Unavailable) || fault.Detail(err) != want {
		t.Errorf("Start = %v", err)
	}
	if err := second.Serve(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("Serve = %v", err)
	}
}

func TestEndpointRefuses(t *testing.T) {
	if err := new(web.Endpoint).Start(t.Context()); !errors.Is(err, fault.Invalid) {
		t.Errorf("no handler: %v", err)
	}
	e := &web.Endpoint{Addr: "nonsense", Handler: say("")}
	if err := e.Start(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Errorf("bad address: %v", err)
	}
	e = &web.Endpoint{Addr: "127.0.0.1:0", TLS: new(tls.Config), Handler: say("")}
	for range 2 { // the first leaves nothing behind
		if err := e.Serve(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("no certificate: %v", err)
		}
	}
}

func TestEndpointContext(t *testing.T) {
	e, _, client, _ := serve(t, &web.Endpoint{Addr: ":0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Context().Value(valueKey{}))
	})})
	if !strings.HasPrefix(e.URL(), "http://localhost:") {
		t.Errorf("URL = %s", e.URL())
	}
	if got := get(t, client, e.URL()); got != "value" {
		t.Errorf("value = %q", got)
	}
	if web.Draining(t.Context()) != nil {
		t.Error("draining outside of an endpoint")
	}
}

func TestDrainLetsRequestsFinish(t *testing.T) {
	entered := make(chan struct{})
	e, _, client, stop := serve(t, &web.Endpoint{Drain: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-web.Draining(r.Context())
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request ended with the endpoint: %v", err)
		}
		_, _ = io.WriteString(w, "finished")
	})})
	unused, err := net.Dial("tcp", e.ListenAddr()) // must not hold the drain up
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	body := make(chan string)
	go func() { body <- get(t, client, e.URL()) }()
	<-entered
	go stop()
	if got := <-body; got != "finished" {
		t.Errorf("got %q", got)
	}
	stop()
	if _, err := net.Dial("tcp", e.ListenAddr()); err == nil {
		t.Error("still accepting")
	}
}

func TestDrainEnds(t *testing.T) {
	for _, drain := range []time.Duration{time.Millisecond, -1} {
		entered, cut := make(chan struct{}), make(chan struct{})
		e, book, client, stop := serve(t, &web.Endpoint{Drain: drain, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-r.Context().Done()
			close(cut)
		})})
		failed := make(chan error)
		go func() {
			_, err := client.Get(e.URL())
			failed <- err
		}()
		<-entered
		stop()
		<-cut
		if err := <-failed; err == nil {
			t.Error("the request was answered")
		}
		if n := len(book.lines(t, "requests were cut: the drain time is over")); n != 1 {
			t.Errorf("%d warnings", n)
		}
	}
}

func TestServeAfterItsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := &web.Endpoint{Addr: "127.0.0.1:0", Handler: say("")}
	for range 2 { // the second does nothing
		if err := e.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Serve(ctx); err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, err := net.Dial("tcp", e.ListenAddr()); err == nil {
		t.Error("still listening")
	}
}

// protocol answers with the protocol that was spoken.
var protocol = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })

func TestEndpointSpeaksHTTP2OverTLS(t *testing.T) {
	config, err := cert.Self{}.TLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e, book, _, _ := serve(t, &web.Endpoint{TLS: config, Handler: protocol})
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	if got := get(t, &http.Client{Transport: transport}, e.URL()); got != "HTTP/2.0" {
		t.Errorf("got %q", got)
	}
	old := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	defer old.CloseIdleConnections()
	if got := get(t, &http.Client{Transport: old}, e.URL()); got != "HTTP/1.1" {
		t.Errorf("got %q", got)
	}
	conn, err := net.Dial("tcp", e.ListenAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "no handshake\r\n\r\n")
	_, _ = io.ReadAll(conn)
	for book.counters.Counter("web.handshakes.failed").Value() == 0 { // it is counted after the connection is closed
		runtime.Gosched()
	}
}

func TestEndpointH2C(t *testing.T) {
	e, _, _, _ := serve(t, &web.Endpoint{H2C: true, Handler: protocol})
	var two http.Protocols
	two.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &two}
	defer transport.CloseIdleConnections()
	if got := get(t, &http.Client{Transport: transport}, e.URL()); got != "HTTP/2.0" {
		t.Errorf("got %q", got)
	}
	if got := get(t, http.DefaultClient, e.URL()); got != "HTTP/1.1" {
		t.Errorf("got %q", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestMaxHeaderBytes(t *testing.T) {
	const limit, slack = 8 << 10, 4 << 10
	e, _, client, _ := serve(t, &web.Endpoint{MaxHeaderBytes: limit, Handler: say("hi")})
	for size, want := range map[int]int{limit / 2: 200, limit: 200, limit + slack: 431} {
		r, _ := http.NewRequest("GET", e.URL(), nil)
		r.Header.Set("Large", strings.Repeat("x", size))
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%d bytes: %d, want %d", size, res.StatusCode, want)
		}
	}
}

func TestReadTimeoutOfTheHeader(t *testing.T) {
	e, _, _, _ := serve(t, &web.Endpoint{ReadHeaderTimeout: time.Millisecond, Handler: say("hi")})
	conn, err := net.Dial("tcp", e.ListenAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n") // and never the rest
	answer, _ := io.ReadAll(conn)
	if strings.Contains(string(answer), "200") {
		t.Errorf("answered: %s", answer)
	}
}
