package main

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// Units has one process for each unit.
const Units process.Family[Unit] = "unit"

// Positioned is the event with each fix on the topic unit:<id>.
const Positioned channel.Event[Position] = "position"

const (
	defaultAgency = "default"
	maxBehind     = time.Hour // an older fix than this is for the track only
)

// Unit is one ambulance, crew or phone. All doors end here.
type Unit struct {
	id       string
	agency   string
	present  *Position // nil: no fix yet
	replayed bool
	refused  error // the board has no room for it
}

// openUnit brings a unit back to where it stood. One that nobody knows must be admitted
// by the board first; otherwise it lives to say so, and no longer.
func openUnit(store Store) func(context.Context) (*Unit, error) {
	return func(ctx context.Context) (*Unit, error) {
		u := &Unit{id: process.Self[Unit](ctx).Key(), agency: defaultAgency}
		known, err := process.Call(ctx, Dispatch, (*Board).Admit, u.id)
		if errors.Is(err, fault.Exhausted) {
			u.refused, err = err, nil
		}
		if err != nil || !known {
			return u, err
		}
		last, err := store.Unit(ctx, u.id)
		if err != nil {
			return nil, err
		}
		at := last.position()
		u.agency, u.present, u.replayed = last.Agency, &at, last.Replayed
		return u, nil
	}
}

// Continue tells the board that the unit is up.
func (u *Unit) Continue(ctx context.Context) error {
	return process.Do(ctx, Dispatch, (*Board).Up, u.id)
}

// Fix takes a position in. It returns once the position is committed. The same time
// again changes nothing, but may tell a speed or heading that was unknown.
func (u *Unit) Fix(ctx context.Context, f Fix) error { return u.take(ctx, []Fix{f}) }

// Heard is what the UDP door has heard of a unit.
type Heard struct {
	Fixes   []Fix
	waiting *atomic.Int64 // how many fixes are on their way from the door to the database
}

// Hear takes positions in for which nobody waits.
func (u *Unit) Hear(ctx context.Context, h Heard) error {
	n := int64(len(h.Fixes))
	defer h.waiting.Add(-n)
	switch err := u.take(ctx, h.Fixes); {
	case err == nil:
		telemetry.Count(ctx, "fleet.udp.accepted", n)
	case u.refused != nil:
		telemetry.Count(ctx, "fleet.udp.dropped."+string(tooMany), n)
	default:
		telemetry.Count(ctx, "fleet.udp.failed", n)
		telemetry.Log(ctx).Debug("positions were not taken", "unit", u.id, "error", err)
	}
	return nil
}

// take has positions stored, in their order, and tells what they changed.
func (u *Unit) take(ctx context.Context, fixes []Fix) error {
	if u.refused != nil {
		if err := process.Stop(ctx, process.Normal); err != nil {
			return err
		}
		return u.refused
	}
	present, agency, replayed := u.present, u.agency, u.replayed
	entries := make([]Entry, len(fixes))
	for i, f := range fixes {
		f.Unit, f.Agency = u.id, cmp.Or(f.Agency, agency)
		f.Replayed = f.Replayed || replayed && f.Agency == agency
		from, current := present, present == nil || !f.At.Before(present.At.Add(-maxBehind))
		if current {
			present, agency, replayed = &f.Position, f.Agency, f.Replayed
		}
		entries[i] = Entry{f, current, from}
	}
	stored, err := process.Call(ctx, Writing, (*Writer).Store, entries)
	if err != nil {
		return err
	}
	moved := false
	for i, s := range stored {
		if !s.Changed {
			// Known already; and to us as well, unless we did not wait for its commit.
			if f := entries[i].Fix; entries[i].Current && (u.present == nil || f.At.After(u.present.At)) {
				u.present, u.agency, u.replayed = &f.Position, f.Agency, f.Replayed
				moved = true
			}
			continue
		}
		if err := channel.Broadcast(ctx, "unit:"+u.id, Positioned, s.Position); err != nil {
			telemetry.Log(ctx).Error("a position could not be broadcast", "unit", u.id, "error", err)
		}
		if f := entries[i].Fix; entries[i].Current {
			u.present, u.agency, u.replayed = &s.Position, f.Agency, f.Replayed
			moved = true
		}
	}
	if !moved {
		return nil
	}
	err = process.Do(ctx, Dispatch, (*Board).Moved, View{u.id, u.agency, online, *u.present})
	if err != nil && ctx.Err() == nil { // when the program stops, the board reads it from the store next time
		telemetry.Log(ctx).Warn("the board missed a position", "unit", u.id, "error", err)
	}
	return nil
}

// Crash is for demonstrations.
func (u *Unit) Crash(context.Context) error { panic("crashed on demand") }
