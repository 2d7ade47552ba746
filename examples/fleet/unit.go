package main

import (
	"context"
	"errors"
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
}

// openUnit brings a unit back to where it stood. One that nobody knows must be admitted
// by the board first.
func openUnit(store Store) func(context.Context) (*Unit, error) {
	return func(ctx context.Context) (*Unit, error) {
		u := &Unit{id: process.Self[Unit](ctx).Key(), agency: defaultAgency}
		last, err := store.Unit(ctx, u.id)
		switch {
		case errors.Is(err, fault.NotFound):
			return u, process.Do(ctx, Dispatch, (*Board).Admit, u.id)
		case err != nil:
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
// again changes nothing.
func (u *Unit) Fix(ctx context.Context, f Fix) error {
	if f.Agency == "" {
		f.Agency = u.agency
	}
	f.Unit = u.id
	f.Replayed = f.Replayed || u.replayed && f.Agency == u.agency
	current := u.present == nil || !f.At.Before(u.present.At.Add(-maxBehind))
	fresh, err := process.Call(ctx, Writing, (*Writer).Store, Entry{f, current})
	if err != nil || !fresh {
		return err
	}
	if err := channel.Broadcast(ctx, "unit:"+u.id, Positioned, f.Position); err != nil {
		telemetry.Log(ctx).Error("a position could not be broadcast", "unit", u.id, "error", err)
	}
	if !current {
		return nil
	}
	u.present, u.agency, u.replayed = &f.Position, f.Agency, f.Replayed
	if err := process.Do(ctx, Dispatch, (*Board).Moved, View{u.id, u.agency, online, f.Position}); err != nil {
		telemetry.Log(ctx).Warn("the board missed a position", "unit", u.id, "error", err)
	}
	return nil
}

// Crash is for demonstrations.
func (u *Unit) Crash(context.Context) error { panic("crashed on demand") }
