// Rooms is a server that does what clients of channels are tested with. It is built by its
// file name, by run.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/web"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where it listens")
	flag.Parse()
	users := &presence.Tracker[user]{Name: "users"}
	limits := channel.Limits{Joins: channel.Limit{PerSecond: -1}, Idle: 5 * time.Second}
	open := &channel.Socket{
		Channels: channels(users),
		Connect:  func(_ context.Context, p *channel.Peer) error { p.ID = p.Params.Get("user"); return nil },
		LongPoll: &channel.LongPoll{Window: 2 * time.Second}, Compress: true, Limits: limits,
	}
	guarded := &channel.Socket{Channels: channels(users), Connect: guard, LongPoll: &channel.LongPoll{}, Limits: limits}
	router := web.NewRouter()
	router.Mount("/socket", open)
	router.Mount("/guarded", guarded)
	err := bennu.Run(context.Background(), bennu.App{
		Name: "rooms",
		Children: []supervisor.Child{
			{Name: "users", Run: users},
			{Name: "open", Run: open},
			{Name: "guarded", Run: guarded},
			{Name: "web", Run: &web.Endpoint{Addr: *addr, Handler: router}},
		},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// guard lets in whoever has a token, of which it takes the name.
func guard(_ context.Context, p *channel.Peer) error {
	if len(p.Token) < 6 || p.Token[:6] != "token-" {
		return fault.Forbidden.Errorf("the token is missing or wrong")
	}
	p.ID = p.Token[6:]
	return nil
}

func channels(users *presence.Tracker[user]) []channel.Channel {
	handlers := []channel.Handler[room]{
		channel.Joined((*room).joined),
		channel.Call(Echo, (*room).echo, channel.Limit{Bytes: 1 << 16}),
		channel.Call(Mirror, (*room).mirror),
		channel.Do(Shout, (*room).shout),
		channel.Cast(Blast, (*room).blast),
		channel.Call(Refuse, (*room).refuse),
		channel.Call(Count, (*room).count),
		channel.Run(Never, (*room).never),
		channel.Signal(Boom, (*room).boom),
		channel.Signal(Kick, (*room).kick),
		channel.Run(Bye, (*room).bye),
	}
	return []channel.Channel{
		channel.Topic("room:*", join, handlers...),
		channel.Topic("kept:*", join, handlers...).With(channel.History{Messages: 5}),
		channel.Topic("lobby:*", joinLobby(users), channel.Do(Status, (*visitor).status)).With(channel.Presence(users)),
	}
}

const (
	Echo   channel.Event[json.RawMessage] = "echo"   // is answered with itself
	Mirror channel.Event[channel.Binary]  = "mirror" // the same, of bytes
	Shout  channel.Event[said]            = "shout"  // to everybody
	Blast  channel.Event[channel.Binary]  = "blast"  // the same, of bytes
	Refuse channel.Event[said]            = "refuse" // is refused
	Count  channel.Event[said]            = "count"  // how often that was said
	Never  channel.Event[process.None]    = "never"  // is not answered
	Boom   channel.Event[process.None]    = "boom"   // crashes
	Kick   channel.Event[process.None]    = "kick"   // ends the connection
	Bye    channel.Event[process.None]    = "bye"    // ends the channel
	Status channel.Event[user]            = "status" // of a visitor
)

type said struct {
	Text string `json:"text"`
}

type room struct {
	topic  string
	client *channel.Client
}

type params struct {
	Refuse bool `json:"refuse"`
}

var joins atomic.Int64

func join(_ context.Context, j channel.Join[params]) (*room, error) {
	if j.Params.Refuse {
		return nil, fault.Forbidden.Errorf("not you")
	}
	joins.Add(1)
	return &room{topic: j.Topic, client: j.Client}, nil
}

type welcome struct {
	Transport string `json:"transport"`
	User      string `json:"user"`
	Joins     int64  `json:"joins"` // so far, of all
}

func (r *room) joined(context.Context) (welcome, error) {
	p := r.client.Peer()
	return welcome{p.Transport, p.ID, joins.Load()}, nil
}

func (r *room) echo(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
	return payload, nil
}

func (r *room) mirror(_ context.Context, payload channel.Binary) (channel.Binary, error) {
	return payload, nil
}

func (r *room) shout(ctx context.Context, s said) error {
	return channel.Broadcast(ctx, r.topic, Shout, s)
}

func (r *room) blast(ctx context.Context, payload channel.Binary) error {
	return channel.Broadcast(ctx, r.topic, Blast, append(channel.Binary(nil), payload...))
}

func (r *room) refuse(_ context.Context, s said) (process.None, error) {
	return process.None{}, fault.Refuse(fault.Fields{"text": {"is " + s.Text}})
}

var counted sync.Map

func (r *room) count(_ context.Context, s said) (map[string]int64, error) {
	n, _ := counted.LoadOrStore(s.Text, new(atomic.Int64))
	return map[string]int64{"times": n.(*atomic.Int64).Add(1)}, nil
}

func (r *room) never(context.Context) error {
	channel.Defer[process.None](r.client)
	return process.Deferred
}

func (r *room) boom(context.Context) error { panic("boom") }

func (r *room) kick(ctx context.Context) error {
	return channel.Disconnect(ctx, r.client.Peer().ID)
}

func (r *room) bye(ctx context.Context) error { return process.Stop(ctx, process.Normal) }

type user struct {
	Name   string `json:"name,omitempty"` // of the join
	Status string `json:"status"`
}

type visitor struct {
	users       *presence.Tracker[user]
	topic, name string
}

func joinLobby(users *presence.Tracker[user]) func(context.Context, channel.Join[user]) (*visitor, error) {
	return func(ctx context.Context, j channel.Join[user]) (*visitor, error) {
		v := &visitor{users, j.Topic, j.Params.Name}
		_, err := users.Track(ctx, j.Topic, v.name, user{Status: "here"})
		return v, err
	}
}

func (v *visitor) status(ctx context.Context, u user) error {
	_, err := v.users.Update(ctx, v.topic, v.name, user{Status: u.Status})
	return err
}
