package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func decode(t testing.TB, from []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(from, to); err != nil {
		t.Fatalf("%s: %v", from, err)
	}
}

// standing is what a browser remembers of a room's history.
type standing struct {
	Epoch     string `json:"epoch"`
	Offset    uint64 `json:"offset"`
	Recovered bool   `json:"recovered,omitempty"`
}

// resume joins a room as a browser does that was there before, perhaps at another server,
// and gives the messages that follow the reply.
func resume(t testing.TB, s *channeltest.Server, room string, from *standing) (to standing, snapshot, missed []Message) {
	t.Helper()
	meta := []byte("{}")
	if from != nil {
		meta, _ = json.Marshal(standing{Epoch: from.Epoch, Offset: from.Offset})
	}
	c := channeltest.Connect(t, s)
	c.Send(fmt.Sprintf(`["1","1",%q,"phx_join",{"name":"ann"},%s]`, topicOf(room), meta))
	reply := c.Next()
	decode(t, reply.Meta, &to)
	var joined struct{ Response Talk }
	decode(t, reply.Payload, &joined)
	for m := c.Next(); m.Event != "presence_state"; m = c.Next() {
		var said Message
		decode(t, m.Payload, &said)
		missed = append(missed, said)
	}
	return to, joined.Response.Messages, missed
}

// TestResume restarts everything on the same file: who comes back gets what it has missed,
// or is told that it cannot.
func TestResume(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "chat.db")
	var all []Message
	more := func(s *channeltest.Server, n int) {
		all = fill(t, s, "tea", len(all)+n) // the keys of before are stored once
	}
	s := serve(t, db)
	empty, snapshot, _ := resume(t, s, "tea", nil)
	equal(t, "an empty room", snapshot, []Message{})
	more(s, 3)
	was, snapshot, missed := resume(t, s, "tea", nil)
	equal(t, "the snapshot", snapshot, all)
	equal(t, "after it", missed, nil)
	equal(t, "the offset", was.Offset, 3)
	more(s, 2)
	s.Stop()

	s = serve(t, db)
	more(s, 2)
	now, _, missed := resume(t, s, "tea", &was)
	equal(t, "missed over the restart", missed, all[3:])
	equal(t, "it stands", now, standing{was.Epoch, 7, true})
	now, _, missed = resume(t, s, "tea", &now)
	equal(t, "nothing is missed", missed, nil)
	equal(t, "it stands as before", now, standing{was.Epoch, 7, true})
	for _, c := range []struct {
		what string
		from standing
		ok   bool
	}{
		{"since the beginning", empty, true},
		{"of another epoch", standing{Epoch: "other", Offset: 3}, false},
		{"of the future", standing{Epoch: was.Epoch, Offset: 8}, false},
	} {
		if to, _, _ := resume(t, s, "tea", &c.from); to.Recovered != c.ok {
			t.Errorf("a client %s: %+v", c.what, to)
		}
	}

	more(s, 96) // 100 since was
	s.Stop()
	s = serve(t, db)
	_, _, missed = resume(t, s, "tea", &was)
	equal(t, "as many as are kept", missed, all[3:])
	more(s, 1)
	now, snapshot, missed = resume(t, s, "tea", &was)
	equal(t, "too many", now, standing{was.Epoch, 104, false})
	equal(t, "the snapshot has the latest", snapshot, all[4:])
	equal(t, "and nothing follows", missed, nil)
}

// TestUntold is a crash of the room when a message is stored and nobody has been told.
func TestUntold(t *testing.T) {
	db := "sqlite:" + filepath.Join(t.TempDir(), "chat.db")
	s := serve(t, db)
	ann := enter(t, s, "tea", "ann")
	first := post(ann, "one", "1")
	equal(t, "ann hears", heard(t, ann), first)
	second, _, err := Store{other(t, db)}.Add(t.Context(), "tea", Message{Seq: 2, Author: "bob", Body: "two", Posted: first.Posted, Key: "2"})
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

// other is another program with the same database.
func other(t *testing.T, db string) *data.Repo {
	t.Helper()
	repo := &data.Repo{URL: db, Migrations: migrations}
	datatest.Start(t, repo)
	return repo
}
