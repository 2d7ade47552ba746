package channeltest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/supervisor"
)

// Server is a socket that runs.
type Server struct {
	t      testing.TB
	ctx    context.Context
	socket *channel.Socket
	url    string
	stop   func()
}

// Serve runs a socket on a node of its own until the test ends, below the children that it
// needs, as in bennu.App. The test fails if anything is left then: see processtest.Node.
func Serve(t testing.TB, socket *channel.Socket, children ...supervisor.Child) *Server {
	t.Helper()
	return ServeAs(t, socket, append(children, supervisor.Child{Name: "socket", Run: socket})...)
}

// ServeAs is Serve for a socket that is one of the children itself, or is run by one.
func ServeAs(t testing.TB, socket *channel.Socket, children ...supervisor.Child) *Server {
	t.Helper()
	ctx := processtest.Node(t)
	tree := supervisor.Tree{Name: "channeltest", Children: children}
	root, err := tree.Start(ctx)
	if err != nil {
		t.Fatalf("the socket does not start: %v", err)
	}
	s := &Server{t: t, ctx: context.WithoutCancel(ctx), socket: socket}
	s.stop = sync.OnceFunc(root.Stop)
	t.Cleanup(s.stop)
	return s
}

// Listen is Serve at a real address too, for [Dial].
func Listen(t testing.TB, socket *channel.Socket, children ...supervisor.Child) *Server {
	t.Helper()
	s := Serve(t, socket, children...)
	s.url = ListenHTTP(t, s, socket)
	return s
}

// ListenHTTP serves a handler, a router that a socket is mounted on for example, and gives
// its address.
func ListenHTTP(t testing.TB, s *Server, h http.Handler) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.BaseContext = func(net.Listener) context.Context { return s.ctx }
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

// Context has the server's node: broadcast with it.
func (s *Server) Context() context.Context { return s.ctx }

// URL is where [Listen] serves the socket.
func (s *Server) URL() string { return s.url }

// Stop ends the socket and its children now, as a deploy does: all clients are sent away,
// and Stop waits until they are gone.
func (s *Server) Stop() { s.stop() }
