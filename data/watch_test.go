package data_test

import (
	"context"
	"slices"
	"testing"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/pubsub"
)

type berth struct {
	ID   int64 `bun:",pk,autoincrement"`
	Name string
}

func TestTypedFunctionsAreWatched(t *testing.T) {
	t.Parallel()
	node := process.NewNode(context.Background())
	defer node.Close()
	ctx := node.Context(t.Context())
	repo := datatest.Open(t, files("1_berths.sql", "CREATE TABLE berths (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
	var got []data.Change[berth]
	end, err := pubsub.Tap(ctx, data.Watch[berth](), func(c data.Change[berth]) { got = append(got, c) })
	if err != nil {
		t.Fatal(err)
	}
	defer end()

	one := berth{Name: "one"}
	two := []berth{{Name: "two"}, {Name: "three"}}
	for _, do := range []func() error{
		func() error { return data.Insert(ctx, repo, &one) },
		func() error { return data.InsertAll(ctx, repo, two) },
		func() error { one.Name = "first"; return data.Update(ctx, repo, &one) },
		func() error { two[0].Name = "second"; return data.Upsert(ctx, repo, &two[0]) },
		func() error { return data.Delete(ctx, repo, &two[1]) },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	want := []data.Change[berth]{
		{Op: data.Inserted, Row: berth{1, "one"}},
		{Op: data.Inserted, Row: berth{2, "two"}},
		{Op: data.Inserted, Row: berth{3, "three"}},
		{Op: data.Updated, Row: berth{1, "first"}},
		{Op: data.Updated, Row: berth{2, "second"}},
		{Op: data.Deleted, Row: berth{3, "three"}},
	}
	if !slices.Equal(got, want) {
		t.Errorf("told %+v", got)
	}
}
