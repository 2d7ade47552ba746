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

// socketPipe opens connections over loopback.
func socketPipe(t testing.TB) pipe {
	return func(limits *ws.Limits) (*ws.Conn, *wstest.Client) {
		t.Helper()
		conns := make(chan *ws.Conn, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Limits: limits})
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
}

// The three phases of an orderly end: what is pending, our close, theirs.
func TestClose(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
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
		case <-e.ended:
			t.Error("did not wait for the client")
		case <-time.After(time.Second):
		}
		_ = client.Close(ws.Restart, "")
		go collect(client)
		end := <-e.ended
		if took := time.Since(start); took != time.Second {
			t.Errorf("gone %v later", took-time.Second)
		}
		if end.Code != ws.Restart || end.Remote {
			t.Errorf("closed with %v", end)
		}
		wantKind(t, end, fault.Unavailable)
		wantEqual(t, "messages", e.messages(), nil)
		client.Hangup()
	})
}

// However dead the client is, Close is over in time.
func TestCloseTimeout(t *testing.T) {
	tests := map[string]func(*ws.Conn, *wstest.Client){
		"does not read": func(conn *ws.Conn, _ *wstest.Client) {},
		"does not read what is pending": func(conn *ws.Conn, _ *wstest.Client) {
			_ = conn.Send(ws.Text(make([]byte, 1000)))
			synctest.Wait()
		},
		"does not close": func(_ *ws.Conn, client *wstest.Client) { go collect(client) },
		"goes on and on": func(conn *ws.Conn, client *wstest.Client) {
			go collect(client)
			go func() {
				for client.Text("and on") == nil {
					time.Sleep(time.Second)
				}
			}()
		},
		"stops inside a message": func(_ *ws.Conn, client *wstest.Client) {
			go collect(client)
			go func() { _, _ = client.Conn.Write(f(text, "half")[:5]) }()
		},
	}
	for name, behave := range tests {
		t.Run(name, func(t *testing.T) {
			bubbles(t, func(t *testing.T, open pipe) {
				conn, client := open(&ws.Limits{CloseTimeout: 3 * time.Second})
				e := serve(t, conn)
				synctest.Wait()
				behave(conn, client)
				start := time.Now()
				conn.Close(ws.GoingAway, "")
				<-e.ended
				wantTook(t, time.Since(start), 3*time.Second)
				client.Hangup()
				time.Sleep(2 * time.Second) // for the one that goes on
			})
		})
	}
}

func TestOnlyTheFirstCloseCounts(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		frames := make(chan []frame, 1)
		go func() { frames <- collect(client) }()
		conn.Close(ws.GoingAway, "first")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { conn.Close(ws.Normal, "") })
		}
		wg.Wait()
		<-e.ended
		conn.Close(ws.Normal, "")
		wantEqual(t, "frames", <-frames, []frame{{op: wstest.Close, code: ws.GoingAway}})
		client.Hangup()
		synctest.Wait()
		if len(e.ended) > 0 {
			t.Error("Closed was called twice")
		}
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
		bubbles(t, func(t *testing.T, open pipe) {
			conn, client := open(nil)
			e := serve(t, conn)
			conn.Close(tt.code, tt.reason)
			_, _, err := client.Read()
			if end := closeError(t, err); end.Code != tt.want || end.Reason != tt.sent {
				t.Errorf("Close(%d, %q) sent %d, %q", tt.code, tt.reason, end.Code, end.Reason)
			}
			client.Hangup()
			<-e.ended
		})
	}
}

// A client that closes is answered even if it reads late, and at once.
func TestClientCloses(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := serve(t, conn)
		start := time.Now()
		_ = client.Close(4000, "had enough")
		synctest.Wait()
		err := conn.Send(ws.Text([]byte("x")))
		wantKind(t, err, fault.Canceled)
		if strings.Contains(err.Error(), "had enough") || strings.Contains(fault.Detail(err), "had enough") {
			t.Error("the client's words are in the error's text")
		}
		_, _, echoed := client.Read()
		if end := closeError(t, echoed); end.Code != 4000 {
			t.Errorf("echoed %v", end)
		}
		go collect(client)
		end := <-e.ended
		if end.Code != 4000 || end.Reason != "had enough" || !end.Remote || error(end) != err {
			t.Errorf("got %v", end)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("took %v", took)
		}
		client.Hangup()
	})
}

// Frames may be sent before somebody serves, and leave then.
func TestSendBeforeServe(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		_ = conn.Send(ws.Text([]byte("early")))
		conn.Flush()
		e := serve(t, conn)
		if _, msg, err := client.Read(); string(msg) != "early" || err != nil {
			t.Errorf("got %q %v", msg, err)
		}
		client.Hangup()
		<-e.ended
	})
}

// A connection that nobody serves can be closed, and whoever comes late hears
// of it.
func TestCloseBeforeServe(t *testing.T) {
	for _, reading := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			conn, client := wstest.Pipe(nil)
			_ = conn.Send(ws.Text([]byte("early")))
			conn.Close(ws.Policy, "no")
			if reading {
				wantEqual(t, "frames", collect(client), []frame{{op: wstest.Text, payload: "early"}, {op: wstest.Close, code: ws.Policy}})
			}
			if end := <-serve(t, conn).ended; end.Code != ws.Policy {
				t.Error(end)
			}
			client.Hangup()
		})
	}
}

func TestPollerCloses(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		p, err := ws.NewPoller(ws.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		conn, client := open(nil)
		e := newEar()
		conn.Serve(p, e)
		p.Close()
		wantKind(t, <-e.ended, fault.Unavailable)
		client.Hangup()
		late, client := open(nil)
		e = newEar()
		late.Serve(p, e)
		<-e.ended
		client.Hangup()
	})
}

// A handler may do anything to its connection, and panic.
func TestHandlerActs(t *testing.T) {
	acts := map[string]struct {
		act  func(*ws.Conn)
		code ws.Code
		kind fault.Kind
	}{
		"closes":           {func(c *ws.Conn) { c.Close(ws.Normal, "") }, ws.Normal, fault.Unavailable},
		"closes, flushing": {func(c *ws.Conn) { c.Close(ws.Normal, ""); c.Flush() }, ws.Normal, fault.Unavailable},
		"panics":           {func(*ws.Conn) { panic("oh") }, ws.InternalError, fault.Internal},
	}
	for name, tt := range acts {
		check := func(t *testing.T, open pipe) {
			conn, client := open(nil)
			e := newEar()
			e.on = func(ws.Op, []byte) {
				_ = conn.Send(ws.Text([]byte("answer")))
				conn.Flush()
				tt.act(conn)
			}
			conn.Serve(newPoller(t), e)
			go func() { _, _ = client.Conn.Write(join(f(text, "one"), f(text, "two"), f(fin|wstest.Ping, ""))) }()
			_, _, err := client.Read()
			if tt.code == ws.Normal {
				_, _, err = client.Read()
			} else if err == nil { // what was not yet written is dropped
				_, _, err = client.Read()
			}
			if end := closeError(t, err); end.Code != tt.code {
				t.Errorf("the client got %v", end)
			}
			_ = client.Close(tt.code, "")
			wantKind(t, <-e.ended, tt.kind)
			wantEqual(t, "messages", e.messages(), []string{"one"})
			client.Hangup()
		}
		t.Run(name, func(t *testing.T) {
			bubbles(t, check)
			t.Run("socket", func(t *testing.T) { check(t, socketPipe(t)) })
		})
	}
}

type sore struct{ *ear }

func (s sore) Closed(end *ws.CloseError) {
	s.ear.Closed(end)
	panic("in Closed")
}

func TestPanicInClosed(t *testing.T) {
	bubbles(t, func(t *testing.T, open pipe) {
		conn, client := open(nil)
		e := newEar()
		conn.Serve(newPoller(t), sore{e})
		client.Hangup()
		<-e.ended
	})
}

// Begin and End are around the messages of a wake-up, which all get what Begin
// gave.
func TestHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log []string
		p, err := ws.NewPoller(ws.Hooks{
			Begin: func() any { log = append(log, "begin"); return "batch" },
			End:   func(batch any) { log = append(log, "end "+batch.(string)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		conn, client := memoryPair(nil, 1000)
		h := hooked{newEar(), &log}
		conn.Serve(p, h)
		_, _ = client.Conn.Write(join(f(text, "1"), f(text, "2")))
		synctest.Wait()
		_ = client.Text("3")
		synctest.Wait()
		client.Hangup()
		<-h.ended
		p.Close()
		wantEqual(t, "log", log, []string{"begin", "batch 1", "batch 2", "end batch", "begin", "batch 3", "end batch"})
	})
}

type hooked struct {
	*ear
	log *[]string
}

func (h hooked) Message(batch any, _ ws.Op, payload []byte) {
	*h.log = append(*h.log, batch.(string)+" "+string(payload))
}

// A client in the middle of sending too much still learns why it was cut off,
// although its bytes were never read: the close must not become a reset.
func TestViolationOverTCPIsExplained(t *testing.T) {
	conn, client := socketPipe(t)(&ws.Limits{MaxMessageBytes: 1000})
	e := serve(t, conn)
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
	<-e.ended
}

func TestCloseOverTCP(t *testing.T) {
	conn, client := socketPipe(t)(nil)
	e := serve(t, conn)
	conn.Close(ws.Restart, "")
	_, _, err := client.Read()
	if closeError(t, err).Code != ws.Restart {
		t.Error(err)
	}
	_ = client.Close(ws.Restart, "")
	wantKind(t, <-e.ended, fault.Unavailable)
	if _, _, err := client.Read(); err != io.EOF {
		t.Errorf("got %v, want EOF", err)
	}
	client.Hangup()
}

func TestEvictionOverTCP(t *testing.T) {
	conn, client := socketPipe(t)(&ws.Limits{MaxPendingBytes: 1 << 20})
	e := serve(t, conn)
	big := ws.Binary(make([]byte, 100_000))
	var err error
	for err == nil { // until the kernel's buffers and the outbox are full
		err = conn.Send(big)
	}
	wantKind(t, err, fault.Exhausted)
	<-e.ended
	client.Hangup()
}

func TestCloseErrorText(t *testing.T) {
	var err error = &ws.CloseError{Code: ws.Normal}
	if err.Error() != "websocket closed with 1000" || errors.Unwrap(err) != nil {
		t.Error(err)
	}
	nc := newFake()
	nc.read = func([]byte) (int, error) { return 0, net.ErrClosed }
	err = <-serve(t, ws.New(nc, nil, nil)).ended
	if !errors.Is(err, net.ErrClosed) || fault.Detail(err) != "the connection failed" {
		t.Errorf("%v, %q", err, fault.Detail(err))
	}
}
