package ws_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
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

// secret is a certificate that nobody has signed.
var secret = sync.OnceValue(func() *tls.Config {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	about := &x509.Certificate{SerialNumber: big.NewInt(1)}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, public, private)
	if err != nil {
		panic(err)
	}
	return &tls.Config{
		Certificates:           []tls.Certificate{{Certificate: [][]byte{signed}, PrivateKey: private}},
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true, // nobody reads them
	}
})

// tlsPipe is a connection with TLS over a net.Pipe.
func tlsPipe(limits *ws.Limits) (*ws.Conn, *wstest.Client) {
	here, there := net.Pipe()
	server, client := secured(here, there)
	return ws.New(server, nil, limits), wstest.NewClient(client)
}

// secured has both ends shake hands.
func secured(here, there net.Conn) (server, client *tls.Conn) {
	server, client = tls.Server(here, secret()), tls.Client(there, secret())
	var shaking sync.WaitGroup
	shaking.Go(func() { _ = client.Handshake() })
	_ = server.Handshake()
	shaking.Wait()
	return server, client
}

// A client that does not read the goodbye of TLS does not make Close longer.
func TestGoodbyeIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, client := tlsPipe(&ws.Limits{CloseTimeout: 2 * time.Second})
		e := serve(t, conn)
		start := time.Now()
		conn.Close(ws.Restart, "")
		if _, _, err := client.Read(); closeError(t, err).Code != ws.Restart {
			t.Error(err)
		}
		_ = client.Close(ws.Restart, "")
		<-e.ended
		wantTook(t, time.Since(start), 2*time.Second)
		client.Hangup()
	})
}

// served is a poller's connections to clients of another, over loopback, with or without
// TLS: a real server, a real client.
type served struct {
	server *httptest.Server
	conns  chan *ws.Conn
	dial   ws.DialOptions
}

func serveReal(t *testing.T, limits *ws.Limits, secure bool) *served {
	t.Helper()
	s := &served{conns: make(chan *ws.Conn, 1)}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := ws.Upgrade(w, r, ws.UpgradeOptions{Limits: limits})
		if err != nil {
			t.Error(err)
		}
		s.conns <- conn
	})
	if s.server = httptest.NewUnstartedServer(h); secure {
		s.server.StartTLS()
		s.dial.TLS = s.server.Client().Transport.(*http.Transport).TLSClientConfig
	} else {
		s.server.Start()
	}
	t.Cleanup(s.server.Close)
	return s
}

func (s *served) connect(t *testing.T) (server, client *ws.Conn) {
	t.Helper()
	client, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(s.server.URL, "http"), s.dial)
	if err != nil {
		t.Fatal(err)
	}
	return <-s.conns, client
}

// counter is a client that checks the order of what it gets.
type counter struct {
	next  uint32
	want  uint32
	all   chan<- error
	ended chan struct{}
}

func (c *counter) Message(_ any, _ ws.Op, p []byte) {
	if n := binary.BigEndian.Uint32(p); n != c.next {
		c.all <- fmt.Errorf("message %d came for %d", n, c.next)
	}
	if c.next++; c.next == c.want {
		c.all <- nil
	}
}

func (c *counter) Closed(end *ws.CloseError) {
	if c.next < c.want {
		c.all <- fmt.Errorf("after %d messages: %w", c.next, end)
	}
	close(c.ended)
}

// TestBurst: a burst of many times the outbox evicts no client that reads, with TLS as
// without.
func TestBurst(t *testing.T) {
	for _, tt := range []struct {
		name            string
		secure          bool
		clients, frames int
		size            int
	}{
		{"many clients", false, 50, 5000, 100},
		{"many clients, TLS", true, 50, 5000, 100},
		{"many bytes", false, 5, 5000, 700},
		{"many bytes, TLS", true, 5, 5000, 700},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serveReal(t, nil, tt.secure)
			all := make(chan error, 2*tt.clients)
			p, q := newPoller(t), newPoller(t)
			var conns []*ws.Conn
			var counters []*counter
			for range tt.clients {
				conn, client := s.connect(t)
				c := &counter{want: uint32(tt.frames), all: all, ended: make(chan struct{})}
				conn.Serve(p, newEar())
				client.Serve(q, c)
				conns, counters = append(conns, conn), append(counters, c)
			}
			for i := range tt.frames {
				payload := make([]byte, tt.size)
				binary.BigEndian.PutUint32(payload, uint32(i))
				frame := ws.Binary(payload)
				for _, conn := range conns {
					if err := conn.Send(frame); err != nil {
						t.Fatalf("frame %d: %v", i, err)
					}
				}
			}
			for range conns {
				if err := <-all; err != nil {
					t.Fatal(err)
				}
			}
			for i, conn := range conns {
				conn.Close(ws.Normal, "")
				<-counters[i].ended
			}
		})
	}
}

// TestSecureClientStopsReading: what waits for it stays within its bounds, and it is evicted.
func TestSecureClientStopsReading(t *testing.T) {
	const much = 32 << 20 // more than the bounds and what two sockets hold
	frame := ws.Binary(make([]byte, 64<<10))
	for name, tt := range map[string]struct {
		limits  ws.Limits
		refused bool
	}{
		"too much waits":   {ws.Limits{}, true},
		"it takes nothing": {ws.Limits{MaxPendingBytes: much, MaxPendingFrames: 1, WriteTimeout: 200 * time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveReal(t, &tt.limits, true)
			conn, client := s.connect(t)
			defer client.Close(ws.Normal, "") // nobody has served it
			e, sent := serve(t, conn), 0
			for sent < much && conn.Send(frame) == nil {
				sent += frame.Len()
			}
			if refused := sent < much; refused != tt.refused {
				t.Errorf("%d bytes were taken", sent)
			}
			wantKind(t, <-e.ended, fault.Exhausted)
		})
	}
}
