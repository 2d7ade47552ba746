package wire_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
)

// say prints what was decoded, with null for nil.
func say(m wire.Message) string {
	return fmt.Sprintf("%s %s %s %s %s %v %+v", or(m.JoinRef), or(m.Ref), m.Topic, m.Event, m.Payload, m.Binary, m.Meta)
}

func or(ref []byte) string {
	if ref == nil {
		return "null"
	}
	return fmt.Sprintf("%q", ref)
}

const noMeta = "{Present:false Epoch: Offset:0 Resumes:false ID:}"

func TestDecodeText(t *testing.T) {
	for _, c := range []struct {
		v           wire.Version
		frame, want string
	}{
		{wire.V2, `["1","1","room:1","phx_join",{"a":[1,{}]}]`, `"1" "1" room:1 phx_join {"a":[1,{}]} false ` + noMeta},
		{wire.V2, `["1","7","room:1","new_msg",{}]`, `"1" "7" room:1 new_msg {} false ` + noMeta},
		{wire.V2, `["1","8","room:1","phx_leave",{}]`, `"1" "8" room:1 phx_leave {} false ` + noMeta},
		{wire.V2, `[null,"9","phoenix","heartbeat",{}]`, `null "9" phoenix heartbeat {} false ` + noMeta},
		{wire.V2, " [ null\t,\"9\" , \"t\" ,\"e\", {\"a\" : [ 1 , 2 ] } \r\n] ", `null "9" t e {"a" : [ 1 , 2 ] } false ` + noMeta},
		{wire.V2, `["","1","","",null]`, `"" "1"   null false ` + noMeta},
		{wire.V2, `["\u0031","1","ro\"om\/\ud83d\ude00","\u00e9",-0.5e+3]`, `"1" "1" ro"om/😀 é -0.5e+3 false ` + noMeta},
		{wire.V2, `["1","1","é","e",[],null,7,[]]`, `"1" "1" é e [] false ` + noMeta},
		{wire.V2, `["1","1","t","e",{},"x"]`, `"1" "1" t e {} false ` + noMeta},
		{wire.V2, `["1","1","t","e",{},{}]`, `"1" "1" t e {} false {Present:true Epoch: Offset:0 Resumes:false ID:}`},
		{wire.V2, `["1","1","t","e",{},{"epoch":"k3J","offset":42,"new":{"offset":1}}]`, `"1" "1" t e {} false {Present:true Epoch:k3J Offset:42 Resumes:true ID:}`},
		{wire.V2, `["1","1","t","e",{},{"epoch":"","offset":18446744073709551615}]`, `"1" "1" t e {} false {Present:true Epoch: Offset:18446744073709551615 Resumes:true ID:}`},
		{wire.V2, `["1","1","t","e",{},{"epoch":null,"id":"a\n"}]`, `"1" "1" t e {} false {Present:true Epoch: Offset:0 Resumes:false ID:a` + "\n}"},
		{wire.V1, `{"topic":"t","event":"e","payload":{"a":1},"ref":"1"}`, `null "1" t e {"a":1} false ` + noMeta},
		{wire.V1, ` {"x":{"topic":1},"t\u006fpic":"t","event":"e","payload":[],"join_ref":"2"} `, `"2" null t e [] false ` + noMeta},
		{wire.V1, `{"topic":1,"topic":"t","event":"e","payload":1,"ref":null,"meta":{"id":"x"}}`, `null null t e 1 false {Present:true Epoch: Offset:0 Resumes:false ID:x}`},
	} {
		m, err := wire.DecodeText(c.v, []byte(c.frame))
		if err != nil || say(m) != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.frame, say(m), err, c.want)
		}
	}
}

func TestDecodeTextRefuses(t *testing.T) {
	for frame, text := range map[string]string{
		``:                                      "byte 0",
		`{}`:                                    "byte 0",
		`[]`:                                    "byte 1",
		`["1","1","t","e"]`:                     "array of five",
		`["1","1","t","e",]`:                    "byte 17",
		`["1","1","t","e",{}`:                   "byte 19",
		`["1","1","t","e",{}]]`:                 "byte 20",
		`["1","1","t","e",{},{}`:                "byte 22",
		`["1","1","t","e",{"a" 1}]`:             "valid JSON",
		`["1","1","t","e",{"a":1,}]`:            "valid JSON",
		`["1","1","t","e",{1:1}]`:               "valid JSON",
		`["1","1","t","e",01]`:                  "valid JSON",
		`["1","1","t","e",1.]`:                  "valid JSON",
		`["1","1","t","e",1e]`:                  "valid JSON",
		`["1","1","t","e",-]`:                   "valid JSON",
		`["1","1","t","e",nul]`:                 "valid JSON",
		`["1","1","t","e","\x"]`:                "valid JSON",
		`["1","1","t","e","\u12g4"]`:            "valid JSON",
		`["1","1","t","e","\`:                   "valid JSON",
		`["1","1","t","e","\u12`:                "valid JSON",
		"[\"1\",\"1\",\"t\",\"e\",\"\n\"]":      "valid JSON",
		"[\"1\",\"1\",\"t\",\"e\",\"\xff\"]":    "UTF-8",
		`[1,"1","t","e",{}]`:                    "refs",
		`["1",{},"t","e",{}]`:                   "refs",
		`["1","1",null,"e",{}]`:                 "topic",
		`["1","1","t",null,{}]`:                 "event",
		`["1","1",7,"e",{}]`:                    "topic",
		`["1","1","t","e",{},{"epoch":1}]`:      `"epoch"`,
		`["1","1","t","e",{},{"offset":-1}]`:    `"offset"`,
		`["1","1","t","e",{},{"offset":1.5}]`:   `"offset"`,
		`["1","1","t","e",{},{"id":[]}]`:        `"id"`,
		`["1","1","t","e",{},{"recovered":""}]`: `"recovered"`,
	} {
		refused(t, wire.V2, frame, text)
	}
	for frame, text := range map[string]string{
		``:                                     "byte 0",
		`[]`:                                   "object",
		`{`:                                    "byte 1",
		`{"a":1}}`:                             "byte 7",
		"{\"\xff\"":                            "UTF-8",
		`{"topic":"t","event":"e"}`:            "payload",
		`{"event":"e","payload":{},"ref":"1"}`: "topic",
		`{"topic":"t","payload":{},"ref":"1"}`: "event",
		`{"topic":"t","event":"e","payload":{},"ref":1}`: "refs",
	} {
		refused(t, wire.V1, frame, text)
	}
}

func refused(t *testing.T, v wire.Version, frame, text string) {
	t.Helper()
	_, err := wire.DecodeText(v, []byte(frame))
	if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), text) {
		t.Errorf("%.100s: %v, without %q", frame, err, text)
	}
}

func TestLimits(t *testing.T) {
	x := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		form string
		with func(int) string
		most int
		text string
	}{
		{`[%s,"1","t","e",{}]`, x, 255, "255"},
		{`["1",%s,"t","e",{}]`, x, 255, "255"},
		{`["1","1",%s,"e",{}]`, x, 255, "255"},
		{`["1","1","t",%s,{}]`, x, 255, "255"},
		{`["1","1","t","e",{},{"id":%s}]`, x, 64, "id"},
		{`["1","1","t","e",%s]`, nested, 511, "512 deep"},
		{`["1","1","t","e",{},[],%s]`, nested, 511, "512 deep"},
	} {
		for n := c.most - 1; n <= c.most; n++ {
			if _, err := wire.DecodeText(wire.V2, fmt.Appendf(nil, c.form, c.with(n))); err != nil {
				t.Errorf("%s with %d: %v", c.form, n, err)
			}
		}
		refused(t, wire.V2, fmt.Sprintf(c.form, c.with(c.most+1)), c.text)
	}
	object := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	form := `{"topic":"t","event":"e","payload":%s}`
	if _, err := wire.DecodeText(wire.V1, fmt.Appendf(nil, form, object(511))); err != nil {
		t.Error(err)
	}
	refused(t, wire.V1, fmt.Sprintf(form, object(512)), "512 deep")
}

// TestSiblingsAreNotDeep counts depth, not containers.
func TestSiblingsAreNotDeep(t *testing.T) {
	wide := `["1","1","t","e",[` + strings.Repeat(`[],{},[{}],`, 1000) + `1]]`
	if _, err := wire.DecodeText(wire.V2, []byte(wide)); err != nil {
		t.Error(err)
	}
}

func TestViews(t *testing.T) {
	frame := []byte(`["1","7","room:1","post",{"text":"hi"}]`)
	m, err := wire.DecodeText(wire.V2, frame)
	if err != nil {
		t.Fatal(err)
	}
	// What is appended to a view must not write over the frame.
	_ = append(m.Topic, "xxxx"...)
	_ = append(m.Payload, "xxxx"...)
	if again, err := wire.DecodeText(wire.V2, frame); err != nil || !reflect.DeepEqual(m, again) {
		t.Errorf("the frame is now %s", frame)
	}
}

func TestNegotiate(t *testing.T) {
	for vsn, want := range map[string]wire.Version{
		"": wire.V1, "1.0.0": wire.V1, "1.0.17": wire.V1, "2.0.0": wire.V2, "2.0.9": wire.V2, "2.0.0+build.7": wire.V2, "2.0.1-rc.1": wire.V2,
		"1": 0, "2": 0, "2.0": 0, "2.0.": 0, "2.0.x": 0, "2.0.01": 0, "2.1.0": 0, "1.1.0": 0, "3.0.0": 0, "2.0.0-rc.1": 0, "2.0.1-": 0, "2.0.0+": 0,
		"2.0.0+a_b": 0, "2.0.0+a..b": 0, "~> 2.0.0": 0, " 2.0.0": 0, "2.0.0 ": 0, "02.0.0": 0, "2.0.0.0": 0, "2.0.-1": 0,
	} {
		if got, ok := wire.Negotiate(vsn); got != want || ok != (want != 0) {
			t.Errorf("Negotiate(%q) = %v, %v", vsn, got, ok)
		}
	}
}
