package channel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// logs is a channel that keeps a history.
func logs(h channel.History, opts ...channel.Option) channel.Channel {
	join := func(_ context.Context, j channel.Join[struct{}]) (*room, error) {
		return &room{client: j.Client, topic: j.Topic}, nil
	}
	return channel.Topic("log:*", join,
		channel.Call("echo", (*room).echo), channel.Signal("poke", (*room).poke),
	).With(append(opts, h)...)
}

// standing is the meta of the reply to a join.
type standing struct {
	Epoch       *string `json:"epoch"`
	Offset      *uint64 `json:"offset"`
	Recovered   *bool   `json:"recovered"`
	ReconnectMS *int    `json:"reconnect_ms"`
}

// joinWith joins log:1 with a meta, and gives that of the reply.
func joinWith(t testing.TB, c *channeltest.Client, ref int, meta string) (s standing) {
	t.Helper()
	c.Send(fmt.Sprintf(`["%d","%d","log:1","phx_join",{},%s]`, ref, ref, meta))
	m := c.Next()
	if m.Event != "phx_reply" || m.Ref == nil || *m.Ref != fmt.Sprint(ref) || m.Meta == nil {
		t.Fatalf("%s is no reply to the join, with a meta", m)
	}
	must(t, json.Unmarshal(m.Meta, &s))
	return s
}

func resume(epoch string, offset uint64) string {
	return fmt.Sprintf(`{"epoch":%q,"offset":%d}`, epoch, offset)
}

// TestMetas are for clients that asked for them, and on what is kept alone.
func TestMetas(t *testing.T) {
	s := channeltest.Serve(t, socketOf(rooms, logs(channel.History{Events: channel.Events(posted, sketched)})))
	c, plain := channeltest.Connect(t, s), channeltest.Connect(t, s)
	at := joinWith(t, c, 1, `{}`)
	if at.Epoch == nil || len(*at.Epoch) != 12 || at.Offset == nil || *at.Offset != 0 || at.Recovered != nil || at.ReconnectMS == nil || *at.ReconnectMS != 2 {
		t.Errorf("the join is answered with %+v", at)
	}
	play(plain, `
		> ["1","1","log:1","phx_join",{}]
		< ["1","1","log:1","phx_reply",{"status":"ok","response":{}}]`)
	tell(t, s, "log:1", posted, text{"a"})
	tell(t, s, "log:1", counted, number{1})
	tell(t, s, "log:1", sketched, channel.Binary("b"))
	play(c, `
		< [null,null,"log:1","said",{"text":"a"},{"offset":1}]
		< [null,null,"log:1","counted",{"n":1}]`)
	if m := c.Next(); string(m.Frame) != "\x03\x05\x05"+"\x00\x00\x00\x00\x00\x00\x00\x02"+"log:1"+"drawn"+"b" {
		t.Error(m)
	}
	play(c, `
		> ["1","2","log:1","echo",{"text":"x"},{}]
		< ["1","2","log:1","phx_reply",{"status":"ok","response":{"text":"x"}}]
		> ["1","3","log:1","poke",{}]
		< ["1",null,"log:1","said",{"text":"ouch"}]`)
	play(plain, `
		< [null,null,"log:1","said",{"text":"a"}]
		< [null,null,"log:1","counted",{"n":1}]`)
	if m := plain.Next(); string(m.Frame) != "\x02\x05\x05"+"log:1"+"drawn"+"b" {
		t.Error(m)
	}

	// A topic without history still advises when to come back.
	c.Send(`["5","5","room:1","phx_join",{},{"epoch":"x","offset":3}]`)
	c.Expect(`["5","5","room:1","phx_reply",{"status":"ok","response":{}},{"recovered":false,"reconnect_ms":2,"message_bytes":1048576}]`)
	tell(t, s, "room:1", posted, text{"b"})
	c.Expect(`[null,null,"room:1","said",{"text":"b"}]`)
	c.ExpectNothing()
	plain.ExpectNothing()
}

// TestOddMetas: there is none on a refusal, nor where the sixth element is no object.
func TestOddMetas(t *testing.T) {
	_, c := connect(t, logs(channel.History{}))
	for i, meta := range []string{`null`, `7`, `[]`, `"x"`, `false`} {
		c.Send(fmt.Sprintf(`["%d","%d","log:%d","phx_join",{},%s,8]`, i, i, i, meta))
		c.Expect(fmt.Sprintf(`["%d","%d","log:%d","phx_reply",{"status":"ok","response":{}}]`, i, i, i))
	}
	c.Send(`["9","9","room:1","phx_join",{"mood":"angry"},{}]`)
	c.Expect(`["9","9","room:1","phx_reply",{"status":"error","response":{"reason":"come back when you are calm","kind":"forbidden"}}]`)
	c.Send(`["9","9","log:9","phx_join",{},{"offset":-1}]`)
	c.ExpectClose(1011)
}

// TestResume gets exactly what was missed, in order, before anything new.
func TestResume(t *testing.T) {
	s := channeltest.Serve(t, socketOf(logs(channel.History{})))
	c := channeltest.Connect(t, s)
	r := c.Join("log:1", nil)
	for _, e := range []string{"a", "b", "lost on the way"} {
		tell(t, s, "log:1", posted, text{e})
	}
	r.ExpectBroadcast("said", text{"a"})
	r.ExpectBroadcast("said", text{"b"})
	c.Drop()
	tell(t, s, "log:1", posted, text{"c"})
	tell(t, s, "log:1", counted, number{7})
	c.Reconnect()
	r.Rejoin()
	tell(t, s, "log:1", posted, text{"new"})
	if !r.Recovered {
		t.Fatal("it is not recovered")
	}
	r.ExpectBroadcast("said", text{"lost on the way"})
	r.ExpectBroadcast("said", text{"c"})
	r.ExpectBroadcast("counted", number{7})
	r.ExpectBroadcast("said", text{"new"})
	r.ExpectNothing()
	r.Crash()
	tell(t, s, "log:1", posted, text{"while down"})
	r.Rejoin()
	r.ExpectBroadcast("said", text{"while down"})
	r.Rejoin()
	r.ExpectNothing()
	if !r.Recovered {
		t.Error("nothing was missed, and it is not recovered")
	}
}

// TestResumeLimits asks for more and less than what is kept.
func TestResumeLimits(t *testing.T) {
	const kept, last = 5, 12
	s := channeltest.Serve(t, socketOf(logs(channel.History{Messages: kept})))
	c := channeltest.Connect(t, s)
	epoch := *joinWith(t, c, 1, `{}`).Epoch
	c.Drop()
	for i := range last {
		tell(t, s, "log:1", counted, number{i + 1})
	}
	for offset, want := range map[uint64]int{
		last: 0, last - 1: 1, last - kept: kept, last - kept - 1: -1, 0: -1, last + 1: -1, 1<<64 - 1: -1,
	} {
		c := channeltest.Connect(t, s)
		at := joinWith(t, c, 1, resume(epoch, offset))
		if *at.Epoch != epoch || *at.Offset != last || *at.Recovered != (want >= 0) {
			t.Errorf("from %d: %d, recovered %v", offset, *at.Offset, *at.Recovered)
		}
		for i := range max(0, want) {
			c.Expect(fmt.Sprintf(`[null,null,"log:1","counted",{"n":%d},{"offset":%d}]`, last-want+i+1, last-want+i+1))
		}
		c.ExpectNothing()
	}
	for _, other := range []string{"", "x", epoch + "x"} {
		at := joinWith(t, channeltest.Connect(t, s), 1, resume(other, last))
		if *at.Recovered || *at.Epoch != epoch {
			t.Errorf("epoch %q is recovered", other)
		}
	}
}

// TestHistoryBytes: what is too long to be kept at all can still be broadcast.
func TestHistoryBytes(t *testing.T) {
	size := len(`{"text":""}`)
	s := channeltest.Serve(t, socketOf(logs(channel.History{Bytes: 3 * (size + 10)})))
	c := channeltest.Connect(t, s)
	r := c.Join("log:1", nil)
	say := func(n int) { tell(t, s, "log:1", posted, text{strings.Repeat("x", n)}) }
	epoch := *joinWith(t, channeltest.Connect(t, s), 1, `{}`).Epoch
	kept := func(offset uint64) bool {
		return *joinWith(t, channeltest.Connect(t, s), 1, resume(epoch, offset)).Recovered
	}
	say(10)
	say(10)
	say(10)
	if !kept(0) {
		t.Error("what fits is not kept")
	}
	say(10)
	if kept(0) || !kept(1) {
		t.Error("above the limit: the oldest goes")
	}
	say(1000)
	if kept(4) || !kept(5) {
		t.Error("what is above the limit alone is not kept")
	}
	say(10)
	if !kept(5) || kept(4) {
		t.Error("it goes on after that")
	}
	for range 6 {
		r.Next()
	}
}

// TestHistoryAge: what is old is forgotten, and then the log, with its epoch.
func TestHistoryAge(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, socketOf(logs(channel.History{Age: time.Minute})))
		c := channeltest.Connect(t, s)
		r := c.Join("log:1", nil)
		c.Drop()
		tell(t, s, "log:1", posted, text{"a"})
		time.Sleep(50 * time.Second)
		tell(t, s, "log:1", posted, text{"b"})
		c.Reconnect()
		r.Rejoin()
		r.ExpectBroadcast("said", text{"a"})
		c.Drop() // b is lost
		time.Sleep(10*time.Second + channel.SweepEvery)
		c.Reconnect()
		r.Rejoin()
		r.ExpectBroadcast("said", text{"b"})
		c.Drop()
		if all := channel.Feeds(s.Context()); len(all) != 1 {
			t.Errorf("%v are known", all)
		}
		time.Sleep(time.Minute + 2*channel.SweepEvery)
		if all := channel.Feeds(s.Context()); len(all) != 0 {
			t.Errorf("%v are still known", all)
		}
		c.Reconnect()
		r.Rejoin()
		if r.Recovered {
			t.Error("it is recovered from a log that was forgotten")
		}
	})
}

// TestIdleLogs are forgotten, but not under a client that listens.
func TestIdleLogs(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, socketOf(rooms, logs(channel.History{Age: time.Minute})))
		c := channeltest.Connect(t, s)
		r := c.Join("log:here", nil)
		for i := range 100 {
			tell(t, s, fmt.Sprint("log:", i), posted, text{"nobody listens"})
			tell(t, s, fmt.Sprint("room:", i), posted, text{"nobody listens, and nothing is kept"})
			tell(t, s, fmt.Sprint("cellar:", i), posted, text{"no channel"})
		}
		if n := len(channel.Feeds(s.Context())); n != 101 {
			t.Errorf("%d topics are known", n)
		}
		time.Sleep(time.Minute + 2*channel.SweepEvery)
		if all := channel.Feeds(s.Context()); !slices.Equal(all, []string{"log:here"}) {
			t.Errorf("%v are known", all)
		}
		tell(t, s, "log:here", posted, text{"a"})
		r.ExpectBroadcast("said", text{"a"})
		r.Rejoin()
		if !r.Recovered {
			t.Error("the log of a topic with listeners is not the same")
		}
	})
}

// TestHistoryForNobody is kept while no client is there, if a socket runs.
func TestHistoryForNobody(t *testing.T) {
	s := channeltest.Serve(t, socketOf(logs(channel.History{})))
	tell(t, s, "log:1", posted, text{"a"})
	if at := joinWith(t, channeltest.Connect(t, s), 1, `{}`); *at.Offset != 1 {
		t.Errorf("it stands at %d", *at.Offset)
	}
	s.Stop()
	tell(t, s, "log:1", posted, text{"b"})
	tell(t, s, "log:2", posted, text{"b"})
	if all := channel.Feeds(s.Context()); !slices.Equal(all, []string{"log:1"}) {
		t.Errorf("%v are known", all)
	}
}

// TestResumeOfMoreThanTheOutboxHolds is not tried: the client would be sent away for being
// slow, come back, and so on.
func TestResumeOfMoreThanTheOutboxHolds(t *testing.T) {
	for name, test := range map[string]struct {
		limits    channel.Limits
		missed    int
		recovered bool
	}{
		"frames at the limit":    {channel.Limits{PendingMessages: 100}, 50, true},
		"frames above the limit": {channel.Limits{PendingMessages: 100}, 101, false},
		"bytes below the limit":  {channel.Limits{PendingBytes: 100_000}, 40, true},
		"bytes above the limit":  {channel.Limits{PendingBytes: 100_000}, 99, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := channeltest.Listen(t, &channel.Socket{
				Channels: []channel.Channel{logs(channel.History{Messages: 1000})}, Limits: test.limits,
			})
			c := channeltest.Dial(t, s.URL())
			r := c.Join("log:1", nil)
			c.Drop()
			long := text{strings.Repeat("x", 1000)}
			for range test.missed {
				tell(t, s, "log:1", posted, long)
			}
			c.Reconnect()
			r.Rejoin()
			if r.Recovered != test.recovered {
				t.Errorf("recovered %v", r.Recovered)
			}
			for i := 0; r.Recovered && i < test.missed; i++ {
				r.ExpectBroadcast("said", long)
			}
			r.ExpectNothing()
		})
	}
}

// TestResumeWhileOthersBroadcast: a client that loses its connection again and again sees
// each message once, and in order.
func TestResumeWhileOthersBroadcast(t *testing.T) {
	const publishers, each, clients = 4, 150, 4
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{logs(channel.History{Messages: publishers * each})},
		Limits:   channel.Limits{PendingMessages: 1 << 20, Joins: channel.Limit{PerSecond: -1}},
	})
	var all sync.WaitGroup
	var published atomic.Int64
	for range publishers {
		all.Go(func() {
			for range each {
				if err := channel.Broadcast(s.Context(), "log:1", counted, number{int(published.Add(1))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range clients {
		c := channeltest.Connect(t, s)
		all.Go(func() { resumeUntil(t, c, publishers*each) })
	}
	all.Wait()
}

func resumeUntil(t *testing.T, c *channeltest.Client, last uint64) {
	epoch, seen, from := "", uint64(0), uint64(0)
	for drops := 0; seen < last; drops++ {
		if drops > 0 {
			c.Drop()
			c.Reconnect()
		}
		c.Send(`["1","1","log:1","phx_join",{},` + resume(epoch, seen) + `]`)
		m := c.Next()
		var at standing
		if err := json.Unmarshal(m.Meta, &at); err != nil || m.Event != "phx_reply" {
			t.Errorf("%s: %v", m, err)
			return
		}
		if drops == 0 {
			epoch, seen, from = *at.Epoch, *at.Offset, *at.Offset
		} else if !*at.Recovered {
			t.Errorf("at %d: not recovered: %s", seen, m)
			return
		}
		for i := 0; i < 37 && seen < last; i++ {
			m := c.Next()
			var at standing
			if err := json.Unmarshal(m.Meta, &at); err != nil || *at.Offset != seen+1 {
				t.Errorf("after %d, from %d, comes %s", seen, from, m)
				return
			}
			seen++
		}
	}
}
