package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// channels are the topics of the socket.
func channels(demo bool) []channel.Channel {
	events := []channel.Handler[UnitChannel]{channel.Do("position", (*UnitChannel).position)}
	if demo {
		events = append(events, channel.Signal("crash", (*UnitChannel).crash))
	}
	return []channel.Channel{
		channel.Topic("agency:*", joinAgency, channel.Joined((*AgencyChannel).units)),
		channel.Topic("unit:*", joinUnit, events...),
	}
}

// AgencyChannel is one dispatcher who watches an agency.
type AgencyChannel struct{ agency string }

func joinAgency(_ context.Context, j channel.Join[process.None]) (*AgencyChannel, error) {
	return &AgencyChannel{j.Key}, checkID("the agency", j.Key)
}

func (a *AgencyChannel) units(ctx context.Context) (Views, error) {
	return process.Call(ctx, Dispatch, (*Board).Of, a.agency)
}

// UnitChannel is one client on a unit's topic: the device itself, or who watches it.
type UnitChannel struct{ id, agency string }

// UnitParams come with a join.
type UnitParams struct {
	Agency string `json:"agency"`
}

func joinUnit(_ context.Context, j channel.Join[UnitParams]) (*UnitChannel, error) {
	if j.Params.Agency != "" {
		if err := checkID("agency", j.Params.Agency); err != nil {
			return nil, err
		}
	}
	return &UnitChannel{j.Key, j.Params.Agency}, checkID("the unit's id", j.Key)
}

// Report is a position as a device sends it.
type Report struct {
	Lat     *float64   `json:"lat"`
	Lon     *float64   `json:"lon"`
	Speed   *float64   `json:"speed_mps"`
	Heading *float64   `json:"heading_deg"`
	At      *time.Time `json:"at"` // absent: now
}

// position replies once the position is committed.
func (u *UnitChannel) position(ctx context.Context, r Report) error {
	f, err := r.fix(u, time.Now())
	if err != nil {
		telemetry.Count(ctx, "fleet.socket.refused", 1)
		return err
	}
	return accept(ctx, "socket", f)
}

func (r Report) fix(u *UnitChannel, now time.Time) (Fix, error) {
	if r.Lat == nil || r.Lon == nil {
		return Fix{}, fault.Invalid.Errorf("a position needs lat and lon")
	}
	if r.At == nil {
		r.At = &now
	}
	f := Fix{Unit: u.id, Agency: u.agency, Position: Position{*r.At, *r.Lat, *r.Lon, r.Speed, r.Heading}}
	return f, f.Check(now)
}

// crash makes the unit's process panic. Units that are down already, or unknown, are
// left alone.
func (u *UnitChannel) crash(ctx context.Context) error {
	v, err := process.Call(ctx, Dispatch, (*Board).Unit, u.id)
	if err != nil || v.State == restarting {
		return nil
	}
	if err := process.Signal(ctx, Units.Of(u.id), (*Unit).Crash); err != nil {
		telemetry.Log(ctx).Warn("the unit could not be crashed", "unit", u.id, "error", err)
	}
	return nil
}
