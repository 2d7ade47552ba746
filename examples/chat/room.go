package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process"
)

// Rooms has one process for each room. It falls asleep when nobody has written for long.
const Rooms process.Family[Room] = "room"

// Posted is the event with each message on the topic room:<name>.
const Posted channel.Event[Message] = "posted"

// Message is what somebody said.
type Message struct {
	Seq    uint64    `json:"seq"` // 1, 2, 3 … in each room
	Author string    `json:"author"`
	Body   string    `json:"body"`
	Posted time.Time `json:"posted"`
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
		r.epoch, r.latest, err = store.Open(ctx, r.name, kept)
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
	m.Seq, m.Posted = r.seq()+1, time.Now().UTC().Truncate(time.Millisecond)
	m, added, err := r.store.Add(ctx, r.name, m)
	if err != nil {
		return m, err
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
