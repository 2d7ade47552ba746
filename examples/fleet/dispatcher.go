package main

import (
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
	watching      *presence.Tracker[Watch]
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

func joinAgency(watching *presence.Tracker[Watch]) func(context.Context, channel.Join[AgencyParams]) (*AgencyChannel, error) {
	return func(ctx context.Context, j channel.Join[AgencyParams]) (*AgencyChannel, error) {
		a := &AgencyChannel{topic: j.Topic, agency: j.Key, watching: watching, watch: Watch{time.Now().UTC()}}
		if err := checkID("the agency", j.Key); err != nil {
			return nil, err
		}
		return a, a.track(ctx, j.Params)
	}
}

func (a *AgencyChannel) units(ctx context.Context) (Views, error) {
	return process.Call(ctx, Dispatch, (*Board).Of, a.agency)
}

// rename has the dispatcher go on under another name.
func (a *AgencyChannel) rename(ctx context.Context, p AgencyParams) error {
	before := a.name
	if name, err := p.name(); err != nil || name == before {
		return err
	}
	if err := a.track(ctx, p); err != nil {
		return err
	}
	return a.watching.Untrack(ctx, a.topic, before)
}

func (a *AgencyChannel) track(ctx context.Context, p AgencyParams) error {
	name, err := p.name()
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

func (p AgencyParams) name() (string, error) {
	name := strings.TrimSpace(p.Name)
	if name == "" {
		return "dispatcher", nil
	}
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, odd) {
		return "", fault.Invalid.Errorf("a name must be 1 to %d letters, digits, signs and spaces", maxName)
	}
	return name, nil
}
