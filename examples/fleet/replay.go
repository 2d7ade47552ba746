package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/supervisor"
	"github.com/bennu-go/bennu/telemetry"
	"github.com/bennu-go/bennu/web"
)

// Vehicles are the devices of a replay: one process each, as a phone would be.
const Vehicles process.Family[Vehicle] = "vehicle"

// Replay is a set of trips that are driven over and over.
type Replay struct {
	name  string
	speed float64
	trips func() ([][]waypoint, error) // read once, when first asked for
}

func newReplay(replay string, speed float64) (*Replay, error) {
	if !within(speed, 0.01, 1000) {
		return nil, fault.Invalid.Errorf("-speed must be between 0.01 and 1000, got %v", speed)
	}
	name, trips, err := traces(replay)
	return &Replay{name, speed, trips}, err
}

// children are the processes of the replay.
func (r *Replay) children() []supervisor.Child {
	if r.name == "none" {
		return nil
	}
	return []supervisor.Child{
		{Run: supervisor.Family(Vehicles, r.openVehicle, process.Idle(0))},
		{Name: "replay", Run: supervisor.Func(r.wake), Backoff: supervisor.Backoff{Max: wakeEvery}},
	}
}

// wake sends all vehicles off, and looks after them: if their family was restarted, they
// are sent off again.
func (r *Replay) wake(ctx context.Context) error {
	trips, err := r.trips()
	if err != nil {
		return err
	}
	again := time.NewTicker(wakeEvery)
	defer again.Stop()
	for {
		for i := range trips {
			if err := process.Signal(ctx, Vehicles.Of(strconv.Itoa(i)), (*Vehicle).Wake); err != nil {
				return err
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const wakeEvery = 10 * time.Second

// Vehicle drives one trip for ever, and sends its position at each waypoint.
type Vehicle struct {
	unit   string
	agency string
	trip   []waypoint
	speed  float64
	offset float64 // where on its trip it began, in seconds
	began  time.Time
	next   int // the waypoint it comes to
	lap    float64
}

func (r *Replay) openVehicle(ctx context.Context) (*Vehicle, error) {
	trips, err := r.trips()
	if err != nil {
		return nil, err
	}
	i, err := strconv.Atoi(process.Self[Vehicle](ctx).Key())
	if err != nil || i < 0 || i >= len(trips) {
		return nil, fault.NotFound.Errorf("there is no such vehicle")
	}
	v := &Vehicle{
		unit: fmt.Sprintf("%s-%03d", r.name, i+1), agency: r.name,
		trip: trips[i], speed: r.speed, began: time.Now(),
	}
	// Each starts somewhere else on its trip, and always at the same place.
	_, part := math.Modf(float64(i) * math.Phi)
	v.offset = part * v.length()
	for v.next < len(v.trip)-1 && v.trip[v.next+1].at <= v.offset {
		v.next++
	}
	return v, nil
}

func (v *Vehicle) length() float64 { return v.trip[len(v.trip)-1].at }

// Wake does nothing: a vehicle that is up drives.
func (v *Vehicle) Wake(context.Context) error { return nil }

var _ process.Continuer = (*Vehicle)(nil)

// Continue drives off, at first and after a crash.
func (v *Vehicle) Continue(ctx context.Context) error { return v.Drive(ctx) }

const maxWait = 1e9 // s; a time.Duration holds no more than 9.2e9

// Drive sends the position of the waypoint it is at, and goes on to the next.
func (v *Vehicle) Drive(ctx context.Context) error {
	w := v.trip[v.next]
	f := Fix{Unit: v.unit, Agency: v.agency, Replayed: true, Position: Position{time.Now(), w.lat, w.lon, &w.speed, &w.course}}
	err := f.Check(time.Now())
	if err == nil {
		err = accept(ctx, "replay", f)
	}
	if err != nil {
		telemetry.Log(ctx).Debug("a replayed position was not taken", "unit", v.unit, "error", err)
	}
	now := time.Since(v.began).Seconds() * v.speed
	for due := v.due(); due <= now; due = v.due() { // what took too long is left out
		v.advance()
	}
	wait := min((v.due()-now)/v.speed, maxWait)
	_, err = process.After(ctx, time.Duration(wait*float64(time.Second)), (*Vehicle).arrive)
	return err
}

func (v *Vehicle) arrive(ctx context.Context) error {
	v.advance()
	return v.Drive(ctx)
}

// due is when the waypoint after this one is reached, in data seconds since the start.
func (v *Vehicle) due() float64 {
	if v.next+1 < len(v.trip) {
		return v.lap + v.trip[v.next+1].at - v.offset
	}
	return v.lap + v.length() + 1 - v.offset // a second, and it begins anew
}

func (v *Vehicle) advance() {
	if v.next++; v.next == len(v.trip) {
		v.next = 0
		v.lap += v.length() + 1
	}
}

// streets serves the traces as lines to draw a map from: flat lists of longitude and
// latitude.
func (r *Replay) streets() http.Handler {
	made := sync.OnceValues(func() (http.Handler, error) {
		trips, err := r.trips()
		if err != nil {
			return nil, err
		}
		lines := make([][]float64, len(trips))
		for i, trip := range trips {
			for _, w := range trip {
				lines[i] = append(lines[i], w.lon, w.lat)
			}
		}
		file, err := json.Marshal(map[string][][]float64{"lines": lines})
		return web.File("map.json", file), err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		h, err := made()
		if err != nil {
			web.Problem(w, req, err)
			return
		}
		h.ServeHTTP(w, req)
	})
}
