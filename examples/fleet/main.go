package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/bennu-go/bennu"
	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/config"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/token"
	"github.com/bennu-go/bennu/web"
)

const name = "fleet"

type options struct {
	Addr     string        `flag:"addr" env:"FLEET_ADDR" default:"127.0.0.1:4000" help:"where the page, the API and the doors listen"`
	UDP      string        `flag:"udp" env:"FLEET_UDP" default:"127.0.0.1:5005" help:"where NMEA datagrams arrive; empty: nowhere"`
	Devices  string        `flag:"devices" env:"FLEET_DEVICES" default:"127.0.0.1:5006" help:"where devices connect by UDP; empty: nowhere"`
	DB       string        `flag:"db" env:"FLEET_DB" default:"sqlite:fleet.db" help:"where all is kept: sqlite:PATH, sqlite::memory:, or postgres://…"`
	Replay   string        `flag:"replay" env:"FLEET_REPLAY" default:"nyc" help:"traces to replay: nyc, limerick, none, or a file (GPX, trips JSON, NMEA log)"`
	Speed    float64       `flag:"speed" env:"FLEET_SPEED" default:"10" help:"how much faster than life the replay is"`
	Key      string        `flag:"key" env:"FLEET_KEY" secret:"true" help:"what devices and programs then show as key=…; people log in"`
	Open     bool          `flag:"open" env:"FLEET_OPEN" help:"listen to the network without a key"`
	Demo     *bool         `flag:"demo" env:"FLEET_DEMO" help:"let clients crash units; default: only where nobody else can connect"`
	Keep     time.Duration `flag:"keep" env:"FLEET_KEEP" default:"2160h" help:"how long tracks and alerts are kept; those of replayed units an hour"`
	MaxUnits int           `flag:"max-units" env:"FLEET_MAX_UNITS" default:"10000" help:"how many units there may be"`
	Log      slog.Level    `flag:"log" env:"FLEET_LOG" default:"info" help:"what is logged: debug, info, warn or error"`
	Secrets  *token.Keys   `env:"FLEET_SECRETS" secret:"true" help:"sign the sessions, newest first; without, people log in again after each start"`
}

func main() {
	err := serve(os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, name+":", strings.TrimPrefix(err.Error(), name+": ")) // which the tree has, too
		os.Exit(1)
	}
}

// serve is the server, or with the word device a device of it, with user its accounts, and
// with data its database.
func serve(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "device":
			return drive(args[1:])
		case "user":
			return account(args[1:], os.Stdout)
		case "data":
			return manage(args[1:], os.Stdout)
		}
	}
	opts, err := config.Load[options](name, args, os.LookupEnv)
	if err != nil {
		return err
	}
	app, err := build(opts)
	if err != nil {
		return err
	}
	app.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: opts.Log}))
	return bennu.Run(context.Background(), app)
}

// build checks the options and makes the tree of them.
func build(opts options) (bennu.App, error) {
	if err := opts.check(); err != nil {
		return bennu.App{}, err
	}
	replay, err := newReplay(opts.Replay, opts.Speed)
	if err != nil {
		return bennu.App{}, err
	}
	keys := opts.Secrets
	if keys == nil {
		if keys, err = token.NewKeys(token.Generate()); err != nil {
			return bennu.App{}, err
		}
	}
	repo := &data.Repo{URL: opts.DB, Migrations: migrations}
	store := Store{repo}
	sessions := &data.Sessions{Repo: repo}
	door := Door{keyed(opts.Key), store}
	watching := &presence.Tracker[Watch]{Name: "watching"}
	socket := &channel.Socket{
		Channels: channels(opts.demo(), store, watching),
		Connect:  door.connect,
		LongPoll: &channel.LongPoll{},
		Compress: true,
	}
	site := &Site{opts, store, door, replay, &web.Sessions{Keys: keys, Store: sessions}}
	endpoint := &web.Endpoint{Addr: opts.Addr, Handler: site.routes(socket), Drain: time.Second}

	// Who is present must say so again to a tracker that was restarted, so the connections go
	// with it, and come back.
	connections := []supervisor.Child{{Name: "watching", Run: watching}, {Name: "socket", Run: socket}}
	if opts.Devices != "" {
		host, _ := os.Hostname()
		secret, err := door.key.resetSecret(host, opts.Devices)
		if err != nil {
			return bennu.App{}, err
		}
		devices := &channel.UDP{Socket: socket, Addr: opts.Devices, Key: door.key.deviceKey(), Secret: secret, Idle: deviceIdle}
		connections = append(connections, supervisor.Child{Name: "devices", Run: devices, Backoff: rebind})
	}
	children := []supervisor.Child{
		{Name: "data", Run: repo},
		{Name: "sessions", Run: sessions},
		{Name: "jobs", Run: newJobs(store, opts.Keep)},
		{Run: supervisor.Process(Writing, openWriter(repo))},
		{Run: supervisor.Process(Dispatch, openBoard(store, opts.MaxUnits))},
		{
			Run:     supervisor.Family(Units, openUnit(store), process.Mailbox{Size: 256}), // the board says how many
			Backoff: supervisor.Backoff{First: 500 * time.Millisecond, Min: 500 * time.Millisecond, Max: 5 * time.Second},
		},
		{Run: supervisor.Tree{Name: "connections", Strategy: supervisor.RestForOne, Children: connections}},
		{Name: "web", Run: endpoint},
	}
	if opts.UDP != "" {
		udp := &UDP{addr: opts.UDP, key: door.key, most: opts.MaxUnits}
		children = append(children, supervisor.Child{Name: "udp", Run: udp, Backoff: rebind})
	}
	children = append(children, replay.children()...)
	return bennu.App{Name: name, Children: children, Shutdown: 10 * time.Second}, nil
}

// rebind gives the system time: an address may still be taken just after it was let go.
var rebind = supervisor.Backoff{Max: 5 * time.Second}

// deviceIdle is how soon a device that is silent is given up.
const deviceIdle = 30 * time.Second

// check refuses options that cannot work, or that would let strangers in.
func (o options) check() error {
	if o.Keep < time.Hour {
		return fault.Invalid.Errorf("-keep must be at least 1h, got %v", o.Keep)
	}
	if o.MaxUnits < 1 {
		return fault.Invalid.Errorf("-max-units must be at least 1, got %d", o.MaxUnits)
	}
	if o.Devices != "" && o.Key != "" && len(o.Key) < minKey {
		return fault.Invalid.Errorf("-key must have %d characters or more, since devices sign with it; or take no devices, with -devices ''", minKey)
	}
	for _, door := range []struct{ flag, addr string }{{"-addr", o.Addr}, {"-udp", o.UDP}, {"-devices", o.Devices}} {
		if _, _, err := net.SplitHostPort(door.addr); err != nil && door.addr != "" {
			return fault.Invalid.Errorf("%s %q is no address; want host:port, as in 127.0.0.1:4000", door.flag, door.addr)
		}
		if o.Key == "" && !o.Open && !loopback(door.addr) {
			return fault.Invalid.Errorf("%s %s can be reached by others: set -key, or -open to let everybody in", door.flag, door.addr)
		}
	}
	return nil
}

// demo reports whether clients may crash units. By default they may where nobody but
// this machine can connect.
func (o options) demo() bool {
	if o.Demo != nil {
		return *o.Demo
	}
	return loopback(o.Addr)
}

// loopback reports whether only this machine reaches an address. Nobody reaches "".
func loopback(addr string) bool {
	if addr == "" {
		return true
	}
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
