package channel_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/exampletest"
)

// What is said in the lobby: clients post, and all are told.
const (
	Post   channel.Event[Draft]   = "post"
	Posted channel.Event[Message] = "posted"
)

type Introduction struct {
	Name string `json:"name"`
}

type Draft struct {
	Body string `json:"body"`
}

type Message struct {
	From string `json:"from"`
	Body string `json:"body"`
}

// Lobby serves one client in the lobby: the methods of each are called one at a time.
type Lobby struct{ topic, name string }

func joinLobby(_ context.Context, j channel.Join[Introduction]) (*Lobby, error) {
	if j.Params.Name == "" {
		return nil, fault.Invalid.Errorf("who are you?")
	}
	return &Lobby{j.Topic, j.Params.Name}, nil
}

func (l *Lobby) post(ctx context.Context, d Draft) (Message, error) {
	m := Message{l.name, d.Body}
	return m, channel.Broadcast(ctx, l.topic, Posted, m)
}

// In a program, the socket is a child of the tree, before the endpoint, and has its place by
// router.Mount("/socket", socket). In a browser, the client is new Socket("/socket"), and its
// room channel("lobby", {name: "ann"}). Here both are in a test.
func Example() {
	socket := &channel.Socket{Channels: []channel.Channel{
		channel.Topic("lobby", joinLobby, channel.Call(Post, (*Lobby).post)),
	}}
	exampletest.Run(func(t testing.TB) { // in your test: func TestLobby(t *testing.T)
		s := channeltest.Serve(t, socket)
		ann, bob := channeltest.Connect(t, s), channeltest.Connect(t, s)
		fmt.Println(bob.Refused("lobby", nil).Reason())

		hers, his := ann.Join("lobby", Introduction{"ann"}), bob.Join("lobby", Introduction{"bob"})
		hers.Push("post", Draft{"hello"}).ExpectReply("ok", Message{"ann", "hello"})
		his.ExpectBroadcast("posted", Message{"ann", "hello"})
		fmt.Printf("%s\n", hers.Next().Payload)
	})
	// Output:
	// who are you?
	// {"from":"ann","body":"hello"}
}
