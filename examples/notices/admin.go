package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"maps"
	"slices"
	"time"

	"github.com/bennu-go/bennu/fault"
	"github.com/bennu-go/bennu/locale"
	"github.com/bennu-go/bennu/process"
	"github.com/bennu-go/bennu/web"
)

// isAdmin asks for the one password, in a time that tells nothing about it.
func (s *Site) isAdmin(_ context.Context, user string, password fault.Secret) error {
	right := subtle.ConstantTimeCompare([]byte(password.Reveal()), []byte(s.opts.Admin.Reveal()))
	if right&subtle.ConstantTimeCompare([]byte(user), []byte("admin")) == 0 {
		return fault.Unauthenticated.Errorf("the name or the password is wrong")
	}
	return nil
}

func (s *Site) admin(ctx context.Context, _ web.None) (web.View, error) {
	users, err := s.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	notices, err := s.store.Latest(ctx, 0, 100)
	if err != nil {
		return nil, err
	}
	routes, err := process.Ask(ctx, Traffic, (*Meter).Busiest)
	return adminPage(users, notices, routes), err
}

func (s *Site) adminRemove(ctx context.Context, in byID) (web.View, error) {
	n, err := s.store.Notice(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.remove(ctx, n); err != nil {
		return nil, err
	}
	return told(ctx, "/admin", locale.T(ctx, "The notice is gone."))
}

// Traffic is the process that counts requests.
const Traffic process.Name[Meter] = "traffic"

// Meter counts requests by route.
type Meter struct{ routes map[string]RouteTraffic }

// RouteTraffic is what went over a route since the start.
type RouteTraffic struct {
	Route    string
	Requests int
	Failed   int // by our fault: 5xx
	Took     time.Duration
}

// Mean is how long one request took.
func (t RouteTraffic) Mean() time.Duration {
	return (t.Took / time.Duration(t.Requests)).Round(10 * time.Microsecond)
}

func openMeter(context.Context) (*Meter, error) { return &Meter{make(map[string]RouteTraffic)}, nil }

func (m *Meter) note(_ context.Context, o web.Observation) error {
	route := o.Method + " " + cmp.Or(o.Route, "(none)")
	t := m.routes[route]
	t.Route, t.Requests, t.Took = route, t.Requests+1, t.Took+o.Duration
	if o.Status >= 500 {
		t.Failed++
	}
	m.routes[route] = t
	return nil
}

// Busiest gives the routes by how many requests went over them.
func (m *Meter) Busiest(context.Context) ([]RouteTraffic, error) {
	return slices.SortedFunc(maps.Values(m.routes), func(a, b RouteTraffic) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Route, b.Route))
	}), nil
}
