package main

import (
	"cmp"
	"context"
	"embed"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// stand is a position as it is stored.
type stand struct {
	At       int64 // milliseconds since 1970
	Lat, Lon float64
	Speed    *float64 `bun:"speed_mps"`
	Heading  *float64 `bun:"heading_deg"`
}

func standOf(p Position) stand { return stand{p.At.UnixMilli(), p.Lat, p.Lon, p.Speed, p.Heading} }

func (s stand) position() Position {
	return Position{time.UnixMilli(s.At).UTC(), s.Lat, s.Lon, s.Speed, s.Heading}
}

// positionRow is one position of a track.
type positionRow struct {
	bun.BaseModel `bun:"table:positions,alias:positions"`
	Unit          string `bun:",pk"`
	stand
	Altitude *float64 `bun:"altitude_m"`
}

// learn takes over what another report of the same time knows besides.
func (r *positionRow) learn(more positionRow) {
	r.Speed = cmp.Or(r.Speed, more.Speed)
	r.Heading = cmp.Or(r.Heading, more.Heading)
	r.Altitude = cmp.Or(r.Altitude, more.Altitude)
}

// unitRow is where a unit stands.
type unitRow struct {
	bun.BaseModel `bun:"table:units,alias:units"`
	Unit          string `bun:",pk"`
	Agency        string
	Replayed      bool
	stand
}

// Store reads and, through its Writer, writes what the fleet must not forget.
type Store struct{ repo *data.Repo }

// Units gives all units as they stood last.
func (s Store) Units(ctx context.Context) ([]unitRow, error) {
	return data.From[unitRow]().All(ctx, s.repo)
}

// Unit gives one unit as it stood last, or fault.NotFound.
func (s Store) Unit(ctx context.Context, id string) (unitRow, error) {
	return data.Get[unitRow](ctx, s.repo, id)
}

// Track gives a unit's positions in a span of time, both ends included, oldest first.
func (s Store) Track(ctx context.Context, id string, from, to time.Time, most int) ([]Position, error) {
	q := data.From[positionRow]().Where("unit = ?", id).Order("at").Limit(most)
	if !from.IsZero() {
		q = q.Where("at >= ?", from.UnixMilli())
	}
	if !to.IsZero() {
		q = q.Where("at <= ?", to.UnixMilli())
	}
	rows, err := q.All(ctx, s.repo)
	track := make([]Position, len(rows))
	for i, r := range rows {
		track[i] = r.position()
	}
	return track, err
}

// Writing is the one process that stores positions.
const Writing process.Name[Writer] = "writer"

const (
	gather   = 10 * time.Millisecond
	maxBatch = 500
)

// Writer stores positions in batches: those that come within 10 ms, and while the batch
// before is being committed, go into one commit. Nobody is answered before it.
type Writer struct {
	repo    *data.Repo
	batch   []pending
	waiting int                   // entries in the batch
	fences  map[string][]Geofence // of each agency, by name
}

type pending struct {
	entries []Entry
	reply   process.Reply[[]Stored]
}

// Entry is what a unit wants stored: a position for its track, and whether it is where
// the unit stands now.
type Entry struct {
	Fix     Fix
	Current bool
	From    *Position // where it stood before; nil: nowhere
}

func openWriter(repo *data.Repo) func(context.Context) (*Writer, error) {
	return func(ctx context.Context) (*Writer, error) {
		w := &Writer{repo: repo, fences: make(map[string][]Geofence)}
		all, err := data.From[Geofence]().Order("name").All(ctx, repo)
		for _, g := range all {
			w.fences[g.Agency] = append(w.fences[g.Agency], g)
		}
		return w, err
	}
}

// Stored is what became of an entry.
type Stored struct {
	Changed  bool     // it is new, or told more than was known of that time
	Position Position // as it is kept
}

// Store answers once all entries are committed, in their order.
func (w *Writer) Store(ctx context.Context, entries []Entry) ([]Stored, error) {
	reply, err := process.Defer[[]Stored](ctx)
	if err != nil {
		return nil, err
	}
	w.batch = append(w.batch, pending{entries, reply})
	before := w.waiting
	w.waiting += len(entries)
	switch {
	case w.waiting >= maxBatch:
		err = w.flush(ctx)
	case before == 0:
		_, err = process.After(ctx, gather, (*Writer).flush)
	}
	if err != nil {
		return nil, err
	}
	return nil, process.Deferred
}

// flush commits the batch and answers.
func (w *Writer) flush(ctx context.Context) error {
	batch := w.batch
	w.batch, w.waiting = nil, 0
	if len(batch) == 0 {
		return nil
	}
	var entries []Entry
	for _, p := range batch {
		entries = append(entries, p.entries...)
	}
	stored, err := w.commit(ctx, entries)
	if err != nil {
		telemetry.Log(ctx).Error("positions could not be stored", "positions", len(entries), "error", err)
		err = fault.Unavailable.Wrap(err, "the position could not be stored; send it again")
	}
	for _, p := range batch {
		n := len(p.entries)
		p.reply.Send(stored[:n:n], err)
		stored = stored[n:]
	}
	return nil
}

// commit stores entries in one transaction and tells what became of each. A unit's
// position of a time is kept as it came first; what was unknown then, such as the speed,
// may still be told.
func (w *Writer) commit(ctx context.Context, entries []Entry) ([]Stored, error) {
	type key struct {
		unit string
		at   int64
	}
	var positions, changed []positionRow
	first := make(map[key]int, len(entries)) // → index in positions
	origin := make(map[key]int, len(entries))
	for i, e := range entries {
		r := positionRow{Unit: e.Fix.Unit, stand: standOf(e.Fix.Position), Altitude: e.Fix.Altitude}
		k := key{r.Unit, r.At}
		if j, twice := first[k]; twice {
			positions[j].learn(r)
			continue
		}
		first[k], origin[k] = len(positions), i
		positions = append(positions, r)
	}
	stored := make([]Stored, len(entries))
	err := w.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		err := tx.NewInsert().Model(&positions).On("CONFLICT (unit, at) DO UPDATE").
			Set("speed_mps = COALESCE(positions.speed_mps, EXCLUDED.speed_mps)").
			Set("heading_deg = COALESCE(positions.heading_deg, EXCLUDED.heading_deg)").
			Set("altitude_m = COALESCE(positions.altitude_m, EXCLUDED.altitude_m)").
			Where("positions.speed_mps IS NULL AND EXCLUDED.speed_mps IS NOT NULL").
			WhereOr("positions.heading_deg IS NULL AND EXCLUDED.heading_deg IS NOT NULL").
			WhereOr("positions.altitude_m IS NULL AND EXCLUDED.altitude_m IS NOT NULL").
			Returning("*").Scan(ctx, &changed)
		if err != nil {
			return err
		}
		for _, r := range changed {
			stored[origin[key{r.Unit, r.At}]] = Stored{true, r.position()}
		}
		if alerts := crossings(w.fences, entries, stored); len(alerts) > 0 {
			if _, err := Crossed.EnqueueAll(ctx, alerts); err != nil {
				return err
			}
		}
		units := standing(entries, stored)
		if len(units) == 0 {
			return nil
		}
		_, err = tx.NewInsert().Model(&units).On("CONFLICT (unit) DO UPDATE").
			Set("agency = EXCLUDED.agency, replayed = EXCLUDED.replayed, at = EXCLUDED.at").
			Set("lat = EXCLUDED.lat, lon = EXCLUDED.lon").
			Set("speed_mps = EXCLUDED.speed_mps, heading_deg = EXCLUDED.heading_deg").Exec(ctx)
		return err
	})
	return stored, err
}

// standing gives where the units stand after these entries: the last that is current.
func standing(entries []Entry, stored []Stored) []unitRow {
	at := make(map[string]int)
	var units []unitRow
	for i, e := range entries {
		if !e.Current || !stored[i].Changed {
			continue
		}
		u := unitRow{Unit: e.Fix.Unit, Agency: e.Fix.Agency, Replayed: e.Fix.Replayed, stand: standOf(stored[i].Position)}
		if j, twice := at[u.Unit]; twice {
			units[j] = u
			continue
		}
		at[u.Unit] = len(units)
		units = append(units, u)
	}
	return units
}

// Terminate stores what is still waiting.
func (w *Writer) Terminate(ctx context.Context, _ process.Reason) { _ = w.flush(ctx) }
