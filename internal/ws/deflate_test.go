package ws_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

const rsv1 = 0x40

func TestDeflateOffers(t *testing.T) {
	const plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	tests := []struct{ offer, want string }{
		{"", ""},
		{"permessage-deflate", plain},
		{"Permessage-Deflate ; CLIENT_MAX_WINDOW_BITS", plain},
		{"permessage-deflate; client_max_window_bits=10", plain},
		{`permessage-deflate; client_max_window_bits="10"`, plain},
		{"permessage-deflate; server_max_window_bits=15", plain + "; server_max_window_bits=15"},
		{"permessage-deflate; server_max_window_bits=14", ""},
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", plain},
		{"permessage-deflate; client_max_window_bits=7", ""},
		{"permessage-deflate; client_max_window_bits=16", ""},
		{"permessage-deflate; client_max_window_bits=08", ""},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", plain},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
		{"permessage-deflate; unheard_of", ""},
		{"x-webkit-deflate-frame", ""},
		{`x; a="b, permessage-deflate", permessage-deflate`, plain},
	}
	for _, tt := range tests {
		w, nc := newHijackable()
		r := handshake()
		r.Header.Set("Sec-Websocket-Extensions", tt.offer)
		conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Deflate: &ws.Deflate{}})
		if err != nil {
			t.Fatal(err)
		}
		if got := nc.answer(t).Header.Get("Sec-Websocket-Extensions"); got != tt.want {
			t.Errorf("offered %q, answered %q", tt.offer, got)
		}
		_ = nc.Close()
		conn.Close(ws.Normal, "")
	}
}

// squeezed is a message as a client compresses it.
func squeezed(msg string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(w, msg)
	_ = w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// compressed is a connection on which compression was negotiated, and its client.
func compressed(t *testing.T, limits *ws.Limits) (*ws.Conn, *wstest.Client) {
	t.Helper()
	w, nc := newHijackable()
	r := handshake()
	r.Header.Set("Sec-Websocket-Extensions", "permessage-deflate")
	server, client := newMemory(1 << 20)
	w.nc = server
	conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Limits: limits, Deflate: &ws.Deflate{MinBytes: 200, Coders: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.Close()
	c := wstest.NewClient(client)
	skip := make([]byte, 1024)
	if n, _ := client.TryRead(skip); !bytes.Contains(skip[:n], []byte("permessage-deflate")) {
		t.Fatal("not negotiated")
	}
	return conn, c
}

func TestCompressedMessages(t *testing.T) {
	hello := squeezed("Hello")
	long := squeezed(strings.Repeat("Hello", 200))
	small := &ws.Limits{MaxMessageBytes: 1000}
	tests := []struct {
		name string
		wire []byte
		want []string
		code ws.Code
	}{
		{"compressed and plain", join(f(text|rsv1, hello), f(text, "plain"), bye), []string{"Hello", "plain"}, ws.Normal},
		{"in fragments", join(f(wstest.Text|rsv1, hello[:2]), f(0, hello[2:4]), f(fin, hello[4:]), bye), []string{"Hello"}, ws.Normal},
		{"with a last block", join(f(text|rsv1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), bye), []string{"Hello"}, ws.Normal},
		{"empty", join(f(text|rsv1, "\x00"), bye), []string{""}, ws.Normal},
		{"at the limit", join(f(text|rsv1, long), bye), []string{strings.Repeat("Hello", 200)}, ws.Normal},
		{"above the limit", f(text|rsv1, squeezed(strings.Repeat("Hello", 200)+"!")), nil, ws.TooBig},
		{"a bomb", f(text|rsv1, squeezed(strings.Repeat("\x00", 500_000))), nil, ws.TooBig},
		{"not compressed", f(text|rsv1, "\xff\xff\xff"), nil, ws.InvalidPayload},
		{"cut", f(text|rsv1, long[:len(long)/2]), nil, ws.InvalidPayload},
		{"rubbish behind", f(text|rsv1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00\xff\xff\xff"), nil, ws.InvalidPayload},
		{"invalid text", f(text|rsv1, squeezed("a\xff")), nil, ws.InvalidPayload},
		{"a compressed ping", f(fin|wstest.Ping|rsv1, ""), nil, ws.ProtocolError},
		{"a compressed continuation", join(f(wstest.Text, "x"), f(fin|rsv1, "y")), nil, ws.ProtocolError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, client := compressed(t, small)
			e := serve(t, conn)
			_, _ = client.Conn.Write(tt.wire)
			_, _, err := client.Read()
			if end := closeError(t, err); end.Code != tt.code {
				t.Errorf("got %v", end)
			}
			client.Hangup()
			<-e.ended
			wantEqual(t, "messages", e.messages(), tt.want)
		})
	}
}

// A frame is compressed from MinBytes on, if that gains anything, and for those
// who asked for it.
func TestCompressedFrames(t *testing.T) {
	random := make([]byte, 1000)
	for i := range random {
		random[i] = byte(i * i * 2654435761 >> 11)
	}
	for _, tt := range []struct {
		msg  []byte
		want byte
	}{
		{bytes.Repeat([]byte("x"), 199), fin | wstest.Binary},
		{bytes.Repeat([]byte("x"), 200), fin | wstest.Binary | rsv1},
		{bytes.Repeat([]byte("xyz"), 50_000), fin | wstest.Binary | rsv1},
	} {
		conn, client := compressed(t, nil)
		plain, other := memoryPair(nil, 1<<20)
		e, o := serve(t, conn), serve(t, plain)
		frame := ws.Binary(tt.msg)
		_ = conn.SendNow(frame)
		_ = plain.SendNow(frame)
		head := make([]byte, 1)
		_, _ = io.ReadFull(client.Conn, head)
		if head[0] != tt.want {
			t.Errorf("%d bytes leave as %x", len(tt.msg), head)
		}
		if _, msg, err := other.Read(); err != nil || !bytes.Equal(msg, tt.msg) {
			t.Errorf("plain: %v", err)
		}
		client.Hangup()
		other.Hangup()
		<-e.ended
		<-o.ended
	}
}

func TestDial(t *testing.T) {
	p := newPoller(t)
	d := &ws.Deflate{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Protocols: []string{"phoenix"}, Deflate: d})
		if err == nil {
			conn.Serve(p, echoer{conn})
		}
	})
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	roots := secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for _, tt := range []struct {
		url string
		o   ws.DialOptions
	}{
		{plain.URL, ws.DialOptions{Protocols: []string{"other", "phoenix"}}},
		{plain.URL, ws.DialOptions{Deflate: &ws.Deflate{}}},
		{secure.URL, ws.DialOptions{TLS: &tls.Config{RootCAs: roots}}},
		{secure.URL, ws.DialOptions{TLS: &tls.Config{RootCAs: roots}, Deflate: &ws.Deflate{}}},
	} {
		conn, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(tt.url, "http"), tt.o)
		if err != nil {
			t.Fatal(err)
		}
		e := newEar()
		e.heard = make(chan string, 10)
		conn.Serve(p, e)
		for _, n := range []int{0, 5, 600, 100_000} {
			want := strings.Repeat("x", n)
			_ = conn.Send(ws.Text([]byte(want)))
			if got := <-e.heard; got != want {
				t.Errorf("got %d bytes, want %d", len(got), n)
			}
		}
		conn.Close(ws.Normal, "")
		wantKind(t, <-e.ended, fault.Unavailable)
	}
	_, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(plain.URL, "http"), ws.DialOptions{Protocols: []string{"other"}})
	var refused *ws.HandshakeError
	if !errors.As(err, &refused) || refused.Status != 403 || !strings.Contains(refused.Body, "phoenix") {
		t.Errorf("got %v", err)
	}
}

func TestDialFails(t *testing.T) {
	for _, url := range []string{"http://x", "ws://", ":"} {
		_, err := ws.Dial(t.Context(), url, ws.DialOptions{})
		wantKind(t, err, fault.Invalid)
	}
	_, err := ws.Dial(t.Context(), "ws://127.0.0.1:1", ws.DialOptions{})
	wantKind(t, err, fault.Unavailable)
	deaf := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer deaf.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = ws.Dial(ctx, "ws"+strings.TrimPrefix(deaf.URL, "http"), ws.DialOptions{})
	wantKind(t, err, fault.Timeout)
}

// A client refuses what only a client does.
func TestClientRole(t *testing.T) {
	server, peer := newMemory(1 << 10)
	conn := ws.Client(server, nil, nil)
	e := serve(t, conn)
	_, _ = peer.Write(f(text, "masked"))
	if end := <-e.ended; end.Code != ws.ProtocolError {
		t.Error(end)
	}
}
