package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Dispatch is the process that knows where all units are.
const Dispatch process.Name[Board] = "board"

// Moved is the event on agency:<id> with the units that have changed since the last one.
const Moved channel.Event[Views] = "moved"

const movedEvery = 200 * time.Millisecond

// The states of a unit.
const (
	online     = "online"
	restarting = "restarting" // its process has crashed and will be back
	offline    = "offline"    // nothing heard for long, or not since the program started
)

// View is a unit as dispatchers see it.
type View struct {
	Unit   string `json:"unit"`
	Agency string `json:"-"`
	State  string `json:"state"`
	Position
}

// Views is a list of units, as it goes over the wire.
type Views struct {
	Units []View `json:"units"`
}

// Board has the latest of every unit, tells dispatchers what moved, and counts how many
// units there may be.
type Board struct {
	most    int
	units   map[string]*entry
	changed map[*entry]struct{}
	ticking bool
}

type entry struct {
	View
	located  bool      // it has a position
	watched  bool      // its process is monitored
	restarts []Restart // newest first
}

// Restart is a crash of a unit's process, and its return.
type Restart struct {
	At     time.Time  `json:"at"`
	Reason string     `json:"reason"`
	BackAt *time.Time `json:"back_at"` // null: not yet
}

// Restarts is the latest of them, newest first.
type Restarts struct {
	Restarts []Restart `json:"restarts"`
}

const maxRestarts = 20

// Agency is a group of units that are watched together.
type Agency struct {
	Agency string `json:"agency"`
	Units  int    `json:"units"`
}

// Agencies is all of them, by name.
type Agencies struct {
	Agencies []Agency `json:"agencies"`
}

func openBoard(store Store, most int) func(context.Context) (*Board, error) {
	return func(ctx context.Context) (*Board, error) {
		b := &Board{most: most, units: make(map[string]*entry), changed: make(map[*entry]struct{})}
		known, err := store.Units(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range known {
			e := &entry{View: View{u.Unit, u.Agency, offline, u.position()}, located: true}
			if b.units[u.Unit] = e; process.Alive(ctx, Units.Of(u.Unit)) { // it is the board that has restarted
				e.State = online
				if err := b.watch(ctx, e); err != nil {
					return nil, err
				}
			}
		}
		return b, nil
	}
}

// Admit makes room for a unit. It reports whether its position is known already.
func (b *Board) Admit(ctx context.Context, id string) (known bool, err error) {
	if e := b.units[id]; e != nil {
		return e.located, nil
	}
	if len(b.units) >= b.most {
		telemetry.Count(ctx, "fleet.units.refused", 1)
		return false, fault.Exhausted.Errorf("there are %d units, which is the most (-max-units)", b.most)
	}
	b.units[id] = &entry{View: View{Unit: id, Agency: defaultAgency, State: online}}
	return false, nil
}

// Up notes that a unit's process runs.
func (b *Board) Up(ctx context.Context, id string) error {
	e := b.units[id]
	if e == nil {
		return nil
	}
	if err := b.watch(ctx, e); err != nil {
		return err
	}
	if len(e.restarts) > 0 && e.restarts[0].BackAt == nil {
		now := time.Now().UTC()
		e.restarts[0].BackAt = &now
	}
	return b.set(ctx, e, online)
}

// Moved notes where a unit is.
func (b *Board) Moved(ctx context.Context, v View) error {
	e := b.units[v.Unit]
	if e == nil {
		e = new(entry)
		b.units[v.Unit] = e
	}
	e.View, e.located = v, true
	if err := b.watch(ctx, e); err != nil {
		return err
	}
	return b.touch(ctx, e)
}

// watch monitors a unit's process over its restarts, until it falls asleep.
func (b *Board) watch(ctx context.Context, e *entry) error {
	if e.watched {
		return nil
	}
	_, err := process.Monitor(ctx, Units.Of(e.Unit), (*Board).down, process.Always)
	e.watched = err == nil
	return err
}

func (b *Board) down(ctx context.Context, d process.Down) error {
	e := b.units[d.Key()]
	switch {
	case e == nil:
		return nil
	case d.Final:
		e.watched = false
		return b.set(ctx, e, offline)
	case process.Clean(d.Reason):
		return nil
	}
	telemetry.Count(ctx, "fleet.units.crashed", 1)
	crash := Restart{At: time.Now().UTC(), Reason: d.Reason.Error()}
	e.restarts = slices.Insert(e.restarts, 0, crash)
	e.restarts = e.restarts[:min(len(e.restarts), maxRestarts)]
	return b.set(ctx, e, restarting)
}

func (b *Board) set(ctx context.Context, e *entry, state string) error {
	if e.State == state {
		return nil
	}
	e.State = state
	return b.touch(ctx, e)
}

// touch has the unit in the next tick.
func (b *Board) touch(ctx context.Context, e *entry) error {
	if e.located {
		b.changed[e] = struct{}{}
	}
	if b.ticking {
		return nil
	}
	b.ticking = true
	_, err := process.After(ctx, movedEvery, (*Board).tick)
	return err
}

// tick tells each agency what has changed.
func (b *Board) tick(ctx context.Context) error {
	b.ticking = false
	moved := make(map[string][]View)
	for e := range b.changed {
		moved[e.Agency] = append(moved[e.Agency], e.View)
	}
	clear(b.changed)
	for agency, views := range moved {
		if err := channel.Broadcast(ctx, "agency:"+agency, Moved, Views{views}); err != nil {
			return err
		}
	}
	return nil
}

// All gives all units, by id.
func (b *Board) All(context.Context) (Views, error) {
	return b.pick(func(*entry) bool { return true }), nil
}

// Of gives the units of an agency, by id.
func (b *Board) Of(_ context.Context, agency string) (Views, error) {
	return b.pick(func(e *entry) bool { return e.Agency == agency }), nil
}

// Unit gives one unit, or fault.NotFound.
func (b *Board) Unit(_ context.Context, id string) (View, error) {
	if e := b.units[id]; e != nil && e.located {
		return e.View, nil
	}
	return View{}, fault.NotFound.Errorf("there is no unit %q", id)
}

// Restarts gives the latest restarts of a unit, or fault.NotFound.
func (b *Board) Restarts(ctx context.Context, id string) (Restarts, error) {
	if _, err := b.Unit(ctx, id); err != nil {
		return Restarts{}, err
	}
	return Restarts{append([]Restart{}, b.units[id].restarts...)}, nil
}

// Agencies gives all agencies that have units.
func (b *Board) Agencies(context.Context) (Agencies, error) {
	count := make(map[string]int)
	for _, e := range b.units {
		if e.located {
			count[e.Agency]++
		}
	}
	all := make([]Agency, 0, len(count))
	for _, agency := range slices.Sorted(maps.Keys(count)) {
		all = append(all, Agency{agency, count[agency]})
	}
	return Agencies{all}, nil
}

func (b *Board) pick(ok func(*entry) bool) Views {
	views := make([]View, 0, len(b.units))
	for _, e := range b.units {
		if e.located && ok(e) {
			views = append(views, e.View)
		}
	}
	slices.SortFunc(views, func(a, b View) int { return cmp.Compare(a.Unit, b.Unit) })
	return Views{views}
}
