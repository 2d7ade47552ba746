package data_test

import (
	"context"
	"testing"
	"time"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/data/datatest"
)

type Route struct {
	ID    int64 `bun:",pk,autoincrement"`
	Begun time.Time
	Stops []Stop `bun:"m2m:route_stops,join:Route=Stop"`
}

type Stop struct {
	ID   int64 `bun:",pk,autoincrement"`
	Name string
}

type RouteStop struct {
	RouteID int64  `bun:",pk"`
	Route   *Route `bun:"rel:belongs-to"`
	StopID  int64  `bun:",pk"`
	Stop    *Stop  `bun:"rel:belongs-to"`
}

func TestManyToMany(t *testing.T) {
	t.Parallel()
	repo := &data.Repo{
		URL: "sqlite::memory:",
		Migrations: files("1_routes.sql", `
			CREATE TABLE routes (id INTEGER PRIMARY KEY, begun TIMESTAMP NOT NULL);
			CREATE TABLE stops (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
			CREATE TABLE route_stops (route_id INT REFERENCES routes, stop_id INT REFERENCES stops, PRIMARY KEY (route_id, stop_id));`),
		Models: []any{(*RouteStop)(nil)},
	}
	datatest.Start(t, repo)
	begun := time.Date(2026, 11, 21, 1, 2, 3, 456789000, time.FixedZone("", 3600))
	err := repo.Write(t.Context(), func(ctx context.Context, tx data.Tx) error {
		route := &Route{Begun: begun}
		if _, err := tx.NewInsert().Model(route).Exec(ctx); err != nil {
			return err
		}
		stops := []Stop{{Name: "north"}, {Name: "south"}, {Name: "gone"}}
		if _, err := tx.NewInsert().Model(&stops).Exec(ctx); err != nil {
			return err
		}
		for _, stop := range stops {
			if _, err := tx.NewInsert().Model(&RouteStop{RouteID: route.ID, StopID: stop.ID}).Exec(ctx); err != nil {
				return err
			}
		}
		if _, err := tx.NewDelete().Model(&RouteStop{RouteID: route.ID, StopID: stops[2].ID}).WherePK().Exec(ctx); err != nil {
			return err
		}
		stops[0].Name = "far north"
		_, err := tx.NewUpdate().Model(&stops[0]).WherePK().Exec(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var route Route
	err = repo.Read(t.Context(), func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&route).Relation("Stops").Scan(ctx)
	})
	if err != nil || len(route.Stops) != 2 || route.Stops[0].Name != "far north" || !route.Begun.Equal(begun) {
		t.Errorf("got %+v, %v", route, err)
	}
}
