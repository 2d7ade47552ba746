package data_test

import (
	"context"
	"fmt"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
)

type Driver struct {
	ID      int64 `bun:",pk,autoincrement"`
	Name    string
	Badge   string
	Hours   int
	Hired   time.Time `data:"created"`
	Changed time.Time `data:"updated"`
	Version int       `data:"version"`
}

var driverMigrations = files("0001_create_drivers.sql", `
	CREATE TABLE drivers (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		name TEXT NOT NULL,
		badge TEXT NOT NULL UNIQUE,
		hours INTEGER NOT NULL CHECK (hours >= 0),
		hired TIMESTAMP NOT NULL, changed TIMESTAMP NOT NULL, version INTEGER NOT NULL
	);`)

// busy is a part of a query.
func busy(q data.Query[Driver]) data.Query[Driver] { return q.Where("hours > ?", 40) }

func Example_rows() {
	repo := &data.Repo{URL: "sqlite::memory:", Migrations: driverMigrations}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if err := repo.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- repo.Serve(ctx) }()
	defer func() { stop(); <-served }()

	ann := Driver{Name: "Ann", Badge: "A1", Hours: 45}
	fmt.Println(data.Insert(ctx, repo, &ann), ann.ID, ann.Version)

	err := data.Insert(ctx, repo, &Driver{Name: "Bob", Badge: "A1"})
	fmt.Println(fault.Of(err), fault.FieldsOf(err))

	drivers, err := data.From[Driver]().With(busy).Order("name").All(ctx, repo)
	fmt.Println(len(drivers), drivers[0].Name, err)

	stale := ann
	ann.Hours = 20
	fmt.Println(data.Update(ctx, repo, &ann), ann.Version)
	fmt.Println(fault.Detail(data.Update(ctx, repo, &stale)))

	m := data.NewMulti()
	first := data.Step(m, "hire", func(ctx context.Context, tx data.Tx) (Driver, error) {
		bob := Driver{Name: "Bob", Badge: "B1"}
		err := data.Insert(ctx, tx, &bob)
		return bob, err
	})
	data.Step(m, "hand over", func(ctx context.Context, tx data.Tx) (int64, error) {
		return data.From[Driver]().Where("badge <> ?", first.Value().Badge).Update(ctx, tx, "hours = hours - ?", 30)
	})
	fmt.Println(fault.Detail(m.Run(ctx, repo)))
	n, err := data.From[Driver]().Count(ctx, repo)
	fmt.Println(n, err)
	// Output:
	// <nil> 1 1
	// conflict badge has already been taken
	// 1 Ann <nil>
	// <nil> 2
	// it was changed by somebody else meanwhile: read it again
	// a value is not allowed
	// 1 <nil>
}
