package process_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/bennu-go/bennu/process"
)

type counter struct{ n int }

func (c *counter) Add(_ context.Context, by int) error        { c.n += by; return nil }
func (c *counter) Sum(_ context.Context, by int) (int, error) { c.n += by; return c.n, nil }
func (c *counter) Total(context.Context) (int, error)         { return c.n, nil }

func openCounter(context.Context) (*counter, error) { return new(counter), nil }

// BenchmarkCast ends when all messages are handled.
func BenchmarkCast(b *testing.B) {
	ctx := benchNode(b)
	ref := spawnCounter(b, ctx)
	b.ReportAllocs()
	for b.Loop() {
		if err := process.Cast(ctx, ref, (*counter).Add, 1); err != nil {
			b.Fatal(err)
		}
	}
	if n, err := process.Ask(ctx, ref, (*counter).Total); err != nil || n != b.N {
		b.Fatalf("handled %d of %d, %v", n, b.N, err)
	}
}

func BenchmarkCall(b *testing.B) {
	ctx := benchNode(b)
	ref := spawnCounter(b, ctx)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := process.Call(ctx, ref, (*counter).Sum, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpawn(b *testing.B) {
	ctx := benchNode(b)
	b.ReportAllocs()
	for b.Loop() {
		spawnCounter(b, ctx)
	}
}

// BenchmarkBareCall is what Call is to be compared with: a goroutine that answers
// once over a channel.
func BenchmarkBareCall(b *testing.B) {
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan int, 1)
		go func() { n++; done <- n }()
		<-done
	}
}

type empty struct{}

func openEmpty(context.Context) (*empty, error) { return new(empty), nil }

func BenchmarkIdleProcess(b *testing.B) {
	const processes = 100_000
	ctx := benchNode(b)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	before, goroutines := heap(), runtime.NumGoroutine()
	for b.Loop() {
	}
	for range processes {
		if _, err := process.Spawn(ctx, openEmpty); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/processes, "B/process")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines), "goroutines")
}

func benchNode(b *testing.B) context.Context {
	n := process.NewNode(b.Context())
	b.Cleanup(n.Close)
	return n.Context(b.Context())
}

func spawnCounter(b *testing.B, ctx context.Context) process.Ref[counter] {
	ref, err := process.Spawn(ctx, openCounter)
	if err != nil {
		b.Fatal(err)
	}
	return ref
}
