package data

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

type watched struct {
	ID   int
	Name string
}

func TestChangesAreToldWhenTheyAreCommitted(t *testing.T) {
	n := process.NewNode(context.Background())
	defer n.Close()
	ctx := n.Context(t.Context())
	repo := &Repo{URL: "sqlite::memory:"}
	if err := repo.Start(ctx); err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- repo.Serve(serving) }()
	defer func() { stop(); <-served }()

	var got []Change[watched]
	end, err := pubsub.Tap(ctx, Watch[watched](), func(c Change[watched]) { got = append(got, c) })
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	failed := errors.New("no")
	err = repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		rows := []watched{{1, "a"}, {2, "b"}}
		changed(ctx, tx, Inserted, rows...)
		rows[0].Name = "the caller's" // what was stored counts
		err := repo.Write(ctx, func(ctx context.Context, tx Tx) error {
			changed(ctx, tx, Deleted, rows[1])
			return failed
		})
		if err != failed || got != nil {
			t.Errorf("got %v, %v", got, err)
		}
		changed(ctx, tx, Updated, watched{1, "aa"})
		changed(context.Background(), tx, Updated, watched{1, "nobody hears"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = repo.Write(ctx, func(ctx context.Context, tx Tx) error {
		changed(ctx, tx, Deleted, watched{2, "b"})
		return failed
	})
	want := []Change[watched]{{Inserted, watched{1, "a"}}, {Inserted, watched{2, "b"}}, {Updated, watched{1, "aa"}}}
	if err != failed || !slices.Equal(got, want) {
		t.Errorf("got %v, want %v; %v", got, want, err)
	}
}

func TestEachTypeHasItsTopic(t *testing.T) {
	if a, b := Watch[watched](), Watch[struct{ ID int }](); a != "data:github.com/bennu-go/bennu/data.watched" || b != "data:struct { ID int }" {
		t.Errorf("got %q, %q", a, b)
	}
}

func TestOpString(t *testing.T) {
	for op, want := range map[Op]string{Inserted: "inserted", Updated: "updated", Deleted: "deleted", 0: "unknown"} {
		if op.String() != want {
			t.Errorf("%d is %q", op, op)
		}
	}
}

func BenchmarkChangedUnheard(b *testing.B) {
	n := process.NewNode(context.Background())
	defer n.Close()
	ctx := n.Context(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		tx := Tx{&frame{}}
		changed(ctx, tx, Inserted, watched{1, "a"})
		for _, f := range tx.f.hooks {
			f()
		}
	}
}
