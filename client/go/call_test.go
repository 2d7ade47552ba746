package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

func call(ctx context.Context, room *Channel, event string, payload any) chan result[text] {
	return async(func() (text, error) { return Call[text](ctx, room, event, payload) })
}

func TestCall(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		if _, err := Call[text](t.Context(), room, "echo", nil); !errors.Is(err, fault.Unavailable) {
			t.Errorf("before it has joined: %v", err)
		}
		join(t, c, room, "")

		called := call(t.Context(), room, "echo", text{"hi"})
		c.expect(`["1","2","room:1","echo",{"text":"hi"}]`)
		c.say(`["1","2","room:1","phx_reply",{"status":"ok","response":{"text":"hi!"}}]`)
		if r := await(t, called); r.err != nil || r.value.Text != "hi!" {
			t.Errorf("%+v", r)
		}

		called = call(t.Context(), room, "echo", nil)
		c.expect(`["1","3","room:1","echo",{}]`)
		c.say(`["1","3","room:1","phx_reply",{"status":"error","response":{"reason":"conflict"}}]`)
		if r := await(t, called); !errors.Is(r.err, fault.Conflict) || r.err.Error() != "client: echo on room:1: conflict" {
			t.Errorf("%v", r.err)
		}

		called = call(t.Context(), room, "echo", nil)
		c.hear()
		c.say(`["1","4","room:1","phx_reply",{"status":"ok","response":[]}]`)
		if r := await(t, called); !errors.Is(r.err, fault.Invalid) {
			t.Errorf("a reply of another type: %v", r.err)
		}

		began := time.Now()
		r := await(t, call(t.Context(), room, "echo", nil))
		var e *Error
		if !errors.Is(r.err, fault.Timeout) || !errors.As(r.err, &e) || e.Status != "timeout" || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", r.err, time.Since(began))
		}
		c.hear()
		c.say(`["1","5","room:1","phx_reply",{"status":"ok","response":{}}]`) // too late

		ctx, cancel := context.WithCancel(t.Context())
		called = call(ctx, room, "echo", nil)
		c.hear()
		cancel()
		if r := await(t, called); !errors.Is(r.err, fault.Canceled) || !errors.Is(r.err, context.Canceled) {
			t.Errorf("%v", r.err)
		}
		if len(room.asks) != 0 {
			t.Errorf("%d are still waiting", len(room.asks))
		}
	})
}

func TestCallRefusesPayloads(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		for what, do := range map[string]func() error{
			"function": func() error { return Cast(t.Context(), room, "x", func() {}) },
			"reserved": func() error { return Cast(t.Context(), room, "phx_leave", nil) },
			"long":     func() error { return Cast(t.Context(), room, strings.Repeat("x", 256), []byte{1}) },
			"bytes": func() error {
				_, err := CallAcknowledged[text](t.Context(), room, "x", []byte{1})
				return err
			},
			"join": func() error {
				_, err := Join[text](t.Context(), s.Channel("room:2", []byte{1}))
				return err
			},
			"params": func() error {
				_, err := Join[text](t.Context(), s.Channel("room:2", func() any { return func() {} }))
				return err
			},
		} {
			if err := do(); !errors.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		c.quiet()
	})
}

func TestBinary(t *testing.T) {
	type blob []byte
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("t", nil)
		join(t, c, room, "")
		called := async(func() (blob, error) { return Call[blob](t.Context(), room, "e", blob{0xab, 0xcd}) })
		if m := c.hear(); !m.binary || string(m.data) != "\x00\x01\x01\x01\x0112te\xab\xcd" {
			t.Errorf("it says %q", m.data)
		}
		c.bytes(wire.AppendBinaryReply(nil, []byte("1"), []byte("2"), "t", "ok", []byte{1, 2}))
		if r := await(t, called); r.err != nil || string(r.value) != "\x01\x02" {
			t.Errorf("%+v", r)
		}
		raw := async(func() (json.RawMessage, error) {
			return Call[json.RawMessage](t.Context(), room, "e", json.RawMessage(`{"a":1}`))
		})
		c.expect(`["1","3","t","e",{"a":1}]`)
		c.bytes(wire.AppendBinaryReply(nil, []byte("1"), []byte("3"), "t", "error", []byte{1, 2}))
		var e *Error
		if r := await(t, raw); !errors.As(r.err, &e) || string(e.Response) != "\x01\x02" {
			t.Errorf("%+v", r)
		}
	})
}

func TestCast(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		if err := Cast(t.Context(), room, "typing", text{"x"}); err != nil {
			t.Error(err)
		}
		c.expect(`["1","2","room:1","typing",{"text":"x"}]`)
		c.drop(1006, "")
		// What is said meanwhile waits for the join, in order.
		for i := range 3 {
			go func() { _ = Cast(t.Context(), room, fmt.Sprint("e", i), nil) }()
			synctest.Wait()
		}
		c = <-f.conns
		c.accept("{}", "")
		for i := range 3 {
			c.expect(fmt.Sprintf(`["6","%d","room:1","e%d",{}]`, i+3, i))
		}
	})
}

// TestLostCall: what was sent is given up, what was not waits for the next connection.
func TestLostCall(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		sent := call(t.Context(), room, "echo", nil)
		c.hear()
		c.drop(1006, "")
		var e *Error
		if r := await(t, sent); !errors.Is(r.err, fault.Unavailable) || !errors.As(r.err, &e) || e.Status != "closed" {
			t.Errorf("%v", r.err)
		}
		waiting := call(t.Context(), room, "echo", nil)
		c = <-f.conns
		c.accept("{}", "")
		c.expect(`["4","3","room:1","echo",{}]`)
		c.say(`["4","3","room:1","phx_reply",{"status":"ok","response":{}}]`)
		if r := await(t, waiting); r.err != nil {
			t.Error(r.err)
		}
	})
}

// TestLostChannel: a server that has lost the channel has not heard the push.
func TestLostChannel(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		called := call(t.Context(), room, "echo", nil)
		c.hear()
		c.say(`[null,"2","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`)
		c.accept("{}", "")
		c.expect(`["3","2","room:1","echo",{}]`)
		c.say(`["3","2","room:1","phx_reply",{"status":"ok","response":{}}]`)
		if r := await(t, called); r.err != nil {
			t.Error(r.err)
		}
	})
}

func TestCallAcknowledged(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		called := async(func() (text, error) {
			return CallAcknowledged[text](t.Context(), room, "post", text{"hi"})
		})
		id := ""
		same := func() {
			t.Helper()
			m, err := wire.DecodeText(wire.V2, c.hear().data)
			if err != nil || string(m.Event) != "post" || len(m.Meta.ID) < 20 || id != "" && m.Meta.ID != id || string(m.Payload) != `{"text":"hi"}` {
				t.Fatalf("it says %s %s with %+v, %v", m.Event, m.Payload, m.Meta, err)
			}
			id = m.Meta.ID
		}
		same()
		time.Sleep(20 * time.Second) // it has no time limit
		c.drop(1006, "")
		c = <-f.conns
		c.accept("{}", "")
		same()
		c.say(`["3","3","room:1","phx_error",{}]`)
		c.accept("{}", "")
		same()
		c.say(`["4","2","room:1","phx_reply",{"status":"ok","response":{"text":"done"}}]`)
		if r := await(t, called); r.err != nil || r.value.Text != "done" {
			t.Errorf("%+v", r)
		}
		c.drop(1006, "")
		c = <-f.conns
		c.accept("{}", "")
		c.quiet() // it is answered
	})
}

func TestSendAcknowledged(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		ctx, cancel := context.WithCancel(t.Context())
		send := func(event string, payload any) func() (text, error) {
			return SendAcknowledged[text](ctx, room, event, payload)
		}
		for what, want := range map[string]struct {
			await func() (text, error)
			kind  fault.Kind
		}{
			"not joined":      {send("post", nil), fault.Unavailable},
			"bytes":           {send("post", []byte("x")), fault.Invalid},
			"the protocol's":  {send("phx_join", nil), fault.Invalid},
			"no JSON of that": {send("post", func() {}), fault.Invalid},
		} {
			if _, err := want.await(); fault.Of(err) != want.kind {
				t.Errorf("%s: %v", what, err)
			}
		}
		join(t, c, room, "")
		var waiting []func() (text, error)
		for i := range 9 {
			waiting = append(waiting, send("post", text{fmt.Sprint(i)}))
		}
		for i := range waiting { // in their order
			m, err := wire.DecodeText(wire.V2, c.hear().data)
			if err != nil || string(m.Payload) != fmt.Sprintf(`{"text":"%d"}`, i) {
				t.Fatalf("it says %s, %v", m.Payload, err)
			}
			if i < 8 {
				c.say(`["1",%q,"room:1","phx_reply",{"status":"ok","response":%s}]`, m.Ref, m.Payload)
			}
		}
		for i := 7; i >= 0; i-- { // answered, and kept until asked for
			if r, err := waiting[i](); err != nil || r.Text != fmt.Sprint(i) {
				t.Errorf("%d: %+v, %v", i, r, err)
			}
		}
		cancel()
		if _, err := waiting[8](); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestSocketCloseEndsCalls(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room, other := s.Channel("room:1", nil), s.Channel("room:2", nil)
		join(t, c, room, "")
		called := async(func() (text, error) { return CallAcknowledged[text](t.Context(), room, "post", nil) })
		joined := async(func() (text, error) { return Join[text](t.Context(), other) })
		c.hear()
		c.hear()
		s.Close()
		for _, err := range []error{await(t, called).err, await(t, joined).err} {
			if !errors.Is(err, fault.Canceled) {
				t.Errorf("%v", err)
			}
		}
		if err := room.Start(); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%v", err)
		}
		if err := Cast(t.Context(), room, "x", nil); !errors.Is(err, fault.Unavailable) {
			t.Errorf("%v", err)
		}
	})
}
