package channel_test

import (
	"context"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// desk answers when it is told to.
type desk struct{ client *channel.Client }

func desks(owed chan channel.Reply[text]) channel.Channel {
	join := func(_ context.Context, j channel.Join[struct{}]) (*desk, error) { return &desk{j.Client}, nil }
	ask := func(d *desk, _ context.Context, in text) (text, error) {
		owed <- channel.Defer[text](d.client)
		return text{"is not sent"}, process.Deferred
	}
	bye := func(_ *desk, ctx context.Context) error { return process.Stop(ctx, process.Normal) }
	return channel.Topic("desk", join, channel.Call("ask", ask), channel.Run("bye", bye))
}

func TestDefer(t *testing.T) {
	owed := make(chan channel.Reply[text], 10)
	_, c := connect(t, desks(owed))
	r := c.Join("desk", nil)
	a, b := r.Push("ask", text{"a"}), r.Push("ask", text{"b"})
	first, second := await(t, owed), await(t, owed)
	r.ExpectNothing()
	second.Send(text{"to b"}, nil)
	b.ExpectReply("ok", text{"to b"})
	var all sync.WaitGroup // from anywhere
	all.Go(func() { first.Send(text{}, fault.Conflict.Errorf("not that")) })
	all.Wait()
	a.ExpectError("not that")
}

// TestDeferWithRefs: the reply has those of the message.
func TestDeferWithRefs(t *testing.T) {
	owed := make(chan channel.Reply[text], 10)
	_, c := connect(t, desks(owed))
	play(c, `
		> ["1","1","desk","phx_join",{}]
		< ["1","1","desk","phx_reply",{"status":"ok","response":{}}]
		> [null,"2","desk","ask",{"text":"long enough to be overwritten"}]`)
	reply := await(t, owed)
	c.Heartbeat()
	reply.Send(text{"late"}, nil)
	c.Expect(`[null,"2","desk","phx_reply",{"status":"ok","response":{"text":"late"}}]`)
}

// TestDeferOfOneThatHasEnded says nothing to anybody.
func TestDeferOfOneThatHasEnded(t *testing.T) {
	owed := make(chan channel.Reply[text], 10)
	_, c := connect(t, desks(owed))
	r := c.Join("desk", nil)
	r.Push("ask", text{"a"})
	reply := await(t, owed)
	r.Leave()
	reply.Send(text{"late"}, nil)
	r.Rejoin()
	reply.Send(text{"very late"}, nil)
	c.ExpectNothing()
	c.Drop()
	reply.Send(text{"too late"}, nil)
	channel.Reply[text]{}.Send(text{}, nil) // of nothing
}

// TestDeferOfNothing: outside of a call there is no reply to take over.
func TestDeferOfNothing(t *testing.T) {
	join := func(_ context.Context, j channel.Join[struct{}]) (*desk, error) {
		channel.Defer[text](j.Client).Send(text{"nobody asked"}, nil)
		return &desk{j.Client}, nil
	}
	_, c := connect(t, channel.Topic("t", join))
	c.Join("t", nil).ExpectNothing()
	c.ExpectNothing()
}

// TestDeferredWithoutDefer: nobody could ever answer, so the client is told at once.
func TestDeferredWithoutDefer(t *testing.T) {
	forget := channel.Run("forget", func(*room, context.Context) error { return process.Deferred })
	s := channeltest.Serve(t, socketOf(channel.Topic("t", joinRoom, forget)))
	channeltest.Connect(t, s).Join("t", nil).Push("forget", nil).ExpectError("internal error")
}
