package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/memnet"
	"github.com/bennu-go/bennu/internal/ws"
)

type welcome struct {
	Who string `json:"who"`
}

type msg struct {
	Text string `json:"text"`
}

const posted client.Event[msg] = "posted"

func dial(t testing.TB, url string, o client.Options) *client.Socket {
	t.Helper()
	s, err := client.Dial(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		<-s.Done()
	})
	return s
}

func TestOverTheNetwork(t *testing.T) {
	listener := memnet.Listen()
	inMemory := func(h http.Handler) *httptest.Server {
		server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
		server.Start()
		return server
	}
	for name, c := range map[string]struct {
		start func(http.Handler) *httptest.Server
		o     client.Options
	}{
		"TCP":        {start: httptest.NewServer},
		"compressed": {start: httptest.NewServer, o: client.Options{Compress: true}},
		"TLS":        {start: httptest.NewTLSServer},
		"memory": {start: inMemory, o: client.Options{NetDial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return listener.Dial(ctx)
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, c.start)
			o := c.o
			o.Params, o.Token = url.Values{"key": {"k"}}, client.Token("+secret/")
			if cert := server.Certificate(); cert != nil {
				o.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
				o.TLS.RootCAs.AddCert(cert)
			}
			room := dial(t, server.URL+"/socket", o).Channel("room:1", nil)
			heard := make(chan string, 100)
			client.On(room, posted, func(m msg) { heard <- m.Text })
			client.OnJoin(room, func(w welcome, resumed bool) { heard <- fmt.Sprint("joined ", resumed) })

			w, err := client.Join[welcome](t.Context(), room)
			if err != nil || w.Who != "k+secret/" {
				t.Fatalf("%+v, %v", w, err)
			}
			if m, err := client.Call[msg](t.Context(), room, "echo", msg{"hi"}); err != nil || m.Text != "hi" {
				t.Errorf("%+v, %v", m, err)
			}
			long := strings.Repeat("é", 100_000)
			if m, err := client.Call[msg](t.Context(), room, "echo", msg{long}); err != nil || m.Text != long {
				t.Errorf("%d bytes, %v", len(m.Text), err)
			}
			if b, err := client.Call[[]byte](t.Context(), room, "blob", []byte{1, 2}); err != nil || string(b) != "\x01\x02" {
				t.Errorf("%x, %v", b, err)
			}
			if _, err := client.Call[msg](t.Context(), room, "refuse", nil); !errors.Is(err, fault.Invalid) || fault.FieldsOf(err)["text"] == nil {
				t.Errorf("%v", err)
			}
			if _, err := client.CallAcknowledged[msg](t.Context(), room, "post", msg{"a"}); err != nil {
				t.Error(err)
			}
			server.drop(ws.Restart, "deploy: reconnect in 1 ms")
			for _, want := range []string{"joined false", "a", "joined true"} {
				if got := <-heard; got != want {
					t.Errorf("it heard %q, and not %q", got, want)
				}
			}
			if err := room.Leave(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHandshakeIsRefused(t *testing.T) {
	server := serve(t, httptest.NewServer)
	server.refuse = func(r *http.Request) int { return http.StatusForbidden }
	if s, err := client.Dial(t.Context(), server.URL, client.Options{}); !errors.Is(err, fault.Forbidden) || s != nil {
		t.Errorf("%v", err)
	}
	server.refuse = func(r *http.Request) int { return http.StatusServiceUnavailable }
	if s := dial(t, server.URL, client.Options{}); s.State() != client.Waiting {
		t.Errorf("it is %v", s.State())
	}
}

// TestPool has many sockets share a pool: idle, they need no goroutines.
func TestPool(t *testing.T) {
	const many = 50
	server := serve(t, httptest.NewServer)
	pool, err := client.NewPool()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	before := runtime.NumGoroutine()
	for range many {
		room := dial(t, server.URL, client.Options{Pool: pool}).Channel("room:1", nil)
		if _, err := client.Join[welcome](t.Context(), room); err != nil {
			t.Fatal(err)
		}
	}
	if n := runtime.NumGoroutine() - before; runtime.GOOS == "linux" && n > many/2 {
		t.Errorf("%d goroutines for %d sockets", n, many)
	}
}

func BenchmarkCall(b *testing.B) {
	server := serve(b, httptest.NewServer)
	room := dial(b, server.URL, client.Options{}).Channel("room:1", nil)
	if _, err := client.Join[welcome](b.Context(), room); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Call[msg](b.Context(), room, "echo", msg{"hi"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdle is what a joined socket needs while nothing happens.
func BenchmarkIdle(b *testing.B) {
	server := serve(b, httptest.NewServer)
	pool, err := client.NewPool()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	const many = 500
	for b.Loop() {
		before, goroutines := inUse(), runtime.NumGoroutine()
		for range many {
			room := dial(b, server.URL, client.Options{Pool: pool}).Channel("room:1", nil)
			if _, err := client.Join[welcome](b.Context(), room); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric((inUse()-before)/many, "B/socket-both-ends")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/many, "goroutines/socket")
	}
}

func inUse() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}
