package channel_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// TestHandshakeOrder breaks one thing after the other, from the last that is checked to
// the first: each must hide those after it.
func TestHandshakeOrder(t *testing.T) {
	s := &channel.Socket{
		Channels: []channel.Channel{rooms},
		Connect: func(_ context.Context, p *channel.Peer) error {
			switch p.Params.Get("token") {
			case "none":
				return fault.Unauthenticated.Errorf("show a token")
			case "many":
				return fault.Exhausted.Errorf("later")
			case "bad":
				return errors.New("a secret of the house")
			}
			return nil
		},
	}
	channeltest.Serve(t, s)
	for _, step := range []struct {
		name   string
		change func(*http.Request)
		status int
		body   string
	}{
		{"no websocket", func(r *http.Request) {}, 400, "the header \"Upgrade: websocket\" is missing; this address speaks websocket, and a proxy in between has to pass the header on\n"},
		{"refused with its status", withToken("many"), 429, "later\n"},
		{"refused otherwise", withToken("none"), 401, "show a token\n"},
		{"refused by a failure", withToken("bad"), 500, "internal error\n"},
		{"version", vsn("3.0.0"), 403, "this server speaks versions 1 and 2 of the protocol; connect with vsn=2.0.0, not \"3.0.0\"\n"},
		{"sub-protocol", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "mqtt, phoenix2") }, 403, ""},
		{"origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, ""},
		{"method", func(r *http.Request) { r.Method = http.MethodPost }, 400, ""},
		{"path", func(r *http.Request) { r.URL.Path = "/longpoll" }, 404, "long-polling is not served; set Socket.LongPoll\n"},
		{"mount", func(r *http.Request) { r.URL.Path = "/" }, 404, "clients connect to …/websocket\n"},
		{"below it", func(r *http.Request) { r.URL.Path = "/page" }, 404, "clients connect to …/websocket\n"},
	} {
		t.Run(step.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "http://a.example/websocket?vsn=2.0.0", nil)
			step.change(r)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != step.status || w.Body.String() != step.body {
				t.Errorf("%d %q, not %d %q", w.Code, w.Body, step.status, step.body)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodHead, "http://a.example/websocket?vsn=3.0.0&token=none", nil)
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-WebSocket-Protocol", "mqtt")
		for i, want := range []int{400, 403, 403, 403, 401, 400} {
			switch i {
			case 1:
				r.Method = http.MethodGet
			case 2:
				r.Header.Del("Origin")
			case 3:
				r.Header.Del("Sec-WebSocket-Protocol")
			case 4:
				vsn("2.0.0")(r)
			case 5:
				withToken("good")(r)
			}
			w := httptest.NewRecorder()
			if s.ServeHTTP(w, r); w.Code != want {
				t.Errorf("step %d: %d, not %d", i, w.Code, want)
			}
		}
	})
}

func withToken(v string) func(*http.Request) { return param("token", v) }
func vsn(v string) func(*http.Request)       { return param("vsn", v) }
func param(key, v string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Set(key, v)
		r.URL.RawQuery = q.Encode()
	}
}

func TestVersions(t *testing.T) {
	s := channeltest.Serve(t, &channel.Socket{})
	as := func(vsn string) channel.Peer { return channel.Peer{Params: url.Values{"vsn": {vsn}}} }
	for _, v := range []string{"", "1.0.0", "1.0.7", "2.0.0", "2.0.1", "2.0.17", "2.0.1-dev", "2.0.0+build"} {
		c := channeltest.Connect(t, s, as(v))
		if v == "" || v[0] == '1' {
			play(c, `
				> {"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}
				< {"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}},"ref":"1"}`)
		} else {
			c.Heartbeat()
		}
	}
	for _, v := range []string{"1", "2", "2.0", "2.0.", "2.0.x", "2.0.01", "2.0.0-rc.1", "1.1.0", "2.1.0", "3.0.0", "2.0.0.0", "02.0.0", "2.0.0\n", "\xff"} {
		if err := channeltest.Refused(t, s, as(v)); !errors.Is(err, fault.Forbidden) {
			t.Errorf("vsn=%s: %v", v, err)
		}
	}
}

const bearer = "base64url.bearer.phx."

func TestSubProtocol(t *testing.T) {
	s := channeltest.Listen(t, &channel.Socket{Protocols: []string{"mine"}})
	token := bearer + base64.RawStdEncoding.EncodeToString([]byte("secret?>"))
	for offer, want := range map[string]string{
		"":                         "",
		"phoenix":                  "phoenix",
		"mine":                     "mine",
		"mine, phoenix":            "phoenix",
		"phoenix, " + token:        "phoenix",
		token + ",phoenix , other": "phoenix",
		token:                      "", // an offer that was taken away is none
	} {
		c := channeltest.Dial(t, s.URL(), header("Sec-WebSocket-Protocol", offer))
		if c.Protocol() != want {
			t.Errorf("offered %q, chosen %q", offer, c.Protocol())
		}
		c.Drop()
	}
	for _, offer := range []string{"graphql-ws", "PHOENIX", "graphql-ws, " + token} {
		if status := channeltest.DialRefused(t, s.URL(), header("Sec-WebSocket-Protocol", offer)); status != http.StatusForbidden {
			t.Errorf("offered %q: %d", offer, status)
		}
	}
}

// TestToken takes a token in both alphabets, padded or not, and shows it to Connect alone.
func TestToken(t *testing.T) {
	const secret = "secret?>~~ü"
	var seen *channel.Peer
	var token string
	s := channeltest.Listen(t, &channel.Socket{Connect: func(_ context.Context, p *channel.Peer) error {
		seen, token = p, p.Token
		if h := p.Header.Get("Sec-WebSocket-Protocol"); strings.Contains(h, "bearer") {
			t.Errorf("the header still has it: %s", h)
		}
		return nil
	}})
	for offer, want := range map[string]string{
		"phoenix": "",
		"phoenix, " + bearer + base64.StdEncoding.EncodeToString([]byte(secret)):    secret,
		"phoenix, " + bearer + base64.RawStdEncoding.EncodeToString([]byte(secret)): secret,
		"phoenix, " + bearer + base64.URLEncoding.EncodeToString([]byte(secret)):    secret,
		bearer + base64.RawURLEncoding.EncodeToString([]byte(secret)) + ", phoenix": secret,
		"phoenix, " + bearer:                          "",
		"phoenix, " + bearer + "YQ, " + bearer + "Yg": "", // several are none
	} {
		c := channeltest.Dial(t, s.URL(), header("Sec-WebSocket-Protocol", offer))
		c.Heartbeat()
		if c.Protocol() != "phoenix" || token != want {
			t.Errorf("%s: %q, %q", offer, token, c.Protocol())
		}
		if seen.Token != "" || seen.Header != nil {
			t.Errorf("%s: it is kept: %+v", offer, seen)
		}
		c.Drop()
	}
	for _, garbage := range []string{"!", "YQ=Y", "Y", "%20"} {
		if status := channeltest.DialRefused(t, s.URL(), header("Sec-WebSocket-Protocol", "phoenix, "+bearer+garbage)); status != http.StatusBadRequest {
			t.Errorf("%q: %d", garbage, status)
		}
	}
}

func header(name, value string) http.Header {
	h := make(http.Header)
	if value != "" {
		h.Set(name, value)
	}
	return h
}

func TestOrigins(t *testing.T) {
	s := channeltest.Listen(t, &channel.Socket{Origins: []string{
		"https://a.example", "//b.example:888", "//*.c.example", "http://d.example:81",
	}})
	for _, origin := range []string{
		s.URL(), "https://a.example", "https://a.example:8443", "https://A.Example", "http://b.example:888", "https://b.example:888",
		"https://c.example", "http://x.y.c.example:7", "http://d.example:81",
	} {
		channeltest.Dial(t, s.URL(), header("Origin", origin)).Drop()
	}
	for _, origin := range []string{
		"null", "a.example", "http://", "http://:80", "://", "http://a.example", "https://x.a.example", "https://a.example.evil.example",
		"https://evil-c.example", "http://b.example", "http://b.example:889", "https://a.example@evil.example",
		"http://127.0.0.1", "http://127.0.0.1:1", "https://d.example:81", "http://[::1]",
	} {
		if status := channeltest.DialRefused(t, s.URL(), header("Origin", origin)); status != http.StatusForbidden {
			t.Errorf("origin %s: %d", origin, status)
		}
	}
}

func TestAnyOrigin(t *testing.T) {
	s := channeltest.Listen(t, &channel.Socket{Origins: []string{"*"}})
	channeltest.Dial(t, s.URL(), header("Origin", "https://anything.example")).Drop()
	if status := channeltest.DialRefused(t, s.URL(), header("Origin", "null")); status != http.StatusForbidden {
		t.Errorf("no host: %d", status)
	}
}

func TestStartRefusesOriginsWithoutHost(t *testing.T) {
	node := process.NewNode(t.Context())
	defer node.Close()
	for _, origin := range []string{"", "a.example", "https://", "%"} {
		s := &channel.Socket{Origins: []string{origin}}
		if err := s.Start(node.Context(t.Context())); !errors.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", origin, err)
		}
	}
}

// whoami tells which params there are.
var whoami = channel.Topic("whoami", func(_ context.Context, j channel.Join[struct{}]) (*params, error) {
	return &params{j.Peer.Params}, nil
}, channel.Joined((*params).all))

type params struct{ values url.Values }

func (p *params) all(context.Context) (url.Values, error) { return p.values, nil }

func TestParams(t *testing.T) {
	socket := socketOf(whoami)
	s := channeltest.Listen(t, socket)
	c := channeltest.Dial(t, s.URL()+"?token=a&token=b&x=%C3%A4")
	expectReply(t, c.Join("whoami", nil).Reply, "ok", `{"token":["a","b"],"x":["ä"]}`)
	c = channeltest.Dial(t, s.URL())
	expectReply(t, c.Join("whoami", nil).Reply, "ok", `{}`)

	router := web.NewRouter()
	router.Mount("/socket", socket)
	router.Handle("GET /at/{place}/{rest...}", socket)
	address := channeltest.ListenHTTP(t, s, router)
	c = channeltest.Dial(t, address+"/socket?a=b")
	expectReply(t, c.Join("whoami", nil).Reply, "ok", `{"a":["b"]}`)
	c = channeltest.Dial(t, address+"/at/home?place=query")
	expectReply(t, c.Join("whoami", nil).Reply, "ok", `{"place":["home"],"rest":["websocket"]}`)
}

const account channel.Key[text] = "account"

// TestConnectTellsJoins who the client is.
func TestConnectTellsJoins(t *testing.T) {
	join := func(_ context.Context, j channel.Join[struct{}]) (*place, error) {
		if _, ok := channel.Key[number]("account").Get(j.Peer); ok {
			return nil, errors.New("a key of another type has the value")
		}
		if j.Client.Peer() != j.Peer || j.Client.Topic() != j.Topic {
			return nil, errors.New("it is another's client")
		}
		return &place{fmt.Sprint(j.Peer.ID, "/", account.Value(j.Peer).Text, "/", j.Peer.Addr, "/", j.Peer.Transport)}, nil
	}
	s := channeltest.Serve(t, &channel.Socket{
		Channels: []channel.Channel{channel.Topic("me", join, channel.Joined((*place).where))},
		Connect: func(ctx context.Context, p *channel.Peer) error {
			if _, err := process.NodeOf(ctx); err != nil {
				return err
			}
			if p.Params.Has("name") {
				account.Put(p, text{"nobody"})
				account.Put(p, text{p.Params.Get("name")})
				p.ID = "user:" + p.Header.Get("X-Number")
			}
			return nil
		},
	})
	ann := channeltest.Connect(t, s, channel.Peer{
		Params: url.Values{"name": {"ann"}}, Header: header("X-Number", "7"), Addr: "a", Transport: "b",
	})
	expectReply(t, ann.Join("me", nil).Reply, "ok", `"user:7/ann/a/b"`)
	bob := channeltest.Connect(t, s)
	expectReply(t, bob.Join("me", nil).Reply, "ok", `"//192.0.2.1:1234/websocket"`)
}

func TestConnectRefuses(t *testing.T) {
	s := channeltest.Listen(t, &channel.Socket{Connect: func(_ context.Context, p *channel.Peer) error {
		return fault.NotFound.Errorf("no %s here", p.Params.Get("token"))
	}})
	if status := channeltest.DialRefused(t, s.URL()+"?token=a"); status != http.StatusNotFound {
		t.Error(status)
	}
	if err := channeltest.Refused(t, s, channel.Peer{Params: url.Values{"token": {"b"}}}); fault.Detail(err) != "no b here" {
		t.Error(err)
	}
	if n := telemetry.CountersOf(s.Context()).Counter("channel.connects.refused").Value(); n != 2 {
		t.Errorf("%d refusals were counted", n)
	}
}

func TestNotRunning(t *testing.T) {
	s := &channel.Socket{}
	server := httptest.NewServer(s)
	defer server.Close()
	if status := channeltest.DialRefused(t, server.URL); status != http.StatusServiceUnavailable {
		t.Errorf("before the start: %d", status)
	}
	if _, err := s.Accept(t.Context(), new(channel.Peer), nil); !errors.Is(err, fault.Unavailable) {
		t.Errorf("before the start: %v", err)
	}
	if err := s.Start(t.Context()); !errors.Is(err, process.ErrNoNode) {
		t.Errorf("started without a node: %v", err)
	}
}

func TestStopAndStartAgain(t *testing.T) {
	s := &channel.Socket{Channels: []channel.Channel{rooms}}
	server := httptest.NewServer(s)
	defer server.Close()
	node := process.NewNode(t.Context())
	defer node.Close()
	for range 3 {
		ctx, stop := context.WithCancel(node.Context(t.Context()))
		if err := s.Start(ctx); err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx) }()
		idle, busy := channeltest.Dial(t, server.URL), channeltest.Dial(t, server.URL)
		busy.Join("room:1", nil)
		busy.Join("room:2", nil)
		stop()
		idle.ExpectClose(1012)
		busy.ExpectClose(1012)
		if err := await(t, served); err != nil {
			t.Error(err)
		}
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes are left: %+v", n, node.Processes())
		}
		if status := channeltest.DialRefused(t, server.URL); status != http.StatusServiceUnavailable {
			t.Errorf("stopped: %d", status)
		}
	}
}

func TestStopWithoutClients(t *testing.T) {
	node := process.NewNode(t.Context())
	defer node.Close()
	ctx, stop := context.WithCancel(node.Context(t.Context()))
	s := &channel.Socket{}
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := s.Serve(ctx); err != nil {
		t.Error(err)
	}
}
