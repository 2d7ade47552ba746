package channeltest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// Dial connects by websocket to the socket that is mounted at the address, as in
// "http://127.0.0.1:4000/socket?token=…". Such a client reads only when it is asked to: one
// that is not is a slow client.
func Dial(t testing.TB, address string, header ...http.Header) *Client {
	t.Helper()
	c := &Client{t: t, open: func() (line, error) { return dial(t.Context(), address, header) }}
	c.old = strings.Contains(address, "vsn=1.")
	c.Reconnect()
	t.Cleanup(c.Drop)
	return c
}

// DialRefused is the HTTP status with which a socket refuses to connect.
func DialRefused(t testing.TB, address string, header ...http.Header) int {
	t.Helper()
	l, err := dial(t.Context(), address, header)
	if err == nil {
		l.cut()
	}
	var status wstest.StatusError
	if !errors.As(err, &status) {
		t.Fatalf("%s: it does not refuse: %v", address, err)
	}
	return int(status)
}

func dial(ctx context.Context, address string, headers []http.Header) (line, error) {
	header := make(http.Header)
	for _, h := range headers {
		maps.Copy(header, h)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = strings.TrimSuffix(u.Path, "/") + "/websocket"
	q := u.Query()
	if !q.Has("vsn") {
		q.Set("vsn", "2.0.0")
	}
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := wstest.Dial(ctx, u.String(), header)
	if err != nil {
		return nil, err
	}
	return &websocket{c}, nil
}

// websocket is a line over the network.
type websocket struct{ *wstest.Client }

func (w *websocket) send(op ws.Op, message []byte) error {
	w.Timeout(patience)
	if op == ws.OpBinary {
		return w.Binary(message)
	}
	return w.Text(string(message))
}

func (w *websocket) read() (ws.Op, []byte, error) {
	w.Timeout(patience)
	op, message, err := w.Read()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errLate
	}
	return ws.Op(op & 0xf), message, err
}

func (w *websocket) cut() { w.Hangup() }

func (w *websocket) protocol() string { return w.Protocol }
