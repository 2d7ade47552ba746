package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

func quiet() Options { return Options{Log: slog.New(slog.DiscardHandler)} }

func TestJoin(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", map[string]int{"since": 7})
		joined := async(func() (text, error) { return Join[text](t.Context(), room) })
		c.expect(`["1","1","room:1","phx_join",{"since":7},{}]`)
		if room.State() != Opening || room.Topic() != "room:1" {
			t.Errorf("it is %v", room.State())
		}
		c.say(`["1","1","room:1","phx_reply",{"status":"ok","response":{"text":"hi"}}]`)
		if r := await(t, joined); r.err != nil || r.value.Text != "hi" || room.State() != Open {
			t.Errorf("%+v, %v", r, room.State())
		}
		if _, err := Join[text](t.Context(), room); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second time: %v", err)
		}
	})
}

func TestJoinIsRefused(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		for i, step := range []struct {
			response, reason string
			kind             fault.Kind
		}{
			{`{"reason":"come back when you are calm"}`, "come back when you are calm", fault.Invalid},
			{`{"reason":"forbidden"}`, "forbidden", fault.Forbidden},
			{`{"reason":"unmatched topic"}`, "unmatched topic", fault.NotFound},
			{`{"reason":"internal error"}`, "internal error", fault.Internal},
			{`{"reason":"mood must be known","errors":{"mood":["must be known"]}}`, "mood must be known", fault.Invalid},
			{`{"reason":"odd","errors":[1]}`, "odd", fault.Invalid},
			{`"no"`, "the server answered error", fault.Invalid},
			{`{"reason":"later","kind":"exhausted"}`, "later", fault.Exhausted},
			{`{"reason":"forbidden","kind":"unavailable"}`, "forbidden", fault.Unavailable},
			{`{"reason":"it broke","kind":"internal error"}`, "it broke", fault.Internal},
			{`{"reason":"forbidden","kind":"odd"}`, "forbidden", fault.Forbidden},
			{`{"reason":"odd","kind":7}`, "odd", fault.Invalid},
		} {
			joined := async(func() (text, error) { return Join[text](t.Context(), room) })
			ref := fmt.Sprint(i + 1)
			c.expect(fmt.Sprintf(`[%q,%q,"room:1","phx_join",{},{}]`, ref, ref))
			joinRef := `"` + ref + `"`
			if step.kind == fault.NotFound {
				joinRef = "null"
			}
			c.say(`[%s,%q,"room:1","phx_reply",{"status":"error","response":%s}]`, joinRef, ref, step.response)
			r := await(t, joined)
			var e *Error
			if !errors.As(r.err, &e) || e.Reason != step.reason || fault.Of(r.err) != step.kind || string(e.Response) != step.response || e.Status != "error" {
				t.Errorf("%s: %v", step.response, r.err)
			}
			if i == 4 && (e.Fields.String() != "mood must be known" || fault.FieldsOf(r.err)["mood"] == nil) {
				t.Errorf("the fields are %v", e.Fields)
			}
			if room.State() != Closed {
				t.Errorf("it is %v", room.State())
			}
		}
		c.quiet()
	})
}

func TestJoinTimesOutAndGoesOn(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		joined := async(func() (text, error) { return Join[text](ctx, room) })
		c.expect(`["1","1","room:1","phx_join",{},{}]`)
		c.expect(`["1","2","room:1","phx_leave",{}]`) // after 10 s
		c.expect(`["3","3","room:1","phx_join",{},{}]`)
		c.say(`["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`) // too late
		if r := await(t, joined); !errors.Is(r.err, fault.Timeout) || !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("%v", r.err)
		}
		c.expect(`["3","4","room:1","phx_leave",{}]`)
		if room.State() != Closed {
			t.Errorf("it is %v", room.State())
		}
	})
}

func TestJoinWaitsForConnection(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		c.drop(1006, "")
		room := s.Channel("room:1", nil)
		joined := async(func() (text, error) { return Join[text](t.Context(), room) })
		(<-f.conns).accept(`{"text":"hi"}`, "")
		if r := await(t, joined); r.err != nil || r.value.Text != "hi" {
			t.Errorf("%+v", r)
		}
	})
}

func TestStartGoesOn(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		n := 0
		room := s.Channel("room:1", func() any { n++; return map[string]int{"n": n} })
		var told record
		room.OnState(func(state State, err error) { told.add("%v %v", state, err) })
		OnJoin(room, func(m text, resumed bool) { told.add("%s %v", m.Text, resumed) })
		if err := room.Start(); err != nil {
			t.Fatal(err)
		}
		if err := room.Start(); !errors.Is(err, fault.Conflict) {
			t.Errorf("a second time: %v", err)
		}
		for i, after := range []time.Duration{0, 1 * time.Second, 2 * time.Second} {
			began := time.Now()
			c.expect(fmt.Sprintf(`["%[1]d","%[1]d","room:1","phx_join",{"n":%[1]d},{}]`, i+1))
			if time.Since(began) != after {
				t.Errorf("the attempt %d after %v", i, time.Since(began))
			}
			if i < 2 {
				c.say(`["%[1]d","%[1]d","room:1","phx_reply",{"status":"error","response":{"reason":"full"}}]`, i+1)
			}
		}
		c.say(`["3","3","room:1","phx_reply",{"status":"ok","response":{"text":"in"}}]`)
		told.expect(t, "opening <nil>", "waiting client: phx_join on room:1: full", "opening <nil>", "waiting client: phx_join on room:1: full", "opening <nil>", "open <nil>", "in false")
	})
}

func TestCrash(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		called := async(func() (text, error) { return Call[text](t.Context(), room, "echo", nil) })
		c.hear()
		c.say(`["0","0","room:1","phx_error",{"reason":"channel_crash"}]`) // of an earlier join
		c.say(`["1","1","room:1","phx_error",{"reason":"channel_crash"}]`)
		if r := await(t, called); !errors.Is(r.err, fault.Unavailable) {
			t.Errorf("%v", r.err)
		}
		began := time.Now()
		c.accept("{}", "")
		synctest.Wait()
		if room.State() != Open || time.Since(began) != time.Second {
			t.Errorf("it is %v after %v", room.State(), time.Since(began))
		}
	})
}

func TestServerCloses(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		called := async(func() (text, error) { return CallAcknowledged[text](t.Context(), room, "echo", nil) })
		c.hear()
		c.say(`["0","0","room:1","phx_close",{}]`) // of an earlier join
		if room.State() != Open {
			t.Errorf("it is %v", room.State())
		}
		c.say(`["1","1","room:1","phx_close",{}]`)
		if r := await(t, called); !errors.Is(r.err, fault.Unavailable) || room.State() != Closed {
			t.Errorf("%v, %v", r.err, room.State())
		}
		c.quiet()
		join(t, c, room, "") // again, if somebody wants it
	})
}

func TestLeave(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		if err := room.Leave(t.Context()); err != nil {
			t.Errorf("before it has joined: %v", err)
		}
		leave := func() chan result[int] {
			return async(func() (int, error) { return 0, room.Leave(t.Context()) })
		}
		join(t, c, room, "")
		left := leave()
		c.expect(`["1","2","room:1","phx_leave",{}]`)
		c.say(`["1","2","room:1","phx_reply",{"status":"ok","response":{}}]`)
		c.say(`["1","1","room:1","phx_close",{}]`)
		if r := await(t, left); r.err != nil || room.State() != Closed {
			t.Errorf("%v, %v", r.err, room.State())
		}
		join(t, c, room, "")
		began := time.Now()
		if r := await(t, leave()); r.err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("without a reply: %v after %v", r.err, time.Since(began))
		}
		c.hear()
		join(t, c, room, "")
		left = leave()
		c.hear()
		c.drop(1006, "")
		if r := await(t, left); r.err != nil {
			t.Errorf("without a connection: %v", r.err)
		}
		c = <-f.conns
		c.quiet()
	})
}

func TestTakesOver(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		first, second := s.Channel("room:1", nil), s.Channel("room:1", nil)
		join(t, c, first, "")
		join(t, c, second, "")
		c.say(`["1","1","room:1","phx_close",{}]`)
		if first.State() != Closed || second.State() != Open {
			t.Errorf("they are %v and %v", first.State(), second.State())
		}
	})
}

func TestEvents(t *testing.T) {
	bubble(t, quiet(), func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		var told record
		On(room, said, func(m text) { told.add("said %s", m.Text) })
		stop := On(room, said, func(m text) { told.add("also %s", m.Text) })
		On(room, "blob", func(b []byte) { told.add("blob %x", b) })
		On(room, "broken", func(int) { told.add("broken") })
		OnJoin(room, func(m text, _ bool) { told.add("joined %s", m.Text) })
		c.say(`[null,null,"room:1","said",{"text":"before"}]`)
		join(t, c, room, "")
		c.say(`[null,null,"room:1","said",{"text":"a"}]`)
		c.say(`["1",null,"room:1","said",{"text":"b"}]`)
		c.say(`["0",null,"room:1","said",{"text":"stale"}]`)
		c.bytes(wire.AppendBinaryBroadcast(nil, "room:1", "blob", []byte{1}))
		c.bytes(wire.AppendBinaryPush(nil, []byte("1"), "room:1", "blob", []byte{2}))
		c.bytes(wire.AppendBinaryBroadcastAt(nil, 7, "room:1", "blob", []byte{3}))
		c.say(`[null,null,"room:1","broken",{}]`)
		c.say(`[null,null,"room:1","blob",{}]`)
		c.bytes(wire.AppendBinaryBroadcast(nil, "room:1", "said", nil))
		told.expect(t, "joined welcome", "said a", "also a", "said b", "also b", "blob 01", "blob 02", "blob 03")
		stop()
		c.say(`[null,null,"room:1","said",{"text":"c"}]`)
		told.expect(t, "said c")
	})
}

// TestCallbacksOneAtATime blocks one channel's callback; the other's go on.
func TestCallbacksOneAtATime(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		one, two := s.Channel("one", nil), s.Channel("two", nil)
		var told record
		gate := make(chan struct{})
		On(one, said, func(m text) { <-gate; told.add("one %s", m.Text) })
		On(two, said, func(m text) {
			r, err := Call[text](t.Context(), two, "echo", m)
			told.add("two %s %v", r.Text, err)
		})
		join(t, c, one, "")
		join(t, c, two, "")
		for _, topic := range []string{"one", "two", "one"} {
			c.say(`[null,null,%q,"said",{"text":"x"}]`, topic)
		}
		c.expect(`["2","3","two","echo",{"text":"x"}]`)
		c.say(`["2","3","two","phx_reply",{"status":"ok","response":{"text":"y"}}]`)
		told.expect(t, "two y <nil>")
		close(gate)
		told.expect(t, "one x", "one x")
	})
}

// TestJoinedInTheLastMoment: a join is either given up or done, and never both.
func TestJoinedInTheLastMoment(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		for i := range 50 {
			room := s.Channel(fmt.Sprint("room:", i), nil)
			ctx, cancel := context.WithCancel(t.Context())
			joined := async(func() (text, error) { return Join[text](ctx, room) })
			m, err := wire.DecodeText(wire.V2, c.hear().data)
			if err != nil {
				t.Fatal(err)
			}
			go cancel()
			c.say(`[%q,%q,%q,"phx_reply",{"status":"ok","response":{}}]`, m.Ref, m.Ref, m.Topic)
			if r := await(t, joined); (r.err == nil) != (room.State() == Open) {
				t.Fatalf("%v, and it is %v", r.err, room.State())
			}
			left := async(func() (int, error) { return 0, room.Leave(ctx) })
			await(t, left)
			for synctest.Wait(); len(c.frames) > 0; {
				c.hear()
			}
		}
		if len(s.leaves) != 0 {
			t.Errorf("%d leaves are kept", len(s.leaves))
		}
	})
}

// TestSlowCallbacks: when too much waits, the channel joins again, from where it was.
func TestSlowCallbacks(t *testing.T) {
	for what, o := range map[string]Options{"messages": {Queue: 2}, "bytes": {QueueBytes: 2 * len(`{"text":"1"}`)}} {
		t.Run(what, func(t *testing.T) {
			bubble(t, o, func(t *testing.T, f *fake, s *Socket, c *conn) {
				room := s.Channel("room:1", nil)
				var told record
				gate := make(chan struct{})
				On(room, said, func(m text) { <-gate; told.add("%s", m.Text) })
				OnJoin(room, func(_ text, resumed bool) { told.add("joined %v", resumed) })
				room.OnState(func(state State, err error) { told.add("%v %s", state, fault.Of(err)) })
				join(t, c, room, `{"epoch":"e","offset":0}`)
				told.expect(t, "opening internal error", "open internal error", "joined false")
				say := func(n int) {
					c.say(`[null,null,"room:1","said",{"text":"%d"},{"offset":%d}]`, n, n)
					synctest.Wait()
				}
				for n := range 5 { // the first is under way, two wait, the fourth is too much
					say(n + 1)
				}
				c.quiet()
				close(gate)
				told.expect(t, "1", "2", "3", "waiting exhausted", "opening internal error")
				c.expect(`["2","2","room:1","phx_join",{},{"epoch":"e","offset":3}]`)
				c.say(`["2","2","room:1","phx_reply",{"status":"ok","response":{}},{"epoch":"e","offset":5,"recovered":true}]`)
				c.say(`["1","1","room:1","phx_close",{}]`)
				say(4)
				say(5)
				told.expect(t, "open internal error", "joined true", "4", "5")
			})
		})
	}
}

func TestResume(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		var told record
		On(room, said, func(m text) { told.add("%s", m.Text) })
		OnJoin(room, func(_ text, resumed bool) { told.add("joined %v", resumed) })
		rejoin := func(want, meta string) {
			t.Helper()
			c.drop(1006, "")
			c = await(t, f.conns)
			got := c.hear()
			if !bytes.HasSuffix(got.data, []byte(","+want+"]")) {
				t.Fatalf("it joins with %s, and not %s", got.data, want)
			}
			m, err := wire.DecodeText(wire.V2, got.data)
			if err != nil {
				t.Fatal(err)
			}
			c.say(`[%q,%q,"room:1","phx_reply",{"status":"ok","response":{}},%s]`, m.Ref, m.Ref, meta)
		}
		join(t, c, room, `{"epoch":"a","offset":10}`)
		told.expect(t, "joined false")

		c.say(`[null,null,"room:1","said",{"text":"11"},{"offset":11}]`)
		c.say(`[null,null,"room:1","typing",{},{"offset":12}]`) // to which nobody listens
		told.expect(t, "11")
		rejoin(`{"epoch":"a","offset":12}`, `{"epoch":"a","offset":14,"recovered":true}`)
		c.say(`[null,null,"room:1","said",{"text":"13"},{"offset":13}]`)
		told.expect(t, "joined true", "13")

		// It was lost before 14 had arrived, which is what it asks for.
		rejoin(`{"epoch":"a","offset":13}`, `{"epoch":"b","offset":3,"recovered":false}`)
		told.expect(t, "joined false")
		rejoin(`{"epoch":"b","offset":3}`, `{"recovered":false}`) // no history any more
		told.expect(t, "joined false")
		rejoin(`{}`, `{}`)
		told.expect(t, "joined false")
	})
}
