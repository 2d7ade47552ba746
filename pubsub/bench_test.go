package pubsub_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

// counter is a subscriber that says when all have heard.
type counter struct {
	left *atomic.Int64
	done chan struct{}
}

func (c *counter) OnNumber(context.Context, int) error {
	if c.left.Add(-1) == 0 {
		c.done <- struct{}{}
	}
	return nil
}

// BenchmarkPublish publishes to 1,000 subscribers, and waits until all have heard.
func BenchmarkPublish(b *testing.B) {
	const subscribers = 1000
	ctx, _ := newNode(b)
	var left atomic.Int64
	done := make(chan struct{}, 1)
	for range subscribers {
		_, err := process.Spawn(ctx, func(ctx context.Context) (*counter, error) {
			_, err := pubsub.Subscribe(ctx, Numbers, (*counter).OnNumber)
			return &counter{&left, done}, err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		left.Store(subscribers)
		publish(b, ctx, 1)
		<-done
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/subscribers, "ns/message")
}

// BenchmarkPublishToNobody is a topic without subscribers.
func BenchmarkPublishToNobody(b *testing.B) {
	ctx, _ := newNode(b)
	b.ReportAllocs()
	for b.Loop() {
		publish(b, ctx, 1)
	}
}
