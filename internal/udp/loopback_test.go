package udp

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/fault"
)

func TestLoopback(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(addr, func(t *testing.T) {
			sessions := make(chan *Session, 1)
			there := newLog()
			echoed := make(chan struct{}, 100)
			server, err := Listen(addr, Config{Accept: func(_ context.Context, _ Hello, s *Session) (Handler, error) {
				sessions <- s
				return there, nil
			}})
			if err != nil {
				t.Skip(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error)
			go func() { served <- server.Serve(ctx) }()
			here := newLog()
			here.on = func([]byte) { echoed <- struct{}{} }
			client, err := Dial(t.Context(), server.Addr().String(), DialConfig{Handler: here})
			must(t, err)
			session := <-sessions
			there.do(func(p []byte) { _ = session.Send([]byte(strings.ToUpper(string(p)))) })
			long := strings.Repeat("abc", 20_000)
			for _, m := range []string{"hello", long, ""} {
				must(t, client.Send([]byte(m)))
			}
			for range 3 {
				<-echoed
			}
			same(t, here.got(), []string{"HELLO", strings.ToUpper(long), ""})
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
			<-client.Done()
			if end := here.end(t); fault.Of(end) != fault.Canceled || end.Reason != goingAway {
				t.Errorf("%v", end)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	server, err := Listen("127.0.0.1:0", Config{Accept: func(context.Context, Hello, *Session) (Handler, error) { return nothing{}, nil }})
	must(t, err)
	must(t, server.Close())
	_, err = Dial(t.Context(), server.Addr().String(), DialConfig{Handler: newLog(), Timeout: 20 * time.Millisecond})
	if fault.Of(err) != fault.Timeout {
		t.Errorf("Dial gave %v", err)
	}
}

func TestSocketFails(t *testing.T) {
	server, err := Listen("127.0.0.1:0", Config{Accept: func(context.Context, Hello, *Session) (Handler, error) { return nothing{}, nil }})
	must(t, err)
	served := make(chan error)
	go func() { served <- server.Serve(t.Context()) }()
	here := newLog()
	client, err := Dial(t.Context(), server.Addr().String(), DialConfig{Handler: here})
	must(t, err)
	must(t, server.Close())
	if err := <-served; fault.Of(err) != fault.Unavailable {
		t.Errorf("Serve gave %v", err)
	}
	must(t, client.e.socket.Close())
	<-client.Done()
	if end := here.end(t); fault.Of(end) != fault.Unavailable {
		t.Errorf("%v", end)
	}
}
