package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

func allUnits(ctx context.Context, _ web.None) (Views, error) {
	return process.Ask(ctx, Dispatch, (*Board).All)
}

type unitQuery struct {
	ID string `path:"id"`
}

func oneUnit(ctx context.Context, q unitQuery) (View, error) {
	return process.Call(ctx, Dispatch, (*Board).Unit, q.ID)
}

func restarts(ctx context.Context, q unitQuery) (Restarts, error) {
	return process.Call(ctx, Dispatch, (*Board).Restarts, q.ID)
}

func agencies(ctx context.Context, _ web.None) (Agencies, error) {
	return process.Ask(ctx, Dispatch, (*Board).Agencies)
}

const trackPage = 1000

type trackQuery struct {
	ID   string    `path:"id"`
	From time.Time `query:"from"`
	To   time.Time `query:"to"`
}

// Validate refuses a span that ends before it begins.
func (q trackQuery) Validate() error {
	if !q.To.IsZero() && q.To.Before(q.From) {
		return fault.Invalid.Errorf("to must not be before from")
	}
	return nil
}

// Track is one page of a unit's positions, oldest first.
type Track struct {
	Positions []Position `json:"positions"`
	Next      *string    `json:"next"` // the address of the next page, or null
}

// track gives the positions from (included) to (included).
func track(store Store) func(context.Context, trackQuery) (Track, error) {
	return func(ctx context.Context, q trackQuery) (Track, error) {
		if _, err := process.Call(ctx, Dispatch, (*Board).Unit, q.ID); err != nil {
			return Track{}, err
		}
		positions, err := store.Track(ctx, q.ID, ceil(q.From), q.To, trackPage+1)
		if err != nil || len(positions) <= trackPage {
			return Track{Positions: positions}, err
		}
		params := url.Values{"from": {positions[trackPage].At.Format(time.RFC3339Nano)}}
		if !q.To.IsZero() {
			params.Set("to", q.To.Format(time.RFC3339Nano))
		}
		next := "/api/units/" + url.PathEscape(q.ID) + "/track?" + params.Encode()
		return Track{positions[:trackPage], &next}, nil
	}
}

// ceil rounds a time up to the millisecond, to which positions are kept.
func ceil(t time.Time) time.Time {
	if c := t.Truncate(time.Millisecond); !c.Equal(t) {
		return c.Add(time.Millisecond)
	}
	return t
}

// Health is how the program is.
type Health struct {
	Status   string            `json:"status"` // ok or degraded
	Tree     supervisor.Status `json:"tree"`
	Counters map[string]int64  `json:"counters"`
}

// StatusCode is 503 while a permanent part is down.
func (h Health) StatusCode() int {
	if h.Status == "ok" {
		return http.StatusOK
	}
	return http.StatusServiceUnavailable
}

func health(ctx context.Context, _ web.None) (Health, error) {
	h := Health{Status: "degraded", Counters: telemetry.CountersOf(ctx).Snapshot()}
	tree, err := supervisor.StatusOf(ctx, name)
	if err != nil {
		return h, nil
	}
	if h.Tree = tree; tree.Up() {
		h.Status = "ok"
	}
	return h, nil
}
