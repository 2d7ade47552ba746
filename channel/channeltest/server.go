package channeltest

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process"
)

// Serve runs a socket on a node of its own until the test ends, and gives the node's
// context, to broadcast with, and the address to [Dial].
func Serve(t testing.TB, s *channel.Socket) (ctx context.Context, address string) {
	t.Helper()
	node := process.NewNode(t.Context())
	ctx = node.Context(context.WithoutCancel(t.Context()))
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	until, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Serve(until) }()

	server := httptest.NewUnstartedServer(s)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	t.Cleanup(func() {
		server.Close()
		stop()
		if err := <-stopped; err != nil {
			t.Errorf("the socket: %v", err)
		}
		node.Close()
	})
	return ctx, server.URL
}
