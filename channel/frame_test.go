package channel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func ptr(s string) *string { return &s }

func TestDecode(t *testing.T) {
	for text, want := range map[string]inbound{
		`["1","2","t","e",{}]`:                        {ptr("1"), ptr("2"), "t", "e", empty},
		`[null,null,"","",{"a":[1]}]`:                 {nil, nil, "", "", json.RawMessage(`{"a":[1]}`)},
		" [ \"\" , \"\\u00e4\",\"t\",\"e\", null ]\n": {ptr(""), ptr("ä"), "t", "e", json.RawMessage("null")},
		`["1","2","t","e",7,8,[9]]`:                   {ptr("1"), ptr("2"), "t", "e", json.RawMessage("7")},
	} {
		m, err := decode([]byte(text))
		if err != nil || !same(m, want) {
			t.Errorf("%s: %+v, %v", text, m, err)
		}
	}
}

var undecodable = []string{
	``, ` `, `null`, `{}`, `7`, `"x"`, `[`, `[]`, `[null,null,"t","e"]`, `["1","2","t","e",]`, `["1","2","t","e",{}`,
	`[1,"2","t","e",{}]`, `["1",2,"t","e",{}]`, `["1","2",null,"e",{}]`, `["1","2","t",null,{}]`, `["1","2",{},"e",{}]`,
	`["1","2","t",7,{}]`, `[["1"],"2","t","e",{}]`, `["1","2","t","e",{}] x`, `["1","2","t","e",{}][]`, `["1","2","t","e",undefined]`,
	`{"topic":"t","event":"e","payload":{},"ref":"1"}`, `["1","2","t","e",{"a":01}]`, "[\"1\",\"2\",\"t\n\",\"e\",{}]",
	`["1","2","t","e",` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]`,
	strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
}

func TestUndecodable(t *testing.T) {
	for _, text := range undecodable {
		if m, err := decode([]byte(text)); err == nil {
			t.Errorf("%.60s is %+v", text, m)
		}
	}
}

func TestEncode(t *testing.T) {
	for want, f := range map[string][3]any{
		`["1","2","t","e",{}]`:                             {ptr("1"), ptr("2"), empty},
		`[null,null,"t","e",{"a":null}]`:                   {(*string)(nil), (*string)(nil), map[string]any{"a": nil}},
		`[null,"2","t","e",{"status":"ok","response":[]}]`: {(*string)(nil), ptr("2"), reply{"ok", json.RawMessage("[]")}},
	} {
		frame, err := encode(f[0].(*string), f[1].(*string), "t", "e", f[2])
		if err != nil || sent(t, frame) != want {
			t.Errorf("%s, not %s: %v", sent(t, frame), want, err)
		}
	}
	if _, err := encode(nil, nil, "t", "e", make(chan int)); err == nil {
		t.Error("a channel is encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range undecodable {
		if len(text) < 1000 {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte(`["1","2","t","e",{"a":[1,2.5e3,"\ud800 < ",null,true]}]`))
	f.Add([]byte("[null,null,\"\xff\",\"\",{\"\xff\":\"\xff\"}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := decode(bytes.Clone(text))
		if err != nil {
			return
		}
		// What was decoded can be sent, and is then read as the same.
		frame, err := encode(m.joinRef, m.ref, m.topic, m.event, m.payload)
		if err != nil {
			t.Fatal(err)
		}
		first := sent(t, frame)
		again, err := decode([]byte(first))
		if err != nil {
			t.Fatal(err)
		}
		if again.topic != m.topic || again.event != m.event || !sameRef(again.ref, m.ref) || !sameRef(again.joinRef, m.joinRef) {
			t.Fatalf("%+v became %+v", m, again)
		}
		frame, err = encode(again.joinRef, again.ref, again.topic, again.event, again.payload)
		if err != nil {
			t.Fatal(err)
		}
		if second := sent(t, frame); second != first {
			t.Fatalf("%s became %s", first, second)
		}
	})
}

func same(a, b inbound) bool {
	return sameRef(a.joinRef, b.joinRef) && sameRef(a.ref, b.ref) && a.topic == b.topic && a.event == b.event && bytes.Equal(a.payload, b.payload)
}

func sameRef(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
