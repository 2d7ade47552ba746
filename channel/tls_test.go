package channel_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/telemetry"
)

// secureSocket serves a socket with TLS, and gives how to connect.
func secureSocket(t *testing.T, s *channeltest.Server, socket *channel.Socket) func() *ws.Conn {
	server := httptest.NewUnstartedServer(socket)
	server.Config.BaseContext = func(net.Listener) context.Context { return s.Context() }
	server.StartTLS()
	t.Cleanup(server.Close)
	address := "ws" + strings.TrimPrefix(server.URL, "http") + "/websocket?vsn=2.0.0"
	o := ws.DialOptions{TLS: server.Client().Transport.(*http.Transport).TLSClientConfig}
	return func() *ws.Conn {
		conn, err := ws.Dial(t.Context(), address, o)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
}

// secureClient joins a room, and tells of what is said there. It reads no further before
// heard returns.
type secureClient struct {
	joined chan struct{}
	said   int
	heard  func(said int)
	ended  chan *ws.CloseError
}

func joinSecurely(t *testing.T, conn *ws.Conn, p *ws.Poller, heard func(said int)) *secureClient {
	c := &secureClient{joined: make(chan struct{}), heard: heard, ended: make(chan *ws.CloseError, 1)}
	conn.Serve(p, c)
	must(t, conn.Send(ws.Text([]byte(`["1","1","room:1","phx_join",{}]`))))
	await(t, c.joined)
	return c
}

func (c *secureClient) Message(_ any, _ ws.Op, m []byte) {
	if bytes.Contains(m, []byte(`"said"`)) {
		c.said++
		c.heard(c.said)
	} else {
		close(c.joined)
	}
}

func (c *secureClient) Closed(end *ws.CloseError) { c.ended <- end }

func clientPoller(t *testing.T) *ws.Poller {
	p, err := ws.NewPoller(ws.Hooks{})
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// TestSecureBurst: clients with TLS get all of a burst, and then the server's farewell.
func TestSecureBurst(t *testing.T) {
	const clients, burst = 20, 5000
	socket := socketOf(rooms)
	s := channeltest.Serve(t, socket)
	connect, p := secureSocket(t, s, socket), clientPoller(t)
	all, got := make([]*secureClient, clients), make([]chan struct{}, clients)
	for i := range all {
		got[i] = make(chan struct{})
		all[i] = joinSecurely(t, connect(), p, func(said int) {
			if said == burst {
				close(got[i])
			}
		})
	}
	for range burst {
		tell(t, s, "room:1", posted, text{"to all of you"})
	}
	for i, c := range all {
		select {
		case <-got[i]:
		case end := <-c.ended:
			t.Fatalf("%d messages arrived, then %v", c.said, end)
		}
	}
	s.Stop()
	for _, c := range all {
		if end := <-c.ended; end.Code != ws.Restart || c.said != burst {
			t.Errorf("%d messages arrived, then %v", c.said, end)
		}
	}
	if n := slowClients(s); n != 0 {
		t.Errorf("%d slow clients were counted", n)
	}
}

// TestSecureSlowClient is evicted, and the others miss nothing.
func TestSecureSlowClient(t *testing.T) {
	socket := socketOf(rooms)
	s := channeltest.Serve(t, socket)
	connect, p := secureSocket(t, s, socket), clientPoller(t)
	heard, reads := make(chan int, 1), make(chan struct{})
	goOn := sync.OnceFunc(func() { close(reads) })
	t.Cleanup(goOn)
	quick := joinSecurely(t, connect(), p, func(said int) { heard <- said })
	slow := joinSecurely(t, connect(), p, func(int) { <-reads })
	long := text{strings.Repeat("x", 50_000)}
	for told := 1; slowClients(s) == 0; told++ {
		if told == 1_000_000 {
			t.Fatal("it is not evicted")
		}
		tell(t, s, "room:1", posted, long)
		if n := await(t, heard); n != told {
			t.Fatalf("message %d came for %d", n, told)
		}
	}
	goOn()
	<-slow.ended
	s.Stop()
	if end := <-quick.ended; end.Code != ws.Restart {
		t.Error(end)
	}
}

func slowClients(s *channeltest.Server) int64 {
	return telemetry.CountersOf(s.Context()).Counter("channel.clients.slow").Value()
}
