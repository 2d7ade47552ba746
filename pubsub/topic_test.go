package pubsub_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

func TestSubscribersHearInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		publish(t, ctx, 1) // nobody hears it
		one, _ := spawn(t, ctx, 0)
		publish(t, ctx, 2, 3)
		two, _ := spawn(t, ctx, 0)
		publish(t, ctx, 4, 5, 6)
		if err := pubsub.Publish(ctx, Others, 7); err != nil {
			t.Error(err)
		}
		one.expect(t, 2, 3, 4, 5, 6)
		two.expect(t, 4, 5, 6)
	})
}

func TestATopicHasOneType(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		const Words pubsub.Topic[string] = "numbers"
		if err := pubsub.Publish(ctx, Words, "free while nobody listens"); err != nil {
			t.Error(err)
		}
		b, ref := spawn(t, ctx, 0)
		if err := pubsub.Publish(ctx, Words, "x"); !errors.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
		if _, err := pubsub.Tap(ctx, Words, func(string) {}); !errors.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
		_, err := process.Spawn(ctx, func(ctx context.Context) (*words, error) {
			_, err := pubsub.Subscribe(ctx, Words, (*words).OnWord)
			return &words{}, err
		})
		if !errors.Is(err, fault.Conflict) {
			t.Errorf("got %v", err)
		}
		publish(t, ctx, 1)
		b.expect(t, 1)
		if err := process.Run(ctx, ref, (*board).Leave); err != nil {
			t.Error(err)
		}
		stop, err := pubsub.Tap(ctx, Words, func(string) {})
		if err != nil {
			t.Errorf("the topic is free again, but %v", err)
		}
		stop()
	})
}

type words struct{}

func (*words) OnWord(context.Context, string) error { return nil }

func TestUnsubscribe(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		b, ref := spawn(t, ctx, 0)
		other, _ := spawn(t, ctx, 0)
		release := make(chan struct{})
		if err := process.Cast(ctx, ref, (*board).Wait, release); err != nil {
			t.Error(err)
		}
		if err := process.Signal(ctx, ref, (*board).Leave); err != nil {
			t.Error(err)
		}
		publish(t, ctx, 1) // in the mailbox before it leaves: it still comes
		close(release)
		b.expect(t, 1)
		publish(t, ctx, 2)
		b.expect(t)
		other.expect(t, 1, 2)
	})
}

func TestSubscribeNeedsAProcess(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		if _, err := pubsub.Subscribe(ctx, Numbers, (*board).OnNumber); !errors.Is(err, process.ErrNotHere) {
			t.Errorf("got %v", err)
		}
		if _, err := pubsub.Subscribe(t.Context(), Numbers, (*board).OnNumber); !errors.Is(err, process.ErrNoNode) {
			t.Errorf("got %v", err)
		}
		if err := pubsub.Publish(t.Context(), Numbers, 1); !errors.Is(err, process.ErrNoNode) {
			t.Errorf("got %v", err)
		}
		_, err := process.Spawn(ctx, func(ctx context.Context) (*words, error) {
			_, err := pubsub.Subscribe(ctx, Numbers, (*board).OnNumber) // another type
			return &words{}, err
		})
		if !errors.Is(err, process.ErrNotHere) {
			t.Errorf("got %v", err)
		}
		publish(t, ctx, 1)
	})
}

func TestASubscriptionIsOfAnIncarnation(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		const Board process.Name[board] = "board"
		b, open := openBoard()
		var hold sync.Mutex
		root, err := supervisor.Tree{Children: []supervisor.Child{{
			Run: supervisor.Process(Board, func(ctx context.Context) (*board, error) {
				hold.Lock()
				defer hold.Unlock()
				return open(ctx)
			}),
			Backoff: supervisor.Backoff{First: time.Second},
		}}}.Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		publish(t, ctx, 1)
		b.expect(t, 1)

		release := make(chan struct{})
		if err := process.Cast(ctx, Board, (*board).Wait, release); err != nil {
			t.Error(err)
		}
		if err := process.Signal(ctx, Board, (*board).Crash); err != nil {
			t.Error(err)
		}
		publish(t, ctx, 2) // in the mailbox at the crash: it goes with the incarnation
		close(release)
		synctest.Wait()
		publish(t, ctx, 3) // nobody is subscribed
		time.Sleep(2 * time.Second)
		synctest.Wait()
		publish(t, ctx, 4)
		b.expect(t, 4) // once: it is subscribed once
		root.Stop()
		publish(t, ctx, 5)
		b.expect(t)
	})
}

func TestAHandlerThatFailsCrashes(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, counters *telemetry.Counters) {
		ref, err := process.Spawn(ctx, func(ctx context.Context) (*failing, error) {
			_, err := pubsub.Subscribe(ctx, Numbers, (*failing).OnNumber)
			return &failing{}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, ctx, 1, 2)
		if reason, _ := process.Wait(ctx, ref); reason != errWrong {
			t.Errorf("got %v", reason)
		}
		if n := counters.Counter("process.crashes").Value(); n != 1 {
			t.Errorf("%d crashes", n)
		}
	})
}

type failing struct{}

func (*failing) OnNumber(context.Context, int) error { return errWrong }

func TestPublishToOneself(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, counters *telemetry.Counters) {
		b, ref := spawn(t, ctx, 3, pubsub.OnGap((*board).OnGap))
		if err := process.Do(ctx, ref, (*board).Echo, 3); err != nil {
			t.Error(err)
		}
		b.expect(t, 0, 1, 2)
		if err := process.Do(ctx, ref, (*board).Echo, 10); err != nil {
			t.Error(err)
		}
		publish(t, ctx, 10)
		b.expect(t, 0, 1, 2, -7, 10)
		if n := counters.Counter("pubsub.lost").Value(); n != 7 {
			t.Errorf("%d lost", n)
		}
	})
}

func TestTap(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		var heard []int
		stop, err := pubsub.Tap(ctx, Numbers, func(n int) { heard = append(heard, n) })
		if err != nil {
			t.Fatal(err)
		}
		b, _ := spawn(t, ctx, 0)
		publish(t, ctx, 1, 2) // in this goroutine
		if !slices.Equal(heard, []int{1, 2}) {
			t.Errorf("heard %v", heard)
		}
		stop()
		stop()
		publish(t, ctx, 3)
		if len(heard) != 2 {
			t.Errorf("heard %v after stop", heard)
		}
		b.expect(t, 1, 2, 3)
	})
}

func TestATapThatPanicsHoldsNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		stop, err := pubsub.Tap(ctx, Numbers, func(int) { panic("boom") })
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() { _ = recover() }()
			publish(t, ctx, 1)
		}()
		stop()
		b, _ := spawn(t, ctx, 0)
		publish(t, ctx, 2)
		b.expect(t, 2)
	})
}

// What is published meets a subscription that comes or goes, or it does not; nothing
// else happens, and what stays subscribed hears everything in order.
func TestHammer(t *testing.T) {
	ctx, _ := newNode(t)
	const publishers, each = 4, 500
	var last [publishers]atomic.Int64
	var heard, wild atomic.Int64
	stop, err := pubsub.Tap(ctx, Numbers, func(n int) {
		heard.Add(1)
		if old := last[n/10000].Swap(int64(n)); int64(n) <= old && n%10000 > 0 {
			t.Errorf("%d after %d", n, old)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	steady, ref := spawn(t, ctx, 1_000_000)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, ref := spawn(t, ctx, 1)
				if wild.Add(1)%2 == 0 {
					_ = process.Run(ctx, ref, (*board).Leave)
				}
				_ = process.Exit(ctx, ref, process.Kill)
				tap, err := pubsub.Tap(ctx, Others, func(int) {})
				if err != nil {
					t.Error(err)
				}
				tap()
			}
		})
	}
	var pubs sync.WaitGroup
	for p := range publishers {
		pubs.Go(func() {
			for i := range each {
				publish(t, ctx, p*10000+i)
				if err := pubsub.Publish(ctx, Others, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pubs.Wait()
	close(done)
	wg.Wait()
	stop()
	if err := process.Run(ctx, ref, (*board).Leave); err != nil { // after all that is in its mailbox
		t.Error(err)
	}
	if heard.Load() != publishers*each || len(steady.heard) != publishers*each {
		t.Errorf("the tap heard %d, the board %d", heard.Load(), len(steady.heard))
	}
	var at [publishers]int
	for _, n := range steady.heard {
		if p := n / 10000; n%10000 != at[p] {
			t.Fatalf("%d instead of %d", n, p*10000+at[p])
		} else {
			at[p]++
		}
	}
}
