package main

import (
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

// row is a position as it is stored.
type row struct {
	At       int64 // milliseconds since 1970
	Lat, Lon float64
	Speed    *float64 `bun:"speed_mps"`
	Heading  *float64 `bun:"heading_deg"`
	Altitude *float64 `bun:"altitude_m"`
}

type positionRow struct {
	bun.BaseModel `bun:"table:positions"`
	Unit          string
	row
}

type unitRow struct {
	bun.BaseModel `bun:"table:units"`
	Unit          string
	Agency        string
	Replayed      bool
	row
}

func rowOf(f Fix) row {
	return row{f.At.UnixMilli(), f.Lat, f.Lon, f.Speed, f.Heading, f.Altitude}
}

func (r row) position() Position {
	return Position{time.UnixMilli(r.At).UTC(), r.Lat, r.Lon, r.Speed, r.Heading}
}

// Store reads and, through its Writer, writes what the fleet must not forget.
type Store struct{ repo *data.Repo }

// Units gives all units as they stood last.
func (s Store) Units(ctx context.Context) (units []unitRow, err error) {
	err = s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&units).Scan(ctx)
	})
	return units, err
}

// Unit gives one unit as it stood last, or fault.NotFound.
func (s Store) Unit(ctx context.Context, id string) (unitRow, error) {
	var found []unitRow
	err := s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		return tx.NewSelect().Model(&found).Where("unit = ?", id).Scan(ctx)
	})
	if err == nil && len(found) == 0 {
		err = fault.NotFound
	}
	if err != nil {
		return unitRow{}, err
	}
	return found[0], nil
}

// Track gives a unit's positions in a span of time, both ends included, oldest first.
func (s Store) Track(ctx context.Context, id string, from, to time.Time, most int) ([]Position, error) {
	var rows []positionRow
	err := s.repo.Read(ctx, func(ctx context.Context, tx data.Tx) error {
		q := tx.NewSelect().Model(&rows).Where("unit = ?", id).Order("at").Limit(int64(most))
		if !from.IsZero() {
			q = q.Where("at >= ?", from.UnixMilli())
		}
		if !to.IsZero() {
			q = q.Where("at <= ?", to.UnixMilli())
		}
		return q.Scan(ctx)
	})
	track := make([]Position, len(rows))
	for i, r := range rows {
		track[i] = r.position()
	}
	return track, err
}

// Writing is the one process that writes.
const Writing process.Name[Writer] = "writer"

const (
	maxBatch     = 500
	replayedKeep = time.Hour
	pruneEvery   = 10 * time.Second
)

// Writer stores positions in batches: while one is being committed, the next ones wait
// in its mailbox, and all go into the next commit. Nobody is answered before.
type Writer struct {
	repo  *data.Repo
	batch []pending
}

type pending struct {
	fix     Fix
	current bool
	reply   process.Reply[bool]
}

// Entry is what a unit wants stored: a position for its track, and whether it is where
// the unit stands now.
type Entry struct {
	Fix     Fix
	Current bool
}

func openWriter(repo *data.Repo) func(context.Context) (*Writer, error) {
	return func(ctx context.Context) (*Writer, error) {
		_, err := process.Every(ctx, pruneEvery, (*Writer).prune)
		return &Writer{repo: repo}, err
	}
}

// Store answers once the entry is committed: true if it is new, false if the unit has a
// position of that time already.
func (w *Writer) Store(ctx context.Context, e Entry) (bool, error) {
	reply, err := process.Defer[bool](ctx)
	if err != nil {
		return false, err
	}
	w.batch = append(w.batch, pending{e.Fix, e.Current, reply})
	switch {
	case len(w.batch) == maxBatch:
		return false, w.answer(ctx)
	case len(w.batch) == 1:
		// Behind all that are in the mailbox by now.
		if process.Signal(ctx, Writing, (*Writer).flush) != nil {
			return false, w.answer(ctx)
		}
	}
	return false, process.Deferred
}

func (w *Writer) answer(ctx context.Context) error {
	if err := w.flush(ctx); err != nil {
		return err
	}
	return process.Deferred
}

// flush commits the batch and answers.
func (w *Writer) flush(ctx context.Context) error {
	batch := w.batch
	w.batch = nil
	if len(batch) == 0 {
		return nil
	}
	fresh, err := w.commit(ctx, batch)
	if err != nil {
		telemetry.Log(ctx).Error("positions could not be stored", "positions", len(batch), "error", err)
		err = fault.Unavailable.Wrap(err, "the position could not be stored; send it again")
	}
	for i, p := range batch {
		p.reply.Send(err == nil && fresh[i], err)
	}
	return nil
}

// commit stores a batch in one transaction and tells which positions are new.
func (w *Writer) commit(ctx context.Context, batch []pending) ([]bool, error) {
	type key struct {
		unit string
		at   int64
	}
	var positions, inserted []positionRow
	seen := make(map[key]bool, len(batch))
	stand := make(map[string]unitRow)
	for _, p := range batch {
		r := rowOf(p.fix)
		if k := (key{p.fix.Unit, r.At}); !seen[k] {
			seen[k] = true
			positions = append(positions, positionRow{Unit: p.fix.Unit, row: r})
		}
		if p.current {
			stand[p.fix.Unit] = unitRow{Unit: p.fix.Unit, Agency: p.fix.Agency, Replayed: p.fix.Replayed, row: r}
		}
	}
	units := make([]unitRow, 0, len(stand))
	for _, u := range stand {
		units = append(units, u)
	}
	err := w.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		err := tx.NewInsert().Model(&positions).On("CONFLICT DO NOTHING").Returning("unit, at").Scan(ctx, &inserted)
		if err != nil || len(units) == 0 {
			return err
		}
		_, err = tx.NewInsert().Model(&units).On("CONFLICT (unit) DO UPDATE").
			Set("agency = EXCLUDED.agency, replayed = EXCLUDED.replayed, at = EXCLUDED.at").
			Set("lat = EXCLUDED.lat, lon = EXCLUDED.lon, altitude_m = EXCLUDED.altitude_m").
			Set("speed_mps = EXCLUDED.speed_mps, heading_deg = EXCLUDED.heading_deg").Exec(ctx)
		return err
	})
	new := make(map[key]bool, len(inserted))
	for _, r := range inserted {
		new[key{r.Unit, r.At}] = true
	}
	fresh := make([]bool, len(batch))
	for i, p := range batch {
		k := key{p.fix.Unit, p.fix.At.UnixMilli()}
		fresh[i] = new[k]
		delete(new, k)
	}
	return fresh, err
}

// prune forgets what replayed units did more than an hour ago.
func (w *Writer) prune(ctx context.Context) error {
	err := w.repo.Write(ctx, func(ctx context.Context, tx data.Tx) error {
		_, err := tx.NewDelete().Model((*positionRow)(nil)).
			Where("unit IN (SELECT unit FROM units WHERE replayed)").
			Where("at < ?", time.Now().Add(-replayedKeep).UnixMilli()).Exec(ctx)
		return err
	})
	if err != nil {
		telemetry.Log(ctx).Warn("old replayed positions could not be removed", "error", err)
	}
	return nil
}

// Terminate stores what is still waiting.
func (w *Writer) Terminate(ctx context.Context, _ process.Reason) { _ = w.flush(ctx) }
