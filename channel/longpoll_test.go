package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/supervisor"
)

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
