package ws_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bennu-go/bennu/internal/memnet"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

// TestMuchAtOnce: who sends more than fits into the outbox, to a client that takes it, does
// not have it evicted, even if nobody else comes to write.
func TestMuchAtOnce(t *testing.T) {
	const frames = 5000 // of 3 bytes, which the network holds
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, dial := range networks(t) {
		t.Run(name, func(t *testing.T) {
			server, client := dial()
			defer client.Close()
			conn, e := ws.New(server, nil, nil), newEar()
			x := ws.Text([]byte("x"))
			e.on = func(ws.Op, []byte) {
				for i := range frames {
					if err := conn.Send(x); err != nil {
						t.Errorf("frame %d: %v", i, err)
						return
					}
				}
			}
			conn.Serve(newPoller(t), e)
			_, _ = client.Write(wstest.Frame(text, nil))
			_ = client.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.ReadFull(client, make([]byte, 3*frames)); err != nil {
				t.Error(err)
			}
			_ = client.Close()
			<-e.ended
		})
	}
}

// TestManyAnswersAtOnce: the same for many small messages that arrive together.
func TestManyAnswersAtOnce(t *testing.T) {
	const messages = 5000
	for name, dial := range networks(t) {
		t.Run(name, func(t *testing.T) {
			server, client := dial()
			defer client.Close()
			conn, e := ws.New(server, nil, nil), newEar()
			e.on = func(_ ws.Op, p []byte) { _ = conn.Send(ws.Text(p)) }
			conn.Serve(newPoller(t), e)
			_ = client.SetDeadline(time.Now().Add(10 * time.Second))
			if _, err := client.Write(bytes.Repeat(wstest.Frame(text, []byte("y")), messages)); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(client, make([]byte, 3*messages)); err != nil {
				t.Error(err)
			}
			_ = client.Close()
			<-e.ended
		})
	}
}

// networks are ways to a connected pair that the poller serves without a goroutine.
func networks(t *testing.T) map[string]func() (server, client net.Conn) {
	memory := memnet.Listen()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = memory.Close()
		_ = tcp.Close()
	})
	pair := func(l net.Listener, dial func() (net.Conn, error)) func() (net.Conn, net.Conn) {
		return func() (net.Conn, net.Conn) {
			accepting := make(chan net.Conn, 1)
			go func() {
				nc, _ := l.Accept()
				accepting <- nc
			}()
			client, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			return <-accepting, client
		}
	}
	return map[string]func() (net.Conn, net.Conn){
		"TCP":    pair(tcp, func() (net.Conn, error) { return net.Dial("tcp", tcp.Addr().String()) }),
		"memory": pair(memory, func() (net.Conn, error) { return memory.Dial(context.Background()) }),
	}
}

// TestMelee: both ends are served, all ways of sending are used by several goroutines, with
// sockets that hold little. Everything arrives, and each sender's in its order.
func TestMelee(t *testing.T) {
	const pairs, senders, each = 24, 3, 80
	ways := networks(t)
	ways["goroutines"] = func() (server, client net.Conn) {
		server, client = ways["TCP"]()
		return struct{ net.Conn }{server}, client
	}
	for name, dial := range ways {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			p, q := newPoller(t), newPoller(t)
			for i := range pairs {
				server, client := dial()
				if tcp, ok := client.(*net.TCPConn); ok && i%2 == 0 {
					_ = tcp.SetReadBuffer(64 << 10)
					_ = tcp.SetWriteBuffer(64 << 10)
				}
				limits := &ws.Limits{MaxPendingFrames: 1 << 20, MaxPendingBytes: 1 << 30, IdleTimeout: 20 * time.Second}
				a, b := ws.New(server, nil, limits), ws.Client(client, nil, limits)
				ends := [2]*tally{{conn: a, want: senders * each}, {conn: b, want: senders * each}}
				for _, e := range ends {
					e.all = make(chan struct{})
					e.ended = make(chan struct{})
				}
				a.Serve(p, ends[0])
				b.Serve(q, ends[1])
				for s := range senders {
					for _, e := range ends {
						wg.Go(func() { e.send(s, each) })
					}
				}
				wg.Go(func() {
					for _, e := range ends {
						select {
						case <-e.all:
						case <-e.ended:
							t.Errorf("pair %d ended", i)
						case <-time.After(15 * time.Second):
							t.Errorf("pair %d hangs: %d of %d arrived", i, e.got.Load(), e.want)
						}
					}
					a.Close(ws.Normal, "")
					<-ends[0].ended
					<-ends[1].ended
					for _, e := range ends {
						if e.wrong != "" {
							t.Error(e.wrong)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

// tally counts what arrives, and checks the order.
type tally struct {
	conn  *ws.Conn
	want  int
	got   atomic.Int64
	last  [8]uint32
	wrong string
	all   chan struct{}
	ended chan struct{}
}

func (e *tally) Message(_ any, _ ws.Op, p []byte) {
	who, n := p[0], binary.BigEndian.Uint32(p[1:])
	if n != e.last[who]+1 {
		e.wrong = fmt.Sprintf("of sender %d: %d after %d", who, n, e.last[who])
	}
	e.last[who] = n
	if int(e.got.Add(1)) == e.want {
		close(e.all)
	}
}

func (e *tally) Closed(*ws.CloseError) { close(e.ended) }

func (e *tally) send(who, count int) {
	for n := range count {
		size := rand.N(300)
		if rand.N(20) == 0 {
			size = rand.N(100_000)
		}
		p := make([]byte, 5+size)
		p[0] = byte(who)
		binary.BigEndian.PutUint32(p[1:], uint32(n+1))
		switch f := ws.Binary(p); rand.N(4) {
		case 0:
			_ = e.conn.SendNow(f)
		case 1:
			_ = e.conn.Send(f)
			e.conn.Flush()
		default:
			_ = e.conn.Send(f)
		}
		if rand.N(8) == 0 {
			runtime.Gosched()
		}
	}
}
