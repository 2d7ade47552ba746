package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/supervisor"
)

// party is a source of presence that the test decides about.
type party struct {
	mu      sync.Mutex
	version uint64
	fail    error
	asked   func(topic string) // while State is at it
	hears   map[int]func(presence.Diff)
	next    int
}

func (p *party) State(_ context.Context, topic string) (presence.State, error) {
	p.mu.Lock()
	at, err := p.version, p.fail
	p.mu.Unlock()
	if p.asked != nil {
		p.asked(topic)
	}
	return presence.State{Version: at, Payload: json.RawMessage(fmt.Sprintf(`{"v%d":{"metas":[]}}`, at))}, err
}

func (p *party) Hear(_ context.Context, fn func(presence.Diff)) (func(), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hears == nil {
		p.hears = make(map[int]func(presence.Diff))
	}
	p.next++
	id := p.next
	p.hears[id] = fn
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.hears, id)
	}, p.fail
}

func (*party) MetaType() reflect.Type { return reflect.TypeFor[text]() }

// diff tells the next.
func (p *party) diff(topic string) {
	p.mu.Lock()
	p.version++
	d := presence.Diff{Topic: topic, Version: p.version, Payload: json.RawMessage(fmt.Sprintf(`{"joins":{"v%d":{"metas":[]}},"leaves":{}}`, p.version))}
	var all []func(presence.Diff)
	for _, fn := range p.hears {
		all = append(all, fn)
	}
	p.mu.Unlock()
	for _, fn := range all {
		fn(d)
	}
}

func parties(p channel.Source, opts ...channel.Option) channel.Channel {
	join := func(_ context.Context, j channel.Join[roomParams]) (*room, error) {
		if j.Params.Mood == "chatty" {
			return new(room), channel.Push(j.Client, posted, text{"hi"})
		}
		return new(room), nil
	}
	return channel.Topic("party:*", join, channel.Joined((*room).all)).With(append(opts, channel.Presence(p))...)
}

// TestPresence: the state is pushed behind the reply, and then come the diffs that are not
// in it.
func TestPresence(t *testing.T) {
	p := new(party)
	p.asked = func(topic string) {
		p.asked = nil
		p.diff(topic) // while the join is under way: it is not in the state
	}
	s := channeltest.Serve(t, socketOf(parties(p), rooms))
	play(channeltest.Connect(t, s), `
		> ["1","1","party:1","phx_join",{"mood":"chatty"}]
		< ["1","1","party:1","phx_reply",{"status":"ok","response":[]}]
		< [null,null,"party:1","presence_state",{"v0":{"metas":[]}}]
		< ["1",null,"party:1","said",{"text":"hi"}]
		< [null,null,"party:1","presence_diff",{"joins":{"v1":{"metas":[]}},"leaves":{}}]`)
	c := channeltest.Connect(t, s)
	play(c, `
		> ["1","1","party:1","phx_join",{}]
		< ["1","1","party:1","phx_reply",{"status":"ok","response":[]}]
		< [null,null,"party:1","presence_state",{"v1":{"metas":[]}}]`)
	p.diff("party:2")
	p.diff("room:1")
	p.diff("party:1")
	c.Expect(`[null,null,"party:1","presence_diff",{"joins":{"v4":{"metas":[]}},"leaves":{}}]`)
	c.ExpectNothing()
	old := channeltest.Connect(t, s, version1)
	play(channeltest.Connect(t, s), `
		> ["7","7","party:1","phx_join",{}]
		< ["7","7","party:1","phx_reply",{"status":"ok","response":[]}]
		< [null,null,"party:1","presence_state",{"v4":{"metas":[]}}]`)
	play(old, `
		> {"topic":"party:1","event":"phx_join","payload":{},"ref":"1"}
		< {"topic":"party:1","event":"phx_reply","payload":{"status":"ok","response":[]},"ref":"1"}
		< {"topic":"party:1","event":"presence_state","payload":{"v4":{"metas":[]}},"ref":null}`)
}

// TestPresenceIsNotHistory, and does not disturb it.
func TestPresenceIsNotHistory(t *testing.T) {
	p := new(party)
	s := channeltest.Serve(t, socketOf(parties(p, channel.History{})))
	c := channeltest.Connect(t, s)
	r := c.Join("party:1", nil)
	p.diff("party:1")
	tell(t, s, "party:1", posted, text{"a"})
	r.ExpectBroadcast("said", text{"a"})
	c.Drop()
	p.diff("party:1")
	tell(t, s, "party:1", posted, text{"b"})
	c.Reconnect()
	r.Rejoin()
	r.ExpectBroadcast("said", text{"b"})
	r.ExpectNothing()
	if !r.Recovered {
		t.Error("it is not recovered")
	}
}

// TestPresenceFails refuses the join.
func TestPresenceFails(t *testing.T) {
	p := new(party)
	s := channeltest.Serve(t, socketOf(parties(p)))
	p.fail = fault.Unavailable.Errorf("nobody knows")
	if r := channeltest.Connect(t, s).Refused("party:1", nil); r.Reason() != "nobody knows" {
		t.Error(r)
	}
	if n := len(channel.Feeds(s.Context())); n > 1 {
		t.Errorf("%d topics", n)
	}
}

// TestPresenceIsHeardOnce, by however many sockets, and no longer than they run.
func TestPresenceIsHeardOnce(t *testing.T) {
	p := new(party)
	one := socketOf(parties(p), channel.Topic("other", joinRoom).With(channel.Presence(p)))
	two := socketOf(parties(p))
	s := channeltest.Serve(t, one)
	until, stop := context.WithCancel(s.Context())
	must(t, two.Start(s.Context()))
	served := make(chan error, 1)
	go func() { served <- two.Serve(until) }()
	c := channeltest.ConnectTo(t, s.Context(), two)
	c.Join("party:1", nil)
	p.diff("party:1")
	c.Expect(`[null,null,"party:1","presence_state",{"v0":{"metas":[]}}]`)
	c.Expect(`[null,null,"party:1","presence_diff",{"joins":{"v1":{"metas":[]}},"leaves":{}}]`)
	c.ExpectNothing()
	if len(p.hears) != 1 {
		t.Errorf("%d hear", len(p.hears))
	}
	stop()
	must(t, await(t, served))
	if channel.Sources(s.Context()) != 1 {
		t.Error("the other socket does not listen any more")
	}
	s.Stop()
	if n := channel.Sources(s.Context()); n != 0 || len(p.hears) != 0 {
		t.Errorf("%d and %d listen", n, len(p.hears))
	}

	p.fail = errors.New("broken")
	if err := one.Start(s.Context()); !errors.Is(err, p.fail) {
		t.Error(err)
	}
}

type guestMeta struct {
	Seat int `json:"seat"`
}

type seated struct{}

// TestPresenceTracker: the whole way, with the tracker.
func TestPresenceTracker(t *testing.T) {
	guests := &presence.Tracker[guestMeta]{Name: "guests"}
	join := func(ctx context.Context, j channel.Join[text]) (*seated, error) {
		_, err := guests.Track(ctx, j.Topic, j.Params.Text, guestMeta{1})
		return new(seated), err
	}
	inBubble(t, func(t *testing.T) {
		s := channeltest.Serve(t, socketOf(channel.Topic("party:*", join).With(channel.Presence(guests))),
			supervisor.Child{Name: "guests", Run: guests})
		annsLine, bobsLine := channeltest.Connect(t, s), channeltest.Connect(t, s)
		ann := annsLine.Join("party:1", text{"ann"})
		ann.ExpectPresence("ann")
		bob := bobsLine.Join("party:1", text{"bob"})
		bob.ExpectPresence("ann", "bob")
		ann.ExpectPresence("ann", "bob")
		bobToo := channeltest.Connect(t, s).Join("party:1", text{"bob"})
		bobToo.ExpectPresence("ann", "bob")
		bobsLine.Drop()
		bobToo.ExpectPresence("ann", "bob")
		bobToo.Leave()
		ann.ExpectPresence("ann")
		bobsLine.Reconnect()
		bob.Rejoin()
		bob.ExpectPresence("ann", "bob")
		ann.ExpectPresence("ann", "bob")
		bob.Crash()
		ann.ExpectPresence("ann")
		ann.ExpectNothing()
	})
}
