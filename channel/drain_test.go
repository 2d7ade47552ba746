package channel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process/processtest"
)

var advice = regexp.MustCompile(`^the server restarts; reconnect in (\d+) ms$`)

// TestDrain sends clients away in batches, each with its own advice.
func TestDrain(t *testing.T) {
	for name, test := range map[string]struct {
		drain   channel.Drain
		clients int
		took    time.Duration
	}{
		"nobody":        {clients: 0},
		"one batch":     {drain: channel.Drain{Batch: 10, Every: time.Second}, clients: 10},
		"two batches":   {drain: channel.Drain{Batch: 10, Every: time.Second}, clients: 11, took: time.Second},
		"default batch": {clients: 450, took: 100 * time.Millisecond},
		"batches grow":  {drain: channel.Drain{Batch: 1, Every: 100 * time.Millisecond, Within: time.Second}, clients: 100, took: 900 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := channeltest.Serve(t, &channel.Socket{
					Channels: []channel.Channel{rooms}, Drain: test.drain, ReconnectRate: 100,
				})
				all := make([]*channeltest.Client, test.clients)
				for i := range all {
					all[i] = channeltest.Connect(t, s)
					if i%10 == 0 {
						all[i].Join("room:1", nil)
					}
				}
				began := time.Now()
				s.Stop()
				if took := time.Since(began); took != test.took {
					t.Errorf("it took %v, not %v", took, test.took)
				}
				spread := time.Duration(test.clients) * time.Second / 100
				seen := make(map[int]bool)
				for _, c := range all {
					reason := c.ExpectClose(1012)
					m := advice.FindStringSubmatch(reason)
					if m == nil {
						t.Fatalf("the reason is %q", reason)
					}
					wait, _ := strconv.Atoi(m[1])
					if limit := spread + 100*time.Millisecond; time.Duration(wait)*time.Millisecond > limit {
						t.Errorf("to wait %d ms, and not %v", wait, limit)
					}
					seen[wait*100/1000] = true // which 10 ms: one client each, on the average
				}
				if len(seen) < test.clients/3 {
					t.Errorf("%d clients are to come at %d times", test.clients, len(seen))
				}
			})
		})
	}
}

// TestReconnectAdvice is a minute at most, however many clients there are.
func TestReconnectAdvice(t *testing.T) {
	for name, test := range map[string]struct{ rate, clients, ms int }{
		"default":  {0, 40, 40},
		"negative": {-1, 40, 40},
		"slow":     {10, 40, 4000},
		"slowest":  {1, 61, 60_000},
	} {
		t.Run(name, func(t *testing.T) {
			s := channeltest.Serve(t, &channel.Socket{Channels: []channel.Channel{rooms}, ReconnectRate: test.rate})
			var c *channeltest.Client
			for range test.clients {
				c = channeltest.Connect(t, s)
			}
			c.Send(`["1","1","room:1","phx_join",{},{}]`)
			c.Expect(fmt.Sprintf(`["1","1","room:1","phx_reply",{"status":"ok","response":{}},{"reconnect_ms":%d,"message_bytes":1048576}]`, test.ms))
		})
	}
}

// TestStopWithBusyTopics waits for a handler that runs, not longer than a process has for
// its end.
func TestStopWithBusyTopics(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, socketOf(sleeping(0, 0)))
		c := channeltest.Connect(t, s)
		c.Join("nap:1", nil).Push("nap", 3*time.Second)
		synctest.Wait()
		began := time.Now()
		s.Stop()
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		c.ExpectClose(1012)
		if n := channel.Listeners(s.Context(), "nap:1"); n != 0 {
			t.Errorf("%d listen", n)
		}
	})
}

// TestConnectWhileItStops is refused, or told to come back.
func TestConnectWhileItStops(t *testing.T) {
	socket := socketOf(rooms)
	s := channeltest.Listen(t, socket)
	s.Stop()
	if status := channeltest.DialRefused(t, s.URL()); status != http.StatusServiceUnavailable {
		t.Error(status)
	}
	if err := channeltest.Refused(t, s); err == nil {
		t.Error("it is let in")
	}
}

// TestConnectAtAnyMomentOfTheStop: each client is refused, or told to come back, and nothing
// is left.
func TestConnectAtAnyMomentOfTheStop(t *testing.T) {
	for range 10 {
		socket := &channel.Socket{Channels: []channel.Channel{rooms}, Drain: channel.Drain{Every: time.Millisecond, Within: 10 * time.Millisecond}}
		s := channeltest.Serve(t, socket)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					link := &nowhere{make(chan struct{}, 1)}
					session, err := socket.Accept(s.Context(), &channel.Peer{Params: url.Values{"vsn": {"2.0.0"}}}, link)
					if err != nil {
						return
					}
					session.Text([]byte(`["1","1","room:1","phx_join",{}]`))
					all.Go(func() {
						<-link.closed
						session.Closed(errGone)
					})
				}
			})
		}
		until(t, "nobody has come", func() bool { return channel.Sessions(socket) > 10 })
		s.Stop()
		all.Wait()
		if n := channel.Sessions(socket); n != 0 {
			t.Errorf("%d sessions", n)
		}
	}
}

var errGone = errors.New("gone")

// TestServeWaitsForWhoConnects: else they would meet the socket's next life.
func TestServeWaitsForWhoConnects(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		asked, release := make(chan struct{}), make(chan struct{})
		socket := &channel.Socket{Connect: func(context.Context, *channel.Peer) error {
			close(asked)
			<-release
			return nil
		}}
		ctx, stop := context.WithCancel(processtest.Node(t))
		if err := socket.Start(ctx); err != nil {
			t.Fatal(err)
		}
		served, accepted := make(chan error, 1), make(chan error, 1)
		go func() { served <- socket.Serve(ctx) }()
		go func() {
			_, err := socket.Accept(ctx, &channel.Peer{Params: url.Values{"vsn": {"2.0.0"}}}, nil)
			accepted <- err
		}()
		<-asked
		stop()
		synctest.Wait()
		if len(served) > 0 {
			t.Error("Serve did not wait")
		}
		close(release)
		if err := <-accepted; fault.Of(err) != fault.Unavailable {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
		if _, err := socket.Accept(ctx, &channel.Peer{}, nil); fault.Of(err) != fault.Unavailable {
			t.Error(err)
		}
	})
}
