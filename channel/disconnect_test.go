package channel_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

func TestDisconnect(t *testing.T) {
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{rooms},
		Connect: func(_ context.Context, p *channel.Peer) error {
			p.ID = p.Header.Get("User")
			return nil
		},
	})
	ann, ann2 := channeltest.Connect(t, s, user("ann")), channeltest.Connect(t, s, user("ann"))
	bob, nobody := channeltest.Connect(t, s, user("bob")), channeltest.Connect(t, s)
	ann.Join("room:1", nil)
	other := bob.Join("room:1", nil)
	if n := channel.IDs(s.Context()); n != 2 {
		t.Errorf("%d are known", n)
	}
	must(t, channel.Disconnect(s.Context(), "ann"))
	for _, c := range []*channeltest.Client{ann, ann2} {
		if reason := c.ExpectClose(1001); reason != "disconnected" {
			t.Errorf("the reason is %q", reason)
		}
	}
	must(t, channel.Disconnect(s.Context(), "ann"))
	must(t, channel.Disconnect(s.Context(), "nobody"))
	if err := channel.Disconnect(s.Context(), ""); !errors.Is(err, fault.Invalid) {
		t.Error(err)
	}
	if err := channel.Disconnect(t.Context(), "ann"); !errors.Is(err, process.ErrNoNode) {
		t.Error(err)
	}
	other.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
	nobody.Heartbeat()
	ann.Reconnect()
	ann.Heartbeat()
	must(t, channel.Disconnect(s.Context(), "bob"))
	bob.ExpectClose(1001)
	s.Stop()
	if n := channel.IDs(s.Context()); n != 0 {
		t.Errorf("%d are still known", n)
	}
}

// TestDisconnectFromWithin a channel of the client itself.
func TestDisconnectFromWithin(t *testing.T) {
	join := func(context.Context, channel.Join[struct{}]) (*room, error) { return new(room), nil }
	out := func(_ *room, ctx context.Context) error { return channel.Disconnect(ctx, "ann") }
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{channel.Topic("t", join, channel.Run("out", out))},
		Connect:  func(_ context.Context, p *channel.Peer) error { p.ID = "ann"; return nil },
	})
	c := channeltest.Connect(t, s)
	c.Join("t", nil).Push("out", nil)
	c.ExpectClose(1001)
}
