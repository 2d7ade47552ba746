package wire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/bennu-go/bennu/internal/wire"
)

var (
	short  = rapid.StringOfN(rapid.Rune(), 0, 60, 255)
	spaces = rapid.SampledFrom([]string{"", "", " ", "\t", "\r\n"})
)

// values are JSON values up to that many deep.
func values(deep int) *rapid.Generator[any] {
	leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64().AsAny(), rapid.String().AsAny())
	if deep == 0 {
		return leaf
	}
	inner := values(deep - 1)
	return rapid.OneOf(leaf, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 4).AsAny())
}

// TestAgreesWithEncodingJSON: what encoding/json writes is read, and what is written is
// what encoding/json reads.
func TestAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		joinRef, ref, topic, event := short.Draw(t, "joinRef"), short.Draw(t, "ref"), short.Draw(t, "topic"), short.Draw(t, "event")
		payload := must(json.Marshal(values(3).Draw(t, "payload")))

		frame := must(json.Marshal([]any{joinRef, ref, topic, event, json.RawMessage(payload)}))
		if space := spaces.Draw(t, "space"); space != "" {
			var out bytes.Buffer
			if err := json.Indent(&out, frame, space, space); err != nil {
				t.Fatal(err)
			}
			frame = out.Bytes()
		}
		m, err := wire.DecodeText(wire.V2, frame)
		if err != nil || string(m.JoinRef) != joinRef || string(m.Ref) != ref || string(m.Topic) != topic || string(m.Event) != event || !equal(m.Payload, payload) {
			t.Fatalf("%s is read as %s, %v", frame, say(m), err)
		}

		var parts [5]any
		frame = wire.AppendPush(nil, wire.V2, []byte(joinRef), []byte(ref), topic, event, payload, nil)
		if err := json.Unmarshal(frame, &parts); err != nil || !reflect.DeepEqual(parts[:4], []any{joinRef, ref, topic, event}) {
			t.Fatalf("encoding/json reads %s as %v, %v", frame, parts, err)
		}
		var fields map[string]any
		frame = wire.AppendReply(nil, wire.V1, nil, []byte(ref), topic, event, payload, nil)
		if err := json.Unmarshal(frame, &fields); err != nil || fields["topic"] != topic || fields["ref"] != ref || fields["payload"].(map[string]any)["status"] != event {
			t.Fatalf("encoding/json reads %s as %v, %v", frame, fields, err)
		}
	})
}

// TestAppendsAnything: a text that is no UTF-8 is still written as JSON.
func TestAppendsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "s"))
		frame := wire.AppendPush(nil, wire.V2, nil, nil, s, "e", nil, nil)
		var parts [5]any
		if err := json.Unmarshal(frame, &parts); err != nil || !utf8.Valid(frame) || parts[2] != fix(s) {
			t.Fatalf("%q is written as %s, %v", s, frame, err)
		}
	})
}

// fix is what encoding/json makes of what is no UTF-8.
func fix(s string) (fixed string) {
	_ = json.Unmarshal(must(json.Marshal(s)), &fixed)
	return fixed
}

// TestTruncated: a part of a frame is none.
func TestTruncated(t *testing.T) {
	frame := []byte(`["1","1","t\u00e9","e",{"a":[1.5e3,true,null,{}]},{"id":"x"}]`)
	for n := range frame {
		if m, err := wire.DecodeText(wire.V2, frame[:n]); err == nil {
			t.Errorf("%s is read as %s", frame[:n], say(m))
		}
	}
}

func equal(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// want is what encoding/json says of a frame.
func want(v wire.Version, frame []byte) bool {
	if !utf8.Valid(frame) || !json.Valid(frame) {
		return false
	}
	first := bytes.TrimLeft(frame, " \r\n\t")[0]
	return v == wire.V1 && first == '{' || v == wire.V2 && first == '['
}

func seedText(f *testing.F) {
	for _, s := range []string{
		`["1","1","room:1","phx_join",{"a":[1,{}]}]`, `[null,"9","phoenix","heartbeat",{}]`, `["1","1","t","e",{},{"epoch":"k3J","offset":42}]`,
		`["1","1","t\u00e9","\ud800",-0.5e+3,{"id":"x"}]`, `{"topic":"t","event":"e","payload":{"a":1},"ref":"1","join_ref":null,"meta":{}}`,
		`["1","1","t","phx_reply",{"status":"ok","response":{}},{"recovered":true,"reconnect_ms":5000,"message_bytes":100}]`, ` [ "1" , null , "" , "" , true ] `,
		strings.Repeat("[", 513), `["1","1","t","e",` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `]`,
	} {
		f.Add([]byte(s))
	}
}

func fuzzText(f *testing.F, v wire.Version) {
	seedText(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		before := string(frame)
		m, err := wire.DecodeText(v, frame)
		if string(frame) != before {
			t.Fatalf("%q has become %q", before, frame)
		}
		if err != nil {
			return
		}
		if !want(v, frame) {
			t.Fatalf("%q is accepted", frame)
		}
		again := wire.AppendPush(nil, wire.V2, m.JoinRef, m.Ref, string(m.Topic), string(m.Event), m.Payload, nil)
		n, err := wire.DecodeText(wire.V2, again)
		m.Meta = wire.Meta{}
		if err != nil || !reflect.DeepEqual(m, n) {
			t.Fatalf("%q and then %q: %s, %s, %v", frame, again, say(m), say(n), err)
		}
	})
}

func FuzzTextV1(f *testing.F) { fuzzText(f, wire.V1) }
func FuzzTextV2(f *testing.F) { fuzzText(f, wire.V2) }

// FuzzValidity: as a payload, what encoding/json accepts is accepted, and nothing else.
func FuzzValidity(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,true,false,null,"\u00e9\n"]}`, `01`, `"\ud800"`, "\"\x7f\"", `[[[]]]`, `{"a":1,"a":2}`, `-`, `1.e1`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame := append(append([]byte(`["1","1","t","e",[`), payload...), "]]"...)
		_, err := wire.DecodeText(wire.V2, frame)
		if valid := utf8.Valid(payload) && json.Valid(frame); valid != (err == nil) && !strings.Contains(string(payload), strings.Repeat("[", 100)) {
			if err == nil || !strings.Contains(err.Error(), "deep") && !strings.Contains(err.Error(), "array of five") && !strings.Contains(err.Error(), "meta") {
				t.Fatalf("%q: %v, and encoding/json says %v", frame, err, valid)
			}
		}
	})
}

func FuzzBinary(f *testing.F) {
	f.Add([]byte("\x00\x01\x01\x01\x0112te\xab\xcd"))
	f.Add([]byte("\x00\x00\x00\xff\x00"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := wire.DecodeBinary(frame)
		if err != nil {
			return
		}
		again, err := wire.AppendClientBinary(nil, m.JoinRef, m.Ref, string(m.Topic), string(m.Event), m.Payload)
		if err != nil || !bytes.Equal(again, frame) {
			t.Fatalf("%q becomes %q, %v", frame, again, err)
		}
	})
}

func FuzzServerText(f *testing.F) {
	seedText(f)
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := wire.DecodeServerText(frame)
		if err != nil {
			return
		}
		if status, response, ok := r.Reply(); ok && (!json.Valid(response) || !utf8.Valid(status)) {
			t.Fatalf("%q replies %q %q", frame, status, response)
		}
		if r.Meta.ReconnectMS < 0 || r.Meta.MessageBytes < 0 {
			t.Fatalf("%q: %+v", frame, r.Meta)
		}
	})
}

func FuzzServerBinary(f *testing.F) {
	for _, s := range []string{"\x02\x01\x01te\xab\xcd", "\x00\x01\x01\x011te", "\x01\x01\x01\x01\x0212tok", "\x03\x01\x01\x00\x00\x00\x00\x00\x00\x01\x02te"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		r, err := wire.DecodeServerBinary(frame)
		if err != nil {
			return
		}
		topic, event := string(r.Topic), string(r.Event)
		var again []byte
		switch frame[0] {
		case 0:
			again, err = wire.AppendBinaryPush(nil, r.JoinRef, topic, event, r.Payload)
		case 1:
			again, err = wire.AppendBinaryReply(nil, r.JoinRef, r.Ref, topic, string(r.Status), r.Payload)
		case 2:
			again, err = wire.AppendBinaryBroadcast(nil, topic, event, r.Payload)
		case 3:
			again, err = wire.AppendBinaryBroadcastAt(nil, r.Meta.Offset, topic, event, r.Payload)
		}
		if err != nil || !bytes.Equal(again, frame) {
			t.Fatalf("%q becomes %q, %v", frame, again, err)
		}
	})
}

// FuzzLines reads a body as a server does.
func FuzzLines(f *testing.F) {
	f.Add([]byte("[null,\"1\",\"phoenix\",\"heartbeat\",{}]\r\nAAEBAQExMnRlq80=\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		n := 0
		for line, text := range wire.Lines(body) {
			n += len(line)
			if len(line) == 0 || bytes.Contains(line, []byte("\n")) || text != (line[0] == '[') {
				t.Fatalf("a line of %q is %q", body, line)
			}
			if text {
				_, _ = wire.DecodeText(wire.V2, line)
			} else if frame, err := base64.StdEncoding.DecodeString(string(line)); err == nil {
				_, _ = wire.DecodeBinary(frame)
			}
		}
		if n > len(body) {
			t.Fatalf("%d bytes of %d", n, len(body))
		}
	})
}
