package channel_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/token"
)

// What names no session makes another.
func TestLongPollTokens(t *testing.T) {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	late := time.Duration(0)
	keys = keys.WithClock(func() time.Time { return time.Now().Add(late) })
	p := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}}).join()
	p.say("hi")
	for name, text := range map[string]string{
		"empty":    "",
		"garbage":  "garbage",
		"null":     "null",
		"mark":     "poll.",
		"cut":      p.token[:len(p.token)-1],
		"changed":  p.token[:20] + "A" + p.token[21:],
		"unmarked": strings.TrimPrefix(p.token, "poll."),
	} {
		o := p.other()
		o.token = text
		if a := o.do("POST", "", "x"); a.Status != 410 || a.Messages != nil {
			t.Errorf("%s: a POST is answered %+v", name, a)
		}
		if a := o.get(); a.Status != 410 || a.Token == "" || a.Token == p.token {
			t.Errorf("%s: a GET is answered %+v", name, a)
		}
	}
	late = 14*24*time.Hour + time.Second
	if a := p.other(); a.getWith(p.token).Status != 410 {
		t.Error("an old token is taken")
	}
	late = 14*24*time.Hour - time.Minute
	p.expect(said("hi"))
}

func (p *polling) getWith(token string) answer {
	p.t.Helper()
	p.token = token
	return p.get()
}

func TestLongPollTokenInTheHeader(t *testing.T) {
	p := newPolling(t, &channel.Socket{}).join()
	p.say("hi")
	text := p.token
	p.header.Set("X-Phoenix-Longpoll-Token", text)
	p.token = "poll.other"
	if a := p.get(); a.Status != 200 || a.Token != text {
		t.Errorf("the header does not come first: %+v", a)
	}
	p.token = ""
	p.postOK(`[null,"3","phoenix","heartbeat",{}]`)
}

// An application's own param "token" is not mistaken for ours, nor ours for its.
func TestLongPollOwnParamToken(t *testing.T) {
	var got []url.Values
	p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
		got = append(got, peer.Params)
		return nil
	}})
	p.query = "vsn=2.0.0&token=mine&a=1"
	p.join()
	o := p.other()
	o.token = "poll.dead"
	o.get()
	o.query = "vsn=2.0.0"
	o.get()
	want := []url.Values{{"token": {"mine"}, "a": {"1"}}, {"token": {"mine"}, "a": {"1"}}, nil}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("Connect saw %v", got)
	}
}

func TestLongPollAuthToken(t *testing.T) {
	var seen []string
	p := newPolling(t, &channel.Socket{Connect: func(_ context.Context, peer *channel.Peer) error {
		seen = append(seen, peer.Transport+" "+peer.Token+" "+peer.Addr)
		if peer.Token != "ann" {
			return fault.Unauthenticated.Errorf("who are you?")
		}
		return nil
	}})
	if a := p.get(); a.Status != 403 || a.Token != "" || a.Messages != nil || a.Reason != "who are you?" {
		t.Errorf("without a token: %+v", a)
	}
	p.header.Set("X-Phoenix-AuthToken", "ann")
	p.connect()
	p.header.Set("X-Phoenix-AuthToken", "bob")
	p.postOK(`[null,"3","phoenix","heartbeat",{}]`)
	p.expect(`[null,"3","phoenix","phx_reply",{"status":"ok","response":{}}]`)
	if want := []string{"longpoll  192.0.2.1:1234", "longpoll ann 192.0.2.1:1234"}; !slices.Equal(seen, want) {
		t.Errorf("Connect saw %q", seen)
	}
	p.expectCount(t, "channel.connects.refused", 1)
}

func TestLongPollKeysThatCannotSign(t *testing.T) {
	s := &channel.Socket{Channels: cabins(), LongPoll: &channel.LongPoll{Keys: &token.Keys{}}}
	if err := s.Start(processtest.Node(t)); fault.Of(err) != fault.Invalid {
		t.Errorf("it starts: %v", err)
	}
}

// A token of another node, of the same keys, is understood, and not mistaken for ours.
func TestLongPollOtherNode(t *testing.T) {
	keys, err := token.NewKeys(token.Generate())
	if err != nil {
		t.Fatal(err)
	}
	one := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}}).join()
	two := newPolling(t, &channel.Socket{LongPoll: &channel.LongPoll{Keys: keys}})
	if a := two.getWith(one.token); a.Status != 410 || a.Token == one.token {
		t.Errorf("%+v", a)
	}
}

// FuzzLongPollToken wants of each token that it is a session's, to the letter, or none's.
func FuzzLongPollToken(f *testing.F) {
	f.Add("", false)
	f.Add("poll.", true)
	f.Add("poll.AQAA", false)
	f.Add("\x00", true)
	f.Add("poll.%zz&token=x", false)
	f.Fuzz(func(t *testing.T, text string, header bool) {
		p := newPolling(t, &channel.Socket{}).connect()
		p.token = text
		if header {
			p.token = ""
			p.header["X-Phoenix-Longpoll-Token"] = []string{text}
		}
		if a := p.post(); a.Status != 410 {
			t.Fatalf("a POST with %q is answered %+v", text, a)
		}
		if a := p.get(); a.Status != 410 || a.Token == "" {
			t.Fatalf("a GET with %q is answered %+v", text, a)
		}
	})
}
