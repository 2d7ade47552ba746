package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

// newSocket serves room:*, where clients echo, shout and crash, and lobby:*, where they see
// each other. Rates are not limited, and pages of all origins may connect.
func newSocket(users *presence.Tracker[here]) *channel.Socket {
	unlimited := channel.Limit{PerSecond: -1}
	return &channel.Socket{
		Channels: []channel.Channel{
			channel.Topic("room:*", joinRoom,
				channel.Call("echo", (*room).echo),
				channel.Cast("shout", (*room).shout),
				channel.Signal("boom", (*room).boom),
			),
			channel.Topic("lobby:*", joinLobby(users)).With(channel.Presence(users)),
		},
		Origins:  []string{"*"},
		Limits:   channel.Limits{Joins: unlimited, Events: unlimited},
		LongPoll: &channel.LongPoll{},
	}
}

type room struct{ topic string }

func joinRoom(_ context.Context, j channel.Join[json.RawMessage]) (*room, error) {
	return &room{j.Topic}, nil
}

func (r *room) echo(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
	return payload, nil
}

const shout channel.Event[json.RawMessage] = "shout"

func (r *room) shout(ctx context.Context, payload json.RawMessage) error {
	return channel.Broadcast(ctx, r.topic, shout, payload)
}

func (r *room) boom(context.Context) error { panic("boom") }

type here struct {
	OnlineAt int64 `json:"online_at"`
}

type visitor struct {
	Name string `json:"name"`
}

// joinLobby tracks a client by its join's name, or else by the user that it connected as.
func joinLobby(users *presence.Tracker[here]) func(context.Context, channel.Join[visitor]) (*process.None, error) {
	return func(ctx context.Context, j channel.Join[visitor]) (*process.None, error) {
		name := j.Params.Name
		if name == "" {
			name = j.Peer.Params.Get("user")
		}
		_, err := users.Track(ctx, j.Topic, name, here{time.Now().Unix()})
		return new(process.None), err
	}
}
