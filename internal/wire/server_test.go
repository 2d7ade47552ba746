package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

func b(s string) []byte { return []byte(s) }

func TestAppend(t *testing.T) {
	for want, got := range map[string][]byte{
		`["1","7","room:1","phx_reply",{"status":"ok","response":{"a":1}}]`:                      wire.AppendReply(nil, wire.V2, b("1"), b("7"), "room:1", "ok", b(`{"a":1}`), nil),
		`[null,"9","phoenix","phx_reply",{"status":"ok","response":{}}]`:                         wire.AppendReply(nil, wire.V2, nil, b("9"), "phoenix", "ok", nil, nil),
		`["1",null,"room:1","said",{"a":1}]`:                                                     wire.AppendPush(nil, wire.V2, b("1"), nil, "room:1", "said", b(`{"a":1}`), nil),
		`[null,null,"room:1","said",{"a":1},{"offset":58}]`:                                      wire.AppendPush(nil, wire.V2, nil, nil, "room:1", "said", b(`{"a":1}`), wire.AppendOffset(nil, 58)),
		`["1","1","room:1","phx_close",{}]`:                                                      wire.AppendPush(nil, wire.V2, b("1"), b("1"), "room:1", "phx_close", nil, nil),
		`["1","1","room:1","phx_error",{"reason":"channel_crash"}]`:                              wire.AppendPush(nil, wire.V2, b("1"), b("1"), "room:1", "phx_error", b(`{"reason":"channel_crash"}`), nil),
		`{"topic":"t","event":"e","payload":{},"ref":null}`:                                      wire.AppendPush(nil, wire.V1, b("1"), nil, "t", "e", nil, nil),
		`{"topic":"t","event":"e","payload":[],"ref":null,"meta":{"offset":0}}`:                  wire.AppendPush(nil, wire.V1, nil, nil, "t", "e", b("[]"), wire.AppendOffset(nil, 0)),
		`{"topic":"t","event":"phx_reply","payload":{"status":"error","response":{}},"ref":"7"}`: wire.AppendReply(nil, wire.V1, b("1"), b("7"), "t", "error", nil, nil),
		`["\"","\\","a\u0000\u001fé` + "\u2028" + `<>","�","x",{"id":"\""}]`:                     wire.AppendClientPush(nil, b(`"`), b(`\`), "a\x00\x1fé\u2028<>", "\xff", b(`"x"`), wire.AppendID(nil, `"`)),
		`["1","1","t","phx_join",{},{"epoch":"k3J","offset":42}]`:                                wire.AppendClientPush(nil, b("1"), b("1"), "t", "phx_join", nil, wire.AppendResume(nil, "k3J", 42)),
	} {
		if string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestReplyMeta(t *testing.T) {
	for want, m := range map[string]wire.ReplyMeta{
		`{}`:                       {},
		`{"epoch":"k","offset":0}`: {Epoch: "k", History: true},
		`{"recovered":false}`:      {Asked: true, Epoch: "unsaid", Offset: 1},
		`{"reconnect_ms":5000}`:    {ReconnectMS: 5000, Recovered: true},
		`{"message_bytes":100}`:    {MessageBytes: 100},
		`{"epoch":"k","offset":57,"recovered":true,"reconnect_ms":5000}`:    {Epoch: "k", Offset: 57, History: true, Asked: true, Recovered: true, ReconnectMS: 5000},
		`{"epoch":"","offset":18446744073709551615,"recovered":false}`:      {Offset: 1<<64 - 1, History: true, Asked: true},
		`{"epoch":"\u0001","offset":1,"recovered":true,"reconnect_ms":500}`: {Epoch: "\x01", Offset: 1, History: true, Asked: true, Recovered: true, ReconnectMS: 500},
	} {
		if got := m.Append(nil); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
		r, err := wire.DecodeServerText(wire.AppendReply(nil, wire.V2, b("1"), b("1"), "t", "ok", nil, m.Append(nil)))
		back := wire.ReceivedMeta{Present: true, ReconnectMS: m.ReconnectMS, MessageBytes: m.MessageBytes, Recovered: m.Asked && m.Recovered, HasOffset: m.History}
		if m.History {
			back.Epoch, back.Offset = m.Epoch, m.Offset
		}
		if err != nil || r.Meta != back {
			t.Errorf("%s is read as %+v, %v", want, r.Meta, err)
		}
	}
}

func hear(r wire.Received) string {
	return fmt.Sprintf("%s %s %s %s %s %v %s %+v", or(r.JoinRef), or(r.Ref), r.Topic, r.Event, r.Payload, r.Binary, r.Status, r.Meta)
}

func TestBinary(t *testing.T) {
	data := "\xab\xcd"
	m, err := wire.DecodeBinary(b("\x00\x01\x01\x01\x0112te" + data))
	if want := `"1" "2" t e ` + data + " true " + noMeta; err != nil || say(m) != want {
		t.Errorf("got %s, %v, want %s", say(m), err, want)
	}
	if m, err = wire.DecodeBinary(b("\x00\x00\x00\x00\x00")); err != nil || say(m) != "null null    true "+noMeta {
		t.Errorf("got %s, %v", say(m), err)
	}
	const none = "{Present:false Epoch: Offset:0 HasOffset:false Recovered:false ReconnectMS:0 MessageBytes:0}"
	for _, c := range []struct {
		frame, want string
		append      func() ([]byte, error)
	}{
		{"\x02\x01\x01te" + data, "null null t e " + data + " true  " + none, func() ([]byte, error) {
			return wire.AppendBinaryBroadcast(nil, "t", "e", b(data))
		}},
		{"\x00\x01\x01\x011te" + data, `"1" null t e ` + data + " true  " + none, func() ([]byte, error) {
			return wire.AppendBinaryPush(nil, b("1"), "t", "e", b(data))
		}},
		{"\x01\x01\x01\x01\x0212tok" + data, `"1" "2" t phx_reply ` + data + " true ok " + none, func() ([]byte, error) {
			return wire.AppendBinaryReply(nil, b("1"), b("2"), "t", "ok", b(data))
		}},
		{"\x01\x00\x00\x01\x02tok", "null null t phx_reply  true ok " + none, func() ([]byte, error) {
			return wire.AppendBinaryReply(nil, nil, nil, "t", "ok", nil)
		}},
		{"\x03\x01\x01\x00\x00\x00\x00\x00\x00\x01\x02te" + data, "null null t e " + data + " true  {Present:true Epoch: Offset:258 HasOffset:true Recovered:false ReconnectMS:0 MessageBytes:0}", func() ([]byte, error) {
			return wire.AppendBinaryBroadcastAt(nil, 258, "t", "e", b(data))
		}},
	} {
		got, err := c.append()
		if err != nil || string(got) != c.frame {
			t.Errorf("got %q, %v, want %q", got, err, c.frame)
		}
		if r, err := wire.DecodeServerBinary(got); err != nil || hear(r) != c.want {
			t.Errorf("got %s, %v, want %s", hear(r), err, c.want)
		}
	}
	if got, err := wire.AppendClientBinary(nil, b("1"), b("2"), "t", "e", b(data)); err != nil || string(got) != "\x00\x01\x01\x01\x0112te"+data {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBinaryRefuses(t *testing.T) {
	for _, frame := range []string{"", "\x01\x00\x00\x00\x00", "\x02", "\x00", "\x00\x00\x00\x00", "\x00\x01\x00\x00\x00", "\x00\x00\x00\x00\x02a", "\x00\x00\x00\x01\x00\xff"} {
		if _, err := wire.DecodeBinary(b(frame)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", frame, err)
		}
	}
	for _, frame := range []string{"", "\x04\x00\x00\x00\x00", "\x00\x00\x00", "\x01\x00\x00\x00", "\x02\x00", "\x02\x01\x01x", "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x03", "\x02\x01\x00\xff"} {
		if _, err := wire.DecodeServerBinary(b(frame)); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", frame, err)
		}
	}
}

func TestBinaryLimits(t *testing.T) {
	for n := 254; n <= 256; n++ {
		x := strings.Repeat("x", n)
		_, push := wire.AppendBinaryPush(nil, b(x), x, x, nil)
		_, reply := wire.AppendBinaryReply(nil, b(x), b(x), x, x, nil)
		_, broadcast := wire.AppendBinaryBroadcast(nil, x, x, nil)
		at, kept := wire.AppendBinaryBroadcastAt(b("before"), 1, x, x, nil)
		client, client2 := wire.AppendClientBinary(nil, b(x), b(x), x, x, nil)
		for i, err := range []error{push, reply, broadcast, kept, client2} {
			if errors.Is(err, fault.Invalid) != (n > 255) {
				t.Errorf("%d with %d bytes: %v", i, n, err)
			}
		}
		if n > 255 {
			if string(at) != "before" {
				t.Errorf("it appended %q", at)
			}
			continue
		}
		if m, err := wire.DecodeBinary(client); err != nil || string(m.JoinRef) != x || string(m.Ref) != x || string(m.Topic) != x || string(m.Event) != x {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestReply(t *testing.T) {
	for _, c := range []struct {
		payload, status, response string
		ok                        bool
	}{
		{`{"status":"ok","response":{"a":1}}`, "ok", `{"a":1}`, true},
		{` { "response" : [ 1 ] , "x" : 1, "st\u0061tus" : "err\u006fr" } `, "error", `[ 1 ]`, true},
		{`{"status":"ok","response":null}`, "ok", "null", true},
		{`{"status":1,"response":{}}`, "", "{}", false},
		{`{"status":"ok"}`, "ok", "", false},
		{`{}`, "", "", false},
		{`[]`, "", "", false},
		{`null`, "", "", false},
	} {
		r, err := wire.DecodeServerText(wire.AppendPush(nil, wire.V2, nil, b("1"), "t", "phx_reply", b(c.payload), nil))
		status, response, ok := r.Reply()
		if err != nil || string(status) != c.status || string(response) != c.response || ok != c.ok {
			t.Errorf("%s: %s %s %v %v", c.payload, status, response, ok, err)
		}
	}
	if _, _, ok := (wire.Received{Event: b("said"), Payload: b(`{"status":"ok","response":{}}`)}).Reply(); ok {
		t.Error("a push is a reply")
	}
}

func TestLines(t *testing.T) {
	var got []string
	for line, text := range wire.Lines(b("[1]\nAAA=\r\n\n\r\n [2]\r\n[3]")) {
		got = append(got, fmt.Sprintf("%s %v", line, text))
	}
	if want := []string{"[1] true", "AAA= false", " [2] false", "[3] true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for line := range wire.Lines(b("[1]\n[2]")) {
		if !bytes.Equal(line, b("[1]")) {
			t.Errorf("it goes on after the break: %s", line)
		}
		break
	}
	for line := range wire.Lines(nil) {
		t.Errorf("a line of nothing: %q", line)
	}
}
