package ws_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// BenchmarkEcho is a small text message there and back over loopback: of one
// client at a time, and of many at once.
func BenchmarkEcho(b *testing.B) {
	wire := wstest.Frame(text, []byte(`[null,"1","phoenix","heartbeat",{}]`))
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			f := newFleet(b, clients, nil, func(c *ws.Conn) ws.Handler { return echoer{c} })
			defer f.stop()
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, peer := range f.peers {
				wg.Go(func() {
					answer := make([]byte, len(wire)-4)
					for range b.N/clients + 1 {
						_, _ = peer.Write(wire)
						_, _ = io.ReadFull(peer, answer)
					}
				})
			}
			wg.Wait()
		})
	}
}

// BenchmarkFanOut sends frames of 100 bytes to a thousand sockets, until all are
// written, and the same with a bare loop of write(2).
func BenchmarkFanOut(b *testing.B) {
	const clients = 1000
	frame := ws.Text(make([]byte, 98))
	limits := &ws.Limits{MaxPendingBytes: 1 << 30, MaxPendingFrames: 1 << 20}
	for _, burst := range []int{1, 8} {
		b.Run(fmt.Sprintf("send/%d", burst), func(b *testing.B) {
			f := newFleet(b, clients, limits, func(c *ws.Conn) ws.Handler { return echoer{c} })
			defer f.stop()
			arrived := f.drain(burst * frame.Len())
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				arrived.Add(clients)
				for range burst {
					for _, conn := range f.conns {
						_ = conn.Send(frame)
					}
				}
				arrived.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/conn")
		})
		b.Run(fmt.Sprintf("write/%d", burst), func(b *testing.B) {
			f := newFleet(b, 0, limits, nil)
			ours := f.raw(b, clients)
			defer f.stop()
			arrived := f.drain(burst * frame.Len())
			wire := make([]byte, burst*frame.Len())
			b.ResetTimer()
			for b.Loop() {
				arrived.Add(clients)
				for _, raw := range ours {
					_ = raw.Write(func(fd uintptr) bool {
						_, _ = syscall.Write(int(fd), wire)
						return true
					})
				}
				arrived.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/conn")
		})
	}
}

// drain reads in all peers, and tells of so many bytes each.
func (f *fleet) drain(size int) *sync.WaitGroup {
	var arrived sync.WaitGroup
	for _, peer := range f.peers {
		go func() {
			buf := make([]byte, size)
			for {
				if _, err := io.ReadFull(peer, buf); err != nil {
					return
				}
				arrived.Done()
			}
		}()
	}
	return &arrived
}

// raw is so many connections that nobody serves.
func (f *fleet) raw(b *testing.B, n int) (ours []syscall.RawConn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for range n {
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			b.Fatal(err)
		}
		raw, _ := nc.(*net.TCPConn).SyscallConn()
		ours, f.peers = append(ours, raw), append(f.peers, peer)
		b.Cleanup(func() { _ = nc.Close() })
	}

	return ours
}

// BenchmarkIdle tells what an idle connection keeps, besides its net.TCPConn.
func BenchmarkIdle(b *testing.B) {
	const clients = 5000
	for b.Loop() {
		f := newFleet(b, 0, nil, nil)
		var conns []net.Conn
		l, _ := net.Listen("tcp", "127.0.0.1:0")
		for range clients {
			peer, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			nc, _ := l.Accept()
			conns, f.peers = append(conns, nc), append(f.peers, peer)
		}
		before := inUse()
		for _, nc := range conns {
			conn := ws.New(nc, nil, nil)
			f.conns = append(f.conns, conn)
			conn.Serve(f.p, echoer{conn})
		}
		b.ReportMetric((inUse()-before)/clients, "bytes/conn")
		b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
		_ = l.Close()
		f.stop()
	}
}

func inUse() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
