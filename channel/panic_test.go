package channel_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// TestPanicInConnect ends that request, and nothing else.
func TestPanicInConnect(t *testing.T) {
	socket := &channel.Socket{
		Channels: []channel.Channel{rooms},
		Connect: func(_ context.Context, p *channel.Peer) error {
			if p.Params.Has("mad") {
				panic("mad")
			}
			return nil
		},
	}
	s := channeltest.Serve(t, socket)
	server := httptest.NewUnstartedServer(socket)
	server.Config.BaseContext = func(net.Listener) context.Context { return s.Context() }
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	other := channeltest.Dial(t, server.URL).Join("room:1", nil)
	resp, err := http.Get(server.URL + "/websocket?mad=1&vsn=2.0.0")
	if err == nil {
		t.Errorf("it is answered with %s", resp.Status)
		must(t, resp.Body.Close())
	}
	other.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
	channeltest.Dial(t, server.URL).Heartbeat()
	if n := channel.Sessions(socket); n > 2 {
		t.Errorf("%d sessions", n)
	}
}

// TestPanics in whatever an application gives: the client is told, and the rest goes on.
func TestPanics(t *testing.T) {
	join := func(_ context.Context, j channel.Join[text]) (*room, error) {
		if j.Params.Text == "join" {
			panic("mad")
		}
		return &room{client: j.Client, notes: []string{j.Params.Text}}, nil
	}
	joined := func(r *room, _ context.Context) (text, error) {
		if r.notes[0] == "joined" {
			panic("mad")
		}
		return text{}, nil
	}
	intercept := func(r *room, _ context.Context, in text) (text, error) {
		if in.Text == r.notes[0] {
			panic("mad")
		}
		return in, nil
	}
	s, c := connect(t, channel.Topic("mad:*", join,
		channel.Joined(joined), channel.Intercept(posted, intercept),
		channel.Call("boom", func(*room, context.Context, text) (text, error) { panic("mad") }),
		channel.Ask("nil", func(*room, context.Context) (*text, error) { var r *room; return &text{r.topic}, nil }),
		channel.Ask("error", func(*room, context.Context) (text, error) { panic(errors.New("mad")) }),
		channel.Ask("encoding", func(*room, context.Context) (madly, error) { return madly{}, nil }),
		channel.Cast("silent", func(*room, context.Context, text) error { panic("mad") }),
	))
	sibling := c.Join("room:1", nil)
	for _, at := range []string{"join", "joined"} {
		if r := c.Refused("mad:1", text{at}); r.Reason() != "join crashed" {
			t.Errorf("%s: %v", at, r)
		}
	}
	for _, event := range []string{"boom", "nil", "error", "encoding", "silent"} {
		r := c.Join("mad:1", nil)
		r.Push(event, text{})
		r.ExpectCrash()
	}
	r := c.Join("mad:1", text{"intercept"})
	tell(t, s, "mad:1", posted, text{"intercept"})
	r.ExpectCrash()
	sibling.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
	c.ExpectNothing()
	until(t, "somebody listens", func() bool { return channel.Listeners(s.Context(), "mad:1") == 0 })
}

type madly struct{}

func (madly) MarshalJSON() ([]byte, error) { panic("mad") }

// TestReasons of the end of a topic's process, and what the client is told.
func TestReasons(t *testing.T) {
	ends := map[string]process.Reason{
		"normal": process.Normal, "shutdown": process.Shutdown, "kill": process.Kill, "error": errors.New("x"),
	}
	stop := func(_ *room, ctx context.Context, in text) error { return process.Stop(ctx, ends[in.Text]) }
	end := func(_ *room, ctx context.Context, in text) error { return ends[in.Text] }
	refs := make(chan process.Ref[room], 1)
	join := func(ctx context.Context, _ channel.Join[struct{}]) (*room, error) {
		refs <- process.Self[room](ctx)
		return new(room), nil
	}
	s, c := connect(t, channel.Topic("end:*", join, channel.Do("stop", stop), channel.Cast("return", end)))
	sibling := c.Join("room:1", nil)
	for name, clean := range map[string]bool{"normal": true, "shutdown": true, "kill": false, "error": false} {
		for _, how := range []string{"stop", "return", "exit"} {
			r := c.Join("end:1", nil)
			ref := await(t, refs)
			if how == "exit" {
				processtest.Settle(t, s.Context(), ref)
				must(t, process.Exit(s.Context(), ref, ends[name]))
			} else if name == "kill" {
				r.Leave()
				continue // it kills from outside
			} else {
				r.Push(how, text{name})
			}
			m := r.Next()
			if want := map[bool]string{true: "phx_close", false: "phx_error"}[clean]; m.Event != want {
				t.Errorf("%s %s: %s", how, name, m)
			}
		}
	}
	sibling.Push("echo", text{"a"}).ExpectReply("ok", text{"a"})
}
