package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/internal/memnet"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// server is a program like any other, but for its listener, which is in memory.
type server struct {
	ctx      context.Context // with the node
	node     *process.Node
	tree     *supervisor.Root
	listener *memnet.Listener
}

func newServer() (*server, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	base := telemetry.WithLogger(context.Background(), log)
	s := &server{node: process.NewNode(base), listener: memnet.Listen()}
	s.ctx = s.node.Context(base)
	socket := &channel.Socket{
		Channels: []channel.Channel{channel.Topic("room:*", joinRoom,
			channel.Call("echo", (*room).echo),
			channel.Cast(shout, (*room).shout),
		)},
	}
	router := web.NewRouter()
	router.Mount("/socket", socket)
	var err error
	s.tree, err = supervisor.Tree{Name: "million", Children: []supervisor.Child{
		{Name: "socket", Run: socket},
		{Name: "web", Run: &web.Endpoint{Handler: router, Listen: s.listen, ReadHeaderTimeout: 30 * time.Second}},
	}}.Start(s.ctx)
	return s, err
}

func (s *server) stop() {
	s.tree.Stop()
	s.node.Close()
}

// listen gives the one listener that clients know: a restart of the endpoint ends the run.
func (s *server) listen(context.Context) (net.Listener, error) { return s.listener, nil }

type room struct{ topic string }

func joinRoom(_ context.Context, j channel.Join[process.None]) (*room, error) {
	return &room{j.Topic}, nil
}

func (r *room) echo(_ context.Context, payload json.RawMessage) (json.RawMessage, error) {
	return payload, nil
}

const shout channel.Event[json.RawMessage] = "shout"

func (r *room) shout(ctx context.Context, payload json.RawMessage) error {
	return channel.Broadcast(ctx, r.topic, shout, payload)
}
