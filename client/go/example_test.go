package client_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	client "github.com/bennu-go/bennu/client/go"
	"github.com/bennu-go/bennu/fault"
)

func Example() {
	server := newServer(httptest.NewServer) // of channels, at which everybody may join
	defer server.stop()

	ctx := context.Background()
	socket, err := client.Dial(ctx, server.URL+"/socket", client.Options{Token: client.Token("ann")})
	if err != nil {
		fmt.Println("the server refuses us:", err)
		return
	}
	room := socket.Channel("room:1", nil)
	news := make(chan msg, 1)
	client.On(room, posted, func(m msg) { news <- m })

	hello, err := client.Join[welcome](ctx, room)
	fmt.Println("joined as", hello.Who, err)

	ack, err := client.Call[msg](ctx, room, "post", msg{"good morning"})
	fmt.Println("posted", ack.Text, err)
	fmt.Println("heard", (<-news).Text)

	_, err = client.Call[msg](ctx, room, "refuse", msg{"you fool"})
	fmt.Println("refused:", fault.Of(err), fault.FieldsOf(err))

	socket.Close()
	<-socket.Done()
	// Output:
	// joined as ann <nil>
	// posted good morning <nil>
	// heard good morning
	// refused: invalid text must be kind
}
