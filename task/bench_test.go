package task_test

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/task"
)

func BenchmarkAsyncAwait(b *testing.B) {
	n := process.NewNode(context.Background())
	b.Cleanup(n.Close)
	ctx := n.Context(context.Background())
	one := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := task.Async(ctx, one).Await(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBare is what AsyncAwait is to be compared with: a goroutine that answers once.
func BenchmarkBare(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		done := make(chan int, 1)
		go func() { done <- 1 }()
		<-done
	}
}

func BenchmarkStream(b *testing.B) {
	n := process.NewNode(context.Background())
	b.Cleanup(n.Close)
	ctx := n.Context(context.Background())
	b.ReportAllocs()
	in := func(yield func(int) bool) {
		for b.Loop() && yield(1) {
		}
	}
	for range task.Stream(ctx, in, func(_ context.Context, n int) (int, error) { return n, nil }) {
	}
}
