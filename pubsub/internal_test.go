package pubsub

import (
	"context"
	"strconv"
	"testing"

	"github.com/bennu-go/bennu/process"
)

func TestTopicsDoNotPileUp(t *testing.T) {
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(context.Background())
	h, err := hubOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		topic := Topic[int]("t" + strconv.Itoa(i))
		if err := Publish(ctx, topic, 1); err != nil {
			t.Fatal(err)
		}
		first, err := Tap(ctx, topic, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		second, err := Tap(ctx, topic, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		first()
		if len(h.topics) != 1 {
			t.Fatalf("%d topics", len(h.topics))
		}
		second()
		first()
		if len(h.topics) != 0 {
			t.Fatalf("%d topics are left", len(h.topics))
		}
	}
}

func TestListsOfManySubscribers(t *testing.T) {
	var s subscribers[int]
	var subs []*subscriber[int]
	for range 100 {
		sub := &subscriber[int]{}
		s.add(sub)
		subs = append(subs, sub)
	}
	for i := 0; i < 100; i += 3 {
		s.remove(subs[i])
		s.remove(subs[i])
	}
	if len(s.list) != 66 {
		t.Fatalf("%d are left", len(s.list))
	}
	for i, sub := range s.list {
		if sub.at != i {
			t.Fatalf("%d is at %d", sub.at, i)
		}
	}
	for i, sub := range subs {
		if (sub.at < 0) != (i%3 == 0) {
			t.Fatalf("%d is at %d", i, sub.at)
		}
	}
}
