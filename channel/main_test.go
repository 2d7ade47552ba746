package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // crashes on purpose would fill the screen
	goleak.VerifyTestMain(m)
}

type text struct {
	Text string `json:"text"`
}

type number struct {
	N int `json:"n"`
}

const (
	posted   channel.Event[text]           = "said"
	counted  channel.Event[number]         = "counted"
	sketched channel.Event[channel.Binary] = "drawn"
)

// room is a channel with a handler of every kind.
type room struct {
	client *channel.Client
	topic  string
	notes  []string
}

type roomParams struct {
	Mood string `json:"mood"`
	Age  int    `json:"age"`
}

func joinRoom(ctx context.Context, j channel.Join[roomParams]) (*room, error) {
	switch j.Params.Mood {
	case "angry":
		return nil, fault.Forbidden.Errorf("come back when you are calm")
	case "odd":
		return nil, fault.Refuse(fault.Fields{"mood": {"must be known"}})
	case "broken":
		return nil, errors.New("a secret of the house")
	case "mad":
		panic("mad")
	case "absent":
		return nil, nil
	case "suicidal":
		return nil, process.Killed
	case "chatty":
		if err := channel.Push(j.Client, posted, text{"from within the join"}); err != nil {
			return nil, err
		}
	}
	return &room{client: j.Client, topic: j.Topic}, nil
}

func (r *room) echo(_ context.Context, in text) (text, error) {
	if in.Text == "no" {
		return text{}, fault.Conflict.Errorf("not that")
	}
	return in, nil
}

func (r *room) all(context.Context) ([]string, error) { return r.notes, nil }
func (r *room) note(_ context.Context, in text) error {
	r.notes = append(r.notes, in.Text)
	return nil
}
func (r *room) clear(context.Context) error {
	r.notes = nil
	return nil
}
func (r *room) mutter(ctx context.Context, in text) error {
	if in.Text == "crash" {
		return errors.New("muttered")
	}
	return r.note(ctx, in)
}
func (r *room) poke(ctx context.Context) error {
	return channel.Push(r.client, posted, text{"ouch"})
}
func (r *room) tell(ctx context.Context, in text) error {
	return channel.BroadcastFrom(ctx, r.client, posted, in)
}
func (r *room) boom(context.Context) error { panic("boom") }
func (r *room) bye(ctx context.Context) error {
	return process.Stop(ctx, process.Normal)
}
func (r *room) unencodable(context.Context) (chan int, error) { return nil, nil }
func (r *room) long(context.Context) (text, error) {
	return text{strings.Repeat("x", 2<<20)}, nil
}
func (r *room) mirror(_ context.Context, in channel.Binary) (channel.Binary, error) {
	if string(in) == "no" {
		return nil, fault.Conflict.Errorf("not that")
	}
	return in, nil
}
func (r *room) draw(ctx context.Context, in channel.Binary) error {
	return errors.Join(channel.Push(r.client, sketched, in), channel.Broadcast(ctx, r.topic, sketched, in))
}

var rooms = channel.Topic("room:*", joinRoom,
	channel.Call("echo", (*room).echo),
	channel.Ask("all", (*room).all),
	channel.Do("note", (*room).note),
	channel.Run("clear", (*room).clear),
	channel.Cast("mutter", (*room).mutter),
	channel.Signal("poke", (*room).poke),
	channel.Do("tell", (*room).tell),
	channel.Run("boom", (*room).boom),
	channel.Run("bye", (*room).bye),
	channel.Ask("unencodable", (*room).unencodable),
	channel.Ask("long", (*room).long),
	channel.Call("mirror", (*room).mirror),
	channel.Do("draw", (*room).draw),
)

func socketOf(channels ...channel.Channel) *channel.Socket {
	return &channel.Socket{Channels: channels}
}

// connect serves channels, with the rooms, and connects a client.
func connect(t testing.TB, more ...channel.Channel) (*channeltest.Server, *channeltest.Client) {
	t.Helper()
	s := channeltest.Serve(t, socketOf(append(more, rooms)...))
	return s, channeltest.Connect(t, s)
}

// inBubble runs a test where time does not pass by itself, and jumps.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

// play sends the lines of a script that begin with > and expects those with <. At the end
// there is nothing else.
func play(c *channeltest.Client, script string) {
	for line := range strings.Lines(script) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, ">"):
			c.Send(line[1:])
		case strings.HasPrefix(line, "<"):
			c.Expect(line[1:])
		}
	}
}

// tell broadcasts.
func tell[T any](t testing.TB, s *channeltest.Server, topic string, e channel.Event[T], payload T) {
	t.Helper()
	if err := channel.Broadcast(s.Context(), topic, e, payload); err != nil {
		t.Fatal(err)
	}
}

// await waits for something that is about to happen.
func await[T any](t testing.TB, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not happen")
	}
	return v
}

// expectReply checks a reply's status and response.
func expectReply(t testing.TB, r channeltest.Reply, status, response string) {
	t.Helper()
	var got, want any
	if err := errors.Join(json.Unmarshal(r.Response, &got), json.Unmarshal([]byte(response), &want)); err != nil {
		t.Fatal(err)
	}
	if r.Status != status || !jsonEqual(got, want) {
		t.Fatalf("the reply is %s %s, and not %s %s", r.Status, r.Response, status, response)
	}
}

func jsonEqual(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func raw(text string) json.RawMessage { return json.RawMessage(text) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
