package channel_test

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/channel"
)

func TestTopicPanicsOnWhatCannotWork(t *testing.T) {
	echo := channel.Call("echo", (*room).echo)
	for name, make := range map[string]func(){
		"no pattern":       func() { channel.Topic("", joinRoom) },
		"star inside":      func() { channel.Topic("a*b", joinRoom) },
		"two stars":        func() { channel.Topic("a**", joinRoom) },
		"no join":          func() { channel.Topic[room, roomParams]("a", nil) },
		"twice":            func() { channel.Topic("a", joinRoom, echo, echo) },
		"Joined twice":     func() { channel.Topic("a", joinRoom, channel.Joined((*room).all), channel.Joined((*room).all)) },
		"no event":         func() { channel.Topic("a", joinRoom, channel.Run("", (*room).bye)) },
		"reserved":         func() { channel.Topic("a", joinRoom, channel.Run("phx_join", (*room).bye)) },
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
	_, _, c := dial(t, named("a:b", "exact"), named("a:*", "a"), named("a:c", "never"), named("*", "all"))
	for topic, want := range map[string]string{
		"a:b": `"exact/"`, "a:": `"a/"`, "a:c": `"a/c"`, "a:b:c": `"a/b:c"`, "a": `"all/a"`, "": `"all/"`, "room:1": `"all/room:1"`,
	} {
		expectReply(t, c.Join(topic, nil), "ok", want)
	}
	expectReply(t, c.Join("phoenix", nil), "error", `{"reason":"unmatched topic"}`)
}

type place struct{ name string }

func (p *place) where(context.Context) (string, error) { return p.name, nil }
