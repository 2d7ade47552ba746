package channel_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/wire"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

// cabin is the channel of the transports' tests.
type cabin struct{ client *channel.Client }

type line struct {
	Text string `json:"text"`
}

const (
	spoken channel.Event[line]           = "spoken"
	drawn  channel.Event[channel.Binary] = "drawn"
)

func (c *cabin) echo(_ context.Context, in line) (line, error) { return in, nil }
func (c *cabin) say(ctx context.Context, in line) error {
	return channel.BroadcastFrom(ctx, c.client, spoken, in)
}
func (c *cabin) size(_ context.Context, in channel.Binary) (int, error) { return len(in), nil }
func (c *cabin) mirror(_ context.Context, in channel.Binary) (channel.Binary, error) {
	return in, nil
}
func (c *cabin) boom(context.Context) error { panic("boom") }

func cabins() []channel.Channel {
	return []channel.Channel{channel.Topic("cabin:*",
		func(_ context.Context, j channel.Join[struct{}]) (*cabin, error) { return &cabin{j.Client}, nil },
		channel.Call("echo", (*cabin).echo),
		channel.Do("say", (*cabin).say),
		channel.Call("size", (*cabin).size),
		channel.Call("mirror", (*cabin).mirror),
		channel.Run("boom", (*cabin).boom),
	)}
}

// site is a tree that runs.
type site struct {
	ctx      context.Context
	counters *telemetry.Counters
	stop     func()
}

func run(t *testing.T, children ...supervisor.Child) *site {
	t.Helper()
	return runOn(t, processtest.Node(t), children...)
}

func runOn(t *testing.T, ctx context.Context, children ...supervisor.Child) *site {
	t.Helper()
	root, err := supervisor.Tree{Name: "site", Children: children}.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Stop)
	return &site{context.WithoutCancel(ctx), telemetry.CountersOf(ctx), root.Stop}
}

func (s *site) expectCount(t *testing.T, name string, want int64) {
	t.Helper()
	if got := s.counters.Counter(name).Value(); got != want {
		t.Errorf("%s is %d, and not %d", name, got, want)
	}
}

// polling is a socket that is long-polled without a network.
type polling struct {
	*site
	t      *testing.T
	socket *channel.Socket
	header http.Header // of all requests
	query  string
	token  string
}

func newPolling(t *testing.T, s *channel.Socket) *polling {
	t.Helper()
	if s.Channels == nil {
		s.Channels = cabins()
	}
	if s.LongPoll == nil {
		s.LongPoll = &channel.LongPoll{}
	}
	return &polling{site: run(t, supervisor.Child{Name: "socket", Run: s}), t: t, socket: s, header: make(http.Header), query: "vsn=2.0.0"}
}

// other is another client of the same socket.
func (p *polling) other() *polling {
	o := *p
	o.token, o.header = "", make(http.Header)
	return &o
}

type answer struct {
	Status   int
	Token    string
	Messages []string
	Reason   string
}

func (p *polling) request(ctx context.Context, method, kind, body string) *http.Request {
	query := p.query
	if p.token != "" {
		query += "&token=" + url.QueryEscape(p.token)
	}
	r := httptest.NewRequestWithContext(ctx, method, "http://site.example/socket/longpoll?"+query, strings.NewReader(body))
	r.Header = p.header.Clone()
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r
}

func (p *polling) raw(method, kind, body string) *http.Response {
	w := httptest.NewRecorder()
	p.socket.ServeHTTP(w, p.request(p.ctx, method, kind, body))
	return w.Result()
}

func (p *polling) do(method, kind, body string) answer {
	p.t.Helper()
	return p.parse(p.raw(method, kind, body))
}

func (p *polling) parse(r *http.Response) (a answer) {
	p.t.Helper()
	body, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json; charset=utf-8" ||
		r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		p.t.Errorf("the answer is %d %v %s", r.StatusCode, r.Header, body)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		p.t.Errorf("%q: %v", body, err)
	}
	return a
}

func (p *polling) get() answer {
	p.t.Helper()
	return p.do("GET", "", "")
}

func (p *polling) post(lines ...string) answer {
	p.t.Helper()
	return p.do("POST", "application/x-ndjson", strings.Join(lines, "\n"))
}

func (p *polling) postOK(lines ...string) {
	p.t.Helper()
	if a := p.post(lines...); a.Status != 200 {
		p.t.Fatalf("the POST is answered %+v", a)
	}
}

// connect makes a session.
func (p *polling) connect() *polling {
	p.t.Helper()
	a := p.get()
	if a.Status != 410 || a.Token == "" || a.Messages == nil || len(a.Messages) != 0 {
		p.t.Fatalf("the first answer is %+v", a)
	}
	p.token = a.Token
	return p
}

// expect polls until these messages have come.
func (p *polling) expect(want ...string) {
	p.t.Helper()
	var got []string
	for len(got) < len(want) {
		a := p.get()
		if a.Status != 200 || a.Token != p.token {
			p.t.Fatalf("the answer is %+v after %q", a, got)
		}
		got = append(got, a.Messages...)
	}
	if !slices.Equal(got, want) {
		p.t.Fatalf("the messages are\n%q, and not\n%q", got, want)
	}
}

func (p *polling) join() *polling {
	p.t.Helper()
	p.connect()
	p.postOK(`["1","1","cabin:1","phx_join",{}]`)
	p.expect(`["1","1","cabin:1","phx_reply",{"status":"ok","response":{}}]`)
	return p
}

func (p *polling) say(text string) {
	p.t.Helper()
	if err := channel.Broadcast(p.ctx, "cabin:1", spoken, line{text}); err != nil {
		p.t.Fatal(err)
	}
}

func said(text string) string {
	return fmt.Sprintf(`[null,null,"cabin:1","spoken",{"text":%q}]`, text)
}

// waiting is a request that has been made, and not been answered.
type waiting struct {
	w      *httptest.ResponseRecorder
	done   chan struct{}
	cancel context.CancelFunc
}

// wait begins to poll, and returns when the request waits. It is for bubbles.
func (p *polling) wait() *waiting {
	ctx, cancel := context.WithCancel(p.ctx)
	q := &waiting{httptest.NewRecorder(), make(chan struct{}), cancel}
	go func() {
		defer close(q.done)
		p.socket.ServeHTTP(q.w, p.request(ctx, "GET", "", ""))
	}()
	synctest.Wait()
	return q
}

func (p *polling) answered(q *waiting) answer {
	p.t.Helper()
	<-q.done
	q.cancel()
	return p.parse(q.w.Result())
}

func TestLongPollOptions(t *testing.T) {
	p := newPolling(t, &channel.Socket{})
	p.header.Set("Origin", "https://elsewhere.example")
	p.header.Set("Access-Control-Request-Headers", "x-phoenix-authtoken, content-type")
	r := p.raw("OPTIONS", "", "")
	body, _ := io.ReadAll(r.Body)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      "*",
		"Access-Control-Allow-Credentials": "",
		"Access-Control-Allow-Headers":     "x-phoenix-authtoken, content-type",
		"Access-Control-Allow-Methods":     "get, post, options",
		"Access-Control-Max-Age":           "3600",
		"Cache-Control":                    "no-store",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s is %q, and not %q", name, got, want)
		}
	}
	if r.StatusCode != 200 || len(body) != 0 {
		t.Errorf("the answer is %d %q", r.StatusCode, body)
	}
}

func TestLongPollOtherMethods(t *testing.T) {
	p := newPolling(t, &channel.Socket{})
	for _, method := range []string{"PUT", "DELETE", "HEAD", "PATCH"} {
		r := p.raw(method, "", "")
		if body, _ := io.ReadAll(r.Body); r.StatusCode != 400 || len(body) != 0 {
			t.Errorf("%s is answered %d %q", method, r.StatusCode, body)
		}
	}
}

func TestLongPollIsNotServedUnlessAskedFor(t *testing.T) {
	socket := &channel.Socket{Channels: cabins()}
	run(t, supervisor.Child{Name: "socket", Run: socket})
	w := httptest.NewRecorder()
	socket.ServeHTTP(w, httptest.NewRequest("GET", "/socket/longpoll?vsn=2.0.0", nil))
	if w.Code != 404 || w.Body.String() != "long-polling is not served; set Socket.LongPoll\n" {
		t.Errorf("the answer is %d %s", w.Code, w.Body)
	}
}

func TestLongPollSession(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	p.postOK(
		`["1","2","cabin:1","echo",{"text":"<a> & b"}]`,
		`[null,"3","phoenix","heartbeat",{}]`,
	)
	got := map[string]bool{}
	for len(got) < 2 { // of two that answer, the order is free
		for _, m := range p.get().Messages {
			got[m] = true
		}
	}
	for _, want := range []string{
		`["1","2","cabin:1","phx_reply",{"status":"ok","response":{"text":"\u003ca\u003e \u0026 b"}}]`,
		`[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`,
	} {
		if !got[want] {
			t.Errorf("there is no %s in %v", want, got)
		}
	}
	p.postOK(`["1","4","cabin:1","boom",{}]`)
	p.expect(`["1","1","cabin:1","phx_error",{"reason":"channel_crash","kind":"internal error"}]`)
}

func TestLongPollFirstVersion(t *testing.T) {
	for _, query := range []string{"", "vsn=1.0.0"} {
		p := newPolling(t, &channel.Socket{})
		p.query = query
		p.connect()
		if a := p.do("POST", "application/json", `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"7"}`); a.Status != 200 {
			t.Fatalf("%+v", a)
		}
		a := p.get()
		if len(a.Messages) != 1 || !strings.Contains(a.Messages[0], `"ref":"7"`) {
			t.Errorf("%q: %+v", query, a)
		}
	}
}

// What names no session makes another.
func TestLongPollTokens(t *testing.T) {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	late := time.Duration(0)
	keys = keys.WithClock(func() time.Time { return time.Now().Add(late) })
	p := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}}).join()
	p.say("hi")
	for name, text := range map[string]string{
		"empty":    "",
		"garbage":  "garbage",
		"null":     "null",
		"mark":     "poll.",
		"cut":      p.token[:len(p.token)-1],
		"changed":  p.token[:20] + "A" + p.token[21:],
		"unmarked": strings.TrimPrefix(p.token, "poll."),
	} {
		o := p.other()
		o.token = text
		if a := o.do("POST", "", "x"); a.Status != 410 || a.Messages != nil {
			t.Errorf("%s: a POST is answered %+v", name, a)
		}
		if a := o.get(); a.Status != 410 || a.Token == "" || a.Token == p.token {
			t.Errorf("%s: a GET is answered %+v", name, a)
		}
	}
	late = 14*24*time.Hour + time.Second
	if a := p.other(); a.getWith(p.token).Status != 410 {
		t.Error("an old token is taken")
	}
	late = 14*24*time.Hour - time.Minute
	p.expect(said("hi"))
}

func (p *polling) getWith(token string) answer {
	p.t.Helper()
	p.token = token
	return p.get()
}

func TestLongPollTokenInTheHeader(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	p.say("hi")
	text := p.token
	p.header.Set("X-Phoenix-Longpoll-Token", text)
	p.token = "poll.other"
	if a := p.get(); a.Status != 200 || a.Token != text {
		t.Errorf("the header does not come first: %+v", a)
	}
	p.token = ""
	p.postOK(`[null,"3","phoenix","heartbeat",{}]`)
}

// An application's own param "token" is not mistaken for ours, nor ours for its.
func TestLongPollOwnParamToken(t *testing.T) {
	var got []url.Values
	p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
		got = append(got, peer.Params)
		return nil
	}})
	p.query = "vsn=2.0.0&token=mine&a=1"
	p.join()
	o := p.other()
	o.token = "poll.dead"
	o.get()
	o.query = "vsn=2.0.0"
	o.get()
	want := []url.Values{{"token": {"mine"}, "a": {"1"}}, {"token": {"mine"}, "a": {"1"}}, nil}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Connect saw %v", got)
	}
}

func TestLongPollAuthToken(t *testing.T) {
	var seen []string
	p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
		seen = append(seen, peer.Transport+" "+peer.Token+" "+peer.Addr)
		if peer.Token != "ann" {
			return fault.Unauthenticated.Errorf("who are you?")
		}
		return nil
	}})
	if a := p.get(); a.Status != 403 || a.Token != "" || a.Messages != nil || a.Reason != "who are you?" {
		t.Errorf("without a token: %+v", a)
	}
	p.header.Set("X-Phoenix-AuthToken", "ann")
	p.connect()
	p.header.Set("X-Phoenix-AuthToken", "bob")
	p.postOK(`[null,"3","phoenix","heartbeat",{}]`)
	p.expect(`[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	if want := []string{"longpoll  192.0.2.1:1234", "longpoll ann 192.0.2.1:1234"}; !slices.Equal(seen, want) {
		t.Errorf("Connect saw %q", seen)
	}
	p.expectCount(t, "channel.connects.refused", 1)
}

func TestLongPollRefuses(t *testing.T) {
	refuses := func(err error) *channel.Socket {
		return &channel.Socket{Connect: func(context.Context, *channel.Peer) error { return err }}
	}
	for name, c := range map[string]struct {
		socket *channel.Socket
		query  string
		origin string
		want   int
	}{
		"connect":       {socket: refuses(fault.Forbidden.Errorf("no")), want: 403},
		"too often":     {socket: refuses(fault.Exhausted.Errorf("no")), want: 403},
		"version":       {socket: &channel.Socket{}, query: "vsn=3.0.0", want: 403},
		"origin":        {socket: &channel.Socket{}, origin: "https://elsewhere.example", want: 403},
		"no address":    {socket: &channel.Socket{}, origin: "null", want: 403},
		"own origin":    {socket: &channel.Socket{}, origin: "http://site.example", want: 410},
		"listed origin": {socket: &channel.Socket{Origins: []string{"//*.else.example"}}, origin: "https://some.else.example", want: 410},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPolling(t, c.socket)
			if c.query != "" {
				p.query = c.query
			}
			if c.origin != "" {
				p.header.Set("Origin", c.origin)
			}
			if a := p.get(); a.Status != c.want {
				t.Errorf("it is answered %+v", a)
			}
		})
	}
}

// Nobody else's page may send with a token that leaked.
func TestLongPollOriginOfPosts(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).connect()
	p.header.Set("Origin", "https://elsewhere.example")
	if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 403 {
		t.Errorf("%+v", a)
	}
}

// What is not the client's fault is an HTTP status, after which clients come back.
func TestLongPollTroubleOfTheServer(t *testing.T) {
	for want, err := range map[int]error{503: fault.Unavailable.Errorf("the database is away"), 500: errors.New("a secret")} {
		p := newPolling(t, &channel.Socket{Connect: func(context.Context, *channel.Peer) error { return err }})
		r := p.raw("GET", "", "")
		if body, _ := io.ReadAll(r.Body); r.StatusCode != want || strings.Contains(string(body), "secret") {
			t.Errorf("%v is answered %d %s", err, r.StatusCode, body)
		}
	}
	idle := &polling{t: t, socket: &channel.Socket{LongPoll: &channel.LongPoll{}}}
	idle.site = &site{ctx: t.Context()}
	for _, method := range []string{"GET", "POST"} {
		if r := idle.raw(method, "", ""); r.StatusCode != 503 {
			t.Errorf("before the start a %s is answered %d", method, r.StatusCode)
		}
	}
}

func TestLongPollKeysThatCannotSign(t *testing.T) {
	s := &channel.Socket{Channels: cabins(), LongPoll: &channel.LongPoll{Keys: &token.Keys{}}}
	if err := s.Start(processtest.Node(t)); fault.Of(err) != fault.Invalid {
		t.Errorf("it starts: %v", err)
	}
}

func TestLongPollSessionsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Sessions: 2}})
		p.other().connect()
		p.other().connect()
		if r := p.raw("GET", "", ""); r.StatusCode != 503 {
			t.Errorf("a third session: %d", r.StatusCode)
		}
		time.Sleep(15*time.Second + time.Millisecond)
		synctest.Wait()
		p.connect()
	})
}

// A Connect that panics leaves nothing behind.
func TestLongPollConnectPanics(t *testing.T) {
	mad := true
	p := newPolling(t, &channel.Socket{
		LongPoll: &channel.LongPoll{Sessions: 1},
		Connect: func(context.Context, *channel.Peer) error {
			if mad {
				panic("mad")
			}
			return nil
		},
	})
	func() {
		defer func() { _ = recover() }()
		p.get()
	}()
	mad = false
	p.connect()
}

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

func TestLongPollWindow(t *testing.T) {
	for window, want := range map[time.Duration]time.Duration{0: 10 * time.Second, time.Second: time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Window: window}}).connect()
			before := time.Now()
			a := p.get()
			if a.Status != 204 || a.Token != p.token || a.Messages == nil || len(a.Messages) != 0 {
				t.Errorf("%+v", a)
			}
			if took := time.Since(before); took != want {
				t.Errorf("it took %v, and not %v", took, want)
			}
		})
	}
}

func TestLongPollAnswersAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		q := p.wait()
		before := time.Now()
		p.say("hi")
		if a := p.answered(q); a.Status != 200 || !slices.Equal(a.Messages, []string{said("hi")}) || time.Since(before) > 0 {
			t.Errorf("%+v after %v", a, time.Since(before))
		}
		p.say("one")
		p.say("two")
		p.expect(said("one"), said("two"))
	})
}

func TestLongPollDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		time.Sleep(15*time.Second - time.Millisecond)
		p.say("hi")
		p.expect(said("hi")) // and another 15 s begin
		p.get()              // and again, after the window
		p.say("one")
		p.say("two")
		time.Sleep(15*time.Second + time.Millisecond)
		synctest.Wait()
		p.expectCount(t, "channel.longpoll.lost", 2)
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST after the end: %+v", a)
		}
		if a := p.get(); a.Status != 410 || a.Token == p.token {
			t.Errorf("a GET after the end: %+v", a)
		}
	})
}

// POSTs are no sign of life: who never polls has no use for a session.
func TestLongPollDeathInSpiteOfPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).connect()
		beat := `[null,"3","phoenix","heartbeat",{}]`
		time.Sleep(14 * time.Second)
		p.postOK(beat)
		time.Sleep(2 * time.Second)
		if a := p.post(beat); a.Status != 410 {
			t.Errorf("%+v", a)
		}
	})
}

func TestLongPollTwoAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		first := p.wait()
		time.Sleep(9 * time.Second)
		second := p.wait()
		if a := p.answered(first); a.Status != 204 {
			t.Errorf("the first is answered %+v", a)
		}
		time.Sleep(9 * time.Second)
		p.say("hi")
		if a := p.answered(second); a.Status != 200 || len(a.Messages) != 1 {
			t.Errorf("the second is answered %+v", a)
		}
	})
}

func TestLongPollCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		q := p.wait()
		q.cancel()
		<-q.done
		if q.w.Body.Len() > 0 {
			t.Errorf("it was answered %s", q.w.Body)
		}
		p.say("hi")
		time.Sleep(14 * time.Second)
		p.expect(said("hi"))

		q = p.wait() // the message comes when the client has just gone
		q.cancel()
		p.say("again")
		<-q.done
		p.expect(said("again"))
	})
}

// brokenWriter takes nothing, once it may.
type brokenWriter struct {
	http.ResponseWriter
	hold chan struct{}
}

func (w brokenWriter) Write([]byte) (int, error) {
	<-w.hold
	return 0, errors.New("the connection is broken")
}

func TestLongPollUnwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		p.say("one")
		w := brokenWriter{httptest.NewRecorder(), make(chan struct{})}
		go p.socket.ServeHTTP(w, p.request(p.ctx, "GET", "", ""))
		synctest.Wait()
		p.say("two")
		q := p.wait() // which must not give two before one
		select {
		case <-q.done:
			t.Errorf("it was answered %s", q.w.Body)
		default:
		}
		close(w.hold)
		if a := p.answered(q); !slices.Equal(a.Messages, []string{said("one"), said("two")}) {
			t.Errorf("%+v", a)
		}
	})
}

// pickyWriter panics, as some wrappers do.
type pickyWriter struct{ http.ResponseWriter }

func (pickyWriter) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }

func TestLongPollWriterPanics(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	p.say("hi")
	func() {
		defer func() { _ = recover() }()
		p.socket.ServeHTTP(pickyWriter{httptest.NewRecorder()}, p.request(p.ctx, "GET", "", ""))
	}()
	p.expect(said("hi"))
}

func TestLongPollSlow(t *testing.T) {
	size := len(said("x")) + 2 // with a frame's header
	for name, limits := range map[string]channel.Limits{
		"messages": {PendingMessages: 5},
		"bytes":    {PendingBytes: 5 * size, PendingMessages: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limits.PendingBytes = max(limits.PendingBytes, 5*size)
				p := newPolling(t, &channel.Socket{Limits: limits}).join()
				for range 5 {
					p.say("x")
				}
				p.expect(slices.Repeat([]string{said("x")}, 5)...)
				for range 6 {
					p.say("x")
				}
				synctest.Wait()
				p.expectCount(t, "channel.clients.slow", 1)
				if a := p.get(); a.Status != 410 || a.Token == p.token {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

func TestLongPollTooLong(t *testing.T) {
	p := newPolling(t, &channel.Socket{Limits: channel.Limits{PendingBytes: 1000}}).join()
	p.say(strings.Repeat("x", 1000))
	p.say("short")
	p.expect(said("short"))
	p.expectCount(t, "channel.messages.unsendable", 1)
}

// blocking is a log that takes its time.
type blocking struct {
	slog.Handler
	hold chan struct{}
}

func (b blocking) Enabled(context.Context, slog.Level) bool { return true }
func (b blocking) Handle(context.Context, slog.Record) error {
	<-b.hold
	return nil
}

func TestLongPollLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		node := process.NewNode(telemetry.WithLogger(t.Context(), slog.New(blocking{slog.DiscardHandler, hold})))
		defer node.Close()
		socket := &channel.Socket{Channels: cabins(), LongPoll: &channel.LongPoll{}}
		s := runOn(t, node.Context(t.Context()), supervisor.Child{Name: "socket", Run: socket})
		defer s.stop()
		p := &polling{site: s, t: t, socket: socket, header: make(http.Header), query: "vsn=2.0.0"}
		p.connect()
		done := make(chan answer)
		go func() { done <- p.post(`["1","1","cellar","phx_join",{}]`, `[null,"2","phoenix","heartbeat",{}]`) }()
		synctest.Wait()
		before := time.Now()
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 408 || time.Since(before) != 10*time.Second {
			t.Errorf("it is answered %+v after %v", a, time.Since(before))
		}
		close(hold)
		if a := <-done; a.Status != 200 {
			t.Errorf("the first is answered %+v", a)
		}
		p.expect(
			`[null,"1","cellar","phx_reply",{"status":"error","response":{"reason":"unmatched topic","kind":"not found"}}]`,
			`[null,"2","phoenix","phx_reply",{"status":"ok","response":{}}]`,
		)
	})
}

func TestLongPollDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		idle := p.other().connect()
		p.say("bye")
		p.expect(said("bye"))
		q := p.wait()
		stopped := make(chan struct{})
		before := time.Now()
		go func() {
			defer close(stopped)
			p.stop()
		}()
		a := p.answered(q)
		if a.Status != 410 || a.Token != "" || !strings.Contains(a.Reason, "reconnect in ") {
			t.Errorf("who waits is answered %+v", a)
		}
		<-stopped
		if took := time.Since(before); took > time.Second {
			t.Errorf("it took %v", took)
		}
		for _, c := range []*polling{p, idle} {
			if r := c.raw("GET", "", ""); r.StatusCode != 503 {
				t.Errorf("after the stop a GET is answered %d", r.StatusCode)
			}
		}
	})
}

// A client that is between two requests holds nobody up.
func TestLongPollDrainWithMessagesLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{}).join()
		p.say("bye")
		before := time.Now()
		p.stop()
		if took := time.Since(before); took > time.Second {
			t.Errorf("it took %v", took)
		}
		p.expectCount(t, "channel.longpoll.lost", 1)
	})
}

// Whoever is sent away otherwise may come for its last messages, for 2 s.
func TestLongPollLastMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
			peer.ID = peer.Params.Get("id")
			return nil
		}})
		p.query = "vsn=2.0.0&id=ann"
		p.join()
		late := p.other().join()
		p.say("bye")
		if err := channel.Disconnect(p.ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST is answered %+v", a)
		}
		time.Sleep(2*time.Second - time.Millisecond)
		p.expect(said("bye"))
		if a := p.get(); a.Status != 410 || a.Token == p.token {
			t.Errorf("after the last message: %+v", a)
		}
		time.Sleep(2 * time.Millisecond)
		if a := late.get(); a.Status != 410 || a.Token == late.token {
			t.Errorf("too late: %+v", a)
		}
		p.expectCount(t, "channel.longpoll.lost", 1)
	})
}

func TestLongPollEndpointDrains(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	came := make(chan struct{}, 1)
	end := &web.Endpoint{Addr: "127.0.0.1:0", Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		p.socket.ServeHTTP(w, r)
	})}
	if err := end.Start(p.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(p.ctx)
	served := make(chan error, 1)
	go func() { served <- end.Serve(ctx) }()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answers := make(chan answer, 1)
	go func() {
		defer close(answers)
		r, err := (&http.Client{Transport: transport}).Get(end.URL() + "/socket/longpoll?vsn=2.0.0&token=" + p.token)
		if err != nil {
			t.Error(err)
			return
		}
		defer r.Body.Close()
		answers <- p.parse(r)
	}()
	<-came
	stop()
	if a := <-answers; a.Status != 410 || !strings.Contains(a.Reason, "reconnect in ") {
		t.Errorf("%+v", a)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestLongPollDisconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		banned := false
		p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
			if peer.ID = "ann"; banned {
				return fault.Forbidden.Errorf("no more")
			}
			return nil
		}}).join()
		idle := p.other().connect()
		q := p.wait()
		banned = true
		if err := channel.Disconnect(p.ctx, "ann"); err != nil {
			t.Fatal(err)
		}
		if a := p.answered(q); a.Status != 410 || a.Token != "" {
			t.Errorf("who waits is answered %+v", a)
		}
		synctest.Wait()
		if a := p.post(`[null,"3","phoenix","heartbeat",{}]`); a.Status != 410 {
			t.Errorf("a POST is answered %+v", a)
		}
		for _, c := range []*polling{p, idle} {
			if a := c.get(); a.Status != 403 {
				t.Errorf("the next is answered %+v", a)
			}
		}
	})
}

// A token of another node, of the same keys, is understood, and not mistaken for ours.
func TestLongPollOtherNode(t *testing.T) {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	one := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}}).join()
	two := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}})
	if a := two.getWith(one.token); a.Status != 410 || a.Token == one.token {
		t.Errorf("%+v", a)
	}
}

func TestLongPollOverTheNetwork(t *testing.T) {
	p := newPolling(t, &channel.Socket{})
	server := httptest.NewUnstartedServer(p.socket)
	server.Config.WriteTimeout = 50 * time.Millisecond // shorter than a poll
	server.Start()
	t.Cleanup(server.Close)
	request := func(ctx context.Context, method, body string) (answer, error) {
		r, err := http.NewRequestWithContext(ctx, method, server.URL+"/socket/longpoll?vsn=2.0.0&token="+p.token, strings.NewReader(body))
		if err != nil {
			return answer{}, err
		}
		r.Header.Set("Content-Type", "application/x-ndjson")
		w, err := server.Client().Do(r)
		if err != nil {
			return answer{}, err
		}
		defer w.Body.Close()
		return p.parse(w), nil
	}
	must := func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	p.token = must(request(t.Context(), "GET", "")).Token
	polled := make(chan answer)
	go func() {
		a, err := request(t.Context(), "GET", "")
		if err != nil {
			t.Error(err)
		}
		polled <- a
	}()
	must(request(t.Context(), "POST", `["1","1","cabin:1","phx_join",{}]`))
	if a := <-polled; a.Status != 200 || len(a.Messages) != 1 {
		t.Fatalf("%+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := request(ctx, "GET", "")
		gone <- err
	}()
	cancel()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
	p.say("hi")
	if a := must(request(t.Context(), "GET", "")); !slices.Equal(a.Messages, []string{said("hi")}) {
		t.Errorf("%+v", a)
	}
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

// FuzzLongPollToken wants of each token that it is a session's, to the letter, or none's.
func FuzzLongPollToken(f *testing.F) {
	f.Add("", false)
	f.Add("poll.", true)
	f.Add("poll.AQAA", false)
	f.Add("\x00", true)
	f.Add("poll.%zz&token=x", false)
	f.Fuzz(func(t *testing.T, text string, header bool) {
		p := newPolling(t, &channel.Socket{}).connect()
		p.token = text
		if header {
			p.token = ""
			p.header["X-Phoenix-Longpoll-Token"] = []string{text}
		}
		if a := p.post(); a.Status != 410 {
			t.Fatalf("a POST with %q is answered %+v", text, a)
		}
		if a := p.get(); a.Status != 410 || a.Token == "" {
			t.Fatalf("a GET with %q is answered %+v", text, a)
		}
	})
}

func BenchmarkLongPoll(b *testing.B) {
	b.Run("post", func(b *testing.B) {
		socket := &channel.Socket{Channels: cabins(), LongPoll: &channel.LongPoll{}, Limits: channel.Limits{PendingMessages: 1 << 30, PendingBytes: 1 << 40}}
		ctx := processtest.Node(b)
		root, err := supervisor.Tree{Name: "site", Children: []supervisor.Child{{Name: "socket", Run: socket}}}.Start(ctx)
		if err != nil {
			b.Fatal(err)
		}
		defer root.Stop()
		do := func(method, token, body string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			socket.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, "/longpoll?vsn=2.0.0&token="+token, strings.NewReader(body)))
			return w
		}
		var a answer
		if err := json.Unmarshal(do("GET", "", "").Body.Bytes(), &a); err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			do("POST", a.Token, `[null,"3","phoenix","heartbeat",{}]`)
			do("GET", a.Token, "")
		}
	})
}

// Whatever is given up, and whoever asks at the same time: each message comes once, and in
// its order.
func TestLongPollAtRandom(t *testing.T) {
	const clients, messages = 8, 300
	p := newPolling(t, &channel.Socket{})
	var all sync.WaitGroup
	for n := range clients {
		c := p.other().join()
		r := rand.New(rand.NewPCG(1, uint64(n)))
		all.Go(func() {
			for next := 0; next < messages; {
				ctx, cancel := context.WithCancel(p.ctx)
				w := httptest.NewRecorder()
				var early sync.WaitGroup
				if r.IntN(3) == 0 {
					early.Go(cancel)
				}
				if r.IntN(10) == 0 {
					c.postOK(`[null,"9","phoenix","none",{}]`)
				}
				c.socket.ServeHTTP(w, c.request(ctx, "GET", "", ""))
				early.Wait()
				cancel()
				if w.Body.Len() == 0 {
					continue
				}
				for _, m := range c.parse(w.Result()).Messages {
					switch {
					case m == said(strconv.Itoa(next)):
						next++
					case !strings.Contains(m, "phoenix"):
						t.Errorf("client %d got %s instead of %d", n, m, next)
						return
					}
				}
			}
		})
	}
	for i := range messages {
		p.say(strconv.Itoa(i))
	}
	all.Wait()
}
