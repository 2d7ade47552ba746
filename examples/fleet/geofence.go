package main

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/data"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/job"
)

// Geofence is a circle on the map of an agency. Dispatchers are told of its units that go
// into it, and out of it.
type Geofence struct {
	bun.BaseModel `bun:"table:geofences"`
	Agency        string  `json:"agency" bun:",pk"`
	Name          string  `json:"name" bun:",pk"`
	Lat           float64 `json:"lat"`
	Lon           float64 `json:"lon"`
	Radius        float64 `json:"radius_m" bun:"radius_m"`
}

// Geofences is a list of them, as it goes over the wire.
type Geofences struct {
	Geofences []Geofence `json:"geofences"`
}

// GeofenceRef names one.
type GeofenceRef struct {
	Agency string `json:"agency"`
	Name   string `json:"name"`
}

const (
	maxRadius    = 1_000_000 // m
	maxGeofences = 100       // of an agency: each position is compared with all
)

// Validate refuses what cannot be.
func (g Geofence) Validate() error {
	if err := checkName("the geofence's name", g.Name); err != nil {
		return err
	}
	if !within(g.Lat, -90, 90) || !within(g.Lon, -180, 180) || !within(g.Radius, 1, maxRadius) {
		return fault.Invalid.Errorf("a geofence has lat, lon and a radius_m of 1 to %d", maxRadius)
	}
	return nil
}

// has is false for nil, a place that nobody knows.
func (g Geofence) has(p *Position) bool {
	if p == nil {
		return false
	}
	metres, _ := way(g.Lat, g.Lon, p.Lat, p.Lon)
	return metres <= g.Radius
}

// Alert is a unit that has gone into a geofence, or out of it.
type Alert struct {
	bun.BaseModel `bun:"table:alerts"`
	Agency        string    `json:"agency" bun:",pk"`
	At            time.Time `json:"at" bun:",pk"`
	Unit          string    `json:"unit" bun:",pk"`
	Geofence      string    `json:"geofence" bun:",pk"`
	Entered       bool      `json:"entered"` // or else it has left
}

// Crossed is the job of an alert. It is inserted with the position that caused it, in one
// transaction: there is an alert for each crossing, whatever crashes in between.
const Crossed job.Name[Alert] = "crossed"

// Alerted and Fenced are told on agency:<id>.
const (
	Alerted channel.Event[Alert]     = "alert"
	Fenced  channel.Event[Geofences] = "geofences" // all of them, when one has changed
)

// crossings compares where the units were with where they are.
func crossings(fences map[string][]Geofence, entries []Entry, stored []Stored) (alerts []Alert) {
	for i, e := range entries {
		if !e.Current || !stored[i].Changed {
			continue
		}
		for _, g := range fences[e.Fix.Agency] {
			if is := g.has(&stored[i].Position); is != g.has(e.From) {
				alerts = append(alerts, Alert{Agency: g.Agency, At: e.Fix.At, Unit: e.Fix.Unit, Geofence: g.Name, Entered: is})
			}
		}
	}
	return alerts
}

// alert keeps an alert, once, and shows it. A letter or a call to somebody would be here, too.
func (s Store) alert(ctx context.Context, a Alert) error {
	err := job.Commit(ctx, func(ctx context.Context, tx data.Tx) error { return data.Insert(ctx, tx, &a) })
	if err != nil {
		return err
	}
	return channel.Broadcast(ctx, "agency:"+a.Agency, Alerted, a)
}

// Alerts gives the latest of an agency, oldest first.
func (s Store) Alerts(ctx context.Context, agency string, most int) ([]Alert, error) {
	all, err := data.From[Alert]().Where("agency = ?", agency).Order("at DESC").Limit(most).All(ctx, s.repo)
	slices.Reverse(all)
	return all, err
}

// Geofences gives those of an agency, by name.
func (s Store) Geofences(ctx context.Context, agency string) ([]Geofence, error) {
	return data.From[Geofence]().Where("agency = ?", agency).Order("name").All(ctx, s.repo)
}

// Fence draws a geofence, or moves the one of that name.
func (w *Writer) Fence(ctx context.Context, g Geofence) error {
	of := slices.DeleteFunc(slices.Clone(w.fences[g.Agency]), func(old Geofence) bool { return old.Name == g.Name })
	if len(of) == maxGeofences {
		return fault.Exhausted.Errorf("there are %d geofences, which is the most", maxGeofences)
	}
	if err := data.Upsert(ctx, w.repo, &g, "agency", "name"); err != nil {
		return err
	}
	return w.fenced(ctx, g.Agency, append(of, g))
}

// Unfence takes a geofence away.
func (w *Writer) Unfence(ctx context.Context, ref GeofenceRef) error {
	of := slices.DeleteFunc(slices.Clone(w.fences[ref.Agency]), func(g Geofence) bool { return g.Name == ref.Name })
	err := data.Delete(ctx, w.repo, &Geofence{Agency: ref.Agency, Name: ref.Name})
	if err != nil && fault.Of(err) != fault.NotFound { // it is gone
		return err
	}
	return w.fenced(ctx, ref.Agency, of)
}

func (w *Writer) fenced(ctx context.Context, agency string, all []Geofence) error {
	slices.SortFunc(all, func(a, b Geofence) int { return cmp.Compare(a.Name, b.Name) })
	w.fences[agency] = all
	return channel.Broadcast(ctx, "agency:"+agency, Fenced, Geofences{all})
}
