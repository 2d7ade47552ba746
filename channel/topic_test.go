package channel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/channel/channeltest"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/process/processtest"
)

func TestTopicPanicsOnWhatCannotWork(t *testing.T) {
	echo := channel.Call("echo", (*room).echo)
	for name, make := range map[string]func(){
		"no pattern":   func() { channel.Topic("", joinRoom) },
		"star inside":  func() { channel.Topic("a*b", joinRoom) },
		"two stars":    func() { channel.Topic("a**", joinRoom) },
		"no join":      func() { channel.Topic[room, roomParams]("a", nil) },
		"twice":        func() { channel.Topic("a", joinRoom, echo, echo) },
		"Joined twice": func() { channel.Topic("a", joinRoom, channel.Joined((*room).all), channel.Joined((*room).all)) },
		"no event":     func() { channel.Topic("a", joinRoom, channel.Run("", (*room).bye)) },
		"reserved":     func() { channel.Topic("a", joinRoom, channel.Run("phx_join", (*room).bye)) },
		"long": func() {
			channel.Topic("a", joinRoom, channel.Run(channel.Event[process.None](strings.Repeat("x", 256)), (*room).bye))
		},
		"two limits":    func() { channel.Run("a", (*room).bye, channel.Limit{}, channel.Limit{}) },
		"two histories": func() { channel.Topic("a", joinRoom).With(channel.History{}, channel.History{}) },
		"two presences": func() { channel.Topic("a", joinRoom).With(channel.Presence(users), channel.Presence(users)) },
		"Intercept twice": func() {
			channel.Topic("a", joinRoom, channel.Intercept(posted, (*room).echo), channel.Intercept(posted, (*room).echo))
		},
		"loads everything": func() { channel.Topic("a", joinRoom).With(channel.History{Load: noHistory}) },
		"no offsets": func() {
			channel.Topic("a", joinRoom).With(channel.History{Load: noHistory, Events: channel.Events(posted)})
		},
		"a Burst alone":    func() { channel.Call("echo", (*room).echo, channel.Limit{Burst: 5}) },
		"a negative Burst": func() { channel.Call("echo", (*room).echo, channel.Limit{PerSecond: 1, Burst: -5}) },
		"a Burst for all":  func() { channel.Topic("a", joinRoom).With(channel.Limit{Burst: 5}) },
		"a negative age":   func() { channel.Topic("a", joinRoom).With(channel.History{Age: -1}) },
		"no tracker":       func() { channel.Topic("a", joinRoom).With(channel.Presence(nil)) },
		"a nil tracker":    func() { channel.Topic("a", joinRoom).With(channel.Presence((*presence.Tracker[text])(nil))) },
		"no option":        func() { channel.Topic("a", joinRoom).With(nil) },
		"an empty handler": func() { channel.Topic("a", joinRoom, channel.Handler[room]{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it does not panic")
				}
			}()
			make()
		})
	}
}

// TestFirstMatchWins routes by the order of the channels.
func TestFirstMatchWins(t *testing.T) {
	named := func(pattern, name string) channel.Channel {
		join := func(_ context.Context, j channel.Join[struct{}]) (*place, error) {
			return &place{name + "/" + j.Key}, nil
		}
		return channel.Topic(pattern, join, channel.Joined((*place).where))
	}
	s := channeltest.Serve(t, socketOf(named("a:b", "exact"), named("a:*", "a"), named("*", "all")))
	c := channeltest.Connect(t, s)
	for topic, want := range map[string]string{
		"a:b": `"exact/"`, "a:": `"a/"`, "a:c": `"a/c"`, "a:b:c": `"a/b:c"`, "a": `"all/a"`, "": `"all/"`, "room:1": `"all/room:1"`,
	} {
		expectReply(t, c.Join(topic, nil).Reply, "ok", want)
	}
	if r := c.Refused("phoenix", nil); r.Reason() != "unmatched topic" {
		t.Error(r)
	}
}

type place struct{ name string }

func (p *place) where(context.Context) (string, error) { return p.name, nil }

func noHistory(context.Context, string) (channel.Stored, error) { return channel.Stored{}, nil }

// users is a source that knows nobody.
var users = new(presence.Tracker[text])

// TestWrongSockets: what cannot be meant does not start.
func TestWrongSockets(t *testing.T) {
	at := func(pattern string) channel.Channel { return channel.Topic(pattern, joinRoom) }
	for want, socket := range map[string]*channel.Socket{
		`the pattern "a:b" never matches`:      socketOf(at("a:*"), at("a:b")),
		`the pattern "a:b:*" never matches`:    socketOf(at("a:*"), at("a:b:*")),
		`the pattern "a" never matches`:        socketOf(at("a"), at("a")),
		"a channel of the socket is nil":       socketOf(at("a"), nil),
		"Limits.Topics is negative":            {Limits: channel.Limits{Topics: -1}},
		"Limits.Idle is negative":              {Limits: channel.Limits{Idle: -1}},
		"Limits.Events has a Burst without":    {Limits: channel.Limits{Events: channel.Limit{Burst: 5}}},
		"Limits.Joins has a negative Burst or": {Limits: channel.Limits{Joins: channel.Limit{Bytes: -5}}},
	} {
		if err := socket.Start(processtest.Node(t)); fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is said where %q should be", err, want)
		}
	}
}
