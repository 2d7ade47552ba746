package main

import (
	"cmp"
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bennu-go/bennu/channel"
	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/presence"
	"github.com/bennu-go/bennu/process"
)

// AgencyChannel is one dispatcher who watches an agency, seen by the others by name.
type AgencyChannel struct {
	topic, agency string
	store         Store
	watching      *presence.Tracker[Watch]
	user          string // "" is nobody in particular, who may choose a name
	name          string
	watch         Watch
}

// AgencyParams come with a join, and with each new name.
type AgencyParams struct {
	Name string `json:"name"` // "": a dispatcher
}

// Watch is what dispatchers know of each other.
type Watch struct {
	Since time.Time `json:"since"`
}

func joinAgency(store Store, watching *presence.Tracker[Watch]) func(context.Context, channel.Join[AgencyParams]) (*AgencyChannel, error) {
	return func(ctx context.Context, j channel.Join[AgencyParams]) (*AgencyChannel, error) {
		a := &AgencyChannel{topic: j.Topic, agency: j.Key, store: store, watching: watching, user: Member.Value(j.Peer), watch: Watch{time.Now().UTC()}}
		if err := checkID("the agency", j.Key); err != nil {
			return nil, err
		}
		return a, a.track(ctx, j.Params)
	}
}

// Scene is all there is to see of an agency.
type Scene struct {
	Views
	Geofences
	Alerts []Alert `json:"alerts"` // the latest, oldest first
}

const latestAlerts = 50

func (a *AgencyChannel) scene(ctx context.Context) (s Scene, err error) {
	if s.Views, err = process.Call(ctx, Dispatch, (*Board).Of, a.agency); err != nil {
		return s, err
	}
	if s.Geofences.Geofences, err = a.store.Geofences(ctx, a.agency); err != nil {
		return s, err
	}
	s.Alerts, err = a.store.Alerts(ctx, a.agency, latestAlerts)
	return s, err
}

func (a *AgencyChannel) fence(ctx context.Context, g Geofence) error {
	g.Agency = a.agency
	if err := g.Validate(); err != nil {
		return err
	}
	return process.Do(ctx, Writing, (*Writer).Fence, g)
}

func (a *AgencyChannel) unfence(ctx context.Context, ref GeofenceRef) error {
	return process.Do(ctx, Writing, (*Writer).Unfence, GeofenceRef{a.agency, ref.Name})
}

// rename has the dispatcher go on under another name.
func (a *AgencyChannel) rename(ctx context.Context, p AgencyParams) error {
	before := a.name
	if name, err := a.called(p); err != nil || name == before {
		return err
	}
	if err := a.track(ctx, p); err != nil {
		return err
	}
	return a.watching.Untrack(ctx, a.topic, before)
}

func (a *AgencyChannel) track(ctx context.Context, p AgencyParams) error {
	name, err := a.called(p)
	if err != nil {
		return err
	}
	if _, err := a.watching.Track(ctx, a.topic, name, a.watch); err != nil {
		return err
	}
	a.name = name
	return nil
}

const maxName = 40

// called gives the name of a user, or the one that somebody else has chosen.
func (a *AgencyChannel) called(p AgencyParams) (string, error) {
	if a.user != "" {
		return a.user, nil
	}
	name := cmp.Or(strings.TrimSpace(p.Name), "dispatcher")
	return name, checkName("a name", name)
}

func checkName(what, name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, odd) {
		return fault.Invalid.Errorf("%s must be 1 to %d letters, digits, signs and spaces", what, maxName)
	}
	return nil
}
