package main

import (
	"fmt"
	"testing"

	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

// visitor is a window that comes back, perhaps at another server.
type visitor struct {
	*channeltest.Room
	client *channeltest.Client
}

func visit(t testing.TB, s *channeltest.Server) visitor {
	t.Helper()
	c := channeltest.Connect(t, s)
	return visitor{c.Join(topicOf("tea"), Introduction{"ann"}), c}
}

func (v visitor) back(s *channeltest.Server) {
	v.client.Move(s)
	v.Rejoin()
}

// missed are the messages that follow the join, which must be n.
func (v visitor) missed(t testing.TB, n int) (all []Message) {
	t.Helper()
	for range n {
		all = append(all, heard(t, v.Room))
	}
	v.ExpectNothing()
	return all
}

// TestResume restarts everything on the same database: who comes back gets what it has missed,
// or is told that it cannot.
func TestResume(t *testing.T) { datatest.EachURL(t, testResume) }

func testResume(t *testing.T, db string) {
	var all []Message
	more := func(s *channeltest.Server, n int) {
		all = fill(t, s, "tea", len(all)+n) // the keys of before are stored once
	}
	s := serve(t, db)
	first := visit(t, s)
	equal(t, "an empty room", channeltest.Joined[Talk](first.Room).Messages, []Message{})
	first.client.Drop()
	more(s, 3)
	here, away, long := visit(t, s), visit(t, s), visit(t, s)
	equal(t, "the snapshot", channeltest.Joined[Talk](here.Room).Messages, all)
	for _, v := range []visitor{here, away, long} {
		v.ExpectNothing() // the snapshot has all
		v.client.Drop()
	}
	more(s, 2)
	s.Stop()

	s = serve(t, db)
	more(s, 2)
	for _, c := range []struct {
		what   string
		who    visitor
		missed []Message
	}{
		{"over the restart", here, all[3:]},
		{"since just now", here, nil},
		{"since the beginning", first, all},
	} {
		c.who.back(s)
		equal(t, "a client of before is recovered, "+c.what, c.who.Recovered, true)
		equal(t, "missed "+c.what, c.who.missed(t, len(c.missed)), c.missed)
	}

	here.client.Drop()
	first.client.Drop()
	more(s, 96) // 100 since away and long were here
	s.Stop()
	s = serve(t, db)
	away.back(s)
	equal(t, "as many as are kept are recovered", away.Recovered, true)
	equal(t, "they are missed", away.missed(t, 100), all[3:])
	away.client.Drop()
	more(s, 1)
	long.back(s)
	equal(t, "too many are recovered", long.Recovered, false)
	equal(t, "the snapshot has the latest", channeltest.Joined[Talk](long.Room).Messages, all[4:])
	equal(t, "and nothing follows", long.missed(t, 0), nil)
}

// TestUntold is a crash of the room when a message is stored and nobody has been told.
func TestUntold(t *testing.T) { datatest.EachURL(t, testUntold) }

func testUntold(t *testing.T, db string) {
	s := serve(t, db)
	ann := enter(t, s, "tea", "ann")
	first := post(ann, "one", "1")
	equal(t, "ann hears", heard(t, ann), first)
	second, _, err := Store{other(t, db)}.Add(t.Context(), Message{Room: "tea", Seq: 2, Author: "bob", Body: "two", Posted: first.Posted, Key: "2"})
	if err != nil {
		t.Fatal(err)
	}
	processtest.Crash(t, s.Context(), Rooms.Of("tea"), fmt.Errorf("a crash on purpose"))
	equal(t, "ann hears what is stored", heard(t, ann), second)
	again, err := process.Call(s.Context(), Rooms.Of("tea"), (*Room).Post, Message{Author: "bob", Body: "two", Key: "2"})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "bob asks again", again, second)
	ann.ExpectNothing()
	equal(t, "the next", post(ann, "three", "3").Seq, 3)
}

// TestMovedOn is another program that posts in the room: it reads what there is, and goes on.
func TestMovedOn(t *testing.T) { datatest.EachURL(t, testMovedOn) }

func testMovedOn(t *testing.T, db string) {
	s := serve(t, db)
	ann := enter(t, s, "tea", "ann")
	first := post(ann, "one", "1")
	second, _, err := Store{other(t, db)}.Add(t.Context(), Message{Room: "tea", Seq: 2, Author: "bob", Body: "two", Key: "2"})
	if err != nil {
		t.Fatal(err)
	}
	refused := ann.Push("post", Draft{"three", "3"}).Reply()
	if field := mistakes(t, refused); refused.Reason() != "the room has moved on: post it again" || field != "" {
		t.Fatalf("the reply is %s", refused)
	}
	third := post(ann, "three", "3")
	equal(t, "the next", third.Seq, 3)
	equal(t, "all", channeltest.Joined[Talk](enter(t, s, "tea", "eve")).Messages, []Message{first, second, third})
}

// other is another program with the same database.
func other(t *testing.T, db string) *data.Repo {
	t.Helper()
	repo := &data.Repo{URL: db, Migrations: migrations}
	datatest.Start(t, repo)
	return repo
}
