package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/fault"
)

func TestPost(t *testing.T) {
	s := serve(t)
	ann, bob := enter(t, s, "tea", "ann"), enter(t, s, "tea", "bob")
	elsewhere := enter(t, s, "coffee", "eve")
	for i, who := range []*channeltest.Room{ann, bob, bob, ann} {
		body := []string{"one", "two 👩‍👩‍👧 \t", "<b>three</b>", " four\n"}[i]
		m := post(who, body, "key "+body)
		if m.Seq != uint64(i+1) || m.Body != body || time.Since(m.Posted) > time.Minute {
			t.Fatalf("it was stored as %+v", m)
		}
		equal(t, "ann hears", heard(t, ann), m)
		equal(t, "bob hears", heard(t, bob), m)
	}
	elsewhere.ExpectNothing()
	late := enter(t, s, "tea", "late")
	if talk := channeltest.Joined[Talk](late); len(talk.Messages) != 4 || talk.Messages[3].Author != "ann" {
		t.Errorf("who comes later gets %+v", talk)
	}
}

func TestPostOfTheSameKey(t *testing.T) { datatest.EachURL(t, testPostOfTheSameKey) }

func testPostOfTheSameKey(t *testing.T, db string) {
	s := serve(t, db)
	ann, bob := enter(t, s, "tea", "ann"), enter(t, s, "tea", "bob")
	first := post(ann, "hello", "k")
	equal(t, "again", post(ann, "hello", "k"), first)
	equal(t, "again, with another text", post(ann, "other", "k"), first)
	equal(t, "again, from another window", post(enter(t, s, "tea", "ann"), "hello", "k"), first)
	equal(t, "bob hears it once", heard(t, bob), first)
	bob.ExpectNothing()
	if m := post(bob, "hello", "k"); m.Seq != 2 {
		t.Errorf("the key is ann's own: %+v", m)
	}
	if m := post(enter(t, s, "coffee", "ann"), "hello", "k"); m.Seq != 1 {
		t.Errorf("the key is the room's own: %+v", m)
	}
}

func TestDraft(t *testing.T) {
	ann := enter(t, serve(t), "tea", "ann")
	for _, c := range []struct {
		draft any
		field string // with a mistake; "": none
	}{
		{Draft{"text", "1"}, ""},
		{Draft{strings.Repeat("ä", 2000), "2"}, ""},
		{Draft{strings.Repeat("ä", 2001), "3"}, "body"},
		{Draft{"", "4"}, "body"},
		{Draft{" \n\t", "5"}, "body"},
		{Draft{"nul \x00", "6"}, "body"},
		{Draft{"text", "nul \x00"}, "key"},
		{Draft{"text", ""}, "key"},
		{Draft{"text", strings.Repeat("k", 64)}, ""},
		{Draft{"text", strings.Repeat("k", 65)}, "key"},
		{map[string]any{"key": "7"}, "body"},
	} {
		reply := ann.Push("post", c.draft).Reply()
		if got := mistakes(t, reply); got != c.field || (reply.Status == "ok") != (c.field == "") {
			t.Errorf("%.60v: %s", c.draft, reply)
		}
	}
	ann.Push("post", []int{1}).ExpectError("the payload must be an object, not an array")
}

func TestNames(t *testing.T) {
	s := serve(t)
	for _, name := range []string{"a", "Ann", "ann 2", "Dr. Who", "O’Brien", "Jürgen-Peter", "李雷", "हिन्दी", "x_y", strings.Repeat("ä", 40)} {
		enter(t, s, name, name)
	}
	c := channeltest.Connect(t, s)
	for _, name := range []string{"", " ", " ann", "ann ", "a   b", "<b>", "a\nb", "a\u202eb", "-", "👍", strings.Repeat("ä", 41)} {
		if got := mistakes(t, c.Refused("room:tea", Introduction{name})); got != "name" {
			t.Errorf("the name %q: the mistake is in %q", name, got)
		}
		if r := c.Refused(topicOf(name), Introduction{"ann"}); !strings.HasPrefix(r.Reason(), "a room's name") {
			t.Errorf("the room %q: %s", name, r)
		}
	}
	c.Refused("room:tea", nil)
	c.Refused("tea", Introduction{"ann"})
}

// mistakes is the field about which a reply complains.
func mistakes(t *testing.T, r channeltest.Reply) (field string) {
	t.Helper()
	var refused struct{ Errors fault.Fields }
	decode(t, r.Response, &refused)
	for field = range refused.Errors {
	}
	return field
}

func TestPresence(t *testing.T) {
	s := serve(t)
	ann := enter(t, s, "tea", "ann")
	bob := enter(t, s, "tea", "bob")
	again := enter(t, s, "tea", "bob")
	enter(t, s, "coffee", "eve").ExpectPresence("eve")
	for _, r := range []*channeltest.Room{ann, bob, again} {
		r.ExpectPresence("ann", "bob")
	}
	bob.Leave()
	post(ann, "bob has another window", "1")
	ann.ExpectPresence("ann", "bob")
	again.Leave()
	ann.ExpectPresence("ann")
}

func TestTyping(t *testing.T) {
	s := serve(t)
	ann, bob := enter(t, s, "tea", "ann"), enter(t, s, "tea", "bob")
	ann.Push("typing", nil)
	bob.ExpectBroadcast("typing", Typist{"ann"})
	ann.ExpectNothing()
}

func TestCrash(t *testing.T) {
	s := serve(t)
	ann, bob := enter(t, s, "tea", "ann"), enter(t, s, "tea", "bob")
	post(ann, "before", "1")
	heard(t, ann)
	heard(t, bob)
	ann.Push("crash", nil)
	ann.ExpectCrash()
	post(bob, "meanwhile", "2")
	bob.ExpectPresence("bob")
	ann.Rejoin()
	if !ann.Recovered {
		t.Fatal("what was missed does not follow")
	}
	if m := heard(t, ann); m.Body != "meanwhile" {
		t.Errorf("ann hears %+v", m)
	}
	ann.ExpectPresence("ann", "bob")
	bob.ExpectPresence("ann", "bob")
	post(ann, "after", "3")
	for _, want := range []string{"meanwhile", "after"} {
		if m := heard(t, bob); m.Body != want {
			t.Errorf("bob hears %+v, and not %q", m, want)
		}
	}
	bob.ExpectNothing()
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		ann, bob := enter(t, s, "tea", "ann"), enter(t, s, "tea", "bob")
		for i := range 20 {
			post(ann, "text", string(rune('a'+i)))
		}
		ann.Push("post", Draft{"text", "u"}).ExpectError("too many messages")
		post(bob, "text", "a") // has a limit of his own
		time.Sleep(199 * time.Millisecond)
		ann.Push("post", Draft{"text", "u"}).ExpectError("too many messages")
		time.Sleep(time.Millisecond)
		if m := post(ann, "text", "u"); m.Seq != 22 {
			t.Errorf("it is number %d", m.Seq)
		}
		s.Stop()
	})
}

func TestOlder(t *testing.T) { datatest.EachURL(t, testOlder) }

func testOlder(t *testing.T, db string) {
	s := serve(t, db)
	all := fill(t, s, "tea", 160)
	ann := enter(t, s, "tea", "ann")
	equal(t, "the snapshot", channeltest.Joined[Talk](ann).Messages, all[60:])
	equal(t, "older", channeltest.OK[Talk](ann.Push("older", Before{61})).Messages, all[10:60])
	equal(t, "the oldest", channeltest.OK[Talk](ann.Push("older", Before{11})).Messages, all[:10])
	equal(t, "none", channeltest.OK[Talk](ann.Push("older", Before{1})).Messages, []Message{})
	for _, seq := range []any{0, -1, 1 << 53, 1.5, "1"} {
		if r := ann.Push("older", map[string]any{"seq": seq}).Reply(); r.Status != "error" {
			t.Errorf("before %v: %s", seq, r)
		}
	}
}

func TestRooms(t *testing.T) { datatest.EachURL(t, testRooms) }

func testRooms(t *testing.T, db string) {
	s := serve(t, db)
	fill(t, s, "tea", 3)
	enter(t, s, "silent", "ann")
	list := channeltest.Connect(t, s).Join("rooms", nil)
	equal(t, "the list", channeltest.Joined[List](list), List{[]Standing{{"tea", 3}}})
	fill(t, s, "coffee", 1)
	list.ExpectBroadcast("spoken", Standing{"coffee", 1})
}
