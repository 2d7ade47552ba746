package channel_test

import (
	"context"
	"strings"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
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
	_, c := connect(t, named("a:b", "exact"), named("a:*", "a"), named("a:c", "never"), named("*", "all"))
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
