package channel

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
	"github.com/bennu-go/bennu/process"
)

// sent is the text of a frame.
func sent(t *testing.T, f ws.Frame) string {
	t.Helper()
	server, client := wstest.Pipe(ws.Limits{MaxPendingBytes: 1 << 30, MaxMessageBytes: 1 << 30})
	defer client.Hangup()
	if err := server.Send(f); err != nil {
		t.Fatal(err)
	}
	_, text, err := client.Read()
	if err != nil {
		t.Fatal(err)
	}
	client.Hangup()
	_, _, _ = server.ReadMessage()
	<-server.Done()
	return string(text)
}

// inBubble runs a socket with one connection in a bubble, where time does not pass by
// itself.
func inBubble(t *testing.T, s *Socket, test func(t *testing.T, conn process.Ref[conn], c *wstest.Client)) {
	synctest.Test(t, func(t *testing.T) {
		node := process.NewNode(t.Context())
		ctx, stop := context.WithCancel(node.Context(t.Context()))
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx) }()
		w, c := wstest.Pipe(s.Limits.ws())
		open := func(ctx context.Context) (*conn, error) { return openConn(ctx, s, w, url.Values{}) }
		ref, err := process.Spawn(ctx, open)
		if err != nil {
			t.Fatal(err)
		}
		test(t, ref, c)
		c.Hangup()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		<-w.Done()
		node.Close()
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes are left: %+v", n, node.Processes())
		}
	})
}

func send(t *testing.T, c *wstest.Client, text string) {
	t.Helper()
	if err := c.Text(text); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, c *wstest.Client, want string) {
	t.Helper()
	if _, got, err := c.Read(); err != nil || string(got) != want {
		t.Fatalf("%s, %v; not %s", got, err, want)
	}
}

func expectClose(t *testing.T, c *wstest.Client, want ws.Code) {
	t.Helper()
	_, got, err := c.Read()
	if end, ok := err.(*ws.CloseError); !ok || end.Code != want {
		t.Fatalf("%s, %v; not a close with %d", got, err, want)
	}
}

type sleeper struct{}

// sleeping is a channel that takes its time, whatever its context says.
func sleeping(inJoin, inJoined time.Duration) Channel {
	join := func(_ context.Context, j Join[struct{}]) (*sleeper, error) {
		if j.Key == "slow" {
			time.Sleep(inJoin)
		}
		return new(sleeper), nil
	}
	joined := func(s *sleeper, ctx context.Context) (map[string]int, error) {
		if inJoined > 0 {
			time.Sleep(inJoined)
		}
		return map[string]int{"a": 1}, nil
	}
	nap := func(*sleeper, context.Context) error {
		time.Sleep(time.Hour)
		return nil
	}
	return Topic("nap:*", join, Joined(joined), Run("nap", nap))
}

// TestAbandonedJoin: a join that does not hear that it is called off is given up after
// 5 s, and what it still does is not seen.
func TestAbandonedJoin(t *testing.T) {
	for name, channel := range map[string]Channel{
		"in its constructor": sleeping(time.Hour, 0),
		"in Joined":          sleeping(0, 7*time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, &Socket{Channels: []Channel{channel}, Limits: Limits{Idle: 24 * time.Hour}}, func(t *testing.T, _ process.Ref[conn], c *wstest.Client) {
				began := time.Now()
				send(t, c, `["1","1","nap:slow","phx_join",{}]`)
				synctest.Wait()
				send(t, c, `["2","2","nap:slow","phx_join",{}]`)
				expect(t, c, `["1","1","nap:slow","phx_reply",{"status":"error","response":{"reason":"join crashed"}}]`)
				if d := time.Since(began); d != 5*time.Second {
					t.Errorf("after %v", d)
				}
				expect(t, c, `["2","2","nap:slow","phx_reply",{"status":"ok","response":{"a":1}}]`)
				time.Sleep(time.Hour)
				send(t, c, `[null,"3","phoenix","heartbeat",{}]`)
				expect(t, c, `[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`)
			})
		})
	}
}

// TestAbandonedHandler: a handler that outlives its channel answers nobody.
func TestAbandonedHandler(t *testing.T) {
	inBubble(t, &Socket{Channels: []Channel{sleeping(0, 0)}, Limits: Limits{Idle: 24 * time.Hour}}, func(t *testing.T, _ process.Ref[conn], c *wstest.Client) {
		send(t, c, `["1","1","nap:1","phx_join",{}]`)
		expect(t, c, `["1","1","nap:1","phx_reply",{"status":"ok","response":{"a":1}}]`)
		send(t, c, `["1","2","nap:1","nap",{}]`)
		synctest.Wait()
		send(t, c, `["3","3","nap:1","phx_join",{}]`)
		expect(t, c, `["3","3","nap:1","phx_reply",{"status":"ok","response":{"a":1}}]`)
		expect(t, c, `["1","1","nap:1","phx_close",{}]`)
		time.Sleep(2 * time.Hour)
		send(t, c, `[null,"4","phoenix","heartbeat",{}]`)
		expect(t, c, `[null,"4","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	})
}

// TestHeartbeatsKeepItOpen, and silence of 60 s does not.
func TestHeartbeatsKeepItOpen(t *testing.T) {
	inBubble(t, new(Socket), func(t *testing.T, _ process.Ref[conn], c *wstest.Client) {
		for range 10 {
			time.Sleep(59 * time.Second)
			send(t, c, `[null,"1","phoenix","heartbeat",{}]`)
			expect(t, c, `[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`)
		}
		began := time.Now()
		expectClose(t, c, ws.ProtocolError)
		if d := time.Since(began); d != 60*time.Second {
			t.Errorf("after %v", d)
		}
	})
}

// TestSilentClientDoesNotHoldUpTheStop: one that does not answer the close is cut within
// the time that a process has for its end, so that nothing is abandoned.
func TestSilentClientDoesNotHoldUpTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := process.NewNode(t.Context())
		defer node.Close()
		ctx, stop := context.WithCancel(node.Context(t.Context()))
		s := new(Socket)
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		w, c := wstest.Pipe(s.Limits.ws())
		defer c.Hangup()
		open := func(ctx context.Context) (*conn, error) { return openConn(ctx, s, w, url.Values{}) }
		if _, err := process.Spawn(ctx, open); err != nil {
			t.Fatal(err)
		}
		stop()
		go func() { _, _, _ = c.Read() }()
		began := time.Now()
		if err := s.Serve(ctx); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != closeTimeout {
			t.Errorf("it took %v", d)
		}
		select {
		case <-w.Done():
		default:
			t.Error("the connection is open")
		}
	})
}

// TestConnectionEndsWithItsProcess, however that ends.
func TestConnectionEndsWithItsProcess(t *testing.T) {
	for reason, want := range map[process.Reason]ws.Code{
		process.Shutdown: ws.Restart,
		errors.New("x"):  ws.InternalError,
	} {
		t.Run(reason.Error(), func(t *testing.T) {
			inBubble(t, &Socket{Channels: []Channel{sleeping(0, 0)}}, func(t *testing.T, conn process.Ref[conn], c *wstest.Client) {
				send(t, c, `["1","1","nap:1","phx_join",{}]`)
				expect(t, c, `["1","1","nap:1","phx_reply",{"status":"ok","response":{"a":1}}]`)
				if err := process.Exit(t.Context(), conn, reason); err != nil {
					t.Fatal(err)
				}
				expectClose(t, c, want)
			})
		})
	}
}

// TestHeldFrames: what is pushed before a slow join is replied to is bounded.
func TestHeldFrames(t *testing.T) {
	const most = 8
	limits := Limits{PendingMessages: most, PendingBytes: 10_000}.orDefaults()
	for name, test := range map[string]struct {
		frames, size int
		closed       bool
	}{
		"at the limit of frames":    {most, 10, false},
		"above the limit of frames": {most + 1, 10, true},
		"below the limit of bytes":  {4, 2000, false},
		"above the limit of bytes":  {4, 2600, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, c := wstest.Pipe(limits.ws())
				defer c.Hangup()
				client := newClient(w, limits, inbound{ref: ptr("1"), topic: "t"})
				for range test.frames {
					client.send(ws.Text([]byte(strings.Repeat("x", test.size))))
				}
				if test.closed {
					expectClose(t, c, ws.TryAgainLater)
					return
				}
				synctest.Wait()
				w.Close(ws.Normal, "")
				expectClose(t, c, ws.Normal)
			})
		})
	}
}
