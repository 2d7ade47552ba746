package channel_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/ws/wstest"
	"github.com/bennu-go/bennu/process"
)

type Msg struct {
	From string `json:"from"`
	Body string `json:"body"`
}

type Ack struct {
	Length int `json:"length"`
}

const Posted channel.Event[Msg] = "posted"

// LobbyChannel serves one client in the lobby.
type LobbyChannel struct {
	topic, name string
}

type Introduction struct {
	Name string `json:"name"`
}

func joinLobby(_ context.Context, j channel.Join[Introduction]) (*LobbyChannel, error) {
	if j.Params.Name == "" {
		return nil, fault.Invalid.Errorf("who are you?")
	}
	return &LobbyChannel{j.Topic, j.Params.Name}, nil
}

func (l *LobbyChannel) post(ctx context.Context, body string) (Ack, error) {
	err := channel.Broadcast(ctx, l.topic, Posted, Msg{l.name, body})
	return Ack{len(body)}, err
}

func Example() {
	socket := &channel.Socket{Channels: []channel.Channel{
		channel.Topic("lobby", joinLobby, channel.Call("post", (*LobbyChannel).post)),
	}}

	// In a program, bennu.Run does this: the socket is a child of the tree, before the
	// endpoint, and router.Mount("/socket", socket) its place.
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx, stop := context.WithCancel(node.Context(context.Background()))
	defer stop()
	if err := socket.Start(ctx); err != nil {
		fmt.Println(err)
	}
	served := make(chan error)
	go func() { served <- socket.Serve(ctx) }()
	server := httptest.NewServer(socket)
	defer server.Close()

	// In a browser, this is new Socket("/socket").channel("lobby", {name: "ann"}), join()
	// and push("post", "hello").
	client, err := wstest.Dial(ctx, strings.Replace(server.URL, "http", "ws", 1)+"/websocket?vsn=2.0.0", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range []struct {
		push    string
		answers int
	}{
		{`["1","1","lobby","phx_join",{}]`, 1},
		{`["2","2","lobby","phx_join",{"name":"ann"}]`, 1},
		{`["2","3","lobby","post","hello"]`, 2},
	} {
		if err := client.Text(step.push); err != nil {
			fmt.Println(err)
		}
		for range step.answers {
			_, text, err := client.Read()
			if err != nil {
				fmt.Println(err)
			}
			fmt.Println(string(text))
		}
	}
	client.Hangup()
	stop()
	if err := <-served; err != nil {
		fmt.Println(err)
	}
	// Output:
	// ["1","1","lobby","phx_reply",{"status":"error","response":{"reason":"who are you?"}}]
	// ["2","2","lobby","phx_reply",{"status":"ok","response":{}}]
	// [null,null,"lobby","posted",{"from":"ann","body":"hello"}]
	// ["2","3","lobby","phx_reply",{"status":"ok","response":{"length":5}}]
}
