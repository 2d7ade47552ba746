package channeltest_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

type desk struct {
	client *channel.Client
	topic  string
}

type word struct {
	Word string `json:"word"`
}

const (
	heard channel.Event[word]           = "heard"
	drawn channel.Event[channel.Binary] = "drawn"
)

func desks() *channel.Socket {
	join := func(_ context.Context, j channel.Join[word]) (*desk, error) {
		if j.Params.Word == "no" {
			return nil, fault.Forbidden.Errorf("not you")
		}
		return &desk{j.Client, j.Topic}, nil
	}
	return &channel.Socket{
		Connect: func(_ context.Context, p *channel.Peer) error {
			if p.Token == "bad" || p.Params.Get("token") == "bad" {
				return fault.Unauthenticated.Errorf("a bad token")
			}
			return nil
		},
		Channels: []channel.Channel{channel.Topic("desk:*", join,
			channel.Joined(func(d *desk, _ context.Context) (word, error) { return word{d.topic}, nil }),
			channel.Call("say", func(d *desk, _ context.Context, w word) (word, error) { return w, nil }),
			channel.Do("push", func(d *desk, _ context.Context, w word) error { return channel.Push(d.client, heard, w) }),
			channel.Do("all", func(d *desk, ctx context.Context, w word) error { return channel.Broadcast(ctx, d.topic, heard, w) }),
			channel.Cast("later", func(d *desk, ctx context.Context, w word) error { return channel.Push(d.client, heard, w) }),
			channel.Call("draw", func(d *desk, ctx context.Context, b channel.Binary) (channel.Binary, error) {
				return b, channel.Push(d.client, drawn, b)
			}),
			channel.Run("bye", func(_ *desk, ctx context.Context) error { return process.Stop(ctx, process.Normal) }),
		).With(channel.History{})},
	}
}

func TestWordsOfTheKit(t *testing.T) {
	versions := map[string]channel.Peer{
		"version 2": {}, "version 1": {Params: url.Values{"vsn": {"1.0.0"}}},
	}
	for name, as := range versions {
		t.Run(name, func(t *testing.T) {
			s := channeltest.Serve(t, desks())
			c := channeltest.Connect(t, s, as)
			r := c.Join("desk:1", nil)
			if w := channeltest.Joined[word](r); w.Word != "desk:1" || r.Reply.Status != "ok" {
				t.Error(r.Reply)
			}
			say := r.Push("say", word{"a"})
			r.Push("push", word{"b"}).ExpectReply("ok", nil)
			r.Push("all", word{"c"}).ExpectReply("ok", nil)
			say.ExpectReply("ok", word{"a"})
			say.ExpectReply("ok", map[string]string{"word": "a"})
			if w := channeltest.OK[word](say); w.Word != "a" {
				t.Error(w)
			}
			r.ExpectPush("heard", word{"b"})
			r.ExpectBroadcast("heard", word{"c"})
			r.Push("later", word{"d"})
			if m := r.Next(); m.Event != "heard" || string(m.Payload) != `{"word":"d"}` {
				t.Error(m)
			}
			if reply := c.Refused("desk:2", word{"no"}); reply.Reason() != "not you" {
				t.Error(reply)
			}
			r.Push("bye", nil)
			r.ExpectClose()
			r.Rejoin()
			r.Leave()
			r.Rejoin()
			r.Crash()
			r.Rejoin()
			r.ExpectNothing()
			c.Heartbeat()
		})
	}
}

func TestBinary(t *testing.T) {
	r := channeltest.Connect(t, channeltest.Serve(t, desks())).Join("desk:1", nil)
	r.Push("draw", []byte("abc")).ExpectReply("ok", []byte("abc"))
	r.ExpectPush("drawn", channel.Binary("abc"))
	r.Push("draw", channel.Binary("")).ExpectReply("ok", channel.Binary(""))
}

// TestByWebsocket is the same over a real address.
func TestByWebsocket(t *testing.T) {
	s := channeltest.Listen(t, desks())
	c := channeltest.Dial(t, s.URL())
	r := c.Join("desk:1", nil)
	r.Push("push", word{"b"}).ExpectReply("ok", nil)
	r.ExpectPush("heard", word{"b"})
	r.Push("draw", []byte("abc")).ExpectReply("ok", []byte("abc"))
	r.ExpectPush("drawn", []byte("abc"))
	r.ExpectNothing()
	c.Drop()
	if err := channel.Broadcast(s.Context(), "desk:1", heard, word{"missed"}); err != nil {
		t.Fatal(err)
	}
	c.Reconnect()
	r.Rejoin()
	r.ExpectBroadcast("heard", word{"missed"})
	if status := channeltest.DialRefused(t, s.URL()+"?token=bad"); status != http.StatusUnauthorized {
		t.Error(status)
	}
	old := channeltest.Dial(t, s.URL()+"?vsn=1.0.0")
	theirs := old.Join("desk:1", nil)
	theirs.Push("all", word{"c"}).ExpectReply("ok", nil)
	theirs.ExpectBroadcast("heard", word{"c"})
	r.ExpectBroadcast("heard", word{"c"})
	old.Drop()
	go s.Stop()
	c.ExpectClose(1012)
}

// TestMove is a client that comes to another server.
func TestMove(t *testing.T) {
	one, other := channeltest.Serve(t, desks()), channeltest.Serve(t, desks())
	c := channeltest.Connect(t, one)
	r := c.Join("desk:1", nil)
	one.Stop()
	c.Move(other)
	r.Rejoin()
	if r.Recovered {
		t.Error("the other server knows what was said at the first")
	}
	r.Crash()
	r.Rejoin()
	if err := channel.Broadcast(other.Context(), "desk:1", heard, word{"a"}); err != nil {
		t.Fatal(err)
	}
	r.ExpectBroadcast("heard", word{"a"})
}

func TestRefused(t *testing.T) {
	s := channeltest.Serve(t, desks())
	if err := channeltest.Refused(t, s, channel.Peer{Token: "bad"}); fault.Of(err) != fault.Unauthenticated {
		t.Error(err)
	}
}

func TestInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := channeltest.Serve(t, desks())
		c := channeltest.Connect(t, s)
		r := c.Join("desk:1", nil)
		began := time.Now()
		r.ExpectNothing()
		c.ExpectNothing()
		r.Push("push", word{"a"}).ExpectReply("ok", nil)
		r.ExpectPush("heard", word{"a"})
		r.Crash()
		r.Rejoin()
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v", d)
		}
		s.Stop()
		c.ExpectClose(1012)
	})
}

// failing is a test that is to fail.
type failing struct {
	testing.TB
	said bytes.Buffer
}

func (f *failing) Fatalf(s string, a ...any) { fmt.Fprintf(&f.said, s, a...); panic(f) }
func (f *failing) Fatal(a ...any)            { f.Fatalf("%s", fmt.Sprint(a...)) }
func (f *failing) Errorf(s string, a ...any) { f.Fatalf(s, a...) }
func (*failing) Helper()                     {}

func TestWhatFails(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(s *channeltest.Server, c *channeltest.Client, r *channeltest.Room)
		want string
	}{
		"refused": {func(_ *channeltest.Server, c *channeltest.Client, _ *channeltest.Room) { c.Join("desk:2", word{"no"}) },
			`the client may not join "desk:2": error {"reason":"not you","kind":"forbidden"}`},
		"not refused": {func(_ *channeltest.Server, c *channeltest.Client, _ *channeltest.Room) { c.Refused("desk:2", nil) },
			`the client may join "desk:2", and gets ok {"word":"desk:2"}`},
		"another reply": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("say", word{"a"}).ExpectReply("ok", word{"b"})
		}, `"say" was answered with ok {"word":"a"}; expected ok {"word":"b"}`},
		"another status": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("say", word{"a"}).ExpectReply("error", []byte("a"))
		}, `"say" was answered with ok {"word":"a"}; expected error the binary "a"`},
		"no error": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("say", word{"a"}).ExpectError("b")
		}, `"say" was answered with ok {"word":"a"}; expected the error "b"`},
		"not OK": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			channeltest.OK[word](r.Push("nothing", nil))
		}, `"nothing" was answered with error {"reason":"unknown event","kind":"not found"}`},
		"another event": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("push", word{"a"})
			r.Push("push", word{"b"}).ExpectReply("ok", nil)
			r.ExpectPush("seen", word{"a"})
		}, `"heard" came on desk:1 with {"word":"a"}; expected "seen" with {"word":"a"}; unread:`},
		"another payload": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			r.Push("push", word{"a"})
			c.Heartbeat()
			r.ExpectPush("heard", word{"b"})
		}, `"heard" came on desk:1 with {"word":"a"}; expected "heard" with {"word":"b"}`},
		"joined again": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			c.Join("desk:1", nil)
			r.ExpectPush("heard", nil)
		}, `desk:1 was closed (joined again by this client?); expected "heard"`},
		"refused again": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			c.Refused("desk:1", word{"no"})
			r.ExpectPush("heard", nil)
		}, `desk:1 was closed (joined again by this client?); expected "heard"`},
		"not rejoined": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			c.Reconnect()
			r.Push("say", word{"a"}).ExpectReply("ok", word{"a"})
		}, `Rejoin the room first`},
		"no push": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("all", word{"a"})
			r.ExpectPush("heard", word{"a"})
		}, `was broadcast, not pushed`},
		"no broadcast": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("push", word{"a"})
			r.ExpectBroadcast("heard", word{"a"})
		}, `was pushed, not broadcast`},
		"something": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("later", word{"a"})
			r.ExpectNothing()
		}, `["1",null,"desk:1","heard",{"word":"a"}] came on desk:1, and nobody expected it`},
		"something else": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			r.Push("say", word{"a"})
			c.ExpectNothing()
		}, `the server sent what nobody expected:`},
		"nothing": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) { r.ExpectPush("heard", nil) },
			`waiting for the event heard on desk:1: nothing came in 5s`},
		"no crash": {func(_ *channeltest.Server, _ *channeltest.Client, r *channeltest.Room) {
			r.Push("bye", nil)
			r.ExpectCrash()
		}, `expected phx_error`},
		"closed": {func(_ *channeltest.Server, c *channeltest.Client, _ *channeltest.Room) {
			c.Send("nonsense")
			c.Next()
		}, `waiting for a message: websocket closed with 1011`},
		"closed otherwise": {func(s *channeltest.Server, c *channeltest.Client, _ *channeltest.Room) {
			c.Send("nonsense")
			c.ExpectClose(1001)
		}, `and not with 1001`},
		"not closed": {func(_ *channeltest.Server, c *channeltest.Client, _ *channeltest.Room) { c.ExpectClose(1001) },
			`the server does not close the connection`},
		"dropped": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			c.Drop()
			r.Push("say", nil)
		}, `the client is not connected; Reconnect it`},
		"no process": {func(_ *channeltest.Server, c *channeltest.Client, r *channeltest.Room) {
			r.Leave()
			r.Crash()
		}, `nothing serves the client on "desk:1"`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{TB: t}
				defer func() {
					if v := recover(); v != any(f) {
						t.Errorf("it does not fail, or with %v", v)
					} else if got := f.said.String(); !strings.Contains(got, test.want) || strings.HasSuffix(got, "unread:") {
						t.Errorf("it says\n%s\n, and not\n%s", got, test.want)
					}
				}()
				s := channeltest.Serve(t, desks())
				c := channeltest.Connect(f, s)
				test.do(s, c, c.Join("desk:1", nil))
			})
		})
	}
}
