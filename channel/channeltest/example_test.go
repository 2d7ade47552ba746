package channeltest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/internal/exampletest"
)

type Post struct {
	Body string `json:"body"`
}

type Ack struct {
	ID int `json:"id"`
}

type PostedBody struct {
	ID   int    `json:"id"`
	Body string `json:"body"`
}

const Posted channel.Event[PostedBody] = "posted"

// Room is one client in a room.
type Room struct {
	topic string
	last  *int
}

func (r *Room) post(ctx context.Context, p Post) (Ack, error) {
	if p.Body == "" {
		return Ack{}, fault.Invalid.Errorf("say something")
	}
	*r.last++
	return Ack{*r.last}, channel.Broadcast(ctx, r.topic, Posted, PostedBody{*r.last, p.Body})
}

func newSocket() *channel.Socket {
	last := 0 // of one room, whose tests push one thing at a time
	join := func(_ context.Context, j channel.Join[struct{}]) (*Room, error) {
		if j.Key == "secret" {
			return nil, fault.Forbidden.Errorf("not you")
		}
		return &Room{j.Topic, &last}, nil
	}
	return &channel.Socket{Channels: []channel.Channel{
		channel.Topic("room:*", join, channel.Call("post", (*Room).post)).With(channel.History{}),
	}}
}

func Example() {
	exampletest.Run(func(t testing.TB) { // in your test: t *testing.T
		s := channeltest.Serve(t, newSocket())
		ann, bob := channeltest.Connect(t, s), channeltest.Connect(t, s)
		hers, his := ann.Join("room:1", nil), bob.Join("room:1", nil)
		fmt.Println(bob.Refused("room:secret", nil).Reason())

		hers.Push("post", Post{"hi"}).ExpectReply("ok", Ack{1})
		his.ExpectBroadcast("posted", PostedBody{1, "hi"})
		his.Push("post", Post{}).ExpectError("say something")
		his.ExpectNothing()

		bob.Drop()
		hers.Push("post", Post{"are you there?"}).ExpectReply("ok", Ack{2})
		bob.Reconnect()
		his.Rejoin()
		his.ExpectBroadcast("posted", PostedBody{2, "are you there?"})

		hers.Push("post", Post{"bye"}).ExpectReply("ok", Ack{3})
		his.ExpectBroadcast("posted", PostedBody{4, "bye"}) // fails, to show what that looks like
	})
	// Output:
	// not you
	// "posted" came on room:1 with {"id":3,"body":"bye"}; expected "posted" with {"id":4,"body":"bye"}
}
