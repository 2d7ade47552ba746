package web_test

import (
	"context"
	"hash/fnv"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/web"
)

// serveFor serves until the benchmark ends.
func serveFor(b *testing.B, h http.Handler) *web.Endpoint {
	b.Helper()
	e := &web.Endpoint{Addr: "127.0.0.1:0", Handler: h, ReadTimeout: -1, WriteTimeout: -1}
	ctx, cancel := context.WithCancel(new(book).context(context.Background(), 100))
	if err := e.Start(ctx); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- e.Serve(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return e
}

// compare reports what a neighbour's requests took when the machine was idle, and when not.
func compare(b *testing.B, idle, loaded report) {
	for _, r := range []report{idle, loaded} {
		if len(r.Statuses) != 1 || r.Statuses[200] == 0 {
			b.Fatalf("the neighbour was answered: %v", r.Statuses)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(idle.P50), "idle-p50-ns")
	b.ReportMetric(float64(idle.P99), "idle-p99-ns")
	b.ReportMetric(float64(loaded.P50), "loaded-p50-ns")
	b.ReportMetric(float64(loaded.P99), "loaded-p99-ns")
	b.ReportMetric(float64(loaded.P99)/float64(idle.P99), "p99-ratio")
}

// BenchmarkNeighbourOfHeld asks a quick route, of a server in this process, while 10,000
// requests are held open: 500 requests a second, from another process.
func BenchmarkNeighbourOfHeld(b *testing.B) {
	for b.Loop() {
		const all = 10_000
		var entered atomic.Int64
		full, release := make(chan struct{}), make(chan struct{})
		router := neighbours()
		router.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			if entered.Add(1) == all {
				close(full)
			}
			<-release
		}, web.Quiet)
		e := serveFor(b, router)
		ask := func() report {
			r, _ := client(b, order{Addr: e.ListenAddr(), Path: "/json", Ask: 4 * time.Second})
			return <-r
		}
		idle := ask()
		held, _ := client(b, order{Addr: e.ListenAddr(), Path: "/slow", Hold: all})
		<-full
		loaded := ask()
		close(release)
		<-held
		compare(b, idle, loaded)
	}
}

// large allocates 500 MB in pieces that the garbage collector has to look at, and computes
// for a second or so.
func large(http.ResponseWriter, *http.Request) {
	const piece = 1 << 10
	pages := make([][]byte, 500_000_000/piece)
	for i := range pages {
		pages[i] = make([]byte, piece)
		pages[i][0] = byte(i)
	}
	h := fnv.New64a()
	for range 2 {
		for _, page := range pages {
			_, _ = h.Write(page)
		}
	}
	runtime.KeepAlive(pages)
}

// BenchmarkNeighbourOfLarge asks a quick route while 8 requests of 500 MB compute.
func BenchmarkNeighbourOfLarge(b *testing.B) {
	for name, plugs := range map[string][]web.Plug{
		"none":    {web.Quiet},
		"running": {web.Quiet, (&web.Concurrency{Running: 1, Wait: time.Hour}).Plug},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				router := neighbours()
				router.HandleFunc("GET /large", large, plugs...)
				e := serveFor(b, router)
				finished, _ := client(b, order{Addr: e.ListenAddr(), Path: "/json", Ask: 4 * time.Second})
				idle := <-finished
				finished, stop := client(b, order{Addr: e.ListenAddr(), Path: "/json"})
				held, _ := client(b, order{Addr: e.ListenAddr(), Path: "/large", Hold: 8})
				<-held
				stop()
				compare(b, idle, <-finished)
				runtime.GC()
			}
		})
	}
}
