package channel_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/web"
)

// TestHandshakeOrder breaks one thing after the other, from the last that is checked to
// the first: each must hide those after it.
func TestHandshakeOrder(t *testing.T) {
	s := &channel.Socket{
		Channels: []channel.Channel{rooms},
		Connect: func(_ context.Context, params url.Values) error {
			switch params.Get("token") {
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
		{"refused with its status", token("many"), 429, "later\n"},
		{"refused otherwise", token("none"), 401, "show a token\n"},
		{"refused by a failure", token("bad"), 500, "internal error\n"},
		{"version", vsn("1.0.0"), 403, "this server speaks version 2 of the protocol; connect with vsn=2.0.0, not \"1.0.0\"\n"},
		{"sub-protocol", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "mqtt, phoenix2") }, 403, ""},
		{"origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, ""},
		{"method", func(r *http.Request) { r.Method = http.MethodPost }, 400, ""},
		{"path", func(r *http.Request) { r.URL.Path = "/longpoll" }, 404, "404 page not found\n"},
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
		r := httptest.NewRequest(http.MethodHead, "http://a.example/websocket?vsn=1.0.0&token=none", nil)
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
				token("good")(r)
			}
			w := httptest.NewRecorder()
			if s.ServeHTTP(w, r); w.Code != want {
				t.Errorf("step %d: %d, not %d", i, w.Code, want)
			}
		}
	})
}

func token(v string) func(*http.Request) { return param("token", v) }
func vsn(v string) func(*http.Request)   { return param("vsn", v) }
func param(key, v string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Set(key, v)
		r.URL.RawQuery = q.Encode()
	}
}

func TestVersions(t *testing.T) {
	_, url := channeltest.Serve(t, &channel.Socket{})
	for _, v := range []string{"2.0.0", "2.0.1", "2.0.17", "2.0.1-dev", "2.0.0%2Bbuild"} {
		channeltest.Dial(t, url+"?vsn="+v).Close()
	}
	for _, v := range []string{"", "1.0.0", "2", "2.0", "2.0.", "2.0.x", "2.0.01", "2.0.0-rc.1", "2.1.0", "3.0.0", "2.0.0.0", "02.0.0", "2.0.0%0A", "%ff"} {
		if status := channeltest.Refused(t, url+"?vsn="+v); status != http.StatusForbidden {
			t.Errorf("vsn=%s: %d", v, status)
		}
	}
}

func TestSubProtocol(t *testing.T) {
	_, url := channeltest.Serve(t, &channel.Socket{})
	bearer := "base64url.bearer.phx." + base64.RawStdEncoding.EncodeToString([]byte("secret?>"))
	for offer, want := range map[string]string{
		"":                          "",
		"phoenix":                   "phoenix",
		"phoenix, " + bearer:        "phoenix",
		bearer + ",phoenix , other": "phoenix",
	} {
		c := channeltest.Dial(t, url, header("Sec-WebSocket-Protocol", offer))
		if c.Protocol() != want {
			t.Errorf("offered %q, chosen %q", offer, c.Protocol())
		}
		c.Close()
	}
	for _, offer := range []string{"graphql-ws", bearer, "PHOENIX"} {
		if status := channeltest.Refused(t, url, header("Sec-WebSocket-Protocol", offer)); status != http.StatusForbidden {
			t.Errorf("offered %q: %d", offer, status)
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
	_, url := channeltest.Serve(t, &channel.Socket{Origins: []string{
		"https://a.example", "//b.example:888", "//*.c.example", "http://d.example:81",
	}})
	for _, origin := range []string{
		url, "https://a.example", "https://a.example:8443", "https://A.Example", "http://b.example:888", "https://b.example:888",
		"https://c.example", "http://x.y.c.example:7", "http://d.example:81",
	} {
		channeltest.Dial(t, url, header("Origin", origin)).Close()
	}
	for _, origin := range []string{
		"null", "a.example", "http://", "http://:80", "://", "http://a.example", "https://x.a.example", "https://a.example.evil.example",
		"https://evil-c.example", "http://b.example", "http://b.example:889", "https://a.example@evil.example",
		"http://127.0.0.1", "http://127.0.0.1:1", "https://d.example:81", "http://[::1]",
	} {
		if status := channeltest.Refused(t, url, header("Origin", origin)); status != http.StatusForbidden {
			t.Errorf("origin %s: %d", origin, status)
		}
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
	return &params{j.Socket}, nil
}, channel.Joined((*params).all))

type params struct{ values url.Values }

func (p *params) all(context.Context) (url.Values, error) { return p.values, nil }

func TestParams(t *testing.T) {
	s := &channel.Socket{Channels: []channel.Channel{whoami}}
	_, address := channeltest.Serve(t, s)
	c := channeltest.Dial(t, address+"?token=a&token=b&x=%C3%A4")
	expectReply(t, c.Join("whoami", nil), "ok", `{"token":["a","b"],"x":["ä"]}`)

	router := web.NewRouter()
	router.Mount("/socket", s)
	router.Handle("GET /at/{place}/{rest...}", s)
	server := httptest.NewServer(router)
	defer server.Close()
	c = channeltest.Dial(t, server.URL+"/socket?a=b")
	expectReply(t, c.Join("whoami", nil), "ok", `{"a":["b"]}`)
	c = channeltest.Dial(t, server.URL+"/at/home?place=query")
	expectReply(t, c.Join("whoami", nil), "ok", `{"place":["home"],"rest":["websocket"]}`)
}

func TestConnectSeesParamsAndNode(t *testing.T) {
	var seen url.Values
	var node error
	_, url := channeltest.Serve(t, &channel.Socket{Connect: func(ctx context.Context, params url.Values) error {
		seen = params
		_, node = process.NodeOf(ctx)
		return fault.NotFound
	}})
	if status := channeltest.Refused(t, url+"?token=a"); status != http.StatusNotFound {
		t.Error(status)
	}
	if seen.Get("token") != "a" || seen.Get("vsn") != "2.0.0" || node != nil {
		t.Error(seen, node)
	}
}

func TestNotRunning(t *testing.T) {
	s := &channel.Socket{}
	server := httptest.NewServer(s)
	defer server.Close()
	if status := channeltest.Refused(t, server.URL); status != http.StatusServiceUnavailable {
		t.Errorf("before the start: %d", status)
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
		for _, c := range []*channeltest.Client{idle, busy} {
			if code := c.Closed(); code != 1012 {
				t.Errorf("closed with %d", code)
			}
		}
		if err := await(t, served); err != nil {
			t.Error(err)
		}
		if n := node.Count(); n != 0 {
			t.Errorf("%d processes are left: %+v", n, node.Processes())
		}
		if status := channeltest.Refused(t, server.URL); status != http.StatusServiceUnavailable {
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
