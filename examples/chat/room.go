package main

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
)

// Rooms has one process for each room. It falls asleep when nobody has written for long.
const Rooms process.Family[Room] = "room"

// Posted is the event with each message on the topic room:<name>.
const Posted channel.Event[Message] = "posted"

// Message is what somebody said.
type Message struct {
	Room   string    `json:"-" bun:",pk"`
	Seq    uint64    `json:"seq" bun:",pk"` // 1, 2, 3 … in each room
	Author string    `json:"author"`
	Body   string    `json:"body"`
	Posted time.Time `json:"posted" data:"created"`
	Key    string    `json:"key"` // the author's own
}

// Offset is the message's place in the history of the topic.
func (m Message) Offset() uint64 { return m.Seq }

// kept is how many messages a room, and the history of its topic, remember.
const kept = 100

// Room is where messages get their order.
type Room struct {
	name   string
	epoch  string
	latest []Message
	store  Store
}

func openRoom(store Store) func(context.Context) (*Room, error) {
	return func(ctx context.Context) (*Room, error) {
		r := &Room{name: process.Self[Room](ctx).Key(), store: store}
		var err error
		if r.epoch, err = store.Open(ctx, r.name); err != nil {
			return r, err
		}
		r.latest, err = store.Before(ctx, r.name, math.MaxInt64, kept)
		if err != nil || len(r.latest) == 0 {
			return r, err
		}
		// It may have crashed when this one was stored, and nobody was told yet.
		return r, r.tell(ctx, r.latest[len(r.latest)-1])
	}
}

// Post stores a message and then tells everybody in the room. One that comes again, because
// its author has not heard the answer, is stored once.
func (r *Room) Post(ctx context.Context, m Message) (Message, error) {
	m.Room, m.Seq = r.name, r.seq()+1
	m, added, err := r.store.Add(ctx, m)
	if fault.Of(err) == fault.Conflict { // another program has stored one with this number
		err = fault.Unavailable.Errorf("the room has moved on: post it again")
	}
	if err != nil { // perhaps it is stored all the same: the next post finds a room that has read what there is
		return m, errors.Join(err, process.Stop(ctx, process.Normal))
	}
	if added {
		r.latest = append(r.latest[max(0, len(r.latest)+1-kept):], m)
	}
	return m, r.tell(ctx, m)
}

// tell does no harm if it is done twice: who has the message does not get it again, for its
// offset is not new.
func (r *Room) tell(ctx context.Context, m Message) error {
	if err := channel.Broadcast(ctx, topicOf(r.name), Posted, m); err != nil {
		return err
	}
	return channel.Broadcast(ctx, "rooms", Spoken, Standing{r.name, m.Seq})
}

// Latest gives what was said last, oldest first.
func (r *Room) Latest(context.Context) ([]Message, error) { return slices.Clone(r.latest), nil }

// History gives the same as the beginning of the topic's history.
func (r *Room) History(context.Context) (channel.Stored, error) {
	h := channel.Stored{Epoch: r.epoch, Offset: r.seq()}
	for _, m := range r.latest {
		h.Messages = append(h.Messages, channel.Record(Posted, m))
	}
	return h, nil
}

// load gives the history of a topic from where it is kept.
func load(ctx context.Context, topic string) (channel.Stored, error) {
	return process.Ask(ctx, Rooms.Of(strings.TrimPrefix(topic, topicOf(""))), (*Room).History)
}

func topicOf(room string) string { return "room:" + room }

func (r *Room) seq() uint64 {
	if len(r.latest) == 0 {
		return 0
	}
	return r.latest[len(r.latest)-1].Seq
}
