package udp

import (
	"context"
	"runtime"
	"testing"
	"time"
)

// One datagram with a message of 100 bytes: read, checked, delivered; no network.
func BenchmarkReceive(b *testing.B) {
	server, _ := quietServer(b)
	e := server.e
	s := &Session{e: e, addr: peerAddr, handler: nothing{}, idle: time.Minute, limits: sessionLimits{1 << 16, 1 << 20, 1024}}
	e.table.add(s)
	p, payload := new(packet), make([]byte, 100)
	seal := time.Duration(0)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		started := time.Now()
		h := header{seq: uint64(i + 1)}.append(appendStart(p.empty(), dataKind, s.id))
		n := len(p.seal(&s.in, len(appendSegment(h, uint64(i), true, payload))))
		seal += time.Since(started)
		e.receive(p, n, peerAddr)
	}
	b.ReportMetric(float64(seal.Nanoseconds())/float64(b.N), "ns/making")
}

// A message of 100 bytes, queued, sealed and acknowledged; no network.
func BenchmarkSend(b *testing.B) {
	server, _ := quietServer(b)
	s := &Session{e: server.e, addr: peerAddr, handler: nothing{}, idle: time.Minute, limits: sessionLimits{1 << 16, 1 << 20, 1024}}
	p, payload := new(packet), make([]byte, 100)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = s.Send(payload)
		n, _ := s.write(p, server.e.now())
		p.seal(&s.out, n)
		s.mu.Lock()
		s.tx.acknowledge(header{ack: uint64(i + 1)}, server.e.now(), time.Second)
		s.mu.Unlock()
	}
}

// A flood of datagrams for sessions that are not there.
func BenchmarkUnknown(b *testing.B) {
	server, _ := quietServer(b)
	p := new(packet)
	d := header{seq: 1}.append(appendStart(nil, dataKind, sessionID{1}))
	n := copy(p.bytes(), append(d, make([]byte, 100)...))
	b.ReportAllocs()
	for b.Loop() {
		server.e.receive(p, n, peerAddr)
	}
}

func BenchmarkHello(b *testing.B) {
	server, _ := quietServer(b)
	p := new(packet)
	n := copy(p.bytes(), appendStart(nil, helloKind, nonce{1}))
	b.ReportAllocs()
	for b.Loop() {
		server.e.receive(p, n, peerAddr)
	}
}

// Messages of 100 bytes to a server and back, over the loopback interface, both ends
// in one process. Of one session many are on their way at a time, and share datagrams;
// of 64 sessions one each, so that each has its own.
func BenchmarkEcho(b *testing.B) {
	b.Run("1 session", func(b *testing.B) { benchmarkEcho(b, 1, 64) })
	b.Run("64 sessions", func(b *testing.B) { benchmarkEcho(b, 64, 1) })
}

func benchmarkEcho(b *testing.B, sessions, each int) {
	ctx, cancel := context.WithCancel(b.Context())
	server, err := Listen("127.0.0.1:0", Config{Accept: func(_ context.Context, _ Hello, s *Session) (Handler, error) {
		return echo{s}, nil
	}})
	must(b, err)
	served := make(chan error)
	go func() { served <- server.Serve(ctx) }()
	free := make(chan int, sessions*each)
	var clients []*Session
	for i := range sessions {
		client, err := Dial(ctx, server.Addr().String(), DialConfig{Handler: back{i, free}})
		must(b, err)
		clients = append(clients, client)
		for range each {
			free <- i
		}
	}
	payload := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		must(b, clients[<-free].Send(payload))
	}
	cancel()
	<-served
	for _, c := range clients {
		<-c.Done()
	}
}

type echo struct{ s *Session }

func (e echo) Message(_ any, p []byte) { _ = e.s.Send(append([]byte(nil), p...)) }
func (echo) Closed(*CloseError)        {}

// back says which session's message is back.
type back struct {
	i    int
	free chan int
}

func (b back) Message(any, []byte) { b.free <- b.i }
func (back) Closed(*CloseError)    {}

// What an idle session costs after it has been busy.
func BenchmarkIdleSession(b *testing.B) {
	server, _ := quietServer(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range b.N {
		g := &guest{d: server.d, from: peerAddr, device: "truck-7"}
		s, _ := g.prepare(deviceKey)
		s.handler = nothing{}
		server.e.table.add(s)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(b.N), "B/session")
	runtime.KeepAlive(server)
}
