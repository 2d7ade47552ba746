package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// gate is a channel whose joins wait for the test.
type gate struct {
	begun   chan context.Context // of each join
	release chan error           // what the join returns
	deaf    bool                 // its joins do not hear that they are called off
	ended   chan process.Reason
}

func newGate(deaf bool) *gate {
	return &gate{begun: make(chan context.Context, 100), release: make(chan error), deaf: deaf, ended: make(chan process.Reason, 100)}
}

type guest struct{ gate *gate }

func (g *gate) channel() channel.Channel {
	join := func(ctx context.Context, _ channel.Join[struct{}]) (*guest, error) {
		g.begun <- ctx
		called := ctx.Done()
		if g.deaf {
			called = nil
		}
		select {
		case err := <-g.release:
			return &guest{g}, err
		case <-called:
			return nil, ctx.Err()
		}
	}
	return channel.Topic("gate:*", join, channel.Run("ping", (*guest).ping))
}

func (*guest) ping(context.Context) error { return nil }

func (g *guest) Terminate(_ context.Context, why process.Reason) { g.gate.ended <- why }

func TestSlowJoinHoldsNothingElseUp(t *testing.T) {
	g := newGate(false)
	_, c := connect(t, g.channel())
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	c.Send(`["2","2","gate:2","phx_join",{}]`)
	await(t, g.begun)
	await(t, g.begun)
	play(c, `
		> [null,"3","phoenix","heartbeat",{}]
		< [null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]
		> ["4","4","room:1","phx_join",{}]
		< ["4","4","room:1","phx_reply",{"status":"ok","response":{}}]
		> ["4","5","room:1","echo",{"text":"hi"}]
		< ["4","5","room:1","phx_reply",{"status":"ok","response":{"text":"hi"}}]`)
	close(g.release)
	for range 2 {
		if m := c.Next(); m.Event != "phx_reply" {
			t.Fatalf("%+v", m)
		}
	}
}

func TestMessagesDuringJoin(t *testing.T) {
	const early = `
		> ["1","2","gate:1","ping",{}]
		> ["0","3","gate:1","ping",{}]
		> [null,"4","gate:1","phx_leave",{}]
		> [null,"5","phoenix","heartbeat",{}]
		< [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]`
	t.Run("admitted", func(t *testing.T) {
		g := newGate(false)
		_, c := connect(t, g.channel())
		c.Send(`["1","1","gate:1","phx_join",{}]`)
		play(c, early)
		g.release <- nil
		play(c, `
			< ["1","1","gate:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","2","gate:1","phx_reply",{"status":"ok","response":{}}]
			< [null,"4","gate:1","phx_reply",{"status":"ok","response":{}}]
			< ["1","1","gate:1","phx_close",{}]`)
	})
	t.Run("refused", func(t *testing.T) {
		g := newGate(false)
		_, c := connect(t, g.channel())
		c.Send(`["1","1","gate:1","phx_join",{}]`)
		play(c, early)
		g.release <- fault.Forbidden.Errorf("closed")
		play(c, `
			< ["1","1","gate:1","phx_reply",{"status":"error","response":{"reason":"closed","kind":"forbidden"}}]
			< [null,"2","gate:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]
			< [null,"4","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	})
}

func TestThreeQuickJoins(t *testing.T) {
	t.Run("called off", func(t *testing.T) {
		g := newGate(false)
		_, c := connect(t, g.channel())
		for i := 1; i <= 3; i++ {
			c.Send(fmt.Sprintf(`["%d","%d","gate:1","phx_join",{}]`, i, i))
		}
		for _, ref := range []string{"1", "2"} {
			if r := nextReply(t, c, ref); r.Status != "error" {
				t.Fatalf("join %s: %+v", ref, r)
			}
		}
		g.release <- nil
		play(c, `
			< ["3","3","gate:1","phx_reply",{"status":"ok","response":{}}]
			> ["3","4","gate:1","ping",{}]
			< ["3","4","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	})
	t.Run("not to be called off", func(t *testing.T) {
		g := newGate(true)
		_, c := connect(t, g.channel())
		for i := 1; i <= 3; i++ {
			c.Send(fmt.Sprintf(`["%d","%d","gate:1","phx_join",{}]`, i, i))
			if i == 1 {
				await(t, g.begun)
			}
		}
		c.Send(`[null,"4","phoenix","heartbeat",{}]`) // now all are waiting
		nextReply(t, c, "4")
		close(g.release)
		var replies, closed []string
		for len(replies) < 3 || replies[len(replies)-1] != "3" {
			switch m := c.Next(); m.Event {
			case "phx_reply":
				replies = append(replies, *m.Ref)
			case "phx_close":
				closed = append(closed, *m.Ref)
			}
		}
		if fmt.Sprint(replies) != "[1 2 3]" {
			t.Fatalf("replies to %v", replies)
		}
		c.Send(`["3","4","gate:1","phx_leave",{}]`)
		for len(closed) == 0 || closed[len(closed)-1] != "3" {
			if m := c.Next(); m.Event == "phx_close" {
				closed = append(closed, *m.Ref)
			}
		}
		if closed[0] != "1" {
			t.Fatalf("closes of %v, and the first join was admitted", closed)
		}
	})
}

func TestLeaveOfJoinThatWaitsForTheEarlier(t *testing.T) {
	g := newGate(true)
	_, c := connect(t, g.channel())
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	await(t, g.begun)
	play(c, `
		> ["2","2","gate:1","phx_join",{}]
		> ["1","3","gate:1","phx_leave",{}]
		> ["2","4","gate:1","phx_leave",{}]
		> [null,"5","phoenix","heartbeat",{}]
		< [null,"5","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	close(g.release)
	play(c, `
		< ["1","1","gate:1","phx_reply",{"status":"ok","response":{}}]
		< ["2","2","gate:1","phx_reply",{"status":"ok","response":{}}]
		< ["1","1","gate:1","phx_close",{}]
		< ["2","4","gate:1","phx_reply",{"status":"ok","response":{}}]
		< ["2","2","gate:1","phx_close",{}]`)
}

func TestMessagesThatWaitForAnEndAreLimited(t *testing.T) {
	const most = channel.MostLater
	g := newGate(true)
	_, c := connect(t, g.channel())
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	await(t, g.begun)
	c.Send(`["2","2","gate:1","phx_join",{}]`)
	for i := 1; i < most; i++ {
		c.Send(fmt.Sprintf(`["2","%d","gate:1","ping",{}]`, 100+i))
	}
	c.Send(`["2","200","gate:1","ping",{}]`)
	if r := nextReply(t, c, "200"); r.Status != "error" {
		t.Fatalf("above the limit: %+v", r)
	}
	close(g.release)
	c.Expect(`["1","1","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	c.Expect(`["2","2","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	c.Expect(`["1","1","gate:1","phx_close",{}]`)
	for i := 1; i < most; i++ {
		if r := nextReply(t, c, fmt.Sprint(100+i)); r.Status != "ok" {
			t.Fatalf("below the limit: %+v", r)
		}
	}
}

func TestDisconnectDuringJoin(t *testing.T) {
	g := newGate(false)
	_, c := connect(t, g.channel())
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	ctx := await(t, g.begun)
	c.Drop()
	await(t, ctx.Done())
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestDisconnectEndsTopics(t *testing.T) {
	g := newGate(false)
	close(g.release)
	_, c := connect(t, g.channel())
	c.Join("gate:1", nil)
	c.Join("gate:2", nil)
	c.Drop()
	for range 2 {
		if why := await(t, g.ended); !process.Clean(why) {
			t.Error(why)
		}
	}
}

// TestTooMuchWaits fills the mailbox of a topic that is busy.
func TestTooMuchWaits(t *testing.T) {
	g := newGate(false)
	c := channeltest.Connect(t, channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{g.channel(), rooms},
		Limits:   channel.Limits{MessageBytes: 1000},
	}))
	c.Send(`["1","1","gate:1","phx_join",{}]`)
	await(t, g.begun)
	big, err := json.Marshal(text{string(make([]byte, 100))}) // 611 bytes of payload
	if err != nil {
		t.Fatal(err)
	}
	c.Send(`["1","2","gate:1","ping",` + string(big) + `]`)
	c.Send(`["1","3","gate:1","ping",` + string(big) + `]`)
	c.Expect(`["1","3","gate:1","phx_reply",{"status":"error","response":{"reason":"too much waits for the topic","kind":"exhausted"}}]`)
	c.Send(`["1","4","gate:1","ping",{}]`)
	g.release <- nil
	c.Expect(`["1","1","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	c.Expect(`["1","2","gate:1","phx_reply",{"status":"ok","response":{}}]`)
	c.Expect(`["1","4","gate:1","phx_reply",{"status":"ok","response":{}}]`)
}

// nextReply waits for the next message, which must be the reply to that one.
func nextReply(t *testing.T, c *channeltest.Client, ref string) (r channeltest.Reply) {
	t.Helper()
	m := c.Next()
	if m.Event != "phx_reply" || m.Ref == nil || *m.Ref != ref {
		t.Fatalf("%s, not the reply to %s", m, ref)
	}
	if err := json.Unmarshal(m.Payload, &r); err != nil {
		t.Fatal(err)
	}
	return r
}
