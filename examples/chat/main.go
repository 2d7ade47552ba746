package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/web"
)

type options struct {
	Addr string     `flag:"addr" env:"CHAT_ADDR" default:"127.0.0.1:4000" help:"where it listens"`
	DB   string     `flag:"db" env:"CHAT_DB" default:"sqlite:chat.db" help:"where messages are kept: sqlite:FILE, postgres://USER@HOST/DATABASE, or sqlite::memory:, which forgets them"`
	Log  slog.Level `flag:"log" env:"CHAT_LOG" default:"info" help:"what is logged: debug, info, warn or error"`
}

func main() {
	opts, err := config.Load[options]("chat", os.Args[1:], os.LookupEnv)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = bennu.Run(context.Background(), build(opts))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(opts options) bennu.App {
	repo := &data.Repo{URL: opts.DB, Migrations: migrations}
	users := &presence.Tracker[Here]{Name: "users"}
	store := Store{repo}
	socket := &channel.Socket{Channels: channels(store, users), LongPoll: &channel.LongPoll{}, Compress: true}
	return bennu.App{
		Name:   "chat",
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: opts.Log})),
		Children: []supervisor.Child{
			{Name: "data", Run: repo},
			{Run: supervisor.Family(Rooms, openRoom(store))},
			// Who is present must say so again to a tracker that was restarted, so the
			// connections go with it, and come back.
			{Run: supervisor.Tree{Name: "talk", Strategy: supervisor.RestForOne, Children: []supervisor.Child{
				{Name: "users", Run: users},
				{Name: "socket", Run: socket},
			}}},
			{Name: "web", Run: &web.Endpoint{Addr: opts.Addr, Handler: routes(socket)}},
		},
	}
}
