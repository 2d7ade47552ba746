package ws_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// BenchmarkSend broadcasts a prepared frame of 100 bytes. "outbox" is what a Send
// costs its caller and the writer, without a network; "tcp" ends when the last
// client has the last byte, for single frames and for bursts.
//
// Loopback keeps both ends in this process, so half of the time is the clients'.
func BenchmarkSend(b *testing.B) {
	frame := ws.Text(make([]byte, 98))
	b.Run("outbox", func(b *testing.B) {
		const burst = 64
		nc, written := newFake(), make(chan int, burst)
		nc.write = func(p []byte) (int, error) {
			written <- len(p)
			return len(p), nil
		}
		conn := ws.New(nc, nil, ws.Limits{})
		b.ReportAllocs()
		for b.Loop() {
			for range burst {
				if err := conn.Send(frame); err != nil {
					b.Fatal(err)
				}
			}
			for left := burst * frame.Len(); left > 0; {
				left -= <-written
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/frame")
		conn.Close(ws.Normal, "")
		_ = nc.Close()
		<-conn.Done()
	})
	const clients = 1000
	for _, burst := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("tcp/clients=%d/burst=%d", clients, burst), func(b *testing.B) {
			conns, peers, stop := fleet(b, clients)
			defer stop()
			var arrived sync.WaitGroup
			for _, peer := range peers {
				go func() {
					buf := make([]byte, burst*frame.Len())
					for {
						if _, err := io.ReadFull(peer, buf); err != nil {
							return
						}
						arrived.Done()
					}
				}()
			}
			b.ReportAllocs()
			for b.Loop() {
				arrived.Add(clients)
				for range burst {
					for _, conn := range conns {
						if err := conn.Send(frame); err != nil {
							b.Fatal(err)
						}
					}
				}
				arrived.Wait()
			}
			b.ReportMetric(float64(b.N*clients*burst)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// BenchmarkReadMessage reads text messages that are there already.
func BenchmarkReadMessage(b *testing.B) {
	for _, size := range []int{36, 100, 1000, 10_000, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			nc := newFake()
			wire := wstest.Frame(text, []byte(strings.Repeat("x", size)))
			rest := wire
			nc.read = func(p []byte) (int, error) { // the same frame for ever
				n := copy(p, rest)
				if rest = rest[n:]; len(rest) == 0 {
					rest = wire
				}
				return n, nil
			}
			conn := ws.New(nc, nil, ws.Limits{})
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := conn.ReadMessage(); err != nil {
					b.Fatal(err)
				}
			}
			_ = nc.Close()
		})
	}
}

// BenchmarkIdle tells what an idle connection keeps, client's end included:
// two descriptors, one goroutine and one Conn.
func BenchmarkIdle(b *testing.B) {
	const clients = 1000
	for b.Loop() {
		before := inUse()
		_, _, stop := fleet(b, clients)
		b.ReportMetric((inUse()-before)/clients, "bytes/conn")
		stop()
	}
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// fleet is many connections over loopback, each with a reader, the clients'
// raw ends, and what closes them all.
func fleet(b *testing.B, n int) (conns []*ws.Conn, peers []net.Conn, stop func()) {
	b.Helper()
	upgraded := make(chan *ws.Conn)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, ws.Limits{})
		if err != nil {
			b.Error(err)
		}
		go func() {
			upgraded <- conn
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
			}
		}()
	}))
	conns, peers = make([]*ws.Conn, n), make([]net.Conn, n)
	for i := range n {
		client, err := wstest.Dial(b.Context(), "ws://"+strings.TrimPrefix(server.URL, "http://"), nil)
		if err != nil {
			b.Fatal(err)
		}
		conns[i], peers[i] = <-upgraded, client.Conn
	}
	return conns, peers, func() {
		for i, peer := range peers {
			_ = peer.Close()
			<-conns[i].Done()
		}
		server.Close()
	}
}
