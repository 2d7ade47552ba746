package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// tally counts how often it is encoded.
type tally struct{ times *atomic.Int64 }

func (c tally) MarshalJSON() ([]byte, error) {
	c.times.Add(1)
	return []byte(`{"a":"<b>"}`), nil
}

func TestBroadcastIsEncodedOnce(t *testing.T) {
	const event channel.Event[tally] = "tallied"
	ctx, url, c := dial(t)
	clients := []*channeltest.Client{c, channeltest.Dial(t, url), channeltest.Dial(t, url)}
	for _, c := range clients {
		c.Join("room:1", nil)
	}
	other := channeltest.Dial(t, url)
	other.Join("room:2", nil)
	var times atomic.Int64
	if err := channel.Broadcast(ctx, "room:1", event, tally{&times}); err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		c.Expect(`[null,null,"room:1","tallied",{"a":"<b>"}]`)
	}
	if n := times.Load(); n != 1 {
		t.Errorf("encoded %d times", n)
	}
	expectReply(t, other.Push("room:2", "all", nil), "ok", `null`) // and nothing before it
}

func TestBroadcastFrom(t *testing.T) {
	_, url, c := dial(t)
	other := channeltest.Dial(t, url)
	c.Join("room:1", nil)
	other.Join("room:1", nil)
	c.Send(`["1","2","room:1","tell",{"text":"hi"}]`)
	c.Expect(`["1","2","room:1","phx_reply",{"status":"ok","response":{}}]`)
	other.Expect(`[null,null,"room:1","said",{"text":"hi"}]`)
	other.Send(`["1","2","room:1","tell",{"text":"hello"}]`)
	c.Expect(`[null,null,"room:1","said",{"text":"hello"}]`)
}

func TestBroadcastAfterLeaveAndCrash(t *testing.T) {
	ctx, _, c := dial(t)
	tell := func() {
		if err := channel.Broadcast(ctx, "room:1", said, text{"hi"}); err != nil {
			t.Fatal(err)
		}
	}
	tell() // to nobody
	c.Join("room:1", nil)
	tell()
	c.Expect(`[null,null,"room:1","said",{"text":"hi"}]`)
	c.Leave("room:1")
	tell()
	c.Join("room:1", nil)
	c.Cast("room:1", "boom", nil)
	c.Expect(`["3","3","room:1","phx_error",{"reason":"channel_crash"}]`)
	tell()
	c.Join("room:1", nil)
	tell()
	c.Expect(`[null,null,"room:1","said",{"text":"hi"}]`)
}

func TestPayloadsThatCannotBeSent(t *testing.T) {
	ctx, _, c := dial(t)
	c.Join("room:1", nil)
	for name, send := range map[string]func() error{
		"a string": func() error { return channel.Broadcast(ctx, "room:1", channel.Event[string]("e"), "x") },
		"a list":   func() error { return channel.Broadcast(ctx, "room:1", channel.Event[[]int]("e"), nil) },
		"nothing":  func() error { return channel.Broadcast(ctx, "room:1", channel.Event[*text]("e"), nil) },
		"not JSON": func() error { return channel.Broadcast(ctx, "room:1", channel.Event[chan int]("e"), nil) },
		"infinite": func() error {
			return channel.Broadcast(ctx, "room:1", channel.Event[map[string]float64]("e"), map[string]float64{"x": math.Inf(1)})
		},
		"reserved": func() error { return channel.Broadcast(ctx, "room:1", channel.Event[text]("phx_reply"), text{}) },
	} {
		if err := send(); !errors.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := channel.Broadcast(t.Context(), "room:1", said, text{}); !errors.Is(err, process.ErrNoNode) {
		t.Error(err)
	}
	expectReply(t, c.Push("room:1", "all", nil), "ok", `null`)
}

// score is a channel whose joins are answered with a snapshot of what is broadcast.
type score struct{ book *scoreBook }

type scoreBook struct{ last [4]atomic.Int64 }

type scored struct {
	By int   `json:"by"`
	N  int64 `json:"n"`
}

const scoredEvent channel.Event[scored] = "scored"

func (b *scoreBook) channel() channel.Channel {
	join := func(context.Context, channel.Join[struct{}]) (*score, error) { return &score{b}, nil }
	return channel.Topic("score", join, channel.Joined((*score).snapshot))
}

func (s *score) snapshot(context.Context) (all []int64, err error) {
	for i := range s.book.last {
		all = append(all, s.book.last[i].Load())
	}
	return all, nil
}

// TestBroadcastWhileTheReplyIsMade reaches the client, right after the reply.
func TestBroadcastWhileTheReplyIsMade(t *testing.T) {
	const topic = "echoing"
	join := func(ctx context.Context, _ channel.Join[struct{}]) (*room, error) {
		return new(room), channel.Broadcast(ctx, topic, said, text{"too early"})
	}
	joined := func(_ *room, ctx context.Context) (text, error) {
		return text{"snapshot"}, channel.Broadcast(ctx, topic, said, text{"since"})
	}
	_, _, c := dial(t, channel.Topic(topic, join, channel.Joined(joined)))
	play(c, `
		> ["1","1","echoing","phx_join",{}]
		< ["1","1","echoing","phx_reply",{"status":"ok","response":{"text":"snapshot"}}]
		< [null,null,"echoing","said",{"text":"since"}]`)
}

// TestNoGapAfterTheSnapshot joins while others broadcast.
func TestNoGapAfterTheSnapshot(t *testing.T) {
	const rounds, clients, joins = 400, 8, 12
	book := new(scoreBook)
	ctx, url := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{book.channel()},
		Limits:   channel.Limits{PendingMessages: 1 << 20, PendingBytes: 64 << 20},
	})
	var all sync.WaitGroup
	for range clients {
		c := channeltest.Dial(t, url)
		all.Go(func() {
			for i := range joins {
				if !follow(t, c, rounds, i == joins-1) {
					return
				}
			}
		})
	}
	for by := range book.last {
		all.Go(func() {
			for n := int64(1); n <= rounds; n++ {
				book.last[by].Store(n)
				if err := channel.Broadcast(ctx, "score", scoredEvent, scored{by, n}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// follow joins, checks what comes, to the end or for a while, and leaves.
func follow(t *testing.T, c *channeltest.Client, rounds int64, toTheEnd bool) bool {
	c.Send(`["j","j","score","phx_join",{}]`)
	m := c.Next()
	var r struct{ Response [4]int64 }
	if err := json.Unmarshal(m.Payload, &r); err != nil || m.Event != "phx_reply" {
		t.Errorf("%s %s comes before the reply to the join: %v", m.Event, m.Payload, err)
		return false
	}
	seen := r.Response
	var live [4]bool
	for i := 0; toTheEnd || i < 50; i++ {
		if seen == [4]int64{rounds, rounds, rounds, rounds} {
			break
		}
		m := c.Next()
		var s scored
		if err := json.Unmarshal(m.Payload, &s); err != nil || m.Event != "scored" {
			t.Errorf("%s %s: %v", m.Event, m.Payload, err)
			return false
		}
		// The first one may be in the snapshot already.
		if s.N != seen[s.By]+1 && (live[s.By] || s.N > seen[s.By]+1) {
			t.Errorf("%d of %d comes, and the one before was %d", s.N, s.By, seen[s.By])
			return false
		}
		if s.N > seen[s.By] {
			seen[s.By], live[s.By] = s.N, true
		}
	}
	c.Send(`["j","l","score","phx_leave",{}]`)
	for c.Next().Event != "phx_close" {
	}
	return true
}

func TestPublishersOrder(t *testing.T) {
	const publishers, messages = 4, 100
	ctx, _, c := dial(t)
	c.Join("room:1", nil)
	var all sync.WaitGroup
	for by := range publishers {
		all.Go(func() {
			for i := range messages {
				if err := channel.Broadcast(ctx, "room:1", scoredEvent, scored{by, int64(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [publishers]int64
	for range publishers * messages {
		var s scored
		if err := json.Unmarshal(c.Next().Payload, &s); err != nil || s.N != next[s.By] {
			t.Fatalf("%+v, %v; next is %d", s, err, next)
		}
		next[s.By]++
	}
	all.Wait()
}

// TestSlowClientIsEvicted: a client that does not read is disconnected, and the others
// miss nothing.
func TestSlowClientIsEvicted(t *testing.T) {
	g := newGate(false)
	close(g.release)
	ctx, url := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{g.channel()},
		Limits:   channel.Limits{PendingMessages: 64},
	})
	slow, quick := channeltest.Dial(t, url), channeltest.Dial(t, url)
	slow.Join("gate:1", nil)
	quick.Join("gate:1", nil)
	long := text{strings.Repeat("x", 100_000)}
	for i := 0; len(g.ended) == 0; i++ {
		if i == 10_000 {
			t.Fatal("1 GB is pending")
		}
		if err := channel.Broadcast(ctx, "gate:1", said, long); err != nil {
			t.Fatal(err)
		}
		if m := quick.Next(); m.Event != "said" || len(m.Payload) < 100_000 {
			t.Fatalf("%+v", m)
		}
	}
	if code := slow.Closed(); code != 1013 && code != 1006 {
		t.Errorf("closed with %d", code)
	}
	expectReply(t, quick.Push("gate:1", "ping", nil), "ok", `{}`)
	if len(g.ended) != 1 {
		t.Errorf("%d ended", len(g.ended))
	}
}
