package data_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

// A program embeds its migrations: //go:embed migrations/*.sql
var unitMigrations = fstest.MapFS{
	"migrations/0001_create_units.sql": {Data: []byte(`
		CREATE TABLE units (
			id   TEXT PRIMARY KEY,
			name TEXT NOT NULL
		);`)},
}

type Unit struct {
	ID   string `bun:",pk"`
	Name string
}

func Example() {
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: unitMigrations}

	// In a program the repo is a child in the tree, whose supervisor does this:
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := repo.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- repo.Serve(ctx) }()
	defer func() { stop(); <-served }() // it waits for the file to be whole

	err := repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewInsert().Model(&[]Unit{{ID: "u1", Name: "Ada"}, {ID: "u2", Name: "Grace"}}).Exec(ctx)
		return err
	})
	fmt.Println("written:", err)

	var units []Unit
	err = repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&units).Where("name LIKE ?", "%a%").Order("id").Scan(ctx)
	})
	for _, u := range units {
		fmt.Println(u.ID, u.Name)
	}

	err = errors.Join(err, repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewInsert().Model(&Unit{ID: "u1", Name: "Alan"}).Exec(ctx)
		return err
	}))
	fmt.Println(fault.Of(err), "–", fault.Detail(err))
	// Output:
	// written: <nil>
	// u1 Ada
	// u2 Grace
	// conflict – there is one with the same key already
}
