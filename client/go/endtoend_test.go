package client_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

type count struct {
	N int `json:"n"`
}

const counted channel.Event[count] = "counted"

// counter is a channel that counts what it carries out.
type counter struct {
	client *channel.Client
	topic  string
	n      *atomic.Int64
}

func (c *counter) add(ctx context.Context, _ count) (count, error) {
	n := count{int(c.n.Add(1))}
	return n, channel.Broadcast(ctx, c.topic, counted, n)
}

func (c *counter) later(context.Context, count) (count, error) {
	reply := channel.Defer[count](c.client)
	go reply.Send(count{}, nil)
	return count{}, process.Deferred
}

func (c *counter) mirror(_ context.Context, in channel.Binary) (channel.Binary, error) {
	return append(in, '!'), nil
}

func (c *counter) crash(context.Context) error { panic("on purpose") }

// TestKindsOverTheWire has each kind of error come back as what it was, from a join and from
// a call.
func TestKindsOverTheWire(t *testing.T) {
	kind := func(n count) error {
		if n.N < 0 {
			return nil
		}
		return fault.Kind(n.N).Errorf("as asked")
	}
	s := channeltest.Listen(t, &channel.Socket{Channels: []channel.Channel{channel.Topic("room:*",
		func(_ context.Context, j channel.Join[count]) (*count, error) { return new(count), kind(j.Params) },
		channel.Do("fail", func(_ *count, _ context.Context, n count) error { return kind(n) }),
	)}})
	socket := dial(t, s.URL(), client.Options{})
	room := socket.Channel("room:good", count{-1})
	if _, err := client.Join[struct{}](t.Context(), room); err != nil {
		t.Fatal(err)
	}
	for k := fault.Internal; k <= fault.Canceled; k++ {
		_, refused := client.Join[struct{}](t.Context(), socket.Channel("room:bad", count{int(k)}))
		_, failed := client.Call[struct{}](t.Context(), room, "fail", count{int(k)})
		want := "as asked"
		if k == fault.Internal {
			want = "internal error"
		}
		for what, err := range map[string]error{"join": refused, "call": failed} {
			var e *client.Error
			if fault.Of(err) != k || fault.Detail(err) != want || !errors.As(err, &e) || e.Status != "error" {
				t.Errorf("%v, by a %s: %v", k, what, err)
			}
		}
	}
}

// TestLongestMessage finds the longest message that the server takes: what is longer is
// refused here, and the connection stays.
func TestLongestMessage(t *testing.T) {
	const most = 1000
	type said struct {
		Text string `json:"text"`
	}
	s := channeltest.Listen(t, &channel.Socket{
		Limits: channel.Limits{MessageBytes: most},
		Channels: []channel.Channel{channel.Topic("room:*",
			func(context.Context, channel.Join[said]) (*count, error) { return new(count), nil },
			channel.Call("size", func(_ *count, _ context.Context, m said) (count, error) { return count{len(m.Text)}, nil }),
		)},
	})
	socket := dial(t, s.URL(), client.Options{})
	var losses atomic.Int64
	socket.OnState(func(client.State, error) { losses.Add(1) })
	room := socket.Channel("room:1", nil)
	if _, err := client.Join[struct{}](t.Context(), room); err != nil {
		t.Fatal(err)
	}
	longest := 0
	for n := most - 100; n <= most; n++ {
		got, err := client.CallAcknowledged[count](t.Context(), room, "size", said{strings.Repeat("x", n)})
		switch {
		case err == nil && got.N == n && longest == n-1 || n == most-100 && err == nil:
			longest = n
		case fault.Of(err) != fault.Invalid:
			t.Fatalf("%d bytes: %+v, %v", n, got, err)
		}
	}
	if longest < most-100 || longest >= most-len(`["1","99","room:1","size",{"text":""},{"id":""}]`) {
		t.Errorf("the longest text has %d bytes", longest)
	}
	if n := losses.Load(); n != 0 {
		t.Errorf("the connection was lost %d times", n)
	}
}

// TestEndToEnd is against the real server: connections are cut and processes crash all the
// time. Each acknowledged call is answered, what answers at once is carried out once, and
// everything that was broadcast is heard once.
func TestEndToEnd(t *testing.T) {
	const callers, each = 4, 40
	const adds = callers / 2 * each
	var n atomic.Int64
	users := &presence.Tracker[count]{Name: "users"}
	join := func(ctx context.Context, j channel.Join[count]) (*counter, error) {
		_, err := users.Track(ctx, j.Topic, "ann", count{7})
		return &counter{j.Client, j.Topic, &n}, err
	}
	handlers := []channel.Handler[counter]{
		channel.Call("add", (*counter).add),
		channel.Call("later", (*counter).later),
		channel.Call("mirror", (*counter).mirror),
		channel.Run("crash", (*counter).crash),
	}
	s := channeltest.Listen(t, &channel.Socket{
		Connect: func(_ context.Context, p *channel.Peer) error { p.ID = "user:1"; return nil },
		Channels: []channel.Channel{channel.Topic("room:*", join, handlers...).With(
			channel.History{Messages: 1000}, channel.Presence(users))},
		Limits: channel.Limits{Joins: channel.Limit{PerSecond: -1}},
	}, supervisor.Child{Name: "users", Run: users})

	room := dial(t, s.URL(), client.Options{Backoff: client.Backoff{Most: time.Millisecond}}).Channel("room:1", count{1})
	heard := make(chan int, 10*callers*each)
	client.On(room, client.Event[count](counted), func(m count) { heard <- m.N })
	if _, err := client.Join[struct{}](t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Call[[]byte](t.Context(), room, "mirror", []byte("ab")); string(got) != "ab!" || err != nil {
		t.Errorf("got %q %v", got, err)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for caller := range callers {
		event := []string{"add", "later"}[caller%2]
		all.Go(func() {
			for i := range each {
				if _, err := client.CallAcknowledged[count](ctx, room, event, count{i}); err != nil {
					t.Errorf("caller %d, call %d: %v", caller, i, err)
					return
				}
				switch {
				case i%10 == 0:
					_ = channel.Disconnect(s.Context(), "user:1")
				case i%10 == 5:
					_ = client.Cast(ctx, room, "crash", nil)
				}
			}
		})
	}
	all.Wait()
	if got := n.Load(); got != adds {
		t.Errorf("%d calls were carried out, want %d", got, adds)
	}
	got := map[int]bool{}
	for range adds {
		select {
		case n := <-heard:
			if got[n] {
				t.Errorf("%d was heard twice", n)
			}
			got[n] = true
		case <-ctx.Done():
			t.Fatalf("%d of %d were heard", len(got), adds)
		}
	}
}
