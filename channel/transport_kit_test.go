package channel_test

import (
	"context"
	"testing"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/process/processtest"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

// cabin is the channel of the transports' tests.
type cabin struct{ client *channel.Client }

type line struct {
	Text string `json:"text"`
}

const (
	spoken channel.Event[line]           = "spoken"
	drawn  channel.Event[channel.Binary] = "drawn"
)

func (c *cabin) echo(_ context.Context, in line) (line, error) { return in, nil }
func (c *cabin) say(ctx context.Context, in line) error {
	return channel.BroadcastFrom(ctx, c.client, spoken, in)
}
func (c *cabin) size(_ context.Context, in channel.Binary) (int, error) { return len(in), nil }
func (c *cabin) mirror(_ context.Context, in channel.Binary) (channel.Binary, error) {
	return in, nil
}
func (c *cabin) boom(context.Context) error { panic("boom") }

func cabins() []channel.Channel {
	return []channel.Channel{channel.Topic("cabin:*",
		func(_ context.Context, j channel.Join[struct{}]) (*cabin, error) { return &cabin{j.Client}, nil },
		channel.Call("echo", (*cabin).echo),
		channel.Do("say", (*cabin).say),
		channel.Call("size", (*cabin).size),
		channel.Call("mirror", (*cabin).mirror),
		channel.Run("boom", (*cabin).boom),
	)}
}

// site is a tree that runs.
type site struct {
	ctx      context.Context
	counters *telemetry.Counters
	stop     func()
}

func run(t *testing.T, children ...supervisor.Child) *site {
	t.Helper()
	return runOn(t, processtest.Node(t), children...)
}

func runOn(t *testing.T, ctx context.Context, children ...supervisor.Child) *site {
	t.Helper()
	root, err := supervisor.Tree{Name: "site", Children: children}.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(root.Stop)
	return &site{context.WithoutCancel(ctx), telemetry.CountersOf(ctx), root.Stop}
}

func (s *site) expectCount(t *testing.T, name string, want int64) {
	t.Helper()
	if got := s.counters.Counter(name).Value(); got != want {
		t.Errorf("%s is %d, and not %d", name, got, want)
	}
}
