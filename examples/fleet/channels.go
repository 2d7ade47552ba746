package main

import (
	"context"
	"time"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/telemetry"
)

// The events that clients send.
const (
	Reported channel.Event[Report]       = "position"
	Renamed  channel.Event[AgencyParams] = "rename"
	Crashed  channel.Event[process.None] = "crash"
	Fence    channel.Event[Geofence]     = "fence"
	Unfence  channel.Event[GeofenceRef]  = "unfence"
)

// reports is how many positions a device may send. One that was away sends what it has kept
// at once; a thousand may wait to be stored, and a hundred a second are.
var reports = channel.Limit{PerSecond: 100, Burst: 1000, Bytes: 1 << 10}

// byHand is how often people do something.
var byHand = channel.Limit{PerSecond: 1, Burst: 10, Bytes: 1 << 10}

// channels are the topics of the socket. None keeps a history: who comes back gets the
// latest of each unit with the join, which is less than all that moved, and reads what a
// unit has missed from its track.
func channels(demo bool, store Store, watching *presence.Tracker[Watch]) []channel.Channel {
	events := []channel.Handler[UnitChannel]{
		channel.Do(Reported, (*UnitChannel).position, reports),
		channel.Call(Trips, (*UnitChannel).trips, byHand),
	}
	if demo {
		events = append(events, channel.Signal(Crashed, (*UnitChannel).crash))
	}
	return []channel.Channel{
		channel.Topic("agency:*", joinAgency(store, watching),
			channel.Joined((*AgencyChannel).scene),
			channel.Do(Renamed, (*AgencyChannel).rename, byHand),
			channel.Do(Fence, (*AgencyChannel).fence, byHand),
			channel.Do(Unfence, (*AgencyChannel).unfence, byHand),
		).With(channel.Presence(watching), channel.Emits(Moved, Fenced, Alerted)),
		channel.Topic("unit:*", joinUnit, events...).With(channel.Emits(Positioned)),
		channel.Topic("report:*", joinReport).With(channel.Emits(Progress)),
	}
}

// UnitChannel is one client on a unit's topic: the device itself, or who watches it.
type UnitChannel struct{ id, agency, door string }

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
	door := "socket"
	if device := j.Peer.Device; device != "" {
		if door = "device"; device != j.Key {
			return nil, fault.Forbidden.Errorf("the device %s may join unit:%s only", device, device)
		}
	}
	return &UnitChannel{j.Key, j.Params.Agency, door}, checkID("the unit's id", j.Key)
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
		telemetry.Count(ctx, "fleet."+u.door+".refused", 1)
		return err
	}
	return accept(ctx, u.door, f)
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
