package channel_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/telemetry"
)

// spend pushes n times, and gives how many of that were refused.
func spend(r *channeltest.Room, event string, n int) (refused int) {
	for range n {
		if reply := r.Push(event, nil).Reply(); reply.Status != "ok" {
			refused++
		}
	}
	return refused
}

// TestRates: below, at and above each.
func TestRates(t *testing.T) {
	limited := func(topic, event channel.Limit) channel.Channel {
		return channel.Topic("room:*", joinRoom,
			channel.Do("note", (*room).note, event), channel.Ask("all", (*room).all), channel.Run("clear", (*room).clear),
		).With(topic)
	}
	for name, test := range map[string]struct {
		limits       channel.Limits
		topic, event channel.Limit
		burst        int // of "note"
		others       bool
		again        time.Duration // for one more
	}{
		"event":           {event: channel.Limit{PerSecond: 2, Burst: 5}, burst: 5, others: true, again: time.Second / 2},
		"event, no burst": {event: channel.Limit{PerSecond: 3}, burst: 3, others: true, again: time.Second/3 + 1},
		"event, slow":     {event: channel.Limit{PerSecond: 0.1}, burst: 1, others: true, again: 10 * time.Second},
		"topic":           {topic: channel.Limit{PerSecond: 10, Burst: 20}, burst: 20, again: time.Second / 10},
		"client":          {limits: channel.Limits{Events: channel.Limit{PerSecond: 4, Burst: 7}}, burst: 7, again: time.Second / 4},
		"default":         {burst: 1000, again: time.Second / 200},
		"smallest counts": {limits: channel.Limits{Events: channel.Limit{PerSecond: 10}}, topic: channel.Limit{PerSecond: 8},
			event: channel.Limit{PerSecond: 5}, burst: 5, others: true, again: time.Second / 5},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				s := channeltest.Serve(t, &channel.Socket{Channels: []channel.Channel{limited(test.topic, test.event)}, Limits: test.limits})
				c := channeltest.Connect(t, s)
				r := c.Join("room:1", nil)
				if n := spend(r, "note", test.burst); n != 0 {
					t.Fatalf("%d below the limit are refused", n)
				}
				r.Push("note", nil).ExpectError("too many messages")
				if refused := spend(r, "all", 1) > 0; refused == test.others {
					t.Errorf("another event is refused: %v", refused)
				}
				if refused := spend(channeltest.Connect(t, s).Join("room:1", nil), "note", 1) > 0; refused {
					t.Error("another client is refused")
				}
				time.Sleep(test.again - 1)
				if n := spend(r, "note", 1); n != 1 {
					t.Error("it is too early, and is not refused")
				}
				time.Sleep(test.again)
				if n := spend(r, "note", 1); n != 0 {
					t.Error("it is time, and is refused")
				}
				time.Sleep(time.Hour)
				if n := spend(r, "note", test.burst+2); n != 2 {
					t.Errorf("after a while %d are refused", n)
				}
				r.Leave() // which no limit keeps from it
				if n := telemetry.CountersOf(s.Context()).Counter("channel.messages.refused").Value(); n < 4 {
					t.Errorf("%d were counted", n)
				}
			})
		})
	}
}

// TestNoRates: a negative rate is none.
func TestNoRates(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, &channel.Socket{
			Channels: []channel.Channel{rooms},
			Limits:   channel.Limits{Events: channel.Limit{PerSecond: -1}, Joins: channel.Limit{PerSecond: -1}},
		})
		c := channeltest.Connect(t, s)
		r := c.Join("room:1", nil)
		for range 300 {
			r.Rejoin()
		}
		if n := spend(r, "all", 1500); n != 0 {
			t.Errorf("%d are refused", n)
		}
	})
}

// TestTopicLimitIsOfEachTopic, and of all its events together.
func TestTopicLimitIsOfEachTopic(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, socketOf(logs(channel.History{}, channel.Limit{PerSecond: 1, Burst: 2})))
		c := channeltest.Connect(t, s)
		one, two := c.Join("log:1", nil), c.Join("log:2", nil)
		one.Push("nothing", nil).ExpectError("unknown event")
		one.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
		one.Push("echo", text{"b"}).ExpectError("too many messages")
		one.Push("nothing", nil).ExpectError("too many messages")
		two.Push("echo", text{"c"}).ExpectReply("ok", text{"c"})
	})
}

// TestPayloadBytes: below, at and above.
func TestPayloadBytes(t *testing.T) {
	over := "the payload is longer than 20 bytes"
	for name, test := range map[string]struct {
		limits       channel.Limits
		topic, event channel.Limit
	}{
		"event":  {event: channel.Limit{Bytes: 20}},
		"topic":  {topic: channel.Limit{Bytes: 20}},
		"client": {limits: channel.Limits{Events: channel.Limit{Bytes: 20}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := channeltest.Serve(t, &channel.Socket{Limits: test.limits, Channels: []channel.Channel{
				channel.Topic("room:*", joinRoom, channel.Call("echo", (*room).echo, test.event), channel.Call("mirror", (*room).mirror, test.event)).With(test.topic),
			}})
			r := channeltest.Connect(t, s).Join("room:1", raw(`{"long":"`+strings.Repeat("x", 100)+`"}`))
			for n := 7; n <= 9; n++ {
				p := text{strings.Repeat("x", n)} // of 11 bytes more
				b := []byte(strings.Repeat("x", n+11))
				if n <= 9 {
					r.Push("echo", p).ExpectReply("ok", p)
					r.Push("mirror", b).ExpectReply("ok", b)
				}
			}
			r.Push("echo", text{strings.Repeat("x", 10)}).ExpectError(over)
			r.Push("mirror", []byte(strings.Repeat("x", 21))).ExpectError(over)
			r.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
		})
	}
}

// TestJoinRate: a flood of joins is refused, and a later one is not.
func TestJoinRate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, &channel.Socket{
			Channels: []channel.Channel{rooms},
			Limits:   channel.Limits{Joins: channel.Limit{PerSecond: 2, Burst: 3}},
		})
		c := channeltest.Connect(t, s)
		r := c.Join("room:1", nil)
		r.Rejoin()
		if reply := c.Refused("room:2", map[string]string{"mood": "angry"}); reply.Reason() != "come back when you are calm" {
			t.Error(reply)
		}
		if reply := c.Refused("room:3", nil); reply.Reason() != "too many joins; try again later" {
			t.Error(reply)
		}
		channeltest.Connect(t, s).Join("room:3", nil)
		time.Sleep(time.Second / 2)
		c.Join("room:3", nil)
		c.Refused("room:4", nil)
	})
}

// TestDefaultJoinRate: 100 at once.
func TestDefaultJoinRate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		_, c := connect(t)
		r := c.Join("room:1", nil)
		for range 99 {
			r.Rejoin()
		}
		c.Refused("room:1", nil)
		time.Sleep(time.Second)
		for range 20 {
			c.Join("room:1", nil)
		}
		c.Refused("room:1", nil)
	})
}

// TestRefusedDuplicate: a duplicate that the rate refuses still closes.
func TestRefusedDuplicate(t *testing.T) {
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{rooms},
		Limits:   channel.Limits{Joins: channel.Limit{PerSecond: 0.001}},
	})
	play(channeltest.Connect(t, s), `
		> ["1","1","room:1","phx_join",{}]
		< ["1","1","room:1","phx_reply",{"status":"ok","response":{}}]
		> ["2","2","room:1","phx_join",{}]
		< ["2","2","room:1","phx_reply",{"status":"error","response":{"reason":"too many joins; try again later","kind":"exhausted"}}]
		< ["1","1","room:1","phx_close",{}]
		> ["1","3","room:1","all",{}]
		< [null,"3","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`)
}

// TestUnmatchedJoinsFillNoLog: the log has no more lines than joins are allowed.
func TestUnmatchedJoinsFillNoLog(t *testing.T) {
	lines := make(chan struct{}, 10_000)
	_, c := connectLogging(t, func() { lines <- struct{}{} })
	for i := range 1000 {
		c.Send(fmt.Sprintf(`[null,"%d","cellar:1","phx_join",{}]`, i))
		c.Expect(fmt.Sprintf(`[null,"%d","cellar:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`, i))
	}
	if n := len(lines); n < 1 || n > 150 {
		t.Errorf("%d lines were logged", n)
	}
}

// TestMessageBytes: below, at and above, over a websocket.
func TestMessageBytes(t *testing.T) {
	const most = 1000
	s := channeltest.Listen(t, &channel.Socket{Channels: []channel.Channel{rooms}, Limits: channel.Limits{MessageBytes: most}})
	c := channeltest.Dial(t, s.URL())
	c.Join("room:1", nil)
	message := func(size int) string {
		rest := `["1","2","room:1","note",{"text":""}]`
		return `["1","2","room:1","note",{"text":"` + strings.Repeat("x", size-len(rest)) + `"}]`
	}
	for _, size := range []int{most - 1, most} {
		c.Send(message(size))
		c.Expect(`["1","2","room:1","phx_reply",{"status":"ok","response":{}}]`)
	}
	c.Send(message(most + 1))
	c.ExpectClose(1009)
}

// TestParamsBytes: as long as they may be, and longer.
func TestParamsBytes(t *testing.T) {
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{rooms},
		Limits:   channel.Limits{Joins: channel.Limit{PerSecond: -1, Bytes: 20}},
	})
	c := channeltest.Connect(t, s)
	c.Join("room:1", raw(`{"mood":"`+strings.Repeat("x", 9)+`"}`))
	if reply := c.Refused("room:2", raw(`{"mood":"`+strings.Repeat("x", 10)+`"}`)); reply.Reason() != "the payload is longer than 20 bytes" {
		t.Error(reply)
	}
}
