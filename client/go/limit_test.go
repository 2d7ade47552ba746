package client

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
)

// senders are all that sends a message of some length: it is heard, or the error comes.
func senders(t *testing.T, s *Socket, room *Channel) map[string]func() error {
	long := text{"some length"}
	return map[string]func() error{
		"call": func() error { _, err := Call[text](t.Context(), room, "x", long); return err },
		"bytes": func() error {
			_, err := Call[text](t.Context(), room, "x", []byte("some length"))
			return err
		},
		"acknowledged": func() error { _, err := CallAcknowledged[text](t.Context(), room, "x", long); return err },
		"sent":         func() error { _, err := SendAcknowledged[text](t.Context(), room, "x", long)(); return err },
		"cast":         func() error { return Cast(t.Context(), room, "x", long) },
		"join":         func() error { _, err := Join[text](t.Context(), s.Channel("room:2", long)); return err },
		"computed": func() error {
			_, err := Join[text](t.Context(), s.Channel("room:2", func() any { return long }))
			return err
		},
	}
}

// asLong has a frame sent to a server that takes one of so many bytes, 0: of any length.
func asLong(t *testing.T, what string, most int) (bytes int, err error) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, fmt.Sprintf(`{"message_bytes":%d}`, most))
		done := make(chan error, 1)
		go func() { done <- senders(t, s, room)[what]() }()
		synctest.Wait()
		select {
		case m := <-c.frames:
			bytes = len(m.data)
		default:
			err = <-done
		}
		c.quiet()
		if s.State() != Open || room.State() != Open || err != nil && len(room.asks) != 0 {
			t.Errorf("%s: the socket is %v, the channel is %v, and %d wait", what, s.State(), room.State(), len(room.asks))
		}
		s.Close()
		if bytes > 0 {
			<-done
		}
	})
	return bytes, err
}

func TestTooLongIsNotSent(t *testing.T) {
	for what := range senders(t, nil, nil) {
		size, err := asLong(t, what, 0)
		if size == 0 {
			t.Fatalf("%s, without a limit: %v", what, err)
		}
		for _, most := range []int{size + 1, size} {
			if n, err := asLong(t, what, most); n != size {
				t.Errorf("%s of %d bytes, of which the server takes %d: %v", what, size, most, err)
			}
		}
		_, err = asLong(t, what, size-1)
		var e *Error
		want := fmt.Sprintf("the message is longer than the %d bytes that the server takes", size-1)
		if fault.Of(err) != fault.Invalid || !errors.As(err, &e) || e.Status != "error" || e.Reason != want {
			t.Errorf("%s that is too long: %v", what, err)
		}
	}
}

// TestTooLongForTheNextConnection: what waits for the join is measured by what the server
// says then.
func TestTooLongForTheNextConnection(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, `{"message_bytes":1000}`)
		long := async(func() (text, error) {
			return CallAcknowledged[text](t.Context(), room, "long", text{"more than there is room for in one message of a hundred bytes"})
		})
		synctest.Wait()
		short := async(func() (text, error) { return CallAcknowledged[text](t.Context(), room, "short", nil) })
		c.hear()
		c.hear()
		c.drop(1006, "")
		c = <-f.conns
		c.accept("{}", `{"message_bytes":100}`)
		if r := await(t, long); !errors.Is(r.err, fault.Invalid) {
			t.Errorf("%+v", r)
		}
		c.hear()
		c.say(`["4","3","room:1","phx_reply",{"status":"ok","response":{"text":"done"}}]`)
		if r := await(t, short); r.value.Text != "done" {
			t.Errorf("%+v", r)
		}
	})
}

// TestTooLongJoinIsTriedAgain: the next server may take more.
func TestTooLongJoinIsTriedAgain(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		join(t, c, s.Channel("room:1", nil), `{"message_bytes":60}`)
		var told record
		device := s.Channel("room:2", text{"more than there is room for in sixty bytes"})
		device.OnState(func(state State, err error) { told.add("%v %v", state, fault.Of(err)) })
		if err := device.Start(); err != nil {
			t.Fatal(err)
		}
		told.expect(t, "opening internal error", "waiting invalid")
		time.Sleep(time.Second)
		told.expect(t, "opening internal error", "waiting invalid")
		c.quiet()
		c.drop(1006, "")
		c = <-f.conns
		c.accept("{}", "")
		c.accept("{}", "")
		if synctest.Wait(); device.State() != Open {
			t.Errorf("it is %v", device.State())
		}
	})
}

// TestClosedForLength: a server that did not say what it takes closes the connection.
func TestClosedForLength(t *testing.T) {
	for reason, want := range map[string]string{"": "a message is too long", "over 100 bytes": "over 100 bytes"} {
		bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
			room, other, device := s.Channel("room:1", nil), s.Channel("room:2", nil), s.Channel("room:3", nil)
			join(t, c, room, "")
			calls := []chan result[text]{
				call(t.Context(), room, "x", nil),
				async(func() (text, error) { return CallAcknowledged[text](t.Context(), room, "x", nil) }),
				async(func() (text, error) { return Join[text](t.Context(), other) }),
			}
			if err := device.Start(); err != nil {
				t.Fatal(err)
			}
			held := async(func() (text, error) { return CallAcknowledged[text](t.Context(), device, "held", nil) })
			for range 4 {
				c.hear()
			}
			c.drop(ws.TooBig, reason)
			for i, called := range calls {
				var e *Error
				if r := await(t, called); fault.Of(r.err) != fault.Invalid || !errors.As(r.err, &e) || e.Status != "closed" || e.Reason != "the connection was lost ("+want+")" {
					t.Errorf("%d: %v", i, r.err)
				}
			}
			c = <-f.conns
			c.accept("{}", "")
			c.accept(`{}`, "")
			m := c.hear()
			if synctest.Wait(); other.State() != Closed || room.State() != Open {
				t.Errorf("they are %v and %v", other.State(), room.State())
			}
			c.quiet() // nothing else is sent again
			s.Close()
			if r := await(t, held); !errors.Is(r.err, fault.Canceled) {
				t.Errorf("%s: %v", m.data, r.err)
			}
		})
	}
}

// TestServersMessageIsTooLong: that we close the connection is a loss like any other.
func TestServersMessageIsTooLong(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, f *fake, s *Socket, c *conn) {
		room := s.Channel("room:1", nil)
		join(t, c, room, "")
		called := async(func() (text, error) { return CallAcknowledged[text](t.Context(), room, "x", nil) })
		c.hear()
		handler{c.link}.Closed(&ws.CloseError{Code: ws.TooBig})
		c = <-f.conns
		c.accept("{}", "")
		c.hear()
		c.say(`["3","2","room:1","phx_reply",{"status":"ok","response":{"text":"done"}}]`)
		if r := await(t, called); r.value.Text != "done" {
			t.Errorf("%+v", r)
		}
	})
}
