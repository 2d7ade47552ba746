package ws_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// echo upgrades and sends back what it gets.
func echo(t *testing.T, protocols ...string) http.HandlerFunc {
	p := newPoller(t)
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Protocols: protocols})
		if err != nil {
			return
		}
		if conn.RemoteAddr().String() != r.RemoteAddr {
			t.Errorf("remote address is %v, want %s", conn.RemoteAddr(), r.RemoteAddr)
		}
		conn.Serve(p, echoer{conn})
	}
}

type echoer struct{ *ws.Conn }

func (e echoer) Message(_ any, op ws.Op, payload []byte) {
	_ = e.Send(ws.NewFrame(op, append(make([]byte, ws.HeaderRoom), payload...)))
	e.Flush()
}

func (e echoer) Closed(*ws.CloseError) {}

func start(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestUpgrade(t *testing.T) {
	addr := start(t, echo(t))
	client, err := wstest.Dial(context.Background(), "ws://"+addr+"/path?x=y", http.Header{"Origin": {"http://elsewhere"}})
	if err != nil {
		t.Fatal(err)
	}
	client.Timeout(10 * time.Second)
	_ = client.Text("wörld")
	if op, msg, err := client.Read(); op != wstest.Text || string(msg) != "wörld" || err != nil {
		t.Errorf("got %d %q %v", op, msg, err)
	}
	_ = client.Binary([]byte{0xff})
	if op, msg, err := client.Read(); op != wstest.Binary || string(msg) != "\xff" || err != nil {
		t.Errorf("got %d %q %v", op, msg, err)
	}
	_ = client.Close(ws.Normal, "")
	if _, _, err := client.Read(); closeError(t, err).Code != ws.Normal {
		t.Error(err)
	}
	client.Hangup()
}

func TestSubProtocols(t *testing.T) {
	tests := []struct {
		name   string
		spoken []string
		offer  []string
		want   string
		status int
	}{
		{name: "neither"},
		{name: "offered, none spoken", offer: []string{"phoenix"}},
		{name: "spoken, none offered", spoken: []string{"phoenix"}},
		{name: "match", spoken: []string{"phoenix"}, offer: []string{"phoenix"}, want: "phoenix"},
		{name: "match in a list", spoken: []string{"phoenix"}, offer: []string{"a,phoenix , b"}, want: "phoenix"},
		{name: "match in a second header", spoken: []string{"phoenix"}, offer: []string{"a", "phoenix"}, want: "phoenix"},
		{name: "the server's order counts", spoken: []string{"v2", "v1"}, offer: []string{"v1, v2"}, want: "v2"},
		{name: "no match", spoken: []string{"phoenix"}, offer: []string{"a, b"}, status: 403},
		{name: "case matters", spoken: []string{"phoenix"}, offer: []string{"Phoenix"}, status: 403},
		{name: "empty offer", spoken: []string{"phoenix"}, offer: []string{""}, status: 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got *ws.Conn
			var refusal error
			w, nc := newHijackable()
			r := handshake()
			for _, line := range tt.offer {
				r.Header.Add("Sec-WebSocket-Protocol", line)
			}
			got, refusal = ws.Upgrade(w, r, ws.UpgradeOptions{Protocols: tt.spoken})
			if tt.status != 0 {
				wantKind(t, refusal, fault.Forbidden)
				if w.Code != tt.status || !strings.Contains(w.Body.String(), "phoenix") {
					t.Errorf("answered with %d %q", w.Code, w.Body)
				}
				return
			}
			if refusal != nil {
				t.Fatal(refusal)
			}
			if got.Protocol() != tt.want {
				t.Errorf("chose %q, want %q", got.Protocol(), tt.want)
			}
			if h := nc.answer(t).Header; strings.Join(h.Values("Sec-WebSocket-Protocol"), "+") != tt.want {
				t.Errorf("answered with %q", h)
			}
			_ = nc.Close()
			got.Close(ws.Normal, "")
		})
	}
}

func TestDialOffersProtocols(t *testing.T) {
	addr := start(t, echo(t, "phoenix"))
	offer := func(p string) http.Header { return http.Header{"Sec-Websocket-Protocol": {p}} }
	client, err := wstest.Dial(context.Background(), "ws://"+addr, offer("other, phoenix"))
	if err != nil || client.Protocol != "phoenix" {
		t.Fatalf("got %+v %v", client, err)
	}
	client.Hangup()
	_, err = wstest.Dial(context.Background(), "ws://"+addr, offer("other"))
	if !errors.Is(err, wstest.StatusError(403)) {
		t.Errorf("got %v", err)
	}
}

func TestBadHandshakes(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*http.Request)
		says  string
	}{
		{"not a GET", func(r *http.Request) { r.Method = "POST" }, "POST"},
		{"HTTP/1.0", func(r *http.Request) { r.ProtoMinor, r.Proto = 0, "HTTP/1.0" }, "HTTP/1.0"},
		{"HTTP/2", func(r *http.Request) { r.ProtoMajor, r.Proto = 2, "HTTP/2.0" }, "HTTP/2.0"},
		{"a plain request", func(r *http.Request) { r.Header = http.Header{} }, "Upgrade: websocket"},
		{"another upgrade", func(r *http.Request) { r.Header.Set("Upgrade", "h2c") }, "Upgrade: websocket"},
		{"no Connection", func(r *http.Request) { r.Header.Del("Connection") }, "Connection: Upgrade"},
		{"Connection: keep-alive", func(r *http.Request) { r.Header.Set("Connection", "keep-alive") }, "Connection: Upgrade"},
		{"no version", func(r *http.Request) { r.Header.Del("Sec-WebSocket-Version") }, "Version: 13"},
		{"old version", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, "Version: 13"},
		{"no key", func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") }, "Key"},
		{"short key", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "c2hvcnQ=") }, "Key"},
		{"key not in base64", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "########################") }, "Key"},
		{"a body", func(r *http.Request) { r.ContentLength = 5 }, "body"},
		{"a chunked body", func(r *http.Request) { r.ContentLength = -1 }, "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, r := httptest.NewRecorder(), handshake()
			tt.spoil(r)
			_, err := ws.Upgrade(w, r, ws.UpgradeOptions{})
			wantKind(t, err, fault.Invalid)
			if w.Code != 400 || !strings.Contains(w.Body.String(), tt.says) || w.Header().Get("Sec-WebSocket-Version") != "13" {
				t.Errorf("answered with %d %q %v", w.Code, w.Body, w.Header())
			}
		})
	}
}

func TestGoodHandshakes(t *testing.T) {
	for name, vary := range map[string]func(*http.Request){
		"plain": func(*http.Request) {},
		"other cases": func(r *http.Request) {
			r.Header["Upgrade"], r.Header["Connection"] = []string{"WebSocket"}, []string{"UPGRADE"}
		},
		"Firefox":          func(r *http.Request) { r.Header.Set("Connection", "keep-alive, Upgrade") },
		"split Connection": func(r *http.Request) { r.Header["Connection"] = []string{"keep-alive", "upgrade"} },
	} {
		t.Run(name, func(t *testing.T) {
			w, nc := newHijackable()
			w.Header().Set("Set-Cookie", "a=b")
			w.Header().Set("Content-Type", "text/html")
			r := handshake()
			vary(r)
			conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			answer := nc.answer(t)
			// The key and its answer are those of RFC 6455, section 1.3.
			if got := answer.Header.Get("Sec-WebSocket-Accept"); answer.StatusCode != 101 || got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("answered with %d %q", answer.StatusCode, got)
			}
			if answer.Header.Get("Set-Cookie") != "a=b" || answer.Header.Get("Content-Type") != "" {
				t.Errorf("headers: %v", answer.Header)
			}
			if n := len(nc.deadlines); n == 0 || !nc.deadlines[n-1].IsZero() {
				t.Errorf("a deadline stays: %v", nc.deadlines)
			}
			_ = nc.Close()
			conn.Close(ws.Normal, "")
		})
	}
}

// What a client sends together with its handshake is not lost.
func TestPipelinedFrames(t *testing.T) {
	addr := start(t, echo(t))
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
	head := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	if _, err := nc.Write(join([]byte(head), f(text, "early"), f(text, "bird"))); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(nc)
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	want := "\x81\x05early\x81\x04bird"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
		t.Errorf("got %q %v", got, err)
	}
	_ = nc.Close()
}

func TestWrappedWriter(t *testing.T) {
	h := echo(t)
	addr := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h(wrapper{w}, r)
	}))
	client, err := wstest.Dial(context.Background(), "ws://"+addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Hangup()
}

func TestNotHijackable(t *testing.T) {
	w := httptest.NewRecorder()
	_, err := ws.Upgrade(w, handshake(), ws.UpgradeOptions{})
	wantKind(t, err, fault.Internal)
	if w.Code != 500 {
		t.Errorf("answered with %d", w.Code)
	}
}

func TestHandshakeCannotBeWritten(t *testing.T) {
	w, nc := newHijackable()
	nc.write = func([]byte) (int, error) { return 0, io.ErrClosedPipe }
	_, err := ws.Upgrade(w, handshake(), ws.UpgradeOptions{})
	wantKind(t, err, fault.Unavailable)
	<-nc.closed
}

func handshake() *http.Request {
	r := httptest.NewRequest("GET", "/socket/websocket", nil)
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	return r
}

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// hijackable is a ResponseWriter on a fake connection.
type hijackable struct {
	*httptest.ResponseRecorder
	nc net.Conn
}

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.nc, bufio.NewReadWriter(bufio.NewReader(h.nc), bufio.NewWriter(h.nc)), nil
}

// recorded is a fake that keeps the answer to the handshake.
type recorded struct {
	*fake
	written chan string
}

func newHijackable() (hijackable, recorded) {
	nc := recorded{newFake(), make(chan string, 10)}
	nc.write = func(p []byte) (int, error) {
		nc.written <- string(p)
		return len(p), nil
	}
	return hijackable{httptest.NewRecorder(), nc}, nc
}

func (r recorded) answer(t *testing.T) *http.Response {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(<-r.written)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
