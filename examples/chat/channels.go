package main

import (
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

// What browsers say on the topic of a room, and are told.
const (
	Post   channel.Event[Draft]        = "post"
	Older  channel.Event[Before]       = "older"
	Type   channel.Event[process.None] = "typing"
	Crash  channel.Event[process.None] = "crash"
	Typing channel.Event[Typist]       = "typing"
)

// Here is what is known of a user in a room, once for each of its windows.
type Here struct {
	Since time.Time `json:"since"`
}

// channels are the topics of the socket. A browser joins "rooms" and one room, over one
// connection.
func channels(store Store, users *presence.Tracker[Here]) []channel.Channel {
	return []channel.Channel{
		channel.Topic("rooms", joinRooms(store),
			channel.Joined((*Directory).list),
		).With(
			channel.Emits(Spoken),
		),
		channel.Topic("room:*", joinRoom(store, users),
			channel.Joined((*Seat).snapshot),
			channel.Call(Post, (*Seat).post, channel.Limit{PerSecond: 5, Burst: 20}),
			channel.Call(Older, (*Seat).older, channel.Limit{PerSecond: 2, Burst: 10}),
			channel.Signal(Type, (*Seat).typing, channel.Limit{PerSecond: 5}),
			channel.Signal(Crash, (*Seat).crash),
		).With(
			channel.History{Messages: kept, Age: 24 * time.Hour, Events: channel.Events(Posted), Load: load},
			channel.Presence(users),
			channel.Emits(Posted, Typing),
		),
	}
}
