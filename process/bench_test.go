package process_test

import (
	"context"
	"runtime"
	"sync/atomic"
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

// node of a ring: it casts what it gets to the next one.
type hop struct {
	next process.Ref[hop]
	done chan struct{}
}

func (h *hop) Pass(ctx context.Context, laps int) error {
	if h.done != nil {
		if laps--; laps == 0 {
			h.done <- struct{}{}
			return nil
		}
	}
	return process.Cast(ctx, h.next, (*hop).Pass, laps)
}

func (h *hop) Join(_ context.Context, next process.Ref[hop]) error { h.next = next; return nil }

func benchRing(b *testing.B, members int) {
	ctx := benchNode(b)
	done := make(chan struct{})
	refs := make([]process.Ref[hop], members)
	for i := range refs {
		ref, err := process.Spawn(ctx, func(context.Context) (*hop, error) {
			if i == 0 {
				return &hop{done: done}, nil
			}
			return new(hop), nil
		})
		if err != nil {
			b.Fatal(err)
		}
		refs[i] = ref
	}
	for i := range refs {
		if err := process.Do(ctx, refs[i], (*hop).Join, refs[(i+1)%members]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := process.Cast(ctx, refs[0], (*hop).Pass, b.N/members+2); err != nil {
		b.Fatal(err)
	}
	<-done
}

// One op is one hop.
func BenchmarkRing(b *testing.B)     { benchRing(b, 1000) }
func BenchmarkPingPong(b *testing.B) { benchRing(b, 2) }

func BenchmarkCast100(b *testing.B) {
	ctx := benchNode(b)
	ref := spawnCounter(b, ctx)
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := process.Cast(ctx, ref, (*counter).Add, 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
	if n, err := process.Ask(ctx, ref, (*counter).Total); err != nil || n != b.N {
		b.Fatalf("handled %d of %d, %v", n, b.N, err)
	}
}

func BenchmarkCall100(b *testing.B) {
	ctx := benchNode(b)
	ref := spawnCounter(b, ctx)
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := process.Call(ctx, ref, (*counter).Sum, 1); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// One op is one look-up of a name.
func BenchmarkLookUp(b *testing.B) {
	ctx := benchNode(b)
	const name process.Name[counter] = "counter"
	_, err := process.Spawn(ctx, func(ctx context.Context) (*counter, error) {
		_, err := process.Register(ctx, name)
		return new(counter), err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := name.Ref(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLaunch(b *testing.B) {
	ctx := benchNode(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := process.Launch(ctx, openCounter); err != nil {
			b.Fatal(err)
		}
	}
}

type member struct{ heard *atomic.Int64 }

func (m *member) Event(context.Context, int) error { m.heard.Add(1); return nil }

// One op is one delivery to one of 10,000 members, from outside.
func BenchmarkCastAll(b *testing.B) {
	const members = 10_000
	const group process.Group[member] = "members"
	ctx := benchNode(b)
	var heard atomic.Int64
	for range members {
		_, err := process.Spawn(ctx, func(ctx context.Context) (*member, error) {
			_, err := process.Join(ctx, group)
			return &member{&heard}, err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	rounds := b.N/members + 1
	for i := range rounds {
		if err := process.CastAll(ctx, group, (*member).Event, i); err != nil {
			b.Fatal(err)
		}
		for heard.Load() < int64(members*(i+1)) {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rounds*members), "ns/delivery")
}
