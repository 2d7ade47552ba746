package channel_test

import (
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/internal/wire"
)

func TestLongPollBodies(t *testing.T) {
	heartbeat := `[null,"3","phoenix","heartbeat",{}]`
	beat := `[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`
	size, err := wire.AppendClientBinary(nil, []byte("1"), []byte("2"), "cabin:1", "size", []byte{0xff, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	sized := `["1","2","cabin:1","phx_reply",{"status":"ok","response":3}]`
	for name, c := range map[string]struct {
		kind, body string
		want       []string
	}{
		"lines":            {"application/x-ndjson", heartbeat + "\n" + heartbeat, []string{beat, beat}},
		"windows' lines":   {"application/x-ndjson; charset=utf-8", heartbeat + "\r\n" + heartbeat + "\r\n", []string{beat, beat}},
		"empty lines":      {"application/x-ndjson", "\n\n" + heartbeat + "\n\r\n\n", []string{beat}},
		"nothing":          {"application/x-ndjson", "", nil},
		"binary":           {"application/x-ndjson", base64.StdEncoding.EncodeToString(size), []string{sized}},
		"one message":      {"application/json", heartbeat, []string{beat}},
		"one with newline": {"text/plain", "\n" + heartbeat + "\n", []string{beat}},
		"unnamed":          {"", heartbeat, []string{beat}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPolling(t, &channel.Socket{}).join()
			if a := p.do("POST", c.kind, c.body); a.Status != 200 || a.Token != "" || a.Messages != nil {
				t.Fatalf("it is answered %+v", a)
			}
			p.expect(c.want...)
		})
	}
}

func TestLongPollBadBodies(t *testing.T) {
	heartbeat := `[null,"3","phoenix","heartbeat",{}]`
	const neither = "a line is neither a message of text, which begins with [, nor base64"
	for name, c := range map[string]struct {
		kind, body string
		http       int
		status     int
		text       string
	}{
		"no base64":      {"application/x-ndjson", heartbeat + "\n{}", 400, 0, neither},
		"url alphabet":   {"application/x-ndjson", "AAAA__--", 400, 0, neither},
		"no frame":       {"application/x-ndjson", "AAAA", 200, 410, ""},
		"no JSON":        {"application/x-ndjson", "[", 200, 410, ""},
		"too few":        {"application/json", `["1"]`, 200, 410, ""},
		"empty":          {"application/json", "", 200, 410, ""},
		"not UTF-8":      {"application/x-ndjson", "[null,\"3\",\"phoenix\",\"heartbeat\",{\"a\":\"\xff\"}]", 200, 410, ""},
		"first version":  {"application/json", `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}`, 200, 410, ""},
		"one over limit": {"application/json", `[null,"3","phoenix","heartbeat",{"a":"` + strings.Repeat("x", 1000) + `"}]`, 413, 0, "a message has 1041 bytes; it may have 1000"},
		"line over":      {"application/x-ndjson", `[null,"3","phoenix","heartbeat",{"a":"` + strings.Repeat("x", 1000) + `"}]`, 413, 0, "a message has 1041 bytes; it may have 1000"},
		"binary over":    {"application/x-ndjson", base64.StdEncoding.EncodeToString(make([]byte, 1001)), 413, 0, "a message has 1001 bytes; it may have 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPolling(t, &channel.Socket{Limits: channel.Limits{MessageBytes: 1000}}).connect()
			r := p.raw("POST", c.kind, c.body)
			if c.http != 200 {
				if body, _ := io.ReadAll(r.Body); r.StatusCode != c.http || string(body) != c.text+"\n" {
					t.Errorf("it is answered %d %s", r.StatusCode, body)
				}
				p.say("the session goes on")
				p.postOK(heartbeat)
				return
			}
			if a := p.parse(r); a.Status != c.status {
				t.Errorf("it is answered %+v", a)
			}
			if a := p.get(); a.Status != 410 {
				t.Errorf("the session goes on: %+v", a)
			}
		})
	}
}

func TestLongPollBodyLimits(t *testing.T) {
	for name, c := range map[string]struct {
		limit  int // of messages
		lines  []string
		refuse bool
	}{
		"at the message's":    {1000, []string{beatOf(1000)}, false},
		"above the message's": {1000, []string{beatOf(1001)}, true},
		"many, within":        {1000, slices.Repeat([]string{beatOf(1000)}, 100), false},
		"many, beyond":        {1000, slices.Repeat([]string{beatOf(1000)}, 140), true},
		"8 MiB":               {1 << 20, slices.Repeat([]string{beatOf(1<<20 - 1)}, 8), false},
		"above 8 MiB":         {1 << 20, append(slices.Repeat([]string{beatOf(1<<20 - 1)}, 8), beatOf(50)), true},
		"a large one":         {9 << 20, []string{beatOf(9 << 20)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPolling(t, &channel.Socket{Limits: channel.Limits{MessageBytes: c.limit}}).connect()
			r := p.raw("POST", "application/x-ndjson", strings.Join(c.lines, "\n"))
			if want := map[bool]int{false: 200, true: 413}[c.refuse]; r.StatusCode != want {
				t.Errorf("it is answered %d", r.StatusCode)
			}
		})
	}
}

func TestLongPollLines(t *testing.T) {
	for _, n := range []int{99, 100, 101, 250} {
		p := newPolling(t, &channel.Socket{}).connect()
		p.postOK(slices.Repeat([]string{`[null,"3","phoenix","heartbeat",{}]`}, n)...)
		p.expect(slices.Repeat([]string{`[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`}, min(n, 100))...)
		p.expectCount(t, "channel.longpoll.dropped", int64(max(0, n-100)))
	}
}

// Binary messages come in, and do not go out.
func TestLongPollBinaryToTheClient(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	push, err := wire.AppendClientBinary(nil, []byte("1"), []byte("2"), "cabin:1", "mirror", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	p.postOK(base64.StdEncoding.EncodeToString(push))
	a := p.get()
	if len(a.Messages) != 1 || !strings.HasPrefix(a.Messages[0], `["1","2","cabin:1","phx_reply",{"status":"error"`) {
		t.Errorf("a binary reply came as %+v", a)
	}
	if err := channel.Broadcast(p.ctx, "cabin:1", drawn, channel.Binary("x")); err != nil {
		t.Fatal(err)
	}
	p.say("hi")
	p.expect(said("hi"))
	p.expectCount(t, "channel.messages.unsendable", 1)
}

// FuzzLongPollPost wants of each body that it is answered, and that the socket goes on.
func FuzzLongPollPost(f *testing.F) {
	for _, body := range []string{
		"", "\n", "[", "AAAA", "AQ==", "é", `["1","1","cabin:1","phx_join",{}]`, `[null,"3","phoenix","heartbeat",{}]` + "\r\n" + "AAEBAQExMnRlq80=",
		`["1","2","cabin:1","echo",{"text":"a"},{"id":"1"}]`, strings.Repeat("[]\n", 101),
	} {
		f.Add(body, "application/x-ndjson")
		f.Add(body, "application/json")
	}
	f.Fuzz(func(t *testing.T, body, kind string) {
		p := newPolling(t, &channel.Socket{}).join()
		r := p.raw("POST", strings.ToValidUTF8(kind, ""), body)
		if r.StatusCode != 200 && r.StatusCode != 400 && r.StatusCode != 413 {
			t.Fatalf("%q is answered %d", body, r.StatusCode)
		}
		if r.StatusCode == 200 {
			if a := p.parse(r); a.Status != 200 && a.Status != 410 {
				t.Fatalf("%q is answered %+v", body, a)
			}
		}
		p.other().join()
	})
}
