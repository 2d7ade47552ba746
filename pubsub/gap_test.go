package pubsub_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
	"github.com/bennu-go/bennu/telemetry"
)

// block keeps the board busy until release is called, with an empty mailbox.
func block(t *testing.T, ctx context.Context, ref process.Ref[board]) (release func()) {
	t.Helper()
	until := make(chan struct{})
	if err := process.Cast(ctx, ref, (*board).Wait, until); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return func() { close(until) }
}

func TestAFullMailboxLosesAndSaysSo(t *testing.T) {
	for _, c := range []struct {
		size int
		sent int
		lost int
	}{{4, 3, 0}, {4, 4, 0}, {4, 5, 1}, {4, 100, 96}, {1, 2, 1}} {
		for _, told := range []bool{true, false} {
			bubble(t, func(t *testing.T, ctx context.Context, counters *telemetry.Counters) {
				var opts []pubsub.Option[board]
				if told {
					opts = append(opts, pubsub.OnGap((*board).OnGap))
				}
				b, ref := spawn(t, ctx, c.size, opts...)
				other, _ := spawn(t, ctx, 0)
				release := block(t, ctx, ref)
				var want, all []int
				for i := range c.sent {
					publish(t, ctx, i+1)
					all = append(all, i+1)
					if i < c.size {
						want = append(want, i+1)
					}
				}
				release()
				b.expect(t, want...)
				if n := counters.Counter("pubsub.lost").Value(); n != int64(c.lost) {
					t.Errorf("%+v: %d lost", c, n)
				}
				publish(t, ctx, 1001)
				want = []int{1001}
				if told && c.lost > 0 {
					want = []int{-c.lost, 1001}
				}
				b.expect(t, want...)
				publish(t, ctx, 1002)
				b.expect(t, 1002) // told once
				other.expect(t, append(all, 1001, 1002)...)
			})
		}
	}
}

func TestTwoGaps(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, counters *telemetry.Counters) {
		b, ref := spawn(t, ctx, 2, pubsub.OnGap((*board).OnGap))
		release := block(t, ctx, ref)
		publish(t, ctx, 1, 2, 3, 4)
		release()
		b.expect(t, 1, 2)

		release = block(t, ctx, ref)
		publish(t, ctx, 5, 6, 7, 8, 9) // a gap takes no room of its own
		release()
		b.expect(t, -2, 5, 6)

		publish(t, ctx, 10)
		b.expect(t, -3, 10)
		publish(t, ctx, 11)
		b.expect(t, 11)
		if n := counters.Counter("pubsub.lost").Value(); n != 5 {
			t.Errorf("%d lost", n)
		}
	})
}

// A gap belongs to the incarnation too: a new one starts without.
func TestAGapEndsWithItsSubscription(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context, _ *telemetry.Counters) {
		b, ref := spawn(t, ctx, 2, pubsub.OnGap((*board).OnGap))
		release := block(t, ctx, ref)
		publish(t, ctx, 1, 2, 3, 4)
		release()
		b.expect(t, 1, 2)
		if err := process.Run(ctx, ref, (*board).Again); err != nil {
			t.Error(err)
		}
		publish(t, ctx, 5)
		b.expect(t, 5)
	})
}

// Again subscribes anew.
func (b *board) Again(ctx context.Context) (err error) {
	b.sub.Stop()
	b.sub, err = pubsub.Subscribe(ctx, Numbers, (*board).OnNumber, pubsub.OnGap((*board).OnGap))
	return err
}
