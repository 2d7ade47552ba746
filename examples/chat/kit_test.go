package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs the whole program but its web endpoint: clients are connected without a
// network. Without a database it forgets everything.
func serve(t testing.TB, db ...string) *channeltest.Server {
	t.Helper()
	opts := options{DB: "sqlite::memory:"}
	for _, opts.DB = range db {
	}
	children := flat(build(opts).Children)
	var socket *channel.Socket
	for _, c := range children {
		if s, ok := c.Run.(*channel.Socket); ok {
			socket = s
		}
	}
	children = slices.DeleteFunc(children, func(c supervisor.Child) bool { return c.Name == "socket" || c.Name == "web" })
	return channeltest.Serve(t, socket, children...)
}

// flat is children, and those of the trees among them.
func flat(children []supervisor.Child) (all []supervisor.Child) {
	for _, c := range children {
		if tree, ok := c.Run.(supervisor.Tree); ok {
			all = append(all, flat(tree.Children)...)
		} else {
			all = append(all, c)
		}
	}
	return all
}

// enter brings a user into a room, in a window of its own.
func enter(t testing.TB, s *channeltest.Server, room, name string) *channeltest.Room {
	t.Helper()
	return channeltest.Connect(t, s).Join(topicOf(room), Introduction{name})
}

// post posts a message, and gives it as it was stored.
func post(r *channeltest.Room, body, key string) Message {
	return channeltest.OK[Message](r.Push("post", Draft{body, key}))
}

// heard is the next message that was posted.
func heard(t testing.TB, r *channeltest.Room) (m Message) {
	t.Helper()
	n := r.Next()
	if n.Event != "posted" {
		t.Fatalf("%s came, and not a message", n)
	}
	decode(t, n.Payload, &m)
	return m
}

func decode(t testing.TB, from []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(from, to); err != nil {
		t.Fatalf("%s: %v", from, err)
	}
}

// fill sees to it that nobody has posted n messages, past the limits.
func fill(t testing.TB, s *channeltest.Server, room string, n int) (all []Message) {
	t.Helper()
	for i := range n {
		m := Message{Author: "nobody", Body: "text", Key: fmt.Sprint(i)}
		m, err := process.Call(s.Context(), Rooms.Of(room), (*Room).Post, m)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if string(a) != string(b) {
		t.Fatalf("%s: got %s, want %s", what, a, b)
	}
}
