package main

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

// Seat is one user in one room: the process behind one window.
type Seat struct {
	name   string
	key    string // of the room
	room   process.Address[Room]
	store  Store
	client *channel.Client
}

// Introduction comes with a join. Any name will do, also one that somebody else has: this
// is an example of channels. A real application lets the socket's Connect find out who it
// is, and the join look there.
type Introduction struct {
	Name string `json:"name" validate:"required,max=40"`
}

// Validate is asked when the tags are content.
func (i Introduction) Validate() error {
	if !isName(i.Name) {
		return fault.Refuse(fault.Fields{"name": {nameRule}})
	}
	return nil
}

// Draft is a message that a user wants to post.
type Draft struct {
	Body string `json:"body" validate:"required,max=2000"`
	Key  string `json:"key" validate:"required,max=64"` // for this message, however often it is sent
}

// Validate is asked when the tags are content.
func (d Draft) Validate() error {
	wrong := fault.Fields{}
	if strings.TrimSpace(d.Body) == "" {
		wrong.Add("body", "must not be blank")
	}
	for field, text := range map[string]string{"body": d.Body, "key": d.Key} {
		if strings.ContainsFunc(text, isControl) {
			wrong.Add(field, "must have no control characters")
		}
	}
	return fault.Refuse(wrong)
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }

// Before asks for messages that are older than one.
type Before struct {
	Seq uint64 `json:"seq" validate:"min=1,max=9007199254740991"` // what JavaScript can count to
}

// Typist is somebody who is writing just now.
type Typist struct {
	Name string `json:"name"`
}

// Talk is messages, oldest first.
type Talk struct {
	Messages []Message `json:"messages"`
}

func joinRoom(store Store, users *presence.Tracker[Here]) func(context.Context, channel.Join[Introduction]) (*Seat, error) {
	return func(ctx context.Context, j channel.Join[Introduction]) (*Seat, error) {
		if !isName(j.Key) || len([]rune(j.Key)) > 40 {
			return nil, fault.Invalid.Errorf("a room's name has 1 to 40 characters and %s", nameRule)
		}
		_, err := users.Track(ctx, j.Topic, j.Params.Name, Here{time.Now().UTC().Truncate(time.Second)})
		return &Seat{j.Params.Name, j.Key, Rooms.Of(j.Key), store, j.Client}, err
	}
}

// snapshot is the reply to the join: what was said last.
func (s *Seat) snapshot(ctx context.Context) (Talk, error) {
	latest, err := process.Ask(ctx, s.room, (*Room).Latest)
	return Talk{latest}, err
}

// post replies once the message is stored.
func (s *Seat) post(ctx context.Context, d Draft) (Message, error) {
	return process.Call(ctx, s.room, (*Room).Post, Message{Author: s.name, Body: d.Body, Key: d.Key})
}

// older reads past the room, which has better things to do.
func (s *Seat) older(ctx context.Context, b Before) (Talk, error) {
	messages, err := s.store.Before(ctx, s.key, b.Seq, 50)
	return Talk{messages}, err
}

func (s *Seat) typing(ctx context.Context) error {
	return channel.BroadcastFrom(ctx, s.client, Typing, Typist{s.name})
}

// crash is for demonstrations.
func (s *Seat) crash(context.Context) error { panic("crashed on demand") }
