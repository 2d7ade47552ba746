package ws_test

import (
	"net"
	"testing"

	"github.com/bennu-go/bennu/internal/memnet"
	"github.com/bennu-go/bennu/internal/ws"
	"github.com/bennu-go/bennu/internal/ws/wstest"
)

var _ ws.Pollable = (*memnet.Conn)(nil)

// A connection of memnet is served without a goroutine, too.
func TestMemnet(t *testing.T) {
	l := memnet.Listen()
	defer l.Close()
	accepting := make(chan net.Conn, 1)
	go func() {
		nc, _ := l.Accept()
		accepting <- nc
	}()
	dialed, err := l.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accepted := <-accepting
	conn, client := ws.New(accepted, nil, nil), wstest.NewClient(dialed)
	conn.Serve(newPoller(t), echoer{conn})
	for range 1000 {
		_ = client.Text("hello")
		if _, msg, err := client.Read(); string(msg) != "hello" || err != nil {
			t.Fatalf("got %q %v", msg, err)
		}
	}
	client.Hangup()
}
