package supervisor_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
)

type guest struct{ n int }

const (
	Guests  supervisor.DynamicName[guest, int] = "guests"
	Lodgers process.Family[guest]              = "lodgers"
)

func (g *guest) Hello(context.Context) error { return nil }

func benchTree(b *testing.B, children ...supervisor.Child) context.Context {
	b.Helper()
	node := process.NewNode(telemetry.WithLogger(context.Background(), slog.New(slog.DiscardHandler)))
	ctx := node.Context(context.Background())
	root, err := supervisor.Tree{Children: children}.Start(ctx)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { root.Stop(); node.Close() })
	return ctx
}

// BenchmarkDynamicStart is to be compared with BenchmarkSpawn, which is a process alone.
func BenchmarkDynamicStart(b *testing.B) {
	ctx := benchTree(b, supervisor.Child{Run: supervisor.Dynamic(Guests, func(_ context.Context, n int) (*guest, error) { return &guest{n}, nil }, process.Most(0))})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Guests.Start(ctx, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSpawn(b *testing.B) {
	ctx := benchTree(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := process.Spawn(ctx, func(context.Context) (*guest, error) { return new(guest), nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFamilyFirstMessage(b *testing.B) {
	ctx := benchTree(b, supervisor.Child{Run: supervisor.Family(Lodgers, func(context.Context) (*guest, error) { return new(guest), nil }, process.Most(0))})
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		if err := process.Run(ctx, Lodgers.Of(strconv.Itoa(n)), (*guest).Hello); err != nil {
			b.Fatal(err)
		}
	}
}
