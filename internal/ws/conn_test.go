package ws_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// tcpPair is a connection and its client over loopback.
func tcpPair(t testing.TB, limits ws.Limits) (*ws.Conn, *wstest.Client) {
	t.Helper()
	conns := make(chan *ws.Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, limits)
		if err != nil {
			t.Error(err)
		}
		conns <- conn
	}))
	t.Cleanup(server.Close)
	client, err := wstest.Dial(context.Background(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Timeout(10 * time.Second)
	return <-conns, client
}

// The three phases of an orderly end: what is pending, our close, theirs.
func TestClose(t *testing.T) {
	for _, reading := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			conn, client := wstest.Pipe(ws.Limits{})
			read := make(chan error, 1)
			if reading {
				go func() {
					_, _, err := conn.ReadMessage()
					read <- err
				}()
			}
			for range 200 {
				_ = conn.Send(ws.Text([]byte("pending")))
			}
			conn.Close(ws.Restart, "see you")
			wantKind(t, conn.Send(ws.Text([]byte("late"))), fault.Unavailable)
			for range 200 {
				if _, msg, err := client.Read(); string(msg) != "pending" || err != nil {
					t.Fatalf("got %q %v", msg, err)
				}
			}
			_, _, err := client.Read()
			if end := closeError(t, err); end.Code != ws.Restart || end.Reason != "see you" {
				t.Errorf("the client got %v (%q)", end, end.Reason)
			}
			start := time.Now()
			_ = client.Text("crossed our close")
			_ = client.Frame(wstest.Fin|wstest.Ping, nil)
			select {
			case <-conn.Done():
				t.Error("did not wait for the client")
			case <-time.After(time.Second):
			}
			_ = client.Close(ws.Restart, "")
			<-conn.Done()
			if took := time.Since(start); took != time.Second {
				t.Errorf("gone %v later", took-time.Second)
			}
			if !reading {
				_, _, err = conn.ReadMessage()
			} else {
				err = <-read
			}
			if end := closeError(t, err); end.Code != ws.Restart || end.Remote {
				t.Errorf("ReadMessage: %v", end)
			}
			wantKind(t, err, fault.Unavailable)
			client.Hangup()
		})
	}
}

// However dead the client is, Close is over in time.
func TestCloseTimeout(t *testing.T) {
	tests := map[string]func(*ws.Conn, *wstest.Client){
		"does not read": func(conn *ws.Conn, _ *wstest.Client) {},
		"does not read what is pending": func(conn *ws.Conn, _ *wstest.Client) {
			_ = conn.Send(ws.Text([]byte("pending")))
			synctest.Wait()
		},
		"does not close": func(_ *ws.Conn, client *wstest.Client) { go collect(client) },
		"goes on and on": func(conn *ws.Conn, client *wstest.Client) {
			go collect(client)
			go func() {
				for client.Text("and on") == nil {
					select {
					case <-time.After(time.Second):
					case <-conn.Done():
					}
				}
			}()
		},
		"stops inside a message": func(_ *ws.Conn, client *wstest.Client) {
			go collect(client)
			go func() { _, _ = client.Conn.Write(f(text, "half")[:5]) }()
		},
	}
	for name, behave := range tests {
		for _, reading := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn, client := wstest.Pipe(ws.Limits{CloseTimeout: 3 * time.Second})
					if reading {
						go messages(t, conn)
						synctest.Wait()
					}
					behave(conn, client)
					start := time.Now()
					conn.Close(ws.GoingAway, "")
					<-conn.Done()
					if took := time.Since(start); took != 3*time.Second {
						t.Errorf("took %v", took)
					}
					client.Hangup()
				})
			})
		}
	}
}

func TestOnlyTheFirstCloseCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := wstest.Pipe(ws.Limits{})
		frames := make(chan []frame, 1)
		go func() { frames <- collect(client) }()
		conn.Close(ws.GoingAway, "first")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { conn.Close(ws.Normal, "") })
		}
		wg.Wait()
		<-conn.Done()
		conn.Close(ws.Normal, "")
		wantEqual(t, "frames", <-frames, []frame{{op: wstest.Close, code: ws.GoingAway}})
		client.Hangup()
	})
}

func TestCloseFrame(t *testing.T) {
	long := strings.Repeat("r", 123)
	tests := []struct {
		code   ws.Code
		reason string
		want   ws.Code
		sent   string
	}{
		{ws.Normal, "", ws.Normal, ""},
		{4999, "bye", 4999, "bye"},
		{ws.NoStatus, "", ws.InternalError, ""},
		{ws.Abnormal, "", ws.InternalError, ""},
		{0, "", ws.InternalError, ""},
		{5000, "", ws.InternalError, ""},
		{ws.Normal, long[:122], ws.Normal, long[:122]},
		{ws.Normal, long, ws.Normal, long},
		{ws.Normal, long + "r", ws.Normal, long},
		{ws.Normal, long[:122] + "ö", ws.Normal, long[:122]},
		{ws.Normal, long[:121] + "ö", ws.Normal, long[:121] + "ö"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			conn, client := wstest.Pipe(ws.Limits{})
			conn.Close(tt.code, tt.reason)
			_, _, err := client.Read()
			if end := closeError(t, err); end.Code != tt.want || end.Reason != tt.sent {
				t.Errorf("Close(%d, %q) sent %d, %q", tt.code, tt.reason, end.Code, end.Reason)
			}
			client.Hangup()
			<-conn.Done()
		})
	}
}

// A client that closes is answered even if it reads late, and at once.
func TestClientCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := wstest.Pipe(ws.Limits{})
		start := time.Now()
		go func() { _ = client.Close(4000, "had enough") }()
		_, _, err := conn.ReadMessage()
		end := closeError(t, err)
		if end.Code != 4000 || end.Reason != "had enough" || !end.Remote {
			t.Errorf("got %v", end)
		}
		wantKind(t, err, fault.Canceled)
		if got := conn.Send(ws.Text([]byte("x"))); got != err {
			t.Errorf("Send: %v", got)
		}
		if strings.Contains(err.Error(), "had enough") || strings.Contains(fault.Detail(err), "had enough") {
			t.Error("the client's words are in the error's text")
		}
		_, _, err = client.Read()
		if end := closeError(t, err); end.Code != 4000 {
			t.Errorf("echoed %v", end)
		}
		<-conn.Done()
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v", took)
		}
		client.Hangup()
	})
}

// A client in the middle of sending too much still learns why it was cut off,
// although its bytes were never read: the close must not become a reset.
func TestViolationOverTCPIsExplained(t *testing.T) {
	conn, client := tcpPair(t, ws.Limits{MaxMessageBytes: 1000})
	go messages(t, conn)
	if _, err := client.Conn.Write(wstest.Frame(text, make([]byte, 1<<18))); err != nil {
		t.Fatal(err)
	}
	_, _, err := client.Read()
	if end := closeError(t, err); end.Code != ws.TooBig {
		t.Errorf("got %v", end)
	}
	if _, _, err := client.Read(); err != io.EOF {
		t.Errorf("then %v, want EOF", err)
	}
	client.Hangup()
	<-conn.Done()
}

// The owner of a reader that is blocked may close, from anywhere, and is left
// with nothing.
func TestCloseOverTCP(t *testing.T) {
	conn, client := tcpPair(t, ws.Limits{})
	read := make(chan error, 1)
	go func() {
		_, _, err := conn.ReadMessage()
		read <- err
	}()
	conn.Close(ws.Restart, "")
	_, _, err := client.Read()
	if closeError(t, err).Code != ws.Restart {
		t.Error(err)
	}
	_ = client.Close(ws.Restart, "")
	<-conn.Done()
	wantKind(t, <-read, fault.Unavailable)
	if _, _, err := client.Read(); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	client.Hangup()
}

func TestEvictionOverTCP(t *testing.T) {
	conn, client := tcpPair(t, ws.Limits{MaxPendingBytes: 1 << 20})
	big := ws.Binary(make([]byte, 100_000))
	var err error
	for err == nil { // until the kernel's buffers and the outbox are full
		err = conn.Send(big)
	}
	wantKind(t, err, fault.Exhausted)
	<-conn.Done()
	client.Hangup()
}

func TestCloseErrorText(t *testing.T) {
	var err error = &ws.CloseError{Code: ws.Normal}
	if err.Error() != "websocket closed with 1000" || errors.Unwrap(err) != nil {
		t.Error(err)
	}
	nc := newFake()
	nc.read = func([]byte) (int, error) { return 0, net.ErrClosed }
	conn := ws.New(nc, nil, ws.Limits{})
	_, _, err = conn.ReadMessage()
	if !errors.Is(err, net.ErrClosed) || fault.Detail(err) != "the connection failed" {
		t.Errorf("%v, %q", err, fault.Detail(err))
	}
	<-conn.Done()
}
