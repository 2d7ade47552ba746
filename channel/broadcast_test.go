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
	"github.com/bennu-go/bennu/telemetry"
)

// tally counts how often it is encoded.
type tally struct{ times *atomic.Int64 }

func (c tally) MarshalJSON() ([]byte, error) {
	c.times.Add(1)
	return []byte(`{"a":"<b>"}`), nil
}

func TestBroadcastIsEncodedOnce(t *testing.T) {
	const event channel.Event[tally] = "tallied"
	s, _ := connect(t)
	var all []*channeltest.Room
	for range 3 {
		all = append(all, channeltest.Connect(t, s).Join("room:1", nil))
	}
	all = append(all, channeltest.Connect(t, s, version1).Join("room:1", nil))
	other := channeltest.Connect(t, s).Join("room:2", nil)
	var times atomic.Int64
	tell(t, s, "room:1", event, tally{&times})
	for _, r := range all {
		r.ExpectBroadcast("tallied", raw(`{"a":"<b>"}`))
	}
	if n := times.Load(); n != 1 {
		t.Errorf("encoded %d times", n)
	}
	other.ExpectNothing()
}

func TestBroadcastFrom(t *testing.T) {
	s, c := connect(t)
	ann, bob := c.Join("room:1", nil), channeltest.Connect(t, s).Join("room:1", nil)
	ann.Push("tell", text{"hi"}).ExpectReply("ok", nil)
	bob.ExpectBroadcast("said", text{"hi"})
	bob.Push("tell", text{"hello"}).ExpectReply("ok", nil)
	ann.ExpectBroadcast("said", text{"hello"})
	ann.ExpectNothing()
	bob.ExpectNothing()
}

func TestBroadcastAfterLeaveAndCrash(t *testing.T) {
	s, c := connect(t)
	say := func(what string) { tell(t, s, "room:1", posted, text{what}) }
	say("to nobody")
	r := c.Join("room:1", nil)
	say("a")
	r.ExpectBroadcast("said", text{"a"})
	r.Leave()
	say("while away")
	r.Rejoin()
	r.Crash()
	say("after the crash")
	r.Rejoin()
	say("b")
	r.ExpectBroadcast("said", text{"b"})
	c.ExpectNothing()
}

func TestPayloadsThatCannotBeSent(t *testing.T) {
	s, c := connect(t)
	ctx, r := s.Context(), c.Join("room:1", nil)
	for name, send := range map[string]func() error{
		"a string": func() error { return channel.Broadcast(ctx, "room:1", channel.Event[string]("e"), "x") },
		"a list":   func() error { return channel.Broadcast(ctx, "room:1", channel.Event[[]int]("e"), nil) },
		"nothing":  func() error { return channel.Broadcast(ctx, "room:1", channel.Event[*text]("e"), nil) },
		"not JSON": func() error { return channel.Broadcast(ctx, "room:1", channel.Event[chan int]("e"), nil) },
		"infinite": func() error {
			return channel.Broadcast(ctx, "room:1", channel.Event[map[string]float64]("e"), map[string]float64{"x": math.Inf(1)})
		},
		"a long event": func() error {
			return channel.Broadcast(ctx, "room:1", channel.Event[text](strings.Repeat("x", 256)), text{})
		},
		"a long topic": func() error { return channel.Broadcast(ctx, strings.Repeat("x", 256), posted, text{}) },
		"reserved":     func() error { return channel.Broadcast(ctx, "room:1", channel.Event[text]("phx_reply"), text{}) },
	} {
		if err := send(); !errors.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := channel.Broadcast(t.Context(), "room:1", posted, text{}); !errors.Is(err, process.ErrNoNode) {
		t.Error(err)
	}
	r.ExpectNothing()
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
		return new(room), channel.Broadcast(ctx, topic, posted, text{"too early"})
	}
	joined := func(_ *room, ctx context.Context) (text, error) {
		return text{"snapshot"}, channel.Broadcast(ctx, topic, posted, text{"since"})
	}
	_, c := connect(t, channel.Topic(topic, join, channel.Joined(joined)))
	play(c, `
		> ["1","1","echoing","phx_join",{}]
		< ["1","1","echoing","phx_reply",{"status":"ok","response":{"text":"snapshot"}}]
		< [null,null,"echoing","said",{"text":"since"}]`)
}

// TestNoGapAfterTheSnapshot joins while others broadcast.
func TestNoGapAfterTheSnapshot(t *testing.T) {
	const rounds, clients, joins = 400, 8, 12
	book := new(scoreBook)
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{book.channel()},
		Limits:   channel.Limits{PendingMessages: 1 << 20, PendingBytes: 64 << 20},
	})
	ctx := s.Context()
	var all sync.WaitGroup
	for range clients {
		c := channeltest.Connect(t, s)
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
	s, c := connect(t)
	ctx, r := s.Context(), c.Join("room:1", nil)
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
		if err := json.Unmarshal(r.Next().Payload, &s); err != nil || s.N != next[s.By] {
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
	s := channeltest.Listen(t, &channel.Socket{
		Channels: []channel.Channel{g.channel()},
		Limits:   channel.Limits{PendingMessages: 64},
	})
	slow, quick := channeltest.Dial(t, s.URL()), channeltest.Dial(t, s.URL()).Join("gate:1", nil)
	slow.Join("gate:1", nil)
	long := text{strings.Repeat("x", 100_000)}
	for i := 0; len(g.ended) == 0; i++ {
		if i == 1_000_000 {
			t.Fatal("it is not evicted")
		}
		tell(t, s, "gate:1", posted, long)
		if m := quick.Next(); m.Event != "said" || len(m.Payload) < 100_000 {
			t.Fatal(m)
		}
	}
	slow.Drop()
	quick.Push("ping", nil).ExpectReply("ok", nil)
	if len(g.ended) != 1 {
		t.Errorf("%d ended", len(g.ended))
	}
	if n := telemetry.CountersOf(s.Context()).Counter("channel.clients.slow").Value(); n != 1 {
		t.Errorf("%d slow clients were counted", n)
	}
}
