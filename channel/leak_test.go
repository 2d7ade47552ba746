package channel_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/process"
)

// until asks again and again.
func until(t interface {
	Helper()
	Fatal(...any)
}, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

// TestNothingIsLeft of clients that have gone, however they went: no session, no listener, no
// feed, no process. Goroutines are TestMain's to check.
func TestNothingIsLeft(t *testing.T) {
	g := newGate(false)
	socket := &channel.Socket{Channels: []channel.Channel{rooms, g.channel(), listeners(nil)}}
	s := channeltest.Serve(t, socket)
	ctx := s.Context()
	node, err := process.NodeOf(ctx)
	must(t, err)
	before := node.Count()
	var all []*channeltest.Client
	for range 8 {
		all = append(all, channeltest.Connect(t, s))
	}
	for i, c := range all {
		first := c.Join("room:0", nil)
		for n := 1; n < 3; n++ {
			c.Join(fmt.Sprint("room:", n), nil)
		}
		c.Join("log:1", nil)
		c.Refused("room:3", map[string]string{"mood": "angry"})
		c.Refused("room:3", map[string]string{"mood": "mad"})
		c.Refused("cellar", nil)
		switch i {
		case 0:
			first.Leave()
		case 1:
			first.Push("boom", nil)
			first.ExpectCrash()
		case 2:
			c.Send("nonsense")
			c.ExpectClose(1011)
		case 3:
			c.Send(`["9","9","gate:1","phx_join",{}]`)
			await(t, g.begun)
		case 4:
			c.Send(`["9","9","gate:1","phx_join",{}]`)
			await(t, g.begun)
			for n := range 4 {
				c.Send(fmt.Sprintf(`["1%d","1%d","gate:1","phx_join",{}]`, n, n))
			}
		case 5:
			first.Rejoin()
		case 6:
			for n := range 20 {
				c.Send(fmt.Sprintf(`["1","1%d","room:1","note",{}]`, n))
			}
		}
	}
	until(t, "the client that was sent away listens still", func() bool { return channel.Listeners(ctx, "room:1") == 7 })
	for _, c := range all {
		c.Drop()
	}
	until(t, "sessions are left", func() bool { return channel.Sessions(socket) == 0 })
	if n := node.Count(); n != before {
		t.Errorf("processes are left: %+v", node.Processes())
	}
	if all := channel.Feeds(ctx); len(all) != 0 {
		t.Errorf("%v are known", all)
	}
	s.Stop()
	if n := channel.Open(ctx); n != 0 {
		t.Errorf("%d channels are open", n)
	}
}

// TestDropAtAnyMoment of a join, with messages behind it.
func TestDropAtAnyMoment(t *testing.T) {
	socket := &channel.Socket{Channels: []channel.Channel{rooms, logs(channel.History{})}}
	s := channeltest.Serve(t, socket)
	for i := range 300 {
		c := channeltest.Connect(t, s)
		for ref := range i % 5 {
			c.Send(fmt.Sprintf(`["%d","%d","log:1","phx_join",{},{}]`, ref, ref))
			c.Send(fmt.Sprintf(`["%d","1%d","log:1","echo",{},{"id":"%d"}]`, ref, ref, i%7))
			c.Send(fmt.Sprintf(`["%d","%d","room:1","phx_join",{}]`, ref, ref))
			c.Send(fmt.Sprintf(`["%d","2%d","log:1","phx_leave",{}]`, ref, ref))
		}
		for range i % 3 {
			runtime.Gosched()
		}
		c.Drop()
		tell(t, s, "log:1", posted, text{"a"})
	}
	until(t, "sessions are left", func() bool { return channel.Sessions(socket) == 0 })
	if n := channel.Listeners(s.Context(), "log:1"); n != 0 {
		t.Errorf("%d listen", n)
	}
}
