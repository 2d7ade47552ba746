package memnet_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/bennu-go/bennu/internal/memnet"
)

// BenchmarkThroughput copies from one goroutine to another.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{100, 4096, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			client, server := pair(b)
			read := make(chan error, 1)
			go func() {
				_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{server}, make([]byte, 64<<10))
				read <- err
			}()
			block := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Write(block); err != nil {
					b.Fatal(err)
				}
			}
			_ = client.Close()
			if err := <-read; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPingPong is a byte to another goroutine and back: "read" by goroutines that wait
// in Read, "try" by calls of what Notify was given, in one goroutine.
func BenchmarkPingPong(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		client, server := pair(b)
		echoed := make(chan struct{})
		go func() {
			defer close(echoed)
			one := make([]byte, 1)
			for {
				if _, err := server.Read(one); err != nil {
					return
				}
				_, _ = server.Write(one)
			}
		}()
		one := make([]byte, 1)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = client.Write(one)
			if _, err := client.Read(one); err != nil {
				b.Fatal(err)
			}
		}
		_ = client.Close()
		<-echoed
	})
	b.Run("try", func(b *testing.B) {
		client, server := pair(b)
		echo := make([]byte, 1)
		server.Notify(func() {
			if _, err := server.TryRead(echo); err == nil {
				_, _ = server.TryWrite(echo)
			}
		})
		one := make([]byte, 1)
		b.ReportAllocs()
		for b.Loop() {
			_, _ = client.TryWrite(one)
			if _, err := client.TryRead(one); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIdle tells what a pair takes of the heap: before anything was sent, and
// when all has been read.
func BenchmarkIdle(b *testing.B) {
	const pairs = 10_000
	l := memnet.Listen()
	defer l.Close()
	ends := make([][2]*memnet.Conn, pairs)
	for b.Loop() {
		clear(ends)
		before := inUse()
		accepted := make(chan net.Conn)
		go func() {
			for range pairs {
				c, _ := l.Accept()
				accepted <- c
			}
		}()
		for i := range ends {
			client, err := l.Dial(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			ends[i] = [2]*memnet.Conn{client, (<-accepted).(*memnet.Conn)}
		}
		b.ReportMetric((inUse()-before)/pairs, "bytes/pair")
		one := make([]byte, 1)
		for _, end := range ends {
			_, _ = end[0].Write(one)
		}
		b.ReportMetric((inUse()-before)/pairs, "bytes/unread-pair")
		for _, end := range ends {
			_, _ = end[1].Read(one)
		}
		b.ReportMetric((inUse()-before)/pairs, "bytes/drained-pair")
	}
	runtime.KeepAlive(ends)
}

func inUse() float64 {
	for range 3 { // what lies in a pool survives the first
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}
