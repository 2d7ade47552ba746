package ws_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// fleet is many connections over loopback, without handshakes, and their
// clients' raw ends.
type fleet struct {
	p     *ws.Poller
	conns []*ws.Conn
	peers []net.Conn
}

func newFleet(t testing.TB, n int, limits *ws.Limits, h func(*ws.Conn) ws.Handler) *fleet {
	t.Helper()
	p, err := ws.NewPoller(ws.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f := &fleet{p: p}
	for range n {
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn := ws.New(nc, nil, limits)
		conn.Serve(p, h(conn))
		f.conns, f.peers = append(f.conns, conn), append(f.peers, peer)
	}
	return f
}

func (f *fleet) stop() {
	for _, peer := range f.peers {
		_ = peer.Close()
	}
	f.p.Close()
}

// Many connections at once, each in bursts of its own rhythm: no wake-up of a
// nested epoll is lost, or this does not end.
func TestManySockets(t *testing.T) {
	const clients, rounds = 2000, 10
	f := newFleet(t, clients, nil, func(c *ws.Conn) ws.Handler { return echoer{c} })
	defer f.stop()
	wire := wstest.Frame(text, []byte("hello"))
	var wg sync.WaitGroup
	for i, peer := range f.peers {
		wg.Go(func() {
			_ = peer.SetDeadline(time.Now().Add(20 * time.Second))
			answer := make([]byte, 7*(i%3+1))
			for range rounds {
				for range i%3 + 1 {
					if _, err := peer.Write(wire); err != nil {
						t.Error(err)
						return
					}
				}
				if _, err := io.ReadFull(peer, answer); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// One message at a time, so that the loop sleeps before each: the case in which
// a lost wake-up would be seen.
func TestNoWakeUpIsLost(t *testing.T) {
	f := newFleet(t, 4, nil, func(c *ws.Conn) ws.Handler { return echoer{c} })
	defer f.stop()
	wire := wstest.Frame(text, []byte("hello"))
	var wg sync.WaitGroup
	for _, peer := range f.peers {
		wg.Go(func() {
			_ = peer.SetDeadline(time.Now().Add(20 * time.Second))
			answer := make([]byte, 7)
			for range 5000 {
				if _, err := peer.Write(wire); err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(peer, answer); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Ends from both sides and in the middle of everything.
func TestCloseRaces(t *testing.T) {
	ears := make(chan *ear, 200)
	f := newFleet(t, 200, &ws.Limits{CloseTimeout: time.Second}, func(c *ws.Conn) ws.Handler {
		e := newEar()
		e.on = func(_ ws.Op, p []byte) { _ = c.SendNow(ws.Text(p)) }
		ears <- e
		return e
	})
	wire := wstest.Frame(text, []byte("hello"))
	var wg sync.WaitGroup
	for i, peer := range f.peers {
		conn := f.conns[i]
		wg.Go(func() {
			for range 20 {
				_, _ = peer.Write(wire)
				_ = conn.Send(ws.Text([]byte("x")))
			}
		})
		wg.Go(func() {
			switch i % 4 {
			case 0:
				conn.Close(ws.Normal, "")
			case 1:
				_ = peer.Close()
			case 2:
				_, _ = peer.Write(bye)
				conn.Close(ws.GoingAway, "")
			case 3:
				conn.Close(ws.Normal, "")
				_ = peer.Close()
			}
			conn.Flush()
		})
	}
	wg.Wait()
	for _, peer := range f.peers {
		_ = peer.Close()
	}
	f.p.Close()
	for range f.peers {
		if e := <-ears; len(e.ended) != 1 {
			t.Errorf("Closed was called %d times", len(e.ended))
		}
	}
}

// A client that floods does not keep the others waiting.
func TestFlood(t *testing.T) {
	f := newFleet(t, 8, nil, func(c *ws.Conn) ws.Handler {
		return quiet{c}
	})
	defer f.stop()
	flood := wstest.Frame(fin|wstest.Binary, make([]byte, 100_000))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for _, peer := range f.peers[:4] {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = peer.Write(flood)
				}
			}
		})
	}
	wire, answer := wstest.Frame(text, []byte("hello")), make([]byte, 7)
	for _, peer := range f.peers[4:] {
		_ = peer.SetDeadline(time.Now().Add(10 * time.Second))
		for range 50 {
			_, _ = peer.Write(wire)
			if _, err := io.ReadFull(peer, answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(stop)
	wg.Wait()
}

// quiet answers text only.
type quiet struct{ *ws.Conn }

func (q quiet) Message(_ any, op ws.Op, payload []byte) {
	if op == ws.OpText {
		_ = q.SendNow(ws.Text(payload))
	}
}

func (q quiet) Closed(*ws.CloseError) {}
