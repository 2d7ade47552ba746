package udp

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"
)

// sink is a Socket that takes everything, and adds up what.
type sink struct {
	wrote  int
	closed chan struct{}
}

func (s *sink) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	<-s.closed
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (s *sink) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	s.wrote += len(b)
	return len(b), nil
}
func (s *sink) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(serverAddr) }
func (s *sink) Close() error        { close(s.closed); return nil }

var peerAddr = netip.MustParseAddrPort("198.51.100.7:40000")

func quietServer(tb testing.TB) (*Server, *sink) {
	out := &sink{closed: make(chan struct{})}
	server, err := New(out, Config{Key: keyOf, Accept: func(context.Context, Hello, *Session) (Handler, error) { return nothing{}, nil }})
	must(tb, err)
	server.d.ctx = context.Background()
	return server, out
}

type nothing struct{}

func (nothing) Message(any, []byte) {}
func (nothing) Closed(*CloseError)  {}

func seeds() [][]byte {
	n, id := nonce{1}, sessionID{}
	all := [][]byte{nil, {version}, appendStart(nil, helloKind, n), make([]byte, 1201)}
	o := opening{device: []byte("d"), params: []byte("a=b")}
	all = append(all, append(o.append(appendStart(nil, openKind, n)), make([]byte, macBytes)...))
	var g greeting
	all = append(all, append(g.append(appendStart(nil, welcomeKind, n)), make([]byte, macBytes)...))
	all = append(all, refusal(n, errNo))
	data := header{seq: 1}.append(appendStart(nil, dataKind, id))
	all = append(all, append(data, make([]byte, macBytes)...))
	all = append(all, append(appendStart(nil, resetKind, id), make([]byte, tokenBytes)...))
	return all
}

var errNo = context.Canceled

// Whatever comes to a server from an address that it does not know, no more than
// three times of it leaves.
func FuzzServer(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	server, out := quietServer(f)
	p := new(packet)
	f.Fuzz(func(t *testing.T, b []byte) {
		out.wrote = 0
		n := copy(p.bytes(), b)
		server.e.receive(p, n, peerAddr)
		server.d.guests.Wait()
		if out.wrote > 3*n {
			t.Errorf("%d bytes were answered by %d", n, out.wrote)
		}
	})
}

func FuzzClient(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	c := &caller{to: peerAddr, nonce: nonce{1}, cfg: DialConfig{Handler: nothing{}}, heard: make(chan []byte, 4)}
	c.e = newEndpoint(&sink{closed: make(chan struct{})}, options{maxHeld: 1 << 20})
	c.e.strange = c.strange
	p := new(packet)
	f.Fuzz(func(t *testing.T, b []byte) {
		c.e.receive(p, copy(p.bytes(), b), peerAddr)
		select {
		case heard := <-c.heard:
			if s, _ := c.answer(heard); s != nil {
				t.Error("a welcome without a signature was taken")
			}
		default:
		}
	})
}

// FuzzFrames gives a session whatever a peer with the right key may send.
func FuzzFrames(f *testing.F) {
	f.Add(uint64(1), uint64(0), uint64(0), appendSegment(nil, 0, true, []byte("x")))
	f.Add(uint64(1), uint64(0), uint64(0), appendSegment(appendSegment(nil, 1, true, []byte("x")), 0, false, nil))
	f.Add(uint64(2), uint64(1), uint64(5), appendClose([]byte{pingFrame}, "bye"))
	f.Add(uint64(2), uint64(1), uint64(5), append([]byte{challengeFrame}, make([]byte, cookieBytes)...))
	f.Add(uint64(2), uint64(3), uint64(5), append([]byte{answerFrame}, make([]byte, cookieBytes)...))
	f.Fuzz(func(t *testing.T, seq, ack, bits uint64, frames []byte) {
		server, _ := quietServer(t)
		e := server.e
		for _, client := range []bool{false, true} {
			s := &Session{e: e, client: client, addr: peerAddr, handler: nothing{}, idle: time.Minute, linger: time.Second,
				limits: sessionLimits{1000, 10_000, 10}}
			e.add(s)
			p := new(packet)
			for range 3 {
				s.tx.push(make([]byte, 3000), s.limits)
			}
			s.write(p, e.now())
			b := header{seq, ack, bits}.append(appendStart(p.empty(), dataKind, s.id))
			b = append(b, frames[:min(len(frames), MaxDatagramBytes-dataBytes)]...)
			n := len(p.seal(&s.in, len(b)))
			again := bytes.Clone(p.bytes()[:n])
			e.receive(p, n, peerAddr)
			e.receive(p, copy(p.bytes(), again), netip.AddrPortFrom(peerAddr.Addr(), 1))
			for {
				if n, _ := s.write(p, e.now()); n == 0 {
					break
				} else if n > MaxDatagramBytes-macBytes {
					t.Fatalf("a datagram of %d bytes", n)
				}
			}
			s.Close("")
			if held := e.held.Load(); held != 0 {
				t.Fatalf("%d bytes are held for nobody", held)
			}
			e.table.remove(s)
		}
	})
}
