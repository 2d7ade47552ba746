package client

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/internal/ws"
)

// null is a connection to nobody.
type null struct{ link *link }

func (n *null) serve(l *link)           { n.link = l }
func (n *null) send([]byte, bool) error { return nil }
func (n *null) close(ws.Code, string)   { go n.link.closed(ws.Normal, "", nil) }

// FuzzReceive has a server say anything to a channel that has joined.
func FuzzReceive(f *testing.F) {
	for _, s := range []string{
		`["1","1","t","phx_reply",{"status":"ok","response":{}},{"epoch":"e","offset":1,"recovered":true,"reconnect_ms":5}]`,
		`["1","2","t","phx_reply",{"status":"error","response":{"reason":"r","errors":{"a":["b"]}}}]`,
		`[null,"2","t","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
		`["1","1","t","phx_error",{"reason":"channel_crash"}]`, `["1","1","t","phx_close",{}]`,
		`[null,null,"t","said",{"text":"x"},{"offset":18446744073709551615}]`,
		`["1",null,"t","presence_state",{"a":{"metas":[{"name":"A","phx_ref":"1"}]}}]`,
		`[null,null,"t","presence_diff",{"joins":{"a":{"metas":[{"phx_ref":"2"}]}},"leaves":{"a":{"metas":[{"phx_ref":"1"},null]},"b":null}}]`,
	} {
		f.Add([]byte(s), false)
	}
	for _, s := range []string{"\x02\x01\x04tsaidx", "\x01\x01\x01\x01\x0212tok", "\x03\x01\x01\x00\x00\x00\x00\x00\x00\x01\x02te"} {
		f.Add([]byte(s), true)
	}
	o := quiet()
	o.dial = func(context.Context, handshake) (carrier, error) { return new(null), nil }
	f.Fuzz(func(t *testing.T, frame []byte, binary bool) {
		s, err := Dial(t.Context(), "ws://host", o)
		if err != nil {
			t.Fatal(err)
		}
		room := s.Channel("t", nil)
		On(room, said, func(text) {})
		Presence[user](room).OnSync(func() {})
		if err := room.Start(); err != nil {
			t.Fatal(err)
		}
		l := s.link
		l.message(frame, binary)
		l.message([]byte(`["1","1","t","phx_reply",{"status":"ok","response":{}}]`), false)
		p, err := newPush("echo", nil, "")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = room.begin(p)
		l.message(frame, binary)
		l.message(frame, binary)
		s.Close()
		<-s.Done()
	})
}
