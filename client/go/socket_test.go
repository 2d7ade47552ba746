package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

func TestDialAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		s, err := Dial(t.Context(), "https://host/socket/?a=1", f.options(Options{
			Params: url.Values{"key": {"k v"}},
			Token:  Token("secret?>"),
		}))
		if err != nil {
			t.Fatal(err)
		}
		got := f.asked[0]
		if got.url.String() != "wss://host/socket/websocket?a=1&key=k+v&vsn=2.0.0" || !slices.Equal(got.protocols, []string{"phoenix", "base64url.bearer.phx.c2VjcmV0Pz4"}) {
			t.Errorf("it asks for %+v", got)
		}
		if s.State() != Open {
			t.Errorf("it is %v", s.State())
		}
		s.Close()
		s.Close()
		<-s.Done()
		if end := <-(<-f.conns).ended; end != "1000 " {
			t.Errorf("it closes with %s", end)
		}
	})
}

func TestDialRefusesAddresses(t *testing.T) {
	for _, address := range []string{"", "host/socket", "ftp://host/socket", "ws:///socket", "ws://host:x/", "://"} {
		if _, err := Dial(t.Context(), address, Options{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestDialIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, kind := range map[int]fault.Kind{400: fault.Invalid, 401: fault.Unauthenticated, 403: fault.Forbidden, 404: fault.NotFound, 410: fault.NotFound, 422: fault.Invalid} {
			f := newFake(t)
			f.refuse(answered(status, ""))
			if s, err := Dial(t.Context(), "ws://host/socket", f.options(Options{})); !errors.Is(err, kind) || s != nil {
				t.Errorf("%d: %v", status, err)
			}
		}
	})
}

func TestDialGoesOn(t *testing.T) {
	for what, c := range map[string]struct {
		err  error
		wait bool
	}{
		"no network": {err: errors.New("no route to host")},
		"429":        {err: answered(429, "")},
		"503":        {err: answered(503, "")},
		"408":        {err: answered(408, "")},
		"403, wait":  {err: answered(403, ""), wait: true},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.refuse(c.err, c.err, nil)
				s, err := Dial(t.Context(), "ws://host/socket", f.options(Options{Wait: c.wait}))
				if err != nil {
					t.Fatal(err)
				}
				if s.State() != Waiting {
					t.Errorf("it is %v", s.State())
				}
				<-f.conns
				if got := f.times(); !slices.Equal(got, []time.Duration{0, 1 * time.Second, 3 * time.Second}) {
					t.Errorf("it dials after %v", got)
				}
				s.Close()
				<-s.Done()
			})
		})
	}
}

// answered is the refusal of a handshake.
func answered(status int, retryAfter string) error {
	return &ws.HandshakeError{Status: status, Header: http.Header{"Retry-After": {retryAfter}}}
}

func TestRetryAfter(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		f.refuse(answered(503, "7"), answered(429, "soon"), answered(503, "99999"), nil)
		c.drop(1006, "")
		<-f.conns
		want := []time.Duration{0, 1 * time.Second, 10 * time.Second, 14 * time.Second, time.Hour + 19*time.Second}
		if got := f.times(); !slices.Equal(got, want) {
			t.Errorf("it dials after %v, and not %v", got, want)
		}
	})
}

func TestTokenIsAskedEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		n := 0
		s, err := Dial(t.Context(), "ws://host/socket", f.options(Options{Token: func(context.Context) (string, error) {
			if n++; n == 2 {
				return "", errors.New("the house of tokens is closed")
			}
			return string(rune('a' + n)), nil
		}}))
		if err != nil {
			t.Fatal(err)
		}
		(<-f.conns).drop(1006, "")
		<-f.conns
		if got := f.asked[1].protocols[1]; len(f.asked) != 2 || got != "base64url.bearer.phx.ZA" {
			t.Errorf("the second is %s of %d", got, len(f.asked))
		}
		s.Close()
		<-s.Done()
	})
}

func TestContextEndsSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		ctx, cancel := context.WithCancel(t.Context())
		s, err := Dial(ctx, "ws://host/socket", f.options(Options{}))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		<-s.Done()
		if s.State() != Closed {
			t.Errorf("it is %v", s.State())
		}
		if s, err := Dial(ctx, "ws://host/socket", f.options(Options{})); !errors.Is(err, fault.Canceled) || s != nil {
			t.Errorf("%v", err)
		}
	})
}

func TestHeartbeat(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		var told record
		s.OnState(func(state State, err error) { told.add("%v %s", state, fault.Of(err)) })
		began := time.Now()
		for _, ref := range []string{"1", "2", "3"} {
			c.expect(`[null,"` + ref + `","phoenix","heartbeat",{}]`)
			if ref != "3" {
				c.say(`[null,%q,"phoenix","phx_reply",{"status":"ok","response":{}}]`, ref)
			}
		}
		if end := await(t, c.ended); end != "1000 heartbeat timeout" || time.Since(began) != 2*time.Minute {
			t.Errorf("%s after %v", end, time.Since(began))
		}
		<-f.conns
		// It had held, and so the count of failures begins anew.
		if time.Since(began) != 2*time.Minute+time.Second {
			t.Errorf("again after %v", time.Since(began))
		}
		told.expect(t, "waiting timeout", "opening internal error", "open internal error")
	})
}

func TestReconnect(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "{}")
		for _, step := range []struct {
			reason string
			after  time.Duration
		}{
			{"", 1 * time.Second},
			{"", 2 * time.Second},
			{"restart: reconnect in 1234 ms", 1234 * time.Millisecond},
			{"reconnect in 0 ms", 0},
			{"reconnect in 99999999 ms", time.Hour},
			{"reconnect in x ms", 5 * time.Second},
			{"reconnect in 5 s", 5 * time.Second},
		} {
			began := time.Now()
			c.drop(1012, step.reason)
			c = await(t, f.conns)
			if got := time.Since(began); got != step.after {
				t.Errorf("%q: %v, and not %v", step.reason, got, step.after)
			}
			c.accept("{}", "")
			synctest.Wait()
			if room.State() != Open {
				t.Errorf("%q: it is %v", step.reason, room.State())
			}
		}
	})
}

// TestSpread waits a random time if the server advised so when the channel joined.
func TestSpread(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		join(t, c, s.Channel("room:1", nil), `{"reconnect_ms":9000}`)
		time.Sleep(settled)
		began := time.Now()
		c.drop(1006, "")
		<-f.conns
		if got := time.Since(began); got != 9*time.Second {
			t.Errorf("it comes back after %v", got)
		}
	})
}

func TestBackoff(t *testing.T) {
	o := Options{}.orDefaults("ws")
	for failures, limit := range map[int]time.Duration{0: 250 * time.Millisecond, 1: 500 * time.Millisecond, 6: 16 * time.Second, 7: 30 * time.Second, 31: 30 * time.Second, 32: 30 * time.Second, 1e6: 30 * time.Second} {
		var longest time.Duration
		for range 1000 {
			longest = max(longest, o.backoff(failures))
		}
		if longest >= limit || longest < limit/2 {
			t.Errorf("up to %v after %d failures, and not %v", longest, failures, limit)
		}
	}
	if long := (Backoff{time.Hour, 2 * time.Hour}); long.limit(31) != 2*time.Hour || fullJitter(0) != 0 {
		t.Error("the extremes")
	}
}

func TestRubbishIsPassedOver(t *testing.T) {
	bubble(t, quiet(), func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		for _, frame := range []string{``, `{}`, `[1]`, `[null,null,"room:2","said",{}]`, `["1","99","room:1","phx_reply",{"status":"ok","response":{}}]`,
			`["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`, `["1","1","room:1","phx_reply",{}]`, `[null,"x","phoenix","phx_reply",{}]`} {
			c.say("%s", frame)
		}
		c.link.message(nil, true)
		if room.State() != Open || s.State() != Open {
			t.Errorf("they are %v and %v", room.State(), s.State())
		}
	})
}
