package channel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

type sleeper struct{}

// sleeping is a channel that takes its time, whatever its context says.
func sleeping(inJoin, inJoined time.Duration) channel.Channel {
	join := func(_ context.Context, j channel.Join[struct{}]) (*sleeper, error) {
		if j.Key == "slow" {
			time.Sleep(inJoin)
		}
		return new(sleeper), nil
	}
	joined := func(s *sleeper, ctx context.Context) (number, error) {
		if inJoined > 0 {
			time.Sleep(inJoined)
		}
		return number{1}, nil
	}
	nap := func(_ *sleeper, _ context.Context, d time.Duration) error {
		time.Sleep(d)
		return nil
	}
	return channel.Topic("nap:*", join, channel.Joined(joined), channel.Do("nap", nap))
}

// serveUnchecked is Serve for tests that abandon processes on purpose.
func serveUnchecked(t *testing.T, socket *channel.Socket) (ctx context.Context, stop func()) {
	node := process.NewNode(telemetry.WithLogger(context.Background(), telemetry.Log(context.Background())))
	ctx = node.Context(context.Background())
	must(t, socket.Start(ctx))
	until, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- socket.Serve(until) }()
	return ctx, func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		node.Close()
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes are left: %+v", n, node.Processes())
		}
	}
}

// TestAbandonedJoin: a join that does not hear that it is called off is given up after
// 5 s, and what it still does is not seen.
func TestAbandonedJoin(t *testing.T) {
	for name, slow := range map[string]channel.Channel{
		"in its constructor": sleeping(time.Hour, 0),
		"in Joined":          sleeping(0, 7*time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				socket := socketOf(slow)
				ctx, stop := serveUnchecked(t, socket)
				defer stop()
				c := channeltest.ConnectTo(t, ctx, socket)
				defer c.Drop()
				began := time.Now()
				c.Send(`["1","1","nap:slow","phx_join",{}]`)
				synctest.Wait()
				c.Send(`["2","2","nap:slow","phx_join",{}]`)
				time.Sleep(5 * time.Second)
				c.Expect(`["1","1","nap:slow","phx_reply",{"status":"error","response":{"reason":"join crashed","kind":"internal error"}}]`)
				if d := time.Since(began); d != 5*time.Second {
					t.Errorf("after %v", d)
				}
				time.Sleep(time.Hour)
				c.Expect(`["2","2","nap:slow","phx_reply",{"status":"ok","response":{"n":1}}]`)
				c.ExpectNothing()
				if n := channel.Listeners(ctx, "nap:slow"); n != 1 {
					t.Errorf("%d listen", n)
				}
			})
		})
	}
}

// TestAbandonedHandler: a handler that outlives its channel answers nobody.
func TestAbandonedHandler(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		socket := socketOf(sleeping(0, 0))
		ctx, stop := serveUnchecked(t, socket)
		defer stop()
		c := channeltest.ConnectTo(t, ctx, socket)
		defer c.Drop()
		c.Send(`["1","1","nap:1","phx_join",{}]`)
		c.Expect(`["1","1","nap:1","phx_reply",{"status":"ok","response":{"n":1}}]`)
		c.Send(`["1","2","nap:1","nap",3600000000000]`)
		synctest.Wait()
		c.Send(`["3","3","nap:1","phx_join",{}]`)
		time.Sleep(5 * time.Second)
		c.Expect(`["3","3","nap:1","phx_reply",{"status":"ok","response":{"n":1}}]`)
		c.Expect(`["1","1","nap:1","phx_close",{}]`)
		time.Sleep(2 * time.Hour)
		c.ExpectNothing()
	})
}
