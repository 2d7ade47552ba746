package channel_test

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
)

// nowhere is a link whose client does not listen.
type nowhere struct{ closed chan struct{} }

func (n *nowhere) Send(f channel.Frame) error {
	if f.Len() == 0 {
		panic("an empty frame")
	}
	return nil
}
func (n *nowhere) Flush() {}
func (n *nowhere) Close(code channel.Code, reason string) {
	if reason == "" || code < 1001 {
		panic("no reason, or none to come back")
	}
	select {
	case n.closed <- struct{}{}:
	default:
	}
}

// fuzz gives a session messages, a line each, and wants nothing to be left of it.
func fuzz(f *testing.F, vsn string, take func(*channel.Session, []byte)) {
	socket := &channel.Socket{
		Channels: []channel.Channel{rooms, listeners(nil, channel.History{})},
		Limits:   channel.Limits{Topics: 5},
	}
	s := channeltest.Serve(f, socket)
	f.Fuzz(func(t *testing.T, input []byte) {
		p := &channel.Peer{Params: url.Values{"vsn": {vsn}}}
		link := new(nowhere)
		session, err := socket.Accept(s.Context(), p, link)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(input) {
			line = bytes.Clone(bytes.TrimSuffix(line, []byte("\n")))
			take(session, line)
			for i := range line {
				line[i] = '#'
			}
		}
		_ = channel.Broadcast(context.WithoutCancel(s.Context()), "room:1", posted, text{"a"})
		session.Closed(errors.New("gone"))
		until(t, "the session is left", func() bool { return channel.Sessions(socket) == 0 })
		if n := channel.Listeners(s.Context(), "room:1"); n != 0 {
			t.Errorf("%d listen", n)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`["1","1","room:1","phx_join",{}]` + "\n" + `["1","2","room:1","echo",{"text":"a"}]` + "\n" + `["1","3","room:1","phx_leave",{}]`,
		`["1","1","log:1","phx_join",{},{}]` + "\n" + `["1","2","log:1","echo",{"text":"a"},{"id":"a"}]` + "\n" + `["2","2","log:1","phx_join",{},{"epoch":"a","offset":1}]`,
		`["1","1","room:1","phx_join",{"mood":"angry"}]`, `["1","1","room:1","phx_join",{"mood":"chatty"}]` + "\n" + `["1","2","room:1","poke",{}]`,
		`[null,"9","phoenix","heartbeat",{}]`, `[null,null,"phoenix","phx_leave",null,7]`, `["","","room:","phx_join",[]]`,
		`["1","1","room:1","phx_join",{}]` + "\n" + `["2","2","room:1","phx_join",{}]` + "\n" + `["1","3","room:1","tell",{"text":"\ud83d\ude00"}]`,
		`["1","1","room:1"`, `[`, ``, "\xff", `{"topic":"room:1"}`,
	} {
		f.Add([]byte(seed))
	}
	fuzz(f, "2.0.0", (*channel.Session).Text)
}

func FuzzOldText(f *testing.F) {
	for _, seed := range []string{
		`{"topic":"room:1","event":"phx_join","payload":{},"ref":"1"}` + "\n" + `{"topic":"room:1","event":"echo","payload":{"text":"a"},"ref":"2"}`,
		`{"topic":"log:1","event":"phx_join","payload":{},"ref":"1","join_ref":"7","meta":{"epoch":"a","offset":0}}`,
		`{"topic":"phoenix","event":"heartbeat","payload":{},"ref":null}`, `{}`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	fuzz(f, "1.0.0", (*channel.Session).Text)
}

func FuzzBinaryMessages(f *testing.F) {
	for _, seed := range []string{
		"\x00\x01\x01\x06\x081" + "1" + "room:1" + "phx_join" + "{}", "\x00\x00\x01\x07\x09" + "9" + "phoenix" + "heartbeat",
		"\x00\x01\x02\x06\x06" + "1" + "12" + "room:1" + "mirror" + "abc", "\x00", "\x02\x01\x01te", "",
	} {
		f.Add([]byte(seed))
	}
	fuzz(f, "2.0.0", func(s *channel.Session, message []byte) {
		s.Text([]byte(`["1","1","room:1","phx_join",{}]`))
		s.Binary(message)
	})
}
