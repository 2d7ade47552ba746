package main

import (
	"context"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process"
)

// Spoken is told on the topic "rooms" with each message in any room, so that a list of
// rooms shows where there is news. It is not kept: who was away gets the list again.
const Spoken channel.Event[Standing] = "spoken"

// Standing is how far a room is.
type Standing struct {
	Room string `json:"room"`
	Seq  uint64 `json:"seq"` // of its latest message
}

// List is the reply to a join of "rooms".
type List struct {
	Rooms []Standing `json:"rooms"`
}

// Directory is one window that shows the list of rooms.
type Directory struct{ store Store }

func joinRooms(store Store) func(context.Context, channel.Join[process.None]) (*Directory, error) {
	return func(context.Context, channel.Join[process.None]) (*Directory, error) { return &Directory{store}, nil }
}

func (d *Directory) list(ctx context.Context) (List, error) {
	rooms, err := d.store.Rooms(ctx)
	return List{rooms}, err
}
