package processtest_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// leave makes a process leave a goroutine behind, by a bare go statement in a handler.
func leave(t testing.TB, ctx context.Context, free chan struct{}) {
	t.Helper()
	must(t, process.Run(ctx, spawn(t, ctx, openTally), func(*tally, context.Context) error {
		go func() { <-free }()
		return nil
	}))
}

func TestMarkFindsWhatIsLeft(t *testing.T) {
	free := make(chan struct{})
	defer close(free)
	const patience = 20 * time.Millisecond
	start := time.Now()
	said := pretend(t, func(t testing.TB, ctx context.Context) {
		_, leaks := processtest.Mark(t, ctx, patience)
		t.Cleanup(leaks) // not the first: it says nothing
		leave(t, ctx, free)
		t.Errorf("so that the node does not wait for it")
	})
	if said != "so that the node does not wait for it" {
		t.Errorf("it said: %s", said)
	}

	f := &fake{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, leaks := processtest.Mark(f, t.Context(), patience)
		node := process.NewNode(ctx)
		for range 2 {
			leave(t, node.Context(ctx), free)
		}
		node.Close()
		leaks()
	}()
	<-done
	said = strings.Join(f.said, "\n")
	if !strings.HasPrefix(said, "what the test started still runs, 20ms after its end:\n\n2 with this stack:\n") || strings.Count(said, "stack") != 1 {
		t.Errorf("it said: %s", said)
	}
	if !strings.Contains(said, "leave") || !strings.Contains(said, "leak_test.go:") {
		t.Errorf("the stack does not say where it is: %s", said)
	}
	if d := time.Since(start); d < patience {
		t.Errorf("it gave up after %v", d)
	}
}

func TestMarkInABubbleLeavesItToTheBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leaks := processtest.Mark(t, t.Context(), time.Hour)
		free := make(chan struct{})
		defer close(free)
		go func() { <-free }()
		if leaks(); ctx != t.Context() {
			t.Error("it marked the goroutines of a bubble")
		}
	})
}

func TestNodeWaitsForGoroutinesThatAreAboutToEnd(t *testing.T) {
	before, free := make(chan struct{}), make(chan struct{})
	go func() { <-before }() // not of the test below
	defer close(before)
	fails(t, "", func(t testing.TB, ctx context.Context) {
		other := processtest.Node(t)
		must(t, process.Run(ctx, spawn(t, other, openTally), func(_ *tally, ctx context.Context) error {
			return process.Go(ctx, func(ctx context.Context) error { <-ctx.Done(); return nil })
		}))
		go func() { <-t.Context().Done(); <-free }()
		time.AfterFunc(20*time.Millisecond, func() { close(free) })
	})
}

// Tests that run at the same time are not blamed for each other.
func TestLeaksOfOthers(t *testing.T) {
	free := make(chan struct{})
	defer close(free)
	fails(t, "", func(innocent testing.TB, ctx context.Context) {
		processtest.Settle(innocent, ctx, spawn(innocent, ctx, openTally))
		started := make(chan struct{})
		go pretend(t, func(guilty testing.TB, ctx context.Context) {
			leave(guilty, ctx, free)
			close(started)
			guilty.Errorf("so that the node does not wait for it")
		})
		<-started
	})
}
